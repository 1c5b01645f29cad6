from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, make_project

from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project

KEY = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


def wait_for(at, task_id):
    at.qtbot.waitUntil(lambda: at.state.task.id == task_id and at.document is not None)
    at.settle()


def task_in_store(at, task_id):
    return next(task for task in queue(at.project) if task.id == task_id)


def settle_image(at):
    """Decide every box of the image and finish it; returns its task."""
    task = at.state.task
    while at.document.open_boxes:
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id != task.id and at.document is not None)
    at.settle()
    return task


def test_undo_goes_back_to_the_image_of_the_last_decision_and_says_so(at):
    first, box = at.state.task, at.current
    at.key(KEY.Key_Q)
    at.key(KEY.Key_PageDown)
    wait_for(at, at.state.task.id)
    assert at.state.task.id != first.id
    at.key(KEY.Key_U)
    wait_for(at, first.id)
    assert first.file_name in at.message
    assert "taken back" in at.message
    assert at.current == box
    assert at.stored()[box.id] == box
    at.assert_in_step()


def test_redo_goes_back_to_the_image_too(at):
    first, box = at.state.task, at.current
    at.key(KEY.Key_Q)
    at.key(KEY.Key_U)
    at.key(KEY.Key_PageDown)
    wait_for(at, at.state.task.id)
    at.key(KEY.Key_U, SHIFT)
    wait_for(at, first.id)
    assert first.file_name in at.message
    assert "repeated" in at.message
    assert at.stored()[box.id].state == "deleted"
    at.assert_in_step()


def test_an_undo_opens_a_finished_image_again(at):
    first = settle_image(at)
    assert task_in_store(at, first.id).is_done
    assert "2 of 4 images done" in at.page.panel.progress.text()
    at.key(KEY.Key_U)
    wait_for(at, first.id)
    assert not task_in_store(at, first.id).is_done
    assert not at.state.task.is_done
    assert "1 of 4 images done, 17 boxes left" in at.page.panel.progress.text()
    assert at.current.state == "open"
    at.assert_in_step()


def test_undo_after_the_last_image_opens_it_again(at):
    for _ in range(2):
        settle_image(at)
    last = at.state.task
    for _ in range(8):
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    assert at.document is None
    assert "Every image handed out is done" in at.message
    QTest.mouseClick(at.page.panel.buttons["undo"], Qt.MouseButton.LeftButton)
    wait_for(at, last.id)
    assert not task_in_store(at, last.id).is_done
    at.assert_in_step()


def thirty_decisions(at):
    """Decide on every box of three images and draw two more on each.

    Returns the task and the stored boxes before each decision.
    """
    steps = []
    for number in range(3):
        for box in range(8):
            steps.append((at.state.task.id, at.stored()))
            at.key(KEY.Key_Q if box % 3 == 0 else KEY.Key_K)
        at.key(KEY.Key_G)
        at.key(KEY.Key_W)
        for x in (60, 150):
            steps.append((at.state.task.id, at.stored()))
            at.drag((x, 235), (x + 40, 250))
        at.key(KEY.Key_Escape)
        if number < 2:
            here = at.state.task.id
            at.key(KEY.Key_N)
            at.qtbot.waitUntil(lambda here=here: at.state.task.id != here)
            at.wait_for_image()
    return steps


def test_thirty_decisions_over_three_images_are_undone_one_by_one(at):
    steps = thirty_decisions(at)
    assert len(steps) == 30
    for task_id, before in reversed(steps):
        at.key(KEY.Key_U)
        wait_for(at, task_id)
        at.assert_in_step()
        stored = at.stored()
        assert {i: stored[i] for i in before} == before
        assert all(box.state == "deleted" for i, box in stored.items() if i not in before)
    at.key(KEY.Key_U)
    assert at.message == "There is nothing to undo."
    assert "1 of 4 images done, 24 boxes left" in at.page.panel.progress.text()
    for task_id, _ in steps:
        at.key(KEY.Key_U, SHIFT)
        wait_for(at, task_id)
    at.assert_in_step()
    at.key(KEY.Key_U, SHIFT)
    assert at.message == "There is nothing to redo."


def test_an_undo_on_an_image_that_somebody_else_has_now_says_so_and_changes_nothing(at):
    first, box = at.state.task, at.current
    at.key(KEY.Key_Q)
    at.key(KEY.Key_PageDown)
    wait_for(at, at.state.task.id)
    elsewhere = Project.open(at.project.folder)
    bob = ReviewSession(elsewhere, "Bob")
    assert not bob.open(first).held_by
    at.key(KEY.Key_U)
    wait_for(at, first.id)
    assert "Bob" in at.message
    assert "taken back" not in at.message
    assert at.stored()[box.id].state == "deleted"
    bob.leave()
    elsewhere.close()


def test_an_undo_of_what_somebody_else_has_changed_since_is_refused_in_words(at):
    first, box = at.state.task, at.current
    at.key(KEY.Key_Q)
    at.key(KEY.Key_PageDown)
    wait_for(at, at.state.task.id)
    open_document(at.project, first, "Bob").keep([box.id])
    at.key(KEY.Key_U)
    wait_for(at, first.id)
    assert at.message == "Somebody else has changed this box since; it stays as it is."
    assert at.stored()[box.id].person == "Bob"
    at.assert_in_step()


def test_a_key_that_changes_nothing_leaves_a_finished_image_finished(at):
    task = at.state.task
    document = open_document(at.project, task, PERSON)
    document.keep([box.id for box in document.open_boxes])
    finish(at.project, task, PERSON)
    at.page.controller.refresh()
    at.page.controller.images.go_to(at.state.queue.find(task.id))
    at.wait_for_image()
    at.selection.look_at_box(document.labels[0].id)
    at.key(KEY.Key_K)
    assert task_in_store(at, task.id).is_done
    assert at.state.task.is_done
    assert "2 of 4 images done" in at.page.panel.progress.text()


def test_who_goes_elsewhere_while_the_image_is_read_takes_nothing_back(at, monkeypatch):
    first, box = at.state.task, at.current
    at.key(KEY.Key_Q)
    for _ in range(2):
        at.key(KEY.Key_PageDown)
        wait_for(at, at.state.task.id)
    here = at.state.task
    at.page.reader.forget()
    monkeypatch.setattr(at.page.reader, "ask", lambda _path: None)
    at.key(KEY.Key_U)
    assert at.state.task.id == first.id
    assert at.document is None
    monkeypatch.undo()
    at.page.controller.images.go_to(here)
    wait_for(at, here.id)
    assert at.state.task.id == here.id
    assert at.message == ""
    at.page.controller.images.go_to(at.state.queue.find(first.id))
    wait_for(at, first.id)
    assert at.stored()[box.id].state == "deleted"


def test_a_refused_drag_leaves_a_finished_image_finished(at):
    task = settle_image(at)
    at.page.controller.images.go_to(at.state.queue.find(task.id))
    wait_for(at, task.id)
    at.key(KEY.Key_G)
    at.key(KEY.Key_W)
    at.drag((300, 300), (340, 340))
    assert "outside the image" in at.message
    assert task_in_store(at, task.id).is_done
    assert at.state.task.is_done
    assert "2 of 4 images done" in at.page.panel.progress.text()
