"""The time that is left is judged by the rows that are done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alc_experiments.runs.pace import FIRST_GUESS, Pace
from alc_experiments.runs.units import Unit


def unit(name="Ours", seed=0, data="bccd"):
    return Unit("methods", name, data, seed, 1.0)


def test_a_row_takes_as_long_as_its_kind_did_on_average():
    pace = Pace()
    pace.note(unit(seed=0), 100.0)
    pace.note(unit(seed=1), 140.0)
    pace.note(unit("Noisy"), 900.0)
    assert pace.expected(unit(seed=2)) == 120.0


def test_a_new_kind_takes_as_long_as_its_trainings():
    pace = Pace()
    pace.note(unit("Noisy"), 30.0)
    assert pace.expected(unit("Mao")) == 90.0
    assert pace.expected(unit("Ours")) == 300.0


def test_other_data_are_the_last_resort():
    pace = Pace()
    assert pace.expected(unit("Noisy")) == FIRST_GUESS
    pace.note(unit("Noisy", data="tem"), 70.0)
    assert pace.expected(unit("Noisy")) == 70.0
    pace.note(unit("Clean"), 20.0)
    assert pace.expected(unit("Noisy")) == 20.0


def test_work_is_what_was_done_and_what_is_left():
    pace = Pace()
    pace.note(unit(seed=0), 100.0)
    done, total = pace.done_and_total([unit(seed=0)], {unit(seed=1): 25.0}, [unit(seed=2)])
    assert (done, total) == (125.0, 300.0)


def test_a_row_that_takes_longer_is_never_taken_for_done():
    pace = Pace()
    pace.note(unit(seed=0), 100.0)
    done, total = pace.done_and_total([], {unit(seed=1): 190.0}, [])
    assert done == 190.0
    assert total == pytest.approx(200.0)


@given(
    seconds=st.lists(st.floats(0.1, 1e4), max_size=4), elapsed=st.floats(0, 1e4),
    waiting=st.integers(0, 3),
)  # fmt: skip
def test_what_is_behind_is_never_more_than_the_whole(seconds, elapsed, waiting):
    pace, done = Pace(), [unit(seed=number) for number in range(len(seconds))]
    for row, spent in zip(done, seconds, strict=True):
        pace.note(row, spent)
    left = [unit(seed=100 + number) for number in range(waiting)]
    behind, whole = pace.done_and_total(done, {unit("LC"): elapsed}, left)
    assert 0 <= behind <= whole
