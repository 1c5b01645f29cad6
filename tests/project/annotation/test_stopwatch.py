from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.project.annotation.session import IDLE_SECONDS, Stopwatch
from napari_alc.project.storage.records import Spent


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stopwatch(clock):
    return Stopwatch(clock)


def take(stopwatch):
    """What was counted, as if it were stored; counting begins anew."""
    spent = stopwatch.counted()
    stopwatch.forget(spent)
    return spent


def test_time_goes_to_the_box_that_was_looked_at(stopwatch, clock):
    stopwatch.set_current(1, None)
    clock.at += 4
    stopwatch.set_current(1, 7)
    clock.at += 5
    stopwatch.set_current(2, 8)
    clock.at += 6
    assert take(stopwatch) == (Spent(1, None, 4), Spent(1, 7, 5), Spent(2, 8, 6))
    assert take(stopwatch) == ()


def test_before_an_image_is_open_and_after_it_nothing_counts(stopwatch, clock):
    clock.at += 9
    stopwatch.set_current(1, 7)
    clock.at += 2
    stopwatch.set_current(None)
    clock.at += 9
    assert take(stopwatch) == (Spent(1, 7, 2),)


def test_of_a_long_pause_half_a_minute_counts_however_often_it_is_stored(stopwatch, clock):
    stopwatch.set_current(1, 7)
    seconds = 0.0
    for _ in range(10):
        clock.at += 20
        seconds += sum(spent.seconds for spent in take(stopwatch))
    stopwatch.touch()
    assert seconds == IDLE_SECONDS
    clock.at += 3
    assert take(stopwatch) == (Spent(1, 7, 3),)


def test_signs_of_work_keep_it_counting(stopwatch, clock):
    stopwatch.set_current(1, 7)
    for _ in range(10):
        clock.at += 20
        stopwatch.touch()
    assert take(stopwatch) == (Spent(1, 7, 200),)


def test_a_break_does_not_count(stopwatch, clock):
    stopwatch.set_current(1, 7)
    clock.at += 3
    stopwatch.pause()
    clock.at += 20
    stopwatch.touch()
    clock.at += 20
    stopwatch.resume()
    clock.at += 4
    assert take(stopwatch) == (Spent(1, 7, 7),)


def test_what_could_not_be_stored_stays_counted(stopwatch, clock):
    stopwatch.set_current(1, 7)
    clock.at += 3
    counted = stopwatch.counted()
    clock.at += 4
    assert stopwatch.counted() == (Spent(1, 7, 7),)
    stopwatch.forget(counted)
    assert stopwatch.counted() == (Spent(1, 7, 4),)


acts = st.sampled_from(["touch", "set_current", "take", "pause", "resume"])


@given(st.lists(st.tuples(st.integers(0, 100), acts), max_size=30))
def test_never_more_than_the_clock_and_never_less_than_nothing(steps):
    clock = Clock()
    stopwatch = Stopwatch(clock)
    stopwatch.set_current(1, 1)
    taken = 0.0
    for wait, act in steps:
        clock.at += wait
        if act == "take":
            taken += sum(spent.seconds for spent in take(stopwatch))
        else:
            getattr(stopwatch, act)(*([1, wait] if act == "set_current" else []))
        assert all(spent.seconds > 0 for spent in stopwatch.counted())
    taken += sum(spent.seconds for spent in take(stopwatch))
    assert 0 <= taken <= sum(min(wait, IDLE_SECONDS) for wait, _ in steps)
