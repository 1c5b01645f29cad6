from __future__ import annotations

from datetime import timedelta

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, Driver, docked_page, make_project, middle
from sqlalchemy import update

from napari_alc.project.annotation.leases import LEASE_SECONDS
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.repository import now

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton
READ_ONLY = "It can be looked at, not changed."


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


@pytest.fixture
def same(project):
    """The same project as another window opens it."""
    again = Project.open(project.folder)
    yield again
    again.close()


@pytest.fixture
def bob(same):
    session = ReviewSession(same, "Bob")
    yield session
    session.leave()


@pytest.fixture
def at(window, project, bob, qtbot):  # noqa: ARG001
    """Ada's window; Bob may hold an image before she opens the project."""
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    yield driver
    driver.close()


def open_tasks(project):
    return [task for task in queue(project) if not task.is_done]


def choose(at, task):
    """Click an image in the queue."""
    table = at.page.panel.queue
    index = table.index_of(task.id)
    table.table.scrollTo(index)
    QTest.mouseClick(table.table.viewport(), LEFT, pos=table.table.visualRect(index).center())
    at.qtbot.waitUntil(lambda: at.state.task.id == task.id and at.document is not None)
    at.settle()


@pytest.fixture
def held(project, bob):
    """The first image, which Bob has open."""
    first = open_tasks(project)[0]
    assert not bob.open(first).held_by
    return first


@pytest.mark.usefixtures("held")
def test_who_comes_second_gets_another_image_and_is_told_who_has_the_first(at):
    assert at.state.task.id == open_tasks(at.project)[1].id
    rows = at.page.panel.queue.rows
    states = [rows.data(rows.index(row, 5)) for row in range(4)]
    assert states[0] == "done"
    assert states[1].startswith("with Bob")
    assert at.page.panel.banner.isHidden()
    at.key(KEY.Key_K)
    at.assert_in_step()


def test_an_image_taken_elsewhere_meanwhile_is_passed_over_in_words(at, bob):
    second, third = open_tasks(at.project)[1:]
    bob.open(second)
    for _ in range(8):
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id == third.id and at.document is not None)
    assert f"{second.file_name} is open elsewhere (Bob" in at.message
    assert at.page.panel.banner.isHidden()
    at.key(KEY.Key_K)
    at.assert_in_step()


def test_what_another_window_holds_can_be_looked_at_but_not_changed(held, at):
    choose(at, held)
    banner = at.page.panel.banner
    assert banner.isVisible()
    assert "Bob" in banner.sentence.text()
    assert READ_ONLY in banner.sentence.text()
    enabled = {name for name, button in at.page.panel.buttons.items() if button.isEnabled()}
    assert not enabled & {"keep", "delete", "take_mp", "take_ma", "draw", "undo", "redo", "done"}
    assert {"next_box", "previous_box", "next_image", "previous_image"} <= enabled
    assert not at.page.panel.category.isEnabled()


@pytest.mark.parametrize(
    "key", [KEY.Key_K, KEY.Key_Q, KEY.Key_Delete, KEY.Key_Left, KEY.Key_M, KEY.Key_W, KEY.Key_N]
)
def test_keys_that_would_change_a_held_image_say_why_they_do_not(held, at, key):
    choose(at, held)
    before, stored = dict(at.document.boxes), at.stored()
    at.key(key)
    assert "changed" in at.message or "open elsewhere" in at.message
    assert at.document.boxes == before
    assert at.stored() == stored
    assert at.state.task.id == held.id
    assert not at.canvas.is_drawing
    assert not next(task for task in queue(at.project) if task.id == held.id).is_done


def test_the_category_of_a_held_image_is_not_shown_as_changed(held, at):
    choose(at, held)
    shown = at.page.panel.category.currentText()
    at.key(KEY.Key_M)
    assert at.page.panel.category.currentText() == shown


def test_the_mouse_picks_on_a_held_image_and_moves_nothing(held, at):
    choose(at, held)
    at.key(KEY.Key_G)
    box = at.document.open_boxes[3]
    at.click(*middle(box))
    assert at.current == box
    stored = at.stored()
    at.drag(middle(box), tuple(c + 20 for c in middle(box)))
    at.drag(box.corners[2:], tuple(c + 15 for c in box.corners[2:]))
    assert at.stored() == stored
    at.assert_in_step()


def test_boxes_of_a_held_image_are_visited(held, at):
    choose(at, held)
    first = at.current
    at.key(KEY.Key_J)
    assert at.current != first


