"""napari's own views do not come between a person and the boxes."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, make_project

from napari_alc.plugin.palettes import COLOURS
from napari_alc.plugin.review.commands import DEFAULT_KEYS
from napari_alc.plugin.review.messages import FLAT, IN_SIGHT

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
