from __future__ import annotations

import numpy as np
import pytest
from napari import settings
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, Driver, make_fresh_project, make_project

from napari_alc.errors import BadData
from napari_alc.plugin.review.canvas.sight import is_seen
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import next_open_task, queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import ReviewStep

KEY = Qt.Key


@pytest.fixture
def open_project(module_viewer, qtbot):
    """Opens a project in a page of its own, docked in the module's viewer."""
    opened = []

    def start(project, wait=True) -> Driver:
        driver = Driver(module_viewer, project, qtbot, wait)
        opened.append(driver)
        return driver

    yield start
    for driver in opened:
        driver.page.controller.set_project(None, "")
        driver.project.close()
        module_viewer.window.remove_dock_widget(driver.page)
        driver.page.deleteLater()
    module_viewer.layers.clear()


def press(button) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def settle_task(project, task) -> None:
    document = open_document(project, task, PERSON)
    document.keep([box.id for box in document.open_boxes])
    finish(project, task, PERSON)


def test_done_and_next_asks_once_and_goes_on(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    first = at.state.task
    told = []
    at.page.changed.connect(lambda: told.append(True))
    at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    bar = at.page.panel.ask_bar
    assert bar.isVisible()
    assert "7 boxes are still open" in bar.sentence.text()
    press(bar.go_back)
    assert not bar.isVisible()
    assert at.state.task == first
    at.key(KEY.Key_N)
    press(bar.keep_all)
    at.wait_for_image()
    assert not bar.isVisible()
    assert at.state.task.rank == first.rank + 1
    assert next(t for t in queue(at.project) if t.id == first.id).done_by == PERSON
    at.qtbot.waitUntil(lambda: bool(told))
    assert "2 of 4 images done, 16 boxes left" in at.page.panel.progress.text()


def test_open_boxes_can_be_deleted_all_at_once(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    first = at.state.task
    at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    press(at.page.panel.ask_bar.delete_all)
    at.wait_for_image()
    document = open_document(at.project, first, PERSON)
    assert len(document.labels) == 1
    assert not document.open_boxes


def test_an_image_without_open_boxes_is_finished_at_once(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    first = at.state.task
    for _ in range(8):
        at.key(KEY.Key_K)
    assert "Every box of this image is decided" in at.message
    at.key(KEY.Key_N)
    at.wait_for_image()
    assert at.state.task.id != first.id


def test_after_the_last_image_the_page_says_so(open_project, tmp_path):
    at = open_project(make_fresh_project(tmp_path, images=1))
    at.key(KEY.Key_N)
    press(at.page.panel.ask_bar.keep_all)
    assert at.document is None
    assert "Every image handed out is done" in at.message
    assert not at.canvas.image.layer.visible


def test_reopening_shows_every_decision_in_place(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    at.key(KEY.Key_K)
    at.key(KEY.Key_Q)
    at.key(KEY.Key_W)
    at.key(KEY.Key_G)
    at.drag((200, 210), (240, 250))
    task, boxes = at.state.task, dict(at.document.boxes)
    at.page.controller.set_project(None, "")
    assert at.document is None
    assert "Open a project first" in at.message
    at.open()
    assert at.state.task == task
    assert at.document.boxes == boxes
    at.assert_in_step()


def test_the_contrast_of_a_project_comes_back_after_a_restart(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    for key in (KEY.Key_0, KEY.Key_9, KEY.Key_9, KEY.Key_F2):
        at.key(key)
    at.page.controller.set_project(None, "")
    at.page.hide()
    settings._clear_plugin_settings_cache()
    again = open_project(Project.open(at.project.folder))
    assert again.page.panel.contrast.text() == "Image: as stored, brightness 1.6, local."
    image = again.canvas.image
    again.qtbot.waitUntil(lambda: image.layer.data.dtype == np.uint8)
    again.key(KEY.Key_F2)
    assert tuple(image.layer.contrast_limits) == image._image.full
    assert image.layer.gamma == pytest.approx(0.64)


def test_the_queue_leads_to_any_image(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    table = at.page.panel.queue.table
    third = table.model().index(3, 0)
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(third).center()
    )
    at.wait_for_image()
    assert at.state.task.rank == 2
    assert table.model().data(third).startswith("▶")
    at.key(KEY.Key_PageUp)
    at.wait_for_image()
    assert at.state.task.rank == 1
    at.key(KEY.Key_PageDown)
    at.wait_for_image()
    at.key(KEY.Key_PageDown)
    assert "no other image" in at.message


def test_a_change_to_a_finished_image_opens_it_again(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    done = queue(at.project)[0]
    told = []
    at.page.changed.connect(lambda: told.append(True))
    at.page.controller.images.go_to(done)
    at.wait_for_image()
    assert f"Finished by {PERSON}" in at.page.panel.sentence.text()
    box = at.document.labels[0]
    at.selection.select([box.id])
    at.key(KEY.Key_Q)
    at.qtbot.waitUntil(lambda: bool(told))
    assert not at.state.task.is_done
    assert next_open_task(at.project).id == done.id


def finished_by(project, person):
    """The first image that waits, as somebody else has finished it."""
    task = next_open_task(project)
    document = open_document(project, task, person)
    document.keep([box.id for box in document.open_boxes])
    finish(project, task, person)
    return next(done for done in queue(project) if done.id == task.id)


def test_who_only_looks_at_a_finished_image_does_not_become_its_finisher(open_project, tmp_path):
    project = make_project(tmp_path)
    done = finished_by(project, "Eve")
    at = open_project(project)
    at.page.controller.images.go_to(at.state.queue.find(done.id))
    at.wait_for_image()
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id != done.id and at.document is not None)
    assert done in queue(project)
    assert at.state.queue.find(done.id) == done


def test_who_changes_a_finished_image_becomes_its_finisher(open_project, tmp_path):
    project = make_project(tmp_path)
    done = finished_by(project, "Eve")
    at = open_project(project)
    at.page.controller.images.go_to(at.state.queue.find(done.id))
    at.wait_for_image()
    at.selection.look_at_box(at.document.labels[0].id)
    at.key(KEY.Key_Q)
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id != done.id and at.document is not None)
    again = next(task for task in queue(project) if task.id == done.id)
    assert again.done_by == at.state.queue.find(done.id).done_by == PERSON
    assert again.done_at > done.done_at


def test_step2_says_what_is_left_and_shows_it_close(open_project, tmp_path):
    at = open_project(make_project(tmp_path, step=ReviewStep.OPEN_BOXES))
    assert "Decide the red and green boxes" in at.page.panel.task.text()
    assert at.current.region in ("red", "green")
    assert is_seen(at.current.corners, at.canvas._layers.view)
    for _ in range(4):
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    at.wait_for_image()
    assert at.state.task.rank == 1


def test_step1_asks_for_every_object_and_shows_the_whole_image(open_project, tmp_path):
    at = open_project(make_fresh_project(tmp_path))
    assert "Label every object" in at.page.panel.task.text()
    assert 256 * at.viewer.scene.camera.zoom <= min(at.viewer.canvas.size)
    assert "no model has seen the image" in at.page.panel.why.text()


def test_an_image_that_cannot_be_read_is_named_and_the_queue_goes_on(open_project, tmp_path):
    project = make_project(tmp_path)
    first, second, third = (t for t in queue(project) if not t.is_done)
    (project.images_folder / first.file_name).write_bytes(b"II*\x00 no image")
    (project.images_folder / second.file_name).unlink()
    at = open_project(project, wait=False)
    at.qtbot.waitUntil(lambda: first.file_name in at.message and "PgDown" in at.message)
    assert at.document is None
    at.page.controller.images.step(1)
    at.qtbot.waitUntil(lambda: "not there any more" in at.message)
    at.page.controller.images.step(1)
    at.wait_for_image()
    assert at.state.task.id == third.id
    at.assert_in_step()


def test_an_image_of_another_size_is_not_shown(open_project, tmp_path):
    project = make_project(tmp_path)
    first = next_open_task(project)
    image = Image.fromarray(np.zeros((100, 90), dtype=np.uint8))
    image.save(project.images_folder / first.file_name)
    at = open_project(project, wait=False)
    at.qtbot.waitUntil(lambda: "90×100 pixels" in at.message)
    assert at.document is None


def test_colour_images_have_no_contrast_to_stretch(open_project, tmp_path):
    project = make_project(tmp_path)
    first = next_open_task(project)
    image = Image.fromarray(np.full((256, 256, 3), 90, dtype=np.uint8))
    image.save(project.images_folder / first.file_name)
    at = open_project(project)
    assert at.canvas.image.layer.rgb
    at.key(KEY.Key_0)
    assert "colour" in at.message
    at.key(KEY.Key_PageDown)
    at.wait_for_image()
    assert not at.canvas.image.layer.rgb
    assert "stretched" in at.page.panel.contrast.text()
    at.assert_in_step()


def test_the_next_image_is_read_before_it_is_asked_for(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    _, second, _ = (t for t in queue(at.project) if not t.is_done)
    path = at.project.images_folder / second.file_name
    at.qtbot.waitUntil(lambda: at.page.reader.take(path) is not None)


def test_the_layers_are_made_once(open_project, tmp_path):
    at = open_project(make_project(tmp_path))
    layers = list(at.viewer.layers)
    assert all(layer.locked for layer in layers)
    for key in (KEY.Key_PageDown, KEY.Key_PageUp):
        at.key(key)
        at.wait_for_image()
    assert list(at.viewer.layers) == layers
    assert [layer.name for layer in layers] == ["Image", "Words", "Boxes"]


def test_another_project_can_be_opened(open_project, tmp_path):
    at = open_project(make_project(tmp_path / "one"))
    at.project.close()
    at.project = make_fresh_project(tmp_path / "two", per_kind=3)
    at.open()
    assert {box.source for box in at.document.boxes.values()} == {"crowd"}
    at.assert_in_step()
    at.project.close()


def refuse(*_):
    raise BadData("project.db", "the database refused (database is locked)", "Try again")


def test_a_store_that_cannot_be_read_is_told_and_the_image_stays(
    open_project, tmp_path, monkeypatch
):
    at = open_project(make_project(tmp_path))
    first, document = at.state.task, at.document
    document.keep([box.id for box in document.open_boxes])
    with monkeypatch.context() as locked:
        locked.setattr("napari_alc.plugin.review.image_commands.finish_task", refuse)
        at.page.controller.images.done()
        assert "database is locked" in at.message
        assert at.state.task.id == first.id
        assert at.document is document
        locked.setattr("napari_alc.project.annotation.tasks.queue_of", refuse)
        assert not at.page.controller.refresh()
        assert at.document is document
    at.page.controller.images.done()
    at.wait_for_image()
    assert at.state.task.id != first.id
    at.assert_in_step()


def test_a_store_that_cannot_be_read_at_first_is_read_later(open_project, tmp_path, monkeypatch):
    at = open_project(make_project(tmp_path / "one"))
    at.project.close()
    at.project = make_fresh_project(tmp_path / "two")
    with monkeypatch.context() as locked:
        locked.setattr("napari_alc.project.annotation.tasks.open_counts", refuse)
        at.open(wait=False)
        assert "database is locked" in at.message
        assert at.document is None
        assert not at.canvas.image.layer.visible
    assert at.page.controller.refresh()
    at.wait_for_image()
    at.assert_in_step()
    at.project.close()


def test_a_large_image_with_boxes_of_every_region(open_project, tmp_path):
    at = open_project(make_project(tmp_path, images=2, size=2048, per_kind=15))
    assert at.layer.nshapes == 60
    for region in ("red", "green", "pink", "gray"):
        assert at.page.panel.filter.chips[region].text().endswith(f"{region} 15")
    at.key(KEY.Key_K)
    at.assert_in_step()