def test_when_the_first_leaves_the_second_can_work_on_the_image(held, at, bob):
    choose(at, held)
    bob.leave()
    at.key(KEY.Key_PageDown)
    at.qtbot.waitUntil(lambda: at.state.task.id != held.id and at.document is not None)
    choose(at, held)
    assert at.page.panel.banner.isHidden()
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"
    at.drag(middle(at.current), tuple(c + 5 for c in middle(at.current)))
    at.assert_in_step()


def test_an_image_is_free_for_others_once_the_window_goes_on(at, bob):
    first, second, _ = open_tasks(at.project)
    assert bob.held_by_others() == {first.id: "Ada, in another window on this computer"}
    at.key(KEY.Key_PageDown)
    at.qtbot.waitUntil(lambda: at.state.task.id == second.id and at.document is not None)
    assert list(bob.held_by_others()) == [second.id]
    at.page.controller.set_project(None, "")
    assert bob.held_by_others() == {}


def test_when_all_that_is_left_is_held_the_page_says_so(at, bob, project):
    first, second, third = open_tasks(project)
    another = ReviewSession(project, "Carl")
    bob.open(second)
    another.open(third)
    at.page.controller.refresh()
    for _ in range(8):
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    assert at.document is None
    assert "open in other windows" in at.message
    another.leave()
    bob.leave()
    assert at.page.controller.refresh()
    at.qtbot.waitUntil(lambda: at.document is not None)
    assert at.state.task.id == second.id
    assert first.id != at.state.task.id


@pytest.fixture
def other(at, same, qtbot):
    """A second page on the project; a viewer's canvas serves the page in sight."""
    at.page.hide()
    page = docked_page(at.viewer)
    qtbot.waitUntil(page.isVisible)  # Qt shows a new dock later; before, keys are not its own
    driver = Driver(at.viewer, same, qtbot, page=page)
    yield driver
    driver.close()
    at.viewer.window.remove_dock_widget(page)
    at.page.show()
    at.viewer.layers.selection.active = at.layer
    driver._look(True)


def test_two_pages_on_one_project_never_work_on_the_same_image(at, other):
    assert other.state.task.id != at.state.task.id
    box = other.current
    other.key(KEY.Key_K)
    assert other.stored()[box.id].state == "kept"
    assert at.stored() == dict(at.document.boxes)
    other.assert_in_step()


def where(at):
    return at.state.task.id, at.current.id


def test_a_person_goes_on_where_they_left_off(at, same):
    at.key(KEY.Key_PageDown)
    at.wait_for_image()
    for _ in range(3):
        at.key(KEY.Key_J)
    place = where(at)
    at.page.controller.set_project(None, "")
    assert at.document is None
    at.open()
    assert where(at) == place
    at.page.controller.set_project(None, "")
    at.page.controller.set_project(same, PERSON)
    at.wait_for_image()
    assert where(at) == place


def test_going_on_begins_behind_a_box_that_is_decided(at):
    at.key(KEY.Key_K)
    at.key(KEY.Key_K)
    place = where(at)
    at.page.controller.set_project(None, "")
    at.open()
    assert where(at) == place


def test_another_person_begins_at_the_first_image(at, same):
    at.key(KEY.Key_PageDown)
    at.wait_for_image()
    at.page.controller.set_project(None, "")
    at.page.controller.set_project(same, "Bob")
    at.wait_for_image()
    assert at.state.task.id == open_tasks(same)[0].id


def lose(at, bob):
    """Let the lease on Ada's image end unheard, and Bob open it."""
    long_ago = now() - timedelta(seconds=LEASE_SECONDS + 1)
    with at.project.store.begin() as connection:
        connection.execute(update(schema.lease).values(seen_at=long_ago))
    assert not bob.open(at.state.task).held_by


@pytest.mark.parametrize("is_told_by", ["a decision", "the clock"])
def test_an_image_that_was_lost_can_only_be_looked_at_from_then_on(at, bob, is_told_by):
    lose(at, bob)
    before = at.stored()
    if is_told_by == "a decision":
        at.key(KEY.Key_K)
    else:
        at.page.controller.session.renew()
    assert "opened elsewhere meanwhile" in at.page.panel.banner.sentence.text()
    enabled = {name for name, button in at.page.panel.buttons.items() if button.isEnabled()}
    assert not enabled & {"keep", "delete", "draw", "done"}
    at.key(KEY.Key_Q)
    at.drag(middle(at.current), tuple(c + 9 for c in middle(at.current)))
    assert at.stored() == before


def test_an_image_that_was_lost_can_be_had_again(at, bob):
    here = at.state.task
    lose(at, bob)
    at.key(KEY.Key_K)
    bob.leave()
    choose(at, open_tasks(at.project)[1])
    choose(at, here)
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"
