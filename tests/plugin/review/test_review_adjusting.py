from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import make_project, middle

from napari_alc.boxes import BACKGROUND_IOU
from napari_alc.plugin.review.counterparts import counterparts, overlaps
from napari_alc.wording import Refusal

KEY = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
PLAIN = Qt.KeyboardModifier.NoModifier

ARROWS = ((KEY.Key_Left, -1, 0), (KEY.Key_Right, 1, 0), (KEY.Key_Up, 0, -1), (KEY.Key_Down, 0, 1))


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


def of_region(at, region):
    return next(box for box in at.document.open_boxes if box.region == region)


def pick(at, box):
    """Make a box the one at hand, as a click does, in the whole view."""
    at.key(KEY.Key_G)
    at.click(*middle(at.document.boxes[box.id]))
    assert at.current.id == box.id


def test_taking_mas_box_gives_its_corners_and_goes_on(at):
    box = of_region(at, "gray")
    [suggested] = [
        other
        for other in at.document.suggestions
        if other.source == "ma"
        and abs(other.corners[0] - box.corners[0]) < 5
        and abs(other.corners[1] - box.corners[1]) < 5
    ]
    pick(at, box)
    at.key(KEY.Key_Period)
    taken = at.stored()[box.id]
    assert taken.corners == suggested.corners != box.corners
    assert taken.state == "changed"
    assert at.message == ""
    assert at.current.id != box.id
    assert at.current.state == "open"
    at.assert_in_step()


def test_taking_the_box_of_the_model_that_proposed_it_keeps_it(at):
    for region, key in (("red", KEY.Key_Period), ("pink", KEY.Key_Comma), ("gray", KEY.Key_Comma)):
        box = of_region(at, region)
        pick(at, box)
        at.key(key)
        after = at.stored()[box.id]
        assert (after.state, after.corners) == ("kept", box.corners)


def assert_greyed(at, name, why):
    button = at.page.panel.buttons[name]
    assert not button.isEnabled()
    assert button.toolTip().startswith(why)


def test_where_a_model_has_no_box_the_page_says_so_and_nothing_changes(at):
    for region, key, name in (("red", KEY.Key_Comma, "Mp"), ("green", KEY.Key_Period, "Ma")):
        box = of_region(at, region)
        pick(at, box)
        at.key(key)
        assert at.message == f"{name} has no box here."
        assert_greyed(at, f"take_{name.lower()}", at.message)
        assert at.current == box
        assert at.stored()[box.id] == box


def test_a_models_box_is_offered_where_there_is_one_to_take(at):
    buttons = at.page.panel.buttons
    for region, offered in (
        ("gray", {"take_mp", "take_ma"}),
        ("red", {"take_ma"}),
        ("pink", {"take_mp"}),
        ("green", set()),
    ):
        pick(at, of_region(at, region))
        assert {name for name in ("take_mp", "take_ma") if buttons[name].isEnabled()} == offered
        for name in offered:
            assert buttons[name].toolTip() == at.state.keys.tip(name)
    at.selection.select([])
    assert_greyed(at, "take_mp", "Pick exactly one box first.")


def test_a_neighbours_box_is_not_taken(at):
    green, red = of_region(at, "green"), of_region(at, "red")
    width, height = red.corners[2] - red.corners[0], red.corners[3] - red.corners[1]
    pick(at, green)
    x, y = middle(red)
    at.drag(middle(green), (x + 0.85 * width, y + 0.3 * height))
    moved = at.current
    [closest] = overlaps(moved, [red])
    assert 0 < closest < BACKGROUND_IOU
    at.key(KEY.Key_Period)
    assert at.message == (f"Ma has no box of this object; its closest one overlaps {closest:.2f}.")
    assert_greyed(at, "take_ma", at.message)
    assert at.stored()[moved.id] == moved
    assert at.stored()[red.id] == red


def test_an_object_is_not_marked_twice(at):
    green, red = of_region(at, "green"), of_region(at, "red")
    pick(at, red)
    at.key(KEY.Key_K)
    pick(at, green)
    at.drag(middle(green), tuple(c + 4 for c in middle(red)))
    moved = at.current
    at.key(KEY.Key_Period)
    assert at.message == Refusal.MARKED.value
    assert at.stored()[moved.id] == moved
    at.assert_in_step()


