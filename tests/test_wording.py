from __future__ import annotations

import pytest

from napari_alc.wording import counted, duration, effort, form, listed, measured, shortened


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 boxes"), (1, "1 box"), (2, "2 boxes"), (2500, "2,500 boxes")]
)
def test_a_number_and_its_noun_agree(number, words):
    assert counted(number, "box") == words


def test_other_words_follow_the_number_too():
    assert form(1, "image waits", "images wait") == "image waits"
    assert form(0, "image waits", "images wait") == "images wait"
    assert form(3, "image") == "images"


@pytest.mark.parametrize(
    ("names", "words"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c")]
)
def test_names_are_listed_as_a_sentence_does(names, words):
    assert listed(list(names)) == words


@pytest.mark.parametrize(
    ("names", "words"),
    [("", ""), ("ab", "a, b"), ("abc", "a, b and 1 more"), ("abcd", "a, b and 2 more")],
)
def test_a_long_list_is_cut(names, words):
    assert shortened(list(names), 2) == words
    assert shortened(list("abc"), 2, ",") == "a, b, and 1 more"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (4.9, "a few seconds"),
        (5, "about 5 s"),
        (99, "about 100 s"),
        (100, "about 2 min"),
        (5940, "about 99 min"),
        (6060, "about 1 h 41 min"),
    ],
)
def test_an_expected_time_is_told_roughly(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (99, "99 s"), (119, "2 min"), (5940, "99 min"), (6060, "1 h 41 min")],
)
def test_a_measured_time_is_short_enough_for_a_table(seconds, words):
    assert measured(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "less than a minute"),
        (60, "about 1 minute"),
        (89 * 60, "about 89 minutes"),
        (90 * 60, "about 1.5 hours"),
    ],
)
def test_the_work_of_a_person_is_told_in_minutes_or_hours(seconds, words):
    assert effort(seconds) == words
