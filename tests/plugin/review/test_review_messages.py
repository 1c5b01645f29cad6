"""What the panel says is true as long as it stands there."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from review_driver import make_project, middle

from napari_alc.errors import BadData
from napari_alc.plugin.review import messages
from napari_alc.project.annotation.session import ReviewSession

KEY = Qt.Key


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3, size=256)
    yield project
    project.close()


def press_with_nothing_picked(at):
    at.key(KEY.Key_G)
    at.selection.select([])
    at.key(KEY.Key_K)
    assert at.message.startswith("No box is picked")


def test_that_no_box_is_picked_is_said_until_one_is_clicked(at):
    press_with_nothing_picked(at)
    at.click(*middle(at.document.open_boxes[0]))
    assert at.state.current_boxes
    assert at.message == ""


def test_that_no_box_is_picked_is_said_until_another_command(at):
    press_with_nothing_picked(at)
    at.key(KEY.Key_0)
    assert at.message == ""


def test_what_the_filter_hides_is_said_until_it_shows_it(at):
    chips = at.page.panel.filter.chips
    for name in chips:
        chips[name].click()
    at.selection.select([])
    at.key(KEY.Key_J)
    assert "hidden by your choice" in at.message
    chips["red"].click()
    at.settle()
    assert at.message == ""


def test_that_boxes_are_hidden_is_said_until_they_are_shown(at):
    button = at.page.panel.buttons["hide_boxes"]
    button.pressed.emit()
    at.page.keys._actions["keep"]()
    assert at.message.startswith("Boxes are hidden")
    button.released.emit()
    assert at.message == ""


def test_that_another_layer_is_chosen_is_said_until_the_boxes_are(at):
    layers = at.viewer.layers
    other = at.viewer.add_points([[5, 5]], name="Mine")
    at.settle()
    layers.selection.active = at.layer
    layers.selection.active = other
    assert "“Mine” is chosen" in at.message
    layers.selection.active = at.layer
    assert at.message == ""
    layers.remove(other)


def test_trouble_with_the_store_is_said_until_it_is_over(at, monkeypatch):
    def refuse(_session):
        raise BadData("project.db", "the database is locked", "Wait")

    session = at.page.controller.session
    with monkeypatch.context() as patch:
        patch.setattr(ReviewSession, "renew", refuse)
        session.renew()
    assert "the database is locked" in at.message
    session.renew()
    assert at.message == ""


def test_why_no_image_is_shown_is_said_whatever_is_pressed(at):
    at.page.controller.images.close(messages.ALL_DONE)
    for key in (KEY.Key_K, KEY.Key_J, KEY.Key_W):
        at.key(key)
    assert at.message == messages.ALL_DONE
