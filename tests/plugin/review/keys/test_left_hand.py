"""The review with the keys of the left hand: real keys in a real window."""

from __future__ import annotations

import pytest
from key_events import SHIFT, use
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import Driver, make_project, middle

from napari_alc.plugin import preferences
from napari_alc.plugin.review.commands import COMMANDS, KEY_SETS, LEFT_HAND, STANDARD
from napari_alc.plugin.review.keys.help_window import KEY_SET_WORDS, WHERE_TO_CHANGE

KEY = Qt.Key


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3, size=256)
    yield project
    project.close()


@pytest.fixture
def at(module_viewer, project, qtbot):
    """A pathologist before a page of its own, which follows the preferences of this test."""
    driver = Driver(module_viewer, project, qtbot)
    yield driver
    driver.close()
    module_viewer.window.remove_dock_widget(driver.page)
    driver.page.deleteLater()
    module_viewer.layers.clear()


@pytest.fixture
def left(at):
    """A pathologist whose left hand has the keys."""
    use(at.page, LEFT_HAND, at.qtbot)
    return at


def test_boxes_are_decided_on_with_the_left_hand(left):
    kept, deleted, unsure = left.state.open_boxes[:3]
    left.key(KEY.Key_D)
    left.key(KEY.Key_D, SHIFT)
    assert left.current == kept
    for key in (KEY.Key_F, KEY.Key_E, KEY.Key_X):
        left.key(key)
    stored = left.stored()
    assert [stored[box.id].state for box in (kept, deleted)] == ["kept", "deleted"]
    assert stored[unsure.id].unsure is not None
    left.key(KEY.Key_Z)
    assert left.stored()[unsure.id].unsure is None
    left.key(KEY.Key_Z, SHIFT)
    left.key(KEY.Key_Y)
    assert left.stored()[unsure.id].unsure is None
    left.assert_in_step()


def test_shift_that_is_still_held_from_the_rubber_band_decides_nothing(left):
    before = left.stored()
    left.mark((1, 1), (255, 255))
    picked = left.state.current_ids
    assert len(picked) > 1
    for key in (KEY.Key_F, KEY.Key_E):
        left.key(key, SHIFT)
    assert (left.stored(), left.state.current_ids) == (before, picked)


def test_all_boxes_are_picked_by_napari_and_kept_by_the_left_hand(left):
    left.key(KEY.Key_G)
    left.key(KEY.Key_A)
    assert len(left.state.current_ids) == left.layer.nshapes
    left.key(KEY.Key_F)
    assert {box.state for box in left.stored().values()} == {"kept"}


def pick(at, region):
    """Make an open box of a region the current one, as a click does."""
    box = next(box for box in at.document.open_boxes if box.region == region)
    at.key(KEY.Key_G)
    at.click(*middle(box))
    assert at.current == box
    return box


def test_the_left_hand_takes_the_models_boxes(left):
    pink = pick(left, "pink")
    left.key(KEY.Key_R)
    assert left.stored()[pink.id].state == "kept"
    gray = pick(left, "gray")
    left.key(KEY.Key_T)
    taken = left.stored()[gray.id]
    assert taken.state == "changed"
    assert taken.corners in {b.corners for b in left.document.suggestions if b.source == "ma"}


def test_the_left_hand_draws_looks_and_goes_on(left):
    first, boxes = left.state.task, left.layer.nshapes
    left.key(KEY.Key_G)
    left.key(KEY.Key_W)
    left.drag((2, 2), (20, 14))
    left.key(KEY.Key_Escape)
    assert left.layer.nshapes == boxes + 1
    QTest.keyPress(left.native, KEY.Key_S)
    left.settle()
    assert not left.layer.visible
    QTest.keyRelease(left.native, KEY.Key_S)
    assert left.layer.visible
    for key in (KEY.Key_Q, KEY.Key_B):
        there = left.state.task
        left.key(key)
        if left.state.is_asking:
            left.key(KEY.Key_F)
        left.qtbot.waitUntil(lambda there=there: left.state.task != there)
        left.wait_for_image()
    assert left.state.task_id == first.id
    assert left.state.queue.done == 2


def test_the_question_is_answered_by_the_left_hand(left):
    task = left.state.task
    left.key(KEY.Key_B)
    bar = left.page.panel.ask_bar
    answers = [button.text() for button in (bar.keep_all, bar.delete_all, bar.go_back)]
    assert answers == ["Keep all  [F]", "Delete all  [E]", "Go back  [Esc]"]
    left.key(KEY.Key_Escape)
    assert not bar.isVisible()
    left.key(KEY.Key_B)
    left.key(KEY.Key_E)
    left.wait_for_image()
    assert left.state.task_id != task.id


def test_every_button_menu_and_sentence_shows_the_set_in_use(at):
    panel = at.page.panel
    assert panel.buttons["keep"].text() == "Keep  [K]"
    at.page.help.show()
    assert at.page.help.key_set.text() == f"{KEY_SET_WORDS[STANDARD]} {WHERE_TO_CHANGE}"
    use(at.page, LEFT_HAND, at.qtbot)
    assert at.message == "Keys: left hand; ? shows all of them."
    keys = KEY_SETS[LEFT_HAND]
    for name, button in panel.buttons.items():
        assert button.text().endswith((f"[{keys[name][0]}]", f"[hold {keys[name][0]}]"))
        assert button.toolTip().endswith(f"Keys: {', '.join(keys[name])}")
    for menu in panel.menus.values():
        for name, entry in menu.entries.items():
            assert entry.text() == f"{COMMANDS[name].label}\t{keys[name][0]}"
    help_window = at.page.help
    assert help_window.key_set.text() == f"{KEY_SET_WORDS[LEFT_HAND]} {WHERE_TO_CHANGE}"
    assert "Shift+D" in help_window.table.toPlainText()
    help_window.close()
    at.selection.select(())
    at.key(KEY.Key_F)
    assert at.message == "No box is picked. Click one, or press D for the next open box."


def test_the_menu_of_a_box_shows_the_set_in_use(left):
    left.key(KEY.Key_G)
    place = left.on_screen(*middle(left.current))
    left.move_on_screen(place, Qt.MouseButton.NoButton)
    QTest.mouseClick(left.native, Qt.MouseButton.RightButton, pos=place)
    menu = left.page.menu
    left.qtbot.waitUntil(menu.isVisible)
    texts = [entry.text() for entry in menu.actions()]
    menu.close()
    assert texts[:4] == ["Keep\tF", "Delete\tE", "Take Mp's box\tR", "Take Ma's box\tT"]


def test_a_clash_with_the_set_is_told_when_it_is_chosen(at):
    preferences._settings().review_keys.note = "R"
    at.qtbot.waitUntil(lambda: at.state.keys.first("note") == "R")
    use(at.page, LEFT_HAND, at.qtbot)
    assert at.message.endswith("R is the key of “Take Mp's box”. “Note …” stays on Shift+X.")
    assert at.message.startswith("Keys: left hand")
