"""An image of the ranking on the canvas: clicked on the page Iterate, gone on every other page."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_alc.plugin import image_preview
from napari_alc.plugin.iterate.selection_panel import ImageToSee
from napari_alc.project.steps.assign_regions import boxes_by_region
from napari_alc.project.storage.records import ReviewStep

LEFT = Qt.MouseButton.LeftButton
NAME = 2


@pytest.fixture
def ranked(docked, predicted, qtbot):
    """The page Iterate of a project whose images are ranked, with the list in sight."""
    viewer, widget = docked()
    assert widget.open_project(predicted)
    panel = widget.iterate_page.sections.selection
    qtbot.waitUntil(lambda: panel.ranking.table.model().rowCount() == 3)
    yield viewer, widget, panel
    widget.tabs.setCurrentIndex(0)
    qtbot.waitUntil(lambda: not widget.preview.is_running)


def click(qtbot, panel, place):
    table = panel.ranking.table
    index = table.model().index(place, NAME)
    table.scrollTo(index)
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualRect(index).center())
    return panel.ranking.rows.row(place)


def previews(viewer):
    return [layer for layer in viewer.layers if layer.name.startswith("Preview of ")]


def test_a_clicked_image_is_shown_with_its_boxes_only_to_be_looked_at(ranked, qtbot):
    viewer, widget, panel = ranked
    row = click(qtbot, panel, 1)
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    image, boxes = previews(viewer)
    assert image.name == f"Preview of {row.file_name}"
    assert image.data.shape == (96, 96)
    found = boxes_by_region(widget.project, 0, row.image_id)
    assert len(boxes.data) == sum(map(len, found.values())) == row.red + row.green + row.gray
    x1, y1, x2, y2 = found["gray"][0]
    np.testing.assert_allclose(boxes.data[0], [[y1, x1], [y1, x2], [y2, x2], [y2, x1]])
    assert not any(layer.editable for layer in previews(viewer))
    assert all(layer.locked for layer in previews(viewer))
    assert panel.seen.text() == (
        f"{row.file_name} is on the canvas, only to look at: nothing can be decided here."
    )


@pytest.mark.filterwarnings("error")
def test_an_image_without_boxes_is_shown_too(ranked, qtbot, monkeypatch):
    viewer, _, panel = ranked
    monkeypatch.setattr(image_preview, "boxes_by_region", lambda *_: {"gray": np.empty((0, 4))})
    click(qtbot, panel, 0)
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    assert len(previews(viewer)[1].data) == 0


def test_of_several_images_that_are_clicked_in_haste_the_last_one_is_shown(
    ranked, qtbot, monkeypatch
):
    viewer, _, panel = ranked
    gate, load, read = threading.Event(), image_preview.load, []

    def slow(path):
        read.append(path.name)
        assert gate.wait(60)
        return load(path)

    monkeypatch.setattr(image_preview, "load", slow)
    first = click(qtbot, panel, 0)
    qtbot.waitUntil(lambda: bool(read))
    click(qtbot, panel, 1)
    last = click(qtbot, panel, 2)
    gate.set()
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    assert previews(viewer)[0].name == f"Preview of {last.file_name}"
    assert read == [first.file_name, last.file_name]


@pytest.mark.parametrize("tab", [0, 2])
def test_the_preview_is_gone_on_another_page_and_a_click_brings_it_back(ranked, qtbot, tab):
    viewer, widget, panel = ranked
    click(qtbot, panel, 0)
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    widget.tabs.setCurrentIndex(tab)
    assert previews(viewer) == []
    assert panel.seen.isHidden()
    widget.tabs.setCurrentIndex(1)
    click(qtbot, panel, 0)
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)


def test_an_image_that_is_still_read_does_not_come_when_the_page_was_left(
    ranked, qtbot, monkeypatch
):
    viewer, widget, panel = ranked
    gate, load = threading.Event(), image_preview.load
    monkeypatch.setattr(image_preview, "load", lambda path: gate.wait(60) and load(path))
    click(qtbot, panel, 0)
    widget.tabs.setCurrentIndex(2)
    gate.set()
    qtbot.waitUntil(lambda: not widget.preview.is_running)
    assert previews(viewer) == []


def test_an_image_that_cannot_be_read_is_told_of_in_words(ranked, qtbot):
    viewer, widget, panel = ranked
    (widget.project.images_folder / panel.ranking.rows.row(0).file_name).unlink()
    click(qtbot, panel, 0)
    qtbot.waitUntil(lambda: "is not there any more" in panel.error.text())
    assert previews(viewer) == []
    click(qtbot, panel, 1)
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    assert panel.error.isHidden()


def test_the_review_finds_everything_as_it_left_it(docked, fresh, qtbot, monkeypatch):
    """An image is under review; another one is looked at meanwhile."""
    viewer, widget = docked()
    assert widget.open_project(fresh)
    state, canvas = widget.review_page.state, widget.review_page.canvas
    qtbot.waitUntil(lambda: state.document is not None)
    state.notify("")
    camera = viewer.scene.camera
    camera.center, camera.zoom = (30.0, 40.0), 5.0
    before = {layer: layer.visible for layer in viewer.layers}
    task = widget.review_page.state.task
    assert task.step is ReviewStep.WHOLE_IMAGE
    widget.tabs.setCurrentIndex(1)
    box = np.array([[1.0, 2.0, 30.0, 40.0]])
    monkeypatch.setattr(image_preview, "boxes_by_region", lambda *_: {"gray": box})
    preview = widget.preview
    preview.show_image(ImageToSee(widget.project, 0, task.image_id, "other.tif"))
    qtbot.waitUntil(lambda: len(previews(viewer)) == 2)
    assert [layer for layer in viewer.layers if layer.visible] == previews(viewer)
    assert canvas.image.overview.isHidden()
    preview.show_image(None)
    widget.tabs.setCurrentIndex(2)
    assert {layer: layer.visible for layer in viewer.layers} == before
    assert (camera.center[-2:], camera.zoom) == ((30.0, 40.0), 5.0)
    assert viewer.layers.selection.active is canvas.layers[-1]
    qtbot.wait(50)
    assert state.message == ""
