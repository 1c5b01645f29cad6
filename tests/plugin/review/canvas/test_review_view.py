"""What is seen of the boxes, chosen through the canvas; nothing of it changes a box."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers.shapes._shapes_constants import Box
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtCore import QPoint, Qt
from review_driver import Driver, make_project, middle

from napari_alc.errors import AlcError
from napari_alc.plugin.palettes import PALETTES, colour_name

KEY = Qt.Key


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


@pytest.fixture
def at(window, project, qtbot):
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    driver.key(KEY.Key_G)
    canvas = driver.canvas
    canvas.set_category_names({1: "deposit"})
    yield driver
    canvas.set_read_only(False)
    canvas.set_palette("standard")
    canvas.set_labels("none")
    driver.close()


def first(at, region):
    return next(box for box in at.document.open_boxes if box.region == region)


def colour(at, box_id):
    row = at.layer.features["id"].tolist().index(box_id)
    return tuple(np.rint(255 * at.layer.edge_color[row]))


def rgba(text):
    return tuple(np.rint(255 * transform_color(text)[0]))


def words(at):
    labels = at.canvas._layers.labels
    assert labels.layer.visible or not labels.words
    return sorted(labels.words.values())


def test_boxes_left_out_by_a_filter_are_neither_seen_nor_picked_nor_deleted(at):
    hidden = [box for box in at.document.open_boxes if box.region in ("pink", "gray")]
    shown = [box.id for box in at.document.open_boxes if box not in hidden]
    at.canvas.set_shown_ids(shown)
    assert sorted(at.layer.features["id"]) == sorted(shown)
    at.click(*middle(hidden[0]))
    assert at.state.current_boxes == ()
    box = first(at, "green")
    at.drag(middle(box), tuple(c + 8 for c in middle(box)))
    at.key(KEY.Key_U)
    assert {box.state for box in at.document.shown} == {"open"}
    assert sorted(at.layer.features["id"]) == sorted(shown)
    at.canvas.set_shown_ids(None)
    at.assert_in_step()


def test_a_box_drawn_while_others_are_hidden_is_seen(at):
    at.canvas.set_shown_ids([])
    assert at.layer.nshapes == 0
    at.key(KEY.Key_W)
    at.drag((200, 210), (240, 250))
    assert at.layer.features["id"].tolist() == [at.current.id]
    at.canvas.set_shown_ids(None)
    at.assert_in_step()


def test_a_current_box_that_is_hidden_is_marked_no_more(at):
    box = first(at, "green")
    at.click(*middle(box))
    at.canvas.set_shown_ids([first(at, "red").id])
    assert at.layer.selected_data == set()


def test_a_filter_set_in_the_middle_of_a_drag_waits_for_the_mouse(at):
    box = first(at, "green")
    x, y = middle(box)
    at.press(x, y)
    at.move(x + 10, y + 5)
    at.canvas.set_shown_ids([box.id])
    at.move(x + 12, y + 6)
    at.release(x + 12, y + 6)
    at.settle()
    assert at.stored()[box.id].state == "changed"
    assert at.layer.features["id"].tolist() == [box.id]


def test_the_colour_blind_palette_colours_all_boxes_and_puts_letters_beside_them(at):
    at.canvas.set_palette("colour-blind")
    at.settle()
    for box in at.document.shown:
        assert colour(at, box.id) == rgba(PALETTES["colour-blind"][colour_name(box)])
    assert words(at) == ["A", "A", "G", "G", "P", "P", "R", "R"]
    at.canvas.set_palette("standard")
    at.settle()
    assert words(at) == []
    with pytest.raises(AlcError, match="colour-blind"):
        at.canvas.set_palette("rainbow")


def test_words_beside_boxes_say_what_was_asked_for(at):
    at.viewer.window.resize(1500, 850)  # there is room for all of them
    at.key(KEY.Key_G)
    at.canvas.set_category_names({1: "deposit"})
    at.canvas.set_labels("category")
    at.settle()
    assert words(at) == ["deposit"] * 8
    at.canvas.set_labels("score")
    at.settle()
    scores = sorted(f"{box.score:.2f}" for box in at.document.shown if box.score is not None)
    assert words(at) == scores
    at.canvas.set_palette("colour-blind")
    at.settle()
    assert f"R {first(at, 'red').score:.2f}" in words(at)


def test_the_category_stands_beside_every_box_where_there_are_several(at):
    at.viewer.window.resize(1500, 850)
    at.key(KEY.Key_G)
    at.canvas.set_category_names({1: "deposit", 2: "other"})
    at.settle()
    assert words(at) == ["deposit"] * 8
    at.canvas.set_labels("letters")
    at.settle()
    assert "R deposit" in words(at)


def test_words_follow_decisions_and_are_hidden_with_the_boxes(at):
    at.canvas.set_labels("letters")
    at.settle()
    at.click(*middle(first(at, "red")))
    at.key(KEY.Key_Q)
    assert len(words(at)) == 7
    at.canvas.set_visible(False)
    at.settle()
    assert words(at) == []
    at.canvas.set_visible(True)
    at.settle()
    assert len(words(at)) == 7


def test_words_are_as_large_on_screen_as_the_room_kept_for_them(at):
    at.canvas.set_labels("letters")
    at.settle()
    box = first(at, "green")
    for look in (at.canvas.image.look_at_whole, lambda: at.canvas.image.look_at(box)):
        look()
        at.settle()
        node = at.canvas._layers.labels._drawn._node
        pixels = node.font_size * node.transforms.dpi / 72
        assert 11 <= pixels <= 16


def test_where_boxes_are_too_many_there_are_no_words_but_that_of_the_current_one(at, monkeypatch):
    monkeypatch.setattr("napari_alc.plugin.review.canvas.label_layer.MOST_LABELS", 7)
    monkeypatch.setattr("napari_alc.plugin.review.canvas.layers.MOST_LABELS", 7)
    at.canvas.set_labels("letters")
    at.settle()
    assert len(words(at)) == len(at.state.current_boxes) == 1
    at.selection.select([])
    at.settle()
    assert words(at) == []
    box = first(at, "green")
    at.viewer.scene.camera.zoom *= 4
    at.canvas.image.look_at(box)
    at.settle()
    assert "G" in words(at)
    assert len(words(at)) < 8


def test_suggestions_are_shown_beside_the_current_box_and_can_go(at):
    at.click(*middle(first(at, "gray")))
    lines = at.canvas.lines.suggestions
    assert lines.ids == sorted(box.id for box in at.canvas.suggestions.boxes)
    assert lines.ids
    at.canvas.show_suggestions(())
    assert lines.ids == []
    at.canvas.show_suggestions(at.document.suggestions[:1])
    assert lines.ids == [at.document.suggestions[0].id]


def test_a_read_only_image_is_changed_by_no_gesture(at):
    before = at.document.boxes
    box = first(at, "green")
    at.click(*middle(box))
    at.canvas.set_read_only(True)
    at.drag(middle(box), tuple(c + 20 for c in middle(box)))
    for key in (KEY.Key_R, KEY.Key_E, KEY.Key_7, KEY.Key_D):
        at.key(key)
        at.drag((200, 200), (240, 240))
    at.key(KEY.Key_C, Qt.KeyboardModifier.ControlModifier)
    at.key(KEY.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert at.document.boxes == before
    at.assert_in_step()


def test_drawing_on_a_read_only_image_is_refused_with_a_word(at, qtbot):
    at.canvas.set_read_only(True)
    with qtbot.waitSignal(at.canvas.gestures.refused) as refused:
        at.canvas.start_drawing()
    assert "only be looked at" in refused.args[0]
    assert not at.canvas.is_drawing


def test_what_reaches_a_read_only_layer_all_the_same_is_taken_back(at, qtbot):
    at.canvas.set_read_only(True)
    with qtbot.waitSignal(at.canvas.gestures.refused):
        at.layer.remove([0, 1])
    at.settle()
    assert {box.state for box in at.document.shown} == {"open"}
    at.assert_in_step()


def test_boxes_of_a_read_only_image_can_be_picked(at):
    at.canvas.set_read_only(True)
    box = first(at, "red")
    at.click(*middle(box))
    assert at.current.id == box.id
    at.canvas.set_read_only(False)
    x, y = middle(box)
    at.drag((x, y), (x + 8, y + 5))
    assert at.stored()[box.id].state == "changed"


def test_boxes_under_the_mouse_are_told_the_smallest_first(at):
    small = first(at, "red")
    at.key(KEY.Key_W)
    at.drag((5, 5), (250, 250))
    large = at.current.id
    at.key(KEY.Key_W)
    at.click(*middle(small))
    assert at.current.id == small.id
    assert at.canvas.under_pointer() == (small.id, large)
    at.click(250, 128)
    assert at.current.id == large


def test_a_tiny_box_can_be_dragged(at):
    at.document.add((200, 200, 208, 208), 1)
    at.canvas.show_document(at.document)
    at.viewer.scene.camera.zoom = 1
    at.settle()
    at.click(204, 204)
    assert at.current.corners == (200, 200, 208, 208)
    at.drag((204, 204), (214, 209))
    assert at.stored()[at.current.id].corners == pytest.approx((210, 205, 218, 213), abs=1.01)


def test_a_drag_of_an_edge_moves_that_edge_alone(at):
    box = first(at, "red")
    at.canvas.image.look_at(box)
    at.settle()
    x1, y1, x2, y2 = box.corners
    at.drag((x2, (y1 + y2) / 2), (x2 + 12, (y1 + y2) / 2 + 9))
    assert at.document.boxes[box.id].corners == pytest.approx((x1, y1, x2 + 12, y2), abs=1.01)
    at.drag(((2 * x1 + x2) / 3, y1), ((2 * x1 + x2) / 3, y1 - 8))
    assert at.document.boxes[box.id].corners == pytest.approx((x1, y1 - 8, x2 + 12, y2), abs=1.5)
    at.assert_in_step()


def test_there_is_no_handle_to_turn_a_box_by(at):
    box = first(at, "red")
    at.click(*middle(box))
    at.canvas.image.look_at(box)
    at.settle()
    turning = at.layer._selected_box[Box.HANDLE]
    y, x = turning
    at.drag_on_screen(at.on_screen(x, y), QPoint(30, 30), Qt.MouseButton.LeftButton)
    assert at.document.boxes[box.id] == box
    at.assert_in_step()


def test_a_step_shows_as_much_of_the_image_as_it_can(at):
    """A box at the border is brought into sight; the view does not lie beside the image for it."""
    camera, image = at.viewer.scene.camera, at.canvas.image
    corner = min(at.document.boxes.values(), key=lambda box: sum(box.corners))
    at.canvas.look_at_whole()
    whole = tuple(camera.center)
    image.look_at(corner)
    assert tuple(camera.center) == pytest.approx(whole)
    camera.zoom *= 2
    image.look_at(corner)
    height, width = np.array(at.viewer.canvas.size) / camera.zoom
    y, x = camera.center[-2:]
    x1, y1, x2, y2 = corner.corners
    assert y - height / 2 <= y1 < y2 <= y + height / 2
    assert x - width / 2 <= x1 < x2 <= x + width / 2
    rows, columns = image.layer.data.shape[:2]
    for center, view, size in ((y, height, rows), (x, width, columns)):
        covered = min(center + view / 2, size) - max(center - view / 2, 0)
        assert covered >= 0.93 * min(view, size)
