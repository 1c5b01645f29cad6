from __future__ import annotations

import numpy as np
import pytest
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import make_project, middle

from napari_alc.errors import BadData
from napari_alc.plugin.palettes import COLOURS, colour_name
from napari_alc.plugin.review.canvas.sight import is_seen

KEY = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


def deciding(at, box_id):
    """Make a box the one at hand, as a click does, in the whole view."""
    at.key(KEY.Key_G)
    at.click(*middle(at.document.boxes[box_id]))
    assert at.current.id == box_id


def first(at, region):
    return next(box for box in at.document.open_boxes if box.region == region)


def test_opening_a_project_shows_the_first_unfinished_image(at):
    assert at.state.task.rank == 0
    assert at.state.task.iteration == 1
    assert "1 of 4 images done, 24 boxes left" in at.page.panel.progress.text()
    rows = at.page.panel.queue.rows
    red_and_green = [[rows.data(rows.index(row, column)) for column in (3, 4)] for row in (0, 1)]
    assert red_and_green == [["0", "0"], ["2", "2"]]
    assert at.layer.nshapes == 8
    assert at.viewer.layers.selection.active == at.layer
    at.assert_in_step()


def test_delete_keys_delete_the_box_at_hand_and_go_on(at):
    for key in (KEY.Key_Q, KEY.Key_Delete, KEY.Key_Backspace):
        box, left = at.current, at.layer.nshapes
        at.key(key)
        assert at.stored()[box.id].state == "deleted"
        assert at.layer.nshapes == left - 1
        assert at.current.id != box.id
        assert at.current.state == "open"
    at.assert_in_step()


def test_keeping_goes_on_to_the_next_open_box_and_brings_it_close(at):
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"
    following = at.current
    assert following.id != box.id
    assert is_seen(following.corners, at.canvas._layers.view)
    at.key(KEY.Key_G)
    height, width = at.viewer.canvas.size
    assert 256 * at.viewer.scene.camera.zoom <= min(height, width)


def test_two_keys_decide_two_boxes(at):
    boxes = at.state.open_boxes[:2]
    at.key(KEY.Key_K)
    at.key(KEY.Key_Q)
    assert [at.stored()[box.id].state for box in boxes] == ["kept", "deleted"]
    at.assert_in_step()


def test_next_and_previous_visit_every_open_box(at):
    visited = [at.current.id]
    for _ in range(7):
        at.key(KEY.Key_J)
        visited.append(at.current.id)
    assert sorted(visited) == sorted(box.id for box in at.document.open_boxes)
    at.key(KEY.Key_J)
    assert at.current.id == visited[0]
    at.key(KEY.Key_J, SHIFT)
    assert at.current.id == visited[-1]


def test_the_only_open_box_is_said_to_be_the_only_one(at):
    for _ in range(7):
        at.key(KEY.Key_K)
    here = at.current
    at.key(KEY.Key_J)
    assert at.current == here
    assert at.message == "This is the only open box of the image."


def test_undo_and_redo_go_back_to_the_box_concerned(at):
    box = at.current
    at.key(KEY.Key_Q)
    at.key(KEY.Key_U)
    assert at.current == box
    assert at.stored()[box.id] == box
    at.key(KEY.Key_U, SHIFT)
    assert at.stored()[box.id].state == "deleted"
    at.key(KEY.Key_Z, CONTROL)
    assert at.layer.nshapes == 8
    at.key(KEY.Key_U)
    assert "nothing to undo" in at.message
    at.assert_in_step()


def test_a_decision_changes_the_look_of_the_box(at):
    box = first(at, "green")

    def look(box_id):
        drawn = at.canvas.lines.outlines.of(box_id)
        return drawn["colour"][-1].tolist(), np.abs(drawn["by_width"]).max()

    colour, width = look(box.id)
    deciding(at, box.id)
    at.key(KEY.Key_K)
    assert look(box.id)[0] == colour
    assert look(box.id)[1] < width
    at.key(KEY.Key_U)
    deciding(at, box.id)
    x, y = middle(box)
    at.drag((x, y), (x + 5, y))
    assert look(box.id)[0] != colour