def test_the_box_that_a_key_would_take_is_drawn_in_broken_lines(at):
    green, red = of_region(at, "green"), of_region(at, "red")
    pick(at, green)
    assert red not in at.canvas.suggestions.boxes
    at.drag(middle(green), tuple(c + 4 for c in middle(red)))
    assert red in at.canvas.suggestions.boxes


def test_a_models_box_has_no_other_box_of_that_model_around_it(at):
    red = next(box for box in at.document.open_boxes if box.region == "red")
    rest = [box for box in at.document.open_boxes if box.region == "red" and box.id != red.id]
    assert rest
    inner = replace(rest[0], corners=tuple(c + 1 for c in red.corners))
    both = SimpleNamespace(shown=(red, inner), suggestions=())
    assert counterparts(red, both) == []
    assert counterparts(replace(red, state="kept"), both) == [inner]


def test_an_open_box_whose_place_is_taken_is_deleted_with_it_and_comes_back_with_it(at):
    green, red = of_region(at, "green"), of_region(at, "red")
    pick(at, green)
    at.drag(middle(green), tuple(c + 4 for c in middle(red)))
    moved = at.stored()[green.id]
    at.key(KEY.Key_Period)
    assert at.stored()[green.id].corners == red.corners
    assert at.stored()[red.id].state == "deleted"
    assert at.message == "Ma's own box is decided with it; undo takes both back."
    at.assert_in_step()
    at.key(KEY.Key_U)
    assert at.stored()[red.id] == red
    assert at.stored()[green.id].corners == moved.corners
    at.assert_in_step()


def test_a_box_that_a_person_has_moved_is_no_longer_the_models(at):
    red, green = of_region(at, "red"), of_region(at, "green")
    pick(at, red)
    at.drag(middle(red), tuple(c + 4 for c in middle(green)))
    pick(at, green) if at.current.id == green.id else at.selection.look_at_box(green.id)
    at.key(KEY.Key_Period)
    assert at.message == "Ma has no box here."
    assert at.stored()[green.id] == green


@pytest.mark.parametrize(("modifier", "step"), [(PLAIN, 1), (SHIFT, 10)])
def test_arrows_move_the_box_by_pixels(at, modifier, step):
    box = of_region(at, "red")
    pick(at, box)
    for key, dx, dy in ARROWS:
        before = at.current.corners
        at.key(key, modifier)
        x1, y1, x2, y2 = before
        moved = (x1 + step * dx, y1 + step * dy, x2 + step * dx, y2 + step * dy)
        assert at.stored()[box.id].corners == pytest.approx(moved)
        assert at.current.id == box.id
    assert at.current.state == "changed"
    at.assert_in_step()


@pytest.mark.parametrize(("modifier", "step"), [(ALT, 1), (ALT | SHIFT, 10)])
def test_arrows_with_alt_move_the_lower_right_corner(at, modifier, step):
    box = of_region(at, "red")
    pick(at, box)
    for key, dx, dy in ARROWS:
        x1, y1, x2, y2 = at.current.corners
        at.key(key, modifier)
        grown = (x1, y1, x2 + step * dx, y2 + step * dy)
        assert at.stored()[box.id].corners == pytest.approx(grown)
    at.assert_in_step()


@pytest.mark.parametrize(
    ("key", "side", "border"),
    [
        (KEY.Key_Left, 0, 0), (KEY.Key_Up, 1, 0), (KEY.Key_Right, 2, 256), (KEY.Key_Down, 3, 256),
    ],
)  # fmt: skip
def test_a_box_stops_at_the_border_and_keeps_its_size(at, key, side, border):
    box = of_region(at, "green")
    pick(at, box)
    for _ in range(26):
        at.key(key, SHIFT)
    x1, y1, x2, y2 = at.stored()[box.id].corners
    assert (x1, y1, x2, y2)[side] == border
    assert (x2 - x1, y2 - y1) == pytest.approx(
        (box.corners[2] - box.corners[0], box.corners[3] - box.corners[1])
    )
    at.assert_in_step()


