"""One press of a key is one, whatever the computer reports of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_alc.plugin.review.keys.presses import BOUNCE_MS, FORGOTTEN_MS, Presses

K, Q = 1, 2


def test_a_key_that_was_let_go_is_pressed_anew():
    presses = Presses()
    for time in (1000, 1100, 1200):
        assert presses.is_new(K, time)
        presses.release(K, time + 40)


def test_repetitions_are_none_however_they_are_reported():
    presses = Presses()
    assert presses.is_new(K, 1000)
    assert not presses.is_new(K, 1500, is_repeat=True)
    assert not presses.is_new(K, 1530)  # a remote desktop leaves out the releases
    presses.release(K, 1560)  # a busy X server reports both at the same moment
    assert not presses.is_new(K, 1560)


def test_a_held_key_does_not_keep_another_from_being_pressed():
    presses = Presses()
    assert presses.is_new(K, 1000)
    assert presses.is_new(Q, 1010)


def test_a_release_that_went_elsewhere_is_forgotten_in_time():
    presses = Presses()
    assert presses.is_new(K, 1000)
    assert presses.is_new(K, 1000 + FORGOTTEN_MS)
    presses.forget()
    assert presses.is_new(K, 1010 + FORGOTTEN_MS)


def test_where_times_are_unknown_a_release_is_enough():
    presses = Presses()
    assert presses.is_new(K, 0)
    assert not presses.is_new(K, 0)
    presses.release(K, 0)
    assert presses.is_new(K, 0)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=40))
def test_a_held_key_is_one_press_whatever_the_pace_of_its_repetitions(paces):
    presses, time, new = Presses(), 10_000, 0
    for wait, gap in paces:
        new += presses.is_new(K, time)
        time += wait
        presses.release(K, time, is_repeat=True)
        time += min(gap, BOUNCE_MS - 1)
    assert new == 1