def widest_line(at, box):
    """Longest run of a box's colour from left to right through its middle, in screen pixels."""
    picture = at.viewer.screenshot(canvas_only=True, flash=False)
    colour = np.rint(255 * transform_color(COLOURS[colour_name(box)])[0, :3])
    row = at.on_screen(*middle(box)).y()
    is_line = (np.abs(picture[row, :, :3] - colour) < 12).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_line.astype(int), [0]])))
    return max(edges[1::2] - edges[::2], default=0)


def test_lines_keep_their_width_on_screen_at_every_zoom(at):
    box = first(at, "green")
    deciding(at, first(at, "red").id)
    coarse = widest_line(at, box)
    assert 3 <= coarse <= 5
    at.canvas.image.look_at(box)
    at.settle()
    assert abs(widest_line(at, box) - coarse) <= 1


def test_boxes_are_hidden_while_the_key_is_held(at):
    QTest.keyPress(at.native, KEY.Key_H)
    assert not at.layer.visible
    QTest.keyRelease(at.native, KEY.Key_H)
    assert at.layer.visible
    assert at.layer.mode == "select"
    at.key(KEY.Key_K)
    assert len(at.document.open_boxes) == 7


def test_a_category_chosen_belongs_to_the_box_at_hand_and_to_new_ones(at):
    box = at.current
    at.key(KEY.Key_M)
    assert at.stored()[box.id].category_id == 2
    at.key(KEY.Key_W)
    at.drag((200, 210), (240, 250))
    assert at.current.category_id == 2
    assert "artefact" in at.page.panel.title.text()


def test_contrast_changes_only_what_is_on_screen(at):
    layer = at.canvas.image.layer
    pixels, limits = layer.data.copy(), layer.contrast_limits
    at.key(KEY.Key_0)
    assert layer.contrast_limits != limits
    assert (layer.data == pixels).all()
    at.key(KEY.Key_0)
    assert layer.contrast_limits == limits


def test_a_small_box_on_a_large_one_is_the_one_picked(at):
    at.key(KEY.Key_W)
    at.drag((5, 5), (250, 250))
    at.key(KEY.Key_W)
    small = first(at, "red")
    deciding(at, small.id)


def test_suggestions_are_those_that_touch_the_box_at_hand(at):
    deciding(at, first(at, "green").id)
    assert at.canvas.suggestions.boxes == ()
    deciding(at, first(at, "gray").id)
    assert {box.source for box in at.canvas.suggestions.boxes} == {"crowd", "ma"}


def test_keys_reach_the_boxes_whatever_was_clicked_in_the_page(at):
    QTest.mouseClick(at.page.panel.buttons["next_box"], Qt.MouseButton.LeftButton)
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"


def test_buttons_do_what_their_keys_do(at):
    box = at.current
    QTest.mouseClick(at.page.panel.buttons["delete"], Qt.MouseButton.LeftButton)
    assert at.stored()[box.id].state == "deleted"
    assert at.current.id != box.id


def test_what_cannot_be_stored_is_not_shown_as_done(at, monkeypatch):
    box = at.current

    def full(_changes):
        raise BadData("project.db", "the database refused (disk full)", "Free space")

    monkeypatch.setattr(at.document._shelf, "store", full)
    at.key(KEY.Key_K)
    assert "disk full" in at.message
    assert at.current == box
    at.drag(middle(box), tuple(c + 8 for c in middle(box)))
    assert "disk full" in at.message
    at.assert_in_step()


def test_number_keys_choose_the_category(at):
    box = at.current
    names = [category.name for category in at.state.categories]
    for number in (2, 1):
        at.key(getattr(KEY, f"Key_{number}"))
        chosen = at.state.categories[number - 1]
        assert at.stored()[box.id].category_id == chosen.id
        assert at.page.panel.category.currentText() == f"[{number}]  {names[number - 1]}"
    at.key(KEY.Key_7)
    assert at.message == f"There is no category 7; this project has {len(names)}."
    at.assert_in_step()
