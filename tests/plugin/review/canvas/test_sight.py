"""What is seen is what is decided on: nothing comes between a person, the image and the boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, make_project

from napari_alc.plugin.palettes import COLOURS
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.sight import is_seen
from napari_alc.plugin.review.commands import DEFAULT_KEYS
from napari_alc.plugin.review.messages import AGAIN, FLAT, IN_SIGHT

KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


def is_usual(viewer):
    dims = viewer.dims
    return (dims.ndisplay, tuple(dims.order), viewer.canvas.grid.enabled) == (2, (0, 1), False)


@pytest.mark.parametrize("key", [KEY.Key_G, KEY.Key_E, KEY.Key_T])
def test_keys_for_volumes_and_grids_are_undone_with_a_word(at, key):
    at.key(key, CONTROL)
    at.qtbot.waitUntil(lambda: is_usual(at.viewer))
    at.key(KEY.Key_K)
    assert at.stored()[at.state.open_boxes[0].id].state == "open"
    at.assert_in_step()


def test_ctrl_y_repeats_and_does_not_show_a_volume(at):
    box = at.current
    at.key(KEY.Key_K)
    at.key(KEY.Key_Z, CONTROL)
    assert at.stored()[box.id].state == "open"
    at.key(KEY.Key_Y, CONTROL)
    assert at.stored()[box.id].state == "kept"
    assert is_usual(at.viewer)


def test_a_button_for_volumes_is_undone_with_a_word(at):
    at.viewer.dims.ndisplay = 3
    at.qtbot.waitUntil(lambda: is_usual(at.viewer))
    assert at.message == FLAT


def test_boxes_cannot_be_put_out_of_sight_but_for_a_moment(at):
    at.key(KEY.Key_V)
    at.qtbot.waitUntil(lambda: at.layer.visible)
    assert at.message == DEFAULT_KEYS.filled(IN_SIGHT)
    QTest.keyPress(at.native, KEY.Key_H)
    at.settle()
    assert not at.layer.visible
    QTest.keyRelease(at.native, KEY.Key_H)
    assert at.layer.visible


def test_without_an_image_the_view_is_the_persons(at):
    at.page.controller.set_project(None, PERSON)
    at.viewer.dims.ndisplay = 3
    at.settle()
    assert at.viewer.dims.ndisplay == 3
    at.viewer.dims.ndisplay = 2


def test_colours_go_on_telling_the_region(at):
    box = at.current
    before = at.layer.edge_color.copy()
    at.layer.current_edge_color = COLOURS["green"]
    at.layer.current_face_color = "red"
    at.settle()
    ids = at.layer.features["id"].tolist()
    assert at.layer.edge_color.tolist() == before.tolist()
    assert at.layer.face_color[ids.index(box.id), 3] == 0
    at.assert_in_step()


@pytest.fixture(autouse=True)
def _cleared(window):
    """What a test adds beside the review is gone when it ends."""
    yield
    window[0].layers.clear()


def are_on_top(at):
    ours = [at.canvas.image.layer, *at.canvas.layers[-2:]]
    return list(at.viewer.layers)[-3:] == ours


def photograph(at):
    return at.viewer.add_image(np.zeros((256, 256), dtype=np.uint8), name="photo")


def test_a_picture_dropped_onto_the_review_goes_below_it_and_is_named(at):
    photograph(at)
    at.qtbot.waitUntil(lambda: are_on_top(at))
    assert "“photo” covered the image" in at.message
    assert at.viewer.layers.selection.active is at.layer
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"
    at.key(KEY.Key_PageDown)
    at.wait_for_image()
    assert are_on_top(at)


def test_a_layer_that_is_chosen_is_told_to_be_no_part_of_the_review(at):
    other = photograph(at)
    at.qtbot.waitUntil(lambda: are_on_top(at))
    at.viewer.layers.selection.active = other
    assert at.message == messages.other_layer("photo")


def press(at, button):
    QTest.mouseClick(at.page.panel.buttons[button], Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("way", ["key", "button"])
def test_nothing_is_decided_while_a_picture_lies_on_the_boxes(at, way):
    box = at.current
    photograph(at)
    at.viewer.layers.selection.active = at.layer
    if way == "key":
        QTest.keyClick(at.native, KEY.Key_K)
    else:
        press(at, "keep")
    assert at.message.endswith(AGAIN)
    assert at.document.boxes[box.id].state == "open"
    assert are_on_top(at)
    at.settle()
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"


def test_an_image_is_not_finished_while_something_lies_on_it(at):
    at.page.controller.boxes.execute(lambda doc, ids: doc.keep(ids), list(at.document.boxes))
    task = at.state.task_id
    photograph(at)
    at.viewer.layers.selection.active = at.layer
    QTest.keyClick(at.native, KEY.Key_N)
    assert at.state.task_id == task
    assert not at.state.task.is_done
    assert at.message.endswith(AGAIN)


def turn(layer):
    layer.affine = np.array([[0.9, 0.1, 20], [-0.1, 0.9, 5], [0, 0, 1]])


def spread(layer):
    layer.scale, layer.translate, layer.rotate, layer.shear = (2, 2), (30, 4), 12, [0.4]


@pytest.mark.parametrize("move", [turn, spread])
@pytest.mark.parametrize("place", [0, -1], ids=["image", "boxes"])
def test_neither_image_nor_boxes_can_be_moved_against_each_other(at, move, place):
    layer = at.canvas.layers[place]
    before = layer.world_to_data((40, 30))
    move(layer)
    at.qtbot.waitUntil(lambda: np.allclose(layer.world_to_data((40, 30)), before))
    assert at.message == messages.MOVED
    at.assert_in_step()


def test_the_tool_that_moves_a_picture_is_put_away(at):
    image = at.canvas.image.layer
    at.viewer.layers.selection.active = image
    image.mode = "transform"
    at.qtbot.waitUntil(lambda: image.mode == "pan_zoom")
    assert at.message == messages.MOVED


@pytest.mark.parametrize(("name", "value"), [("opacity", 0.0), ("blending", "minimum")])
@pytest.mark.parametrize("place", [0, -1], ids=["image", "boxes"])
def test_neither_image_nor_boxes_fade(at, name, value, place):
    layer = at.canvas.layers[place]
    before = getattr(layer, name)
    setattr(layer, name, value)
    at.qtbot.waitUntil(lambda: getattr(layer, name) == before)
    assert at.message == messages.FAINT


def test_a_hidden_image_comes_back(at):
    at.canvas.image.layer.visible = False
    at.qtbot.waitUntil(lambda: at.canvas.image.layer.visible)
    assert at.message == messages.IMAGE_HIDDEN


def test_boxes_drawn_below_the_image_come_to_the_top_again(at):
    layers = at.viewer.layers
    layers.move(layers.index(at.layer), 0)
    at.qtbot.waitUntil(lambda: are_on_top(at))
    assert at.message == messages.OUT_OF_ORDER
    at.assert_in_step()


@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_layer_deleted_by_force_comes_back_with_everything_on_it(at, place):
    layer = at.canvas.layers[place]
    at.viewer.layers.remove(layer)
    at.qtbot.waitUntil(lambda: are_on_top(at))
    assert at.message == messages.GONE
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"
    at.assert_in_step()


def test_all_layers_deleted_at_once_come_back(at):
    at.viewer.layers.clear()
    at.qtbot.waitUntil(lambda: are_on_top(at))
    at.mark((3, 3), (9, 9))
    at.assert_in_step()


def test_boxes_changed_on_a_copy_of_the_layer_are_told_to_be_stored_nowhere(at):
    before = at.document.boxes
    at.viewer.layers.selection.active = at.layer
    _duplicate_layer(at.viewer.layers)
    at.qtbot.waitUntil(lambda: are_on_top(at))
    assert "covered the image" in at.message
    copy = next(layer for layer in at.viewer.layers if layer.name == "Boxes copy")
    at.viewer.layers.selection.active = copy
    assert "“Boxes copy” is chosen" in at.message
    copy.mode = "select"
    x1, y1, x2, y2 = at.current.corners
    at.drag(((x1 + x2) / 2, (y1 + y2) / 2), (x2 + 4, y2 + 4))
    assert "“Boxes copy”, which the review does not store" in at.message
    assert at.document.boxes == before


def test_keys_typed_ahead_decide_nothing_and_say_so(at):
    open_before = at.state.open_boxes
    for _ in range(3):
        QTest.keyClick(at.native, KEY.Key_K)
    assert at.message == messages.TOO_SOON
    at.settle()
    states = [at.stored()[box.id].state for box in open_before]
    assert states.count("kept") == 1
    assert states.count("open") == len(states) - 1
    at.key(KEY.Key_K)
    assert [at.stored()[box.id].state for box in open_before].count("kept") == 2


def test_an_image_that_was_never_on_the_screen_is_not_finished(at):
    at.page.controller.boxes.execute(lambda doc, ids: doc.keep(ids), list(at.document.boxes))
    at.canvas.select(())
    QTest.keyClick(at.native, KEY.Key_N)
    assert at.message == messages.TOO_SOON
    assert not at.state.task.is_done


def test_a_box_that_was_panned_out_of_sight_is_shown_before_it_is_decided_on(at):
    box, camera = at.current, at.viewer.scene.camera
    camera.center = (camera.center[-2], camera.center[-1] + 5000)
    at.settle()
    at.key(KEY.Key_K)
    assert at.message == messages.out_of_sight(1, 1)
    assert at.document.boxes[box.id].state == "open"
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"


def test_several_boxes_of_which_some_are_out_of_sight_are_shown_first(at):
    at.key(KEY.Key_A, CONTROL)
    ids = [box.id for box in at.state.current_boxes]
    at.viewer.scene.camera.zoom *= 4
    at.canvas.image.look_at(at.document.boxes[ids[0]])
    at.settle()
    at.key(KEY.Key_Q)
    assert at.message.startswith(f"{len(ids)} boxes are picked, of which ")
    assert not any(at.document.boxes[i].state == "deleted" for i in ids)
    at.key(KEY.Key_Q)
    assert all(at.stored()[i].state == "deleted" for i in ids)


def test_boxes_that_are_hidden_for_a_moment_are_not_decided_on(at):
    box = at.current
    QTest.keyPress(at.native, KEY.Key_H)
    QTest.keyClick(at.native, KEY.Key_K)
    assert at.document.boxes[box.id].state == "open"
    assert at.message == DEFAULT_KEYS.filled(messages.HIDDEN)
    QTest.keyRelease(at.native, KEY.Key_H)


BOXES = st.tuples(*[st.floats(0, 90)] * 2, *[st.floats(1, 50)] * 2).map(
    lambda c: (c[0], c[1], c[0] + c[2], c[1] + c[3])
)


@given(BOXES, st.floats(-200, 200))
def test_a_box_in_view_is_seen_and_one_beside_it_is_not(box, by):
    x1, y1, x2, y2 = box
    assert is_seen(box, (x1 - 1, y1 - 1, x2 + 1, y2 + 1))
    assert is_seen(box, (x1 + 0.2, y1 + 0.2, x2 - 0.2, y2 - 0.2))  # zoomed in on its middle
    if abs(by) >= x2 - x1:
        assert not is_seen(box, (x1 + by, y1, x2 + by, y2))


def test_a_sliver_of_a_box_is_not_seen():
    assert not is_seen((0, 0, 10, 10), (8, 0, 100, 100))
    assert is_seen((0, 0, 10, 10), (7.4, 0, 100, 100))