def test_a_box_grows_to_the_border_and_shrinks_to_the_smallest_size(at):
    box = of_region(at, "green")
    pick(at, box)
    for _ in range(26):
        at.key(KEY.Key_Right, ALT | SHIFT)
    assert at.current.corners[2] == 256
    for _ in range(30):
        at.key(KEY.Key_Left, ALT | SHIFT)
    x1, _, x2, _ = at.current.corners
    assert x2 - x1 == pytest.approx(2)
    at.assert_in_step()


def test_nudges_that_follow_each_other_are_one_undo(at):
    box = of_region(at, "pink")
    pick(at, box)
    for key in (KEY.Key_Right, KEY.Key_Down, KEY.Key_Right):
        at.key(key)
    at.key(KEY.Key_Right, ALT)
    last = at.current.corners
    at.key(KEY.Key_U)
    assert at.stored()[box.id] == box
    at.key(KEY.Key_U, SHIFT)
    assert at.stored()[box.id].corners == last
    at.key(KEY.Key_U)
    at.key(KEY.Key_U)
    assert "nothing to undo" in at.message


def test_a_held_arrow_goes_on_moving(at):
    box = of_region(at, "red")
    pick(at, box)
    QTest.keyPress(at.native, KEY.Key_Right)
    for _ in range(4):
        QTest.sendKeyEvent(QTest.KeyAction.Press, at.native, KEY.Key_Right, "", PLAIN)
    QTest.keyRelease(at.native, KEY.Key_Right)
    assert at.current.corners[0] == pytest.approx(box.corners[0] + 5)


def test_arrows_ask_for_exactly_one_box(at):
    at.selection.select([])
    at.key(KEY.Key_Left)
    assert "No box is picked" in at.message
    boxes = at.document.open_boxes[:2]
    at.selection.select([box.id for box in boxes])
    at.key(KEY.Key_Left)
    assert at.message == "Pick exactly one box first."
    assert [at.stored()[box.id] for box in boxes] == list(boxes)


def test_a_category_is_given_to_all_boxes_picked_and_taken_back_from_all(at):
    first, second = of_region(at, "red"), of_region(at, "green")
    pick(at, first)
    at._move(*middle(second), Qt.MouseButton.NoButton)
    QTest.mouseClick(at.native, Qt.MouseButton.LeftButton, SHIFT, pos=at.on_screen(*middle(second)))
    at.settle()
    assert {box.id for box in at.state.current_boxes} == {first.id, second.id}
    at.key(KEY.Key_M)
    stored = at.stored()
    assert {stored[box.id].category_id for box in (first, second)} == {2}
    assert "2 boxes picked" in at.page.panel.title.text()
    at.key(KEY.Key_U)
    stored = at.stored()
    assert [stored[first.id], stored[second.id]] == [first, second]
    at.assert_in_step()


def test_tab_picks_the_boxes_under_the_mouse_in_turn_the_smallest_first(at):
    red = of_region(at, "red")
    x, y = middle(red)
    at.key(KEY.Key_G)
    at.key(KEY.Key_W)
    drawn = []
    for reach in (60, 40):
        at.drag((x - reach, y - reach), (x + reach, y + reach))
        drawn.append(at.current.id)
    at.key(KEY.Key_Escape)
    at.key(KEY.Key_G)
    at._move(x, y, Qt.MouseButton.NoButton)
    at.selection.select([])
    picked = []
    for _ in range(4):
        at.key(KEY.Key_Tab)
        picked.append(at.current.id)
    assert picked == [red.id, drawn[1], drawn[0], red.id]


def test_tab_where_no_box_is_says_so(at):
    box = of_region(at, "red")
    pick(at, box)
    at._move(250, 250, Qt.MouseButton.NoButton)
    at.key(KEY.Key_Tab)
    assert at.message == "There is no box under the mouse."
    assert at.current == box


def test_arrows_before_and_after_another_box_was_at_hand_are_undone_apart(at):
    box = at.current
    for _ in range(3):
        at.key(KEY.Key_Right)
    at.key(KEY.Key_J)
    assert at.current.id != box.id
    at.selection.look_at_box(box.id)
    at.key(KEY.Key_Down)
    at.key(KEY.Key_Down)
    at.key(KEY.Key_U)
    x1, y1, x2, y2 = box.corners
    assert at.stored()[box.id].corners == (x1 + 3, y1, x2 + 3, y2)
    at.key(KEY.Key_U)
    assert at.stored()[box.id].corners == box.corners
