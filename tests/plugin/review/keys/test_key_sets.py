"""The key sets: what lies where, and which key wins."""

from __future__ import annotations

import pytest
from key_events import by_place, press, use

from napari_alc.plugin import preferences
from napari_alc.plugin.review.commands import COMMANDS, KEY_SETS, LEFT_HAND, NUDGES, STANDARD
from napari_alc.plugin.review.keys.bindings import choose

ROWS = ("12345", "QWERT", "ASDFG", "ZXCVB")
"""What the left hand reaches; each row begins a little further to the right."""

INDENTS = (-0.5, 0.0, 0.25, 0.75)

RARE = {"category_6", "category_7", "darker", "brighter", "smooth", "pause", *NUDGES}
"""Commands that are left where the standard set has them, beyond the left hand."""

OF_NAPARI = {"A", "Space", "Ctrl+A"}
"""What the review leaves to napari: all boxes picked, the image moved."""


def left_hand_keys():
    letters = {letter for row in ROWS for letter in row}
    held = {f"Shift+{letter}" for letter in letters if letter.isalpha()}
    return {*letters, *held, "Tab", "Esc", "F1", "F2", "F3", "F4", "?", "Ctrl+S"}


def test_the_left_hand_reaches_all_but_the_rarest_commands():
    keys = KEY_SETS[LEFT_HAND]
    reached = {name for name in keys if not left_hand_keys().isdisjoint(keys[name])}
    assert set(keys) - reached == RARE
    assert all(keys[name][0] in left_hand_keys() for name in reached)


@pytest.mark.parametrize("key_set", KEY_SETS)
def test_what_is_napari_s_stays_napari_s(key_set):
    assert not OF_NAPARI & {key for keys in KEY_SETS[key_set].values() for key in keys}


def place(key):
    row = next(row for row, letters in enumerate(ROWS) if key in letters)
    return row, INDENTS[row] + ROWS[row].index(key)


def test_keep_and_delete_do_not_touch_and_shift_makes_neither_another():
    keys = KEY_SETS[LEFT_HAND]
    (keep_row, keep_at), (row, at) = place(keys["keep"][0]), place(keys["delete"][0])
    assert abs(keep_row - row) > 1 or abs(keep_at - at) > 1
    used = {key for of in keys.values() for key in of}
    assert used.isdisjoint({"Shift+F", "Shift+E"})


@pytest.mark.parametrize("key_set", KEY_SETS)
def test_keys_that_nobody_has_changed_are_those_of_the_set(key_set):
    unchanged = {name: ", ".join(command.keys) for name, command in COMMANDS.items()}
    choice = choose(unchanged, {}, key_set)
    assert dict(choice.keys) == dict(KEY_SETS[key_set])
    assert choice.problems == ()


@pytest.mark.parametrize("key_set", KEY_SETS)
def test_a_key_of_one_s_own_wins_over_the_set(key_set):
    choice = choose({"keep": "F6, Y, ?", "help": "F1", "undo": "Ctrl+Z"}, {}, key_set)
    assert choice.keys["keep"] == ("F6", "Y", "?")
    assert choice.problems == ()
    others = set(COMMANDS) - {"keep", "help", "undo"}
    assert {name: choice.keys[name] for name in others} == {
        name: KEY_SETS[key_set][name] for name in others
    }


@pytest.mark.parametrize(
    ("key_set", "clash"),
    [
        (STANDARD, "J is the key of “Next”. “Keep” stays on K."),
        (LEFT_HAND, "D is the key of “Next”. “Keep” stays on F."),
    ],
)
def test_a_key_of_the_set_s_is_refused_to_another_command(key_set, clash):
    [key] = KEY_SETS[key_set]["next_box"]
    choice = choose({"keep": key}, {}, key_set)
    assert choice.problems == (clash,)
    assert dict(choice.keys) == dict(KEY_SETS[key_set])


def test_a_key_of_one_s_own_may_be_free_in_one_set_only():
    texts = {"note": "R"}
    assert choose(texts, {}, STANDARD).keys["note"] == ("R",)
    [problem] = choose(texts, {}, LEFT_HAND).problems
    assert problem == "R is the key of “Take Mp's box”. “Note …” stays on Shift+X."
    assert choose({**texts, "take_mp": "F6"}, {}, LEFT_HAND).keys["note"] == ("R",)


def test_two_commands_of_the_left_hand_may_change_places():
    choice = choose({"keep": "D", "next_box": "F"}, {}, LEFT_HAND)
    assert (choice.keys["keep"], choice.keys["next_box"]) == (("D",), ("F",))
    assert choice.problems == ()


def test_the_set_changes_at_once_and_back(page, canvas, qtbot):
    use(page, LEFT_HAND, qtbot)
    for key in "FEK":
        press(canvas, key)
    assert page.take() == ["keep", "delete"]
    use(page, STANDARD, qtbot)
    for key in "FEK":
        press(canvas, key)
    assert page.take() == ["keep"]


def test_a_key_of_one_s_own_stays_whatever_the_set(page, canvas, qtbot):
    with qtbot.waitSignal(page.keys.changed):
        preferences._settings().review_keys.keep = "Y, F6"
    press(canvas, "F6")
    with qtbot.waitSignal(page.keys.changed):
        preferences._settings().review_keys.keep = "F6"
    use(page, LEFT_HAND, qtbot)
    for key in ("F6", "F", "E"):
        press(canvas, key)
    assert page.take() == ["keep", "keep", "delete"]


def test_the_left_hand_s_keys_act_by_their_place_on_other_layouts(page, canvas, qtbot):
    use(page, LEFT_HAND, qtbot)
    for letter, code in (("\u0430", 33), ("\u0443", 18), ("\u0432", 32), ("\u044f", 44)):
        by_place(canvas, letter, code)
    assert page.take() == ["keep", "delete", "next_box", "undo"]
