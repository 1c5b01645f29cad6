"""Nothing moves under the pointer, whatever the panel says."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QDockWidget, QSlider
from review_driver import Driver, make_project, middle, shared_viewer
from test_review_panel import resize, settle

from napari_alc.plugin.palettes import COLOURS
from napari_alc.plugin.widget import dock
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import FlagKind

KEY = Qt.Key
IMAGES = 9
DOCK = 430
"""Pixels of the panel's width, which is little."""

SIZES = ((1366, 705), (1600, 880), (960, 540))
"""Of the window: on a laptop of 1366 × 768, on a larger screen, and on a very small one."""

LONG = "A very long message that says much more than anybody wants to read. " * 5


@pytest.fixture(scope="module")
def program(qapp, tmp_path_factory):  # noqa: ARG001
    with shared_viewer(tmp_path_factory.mktemp("settings")) as viewer:
        yield viewer, dock(viewer)


@pytest.fixture
def at(program, tmp_path, qtbot):
    viewer, widget = program
    project = make_project(tmp_path, images=IMAGES, size=256)
    widget.tabs.setTabEnabled(2, True)
    widget.tabs.setCurrentWidget(widget.review_page)
    driver = Driver(viewer, project, qtbot, page=widget.review_page)
    yield driver
    driver.close()
    project.close()


def give(at, size):
    resize(at, *size)
    window = at.viewer.window._qt_window
    docked = window.findChild(QDockWidget, "Active Label Cleaning (napari-alc)")
    window.resizeDocks([docked], [DOCK], Qt.Orientation.Horizontal)
    settle(at)


def places(at, widget, has_rows):
    """Where everything lies in the window that is pressed or chosen, and each row of the queue."""
    table = at.page.panel.queue.table
    found = {table: at_window(table)}
    for kind in (QAbstractButton, QComboBox, QSlider):
        found |= {part: at_window(part) for part in widget.findChildren(kind) if part.isVisible()}
    rows = range(at.page.panel.queue.rows.rowCount() if has_rows else 0)
    return found | {row: row_at(table, row) for row in rows}


def at_window(widget):
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


def row_at(table, row):
    inside = table.visualRect(table.model().index(row, 0))
    return QRect(table.viewport().mapTo(table.window(), inside.topLeft()), inside.size()).top()


class Watch:
    """Remembers where everything was when it was first seen, and tells what has moved.

    The rows of the queue follow where another image is opened that is not in sight there.
    """

    def __init__(self, at, widget, has_rows=True):
        self.at, self.widget, self.has_rows = at, widget, has_rows
        self.seen, self.states = {}, 0

    def look(self, state):
        settle(self.at)
        for part, place in places(self.at, self.widget, self.has_rows).items():
            assert self.seen.setdefault(part, place) == place, (state, part, name_of(part))
        self.states += 1


def name_of(part):
    return part.text() if isinstance(part, QAbstractButton) else part


@contextmanager
def held_by_bob(at, task):
    project = Project.open(at.project.folder)
    session = ReviewSession(project, "Bob")
    session.open(task)
    try:
        yield
    finally:
        session.leave()
        project.close()


def go_to(at, task):
    at.page.controller.images.go_to(task)
    at.qtbot.waitUntil(lambda: at.document is not None and at.state.task_id == task.id)
    at.settle()


@pytest.mark.parametrize("size", SIZES)
def test_no_button_row_or_colour_changes_its_place_whatever_is_said(at, program, size):
    give(at, size)
    panel, controller = at.page.panel, at.page.controller
    watch = Watch(at, program[1])
    for box in at.document.open_boxes:
        at.selection.look_at_box(box.id)
        watch.look("a box")
    for text in ("", "Short.", LONG):
        panel.show_message(text)
        watch.look("a message")
    controller.boxes.note(LONG[:200])
    at.key(KEY.Key_O)
    watch.look("a note and doubt")
    for kind in FlagKind:
        if kind is not FlagKind.EXCLUDE:
            controller.boxes.flag(kind)
            watch.look("a flag")
    for name in COLOURS:
        panel.filter.chips[name].click()
        watch.look("a filter")
    panel.filter.score.setValue(90)
    watch.look("a confidence")
    at.key(KEY.Key_N)
    watch.look("the question about hidden boxes")
    at.key(KEY.Key_Escape)
    watch.look("the filter is off")
    at.key(KEY.Key_F9)
    watch.look("a pause")
    at.key(KEY.Key_F9)
    at.selection.select([])
    watch.look("nothing is picked")
    at.selection.select([box.id for box in at.document.open_boxes])
    watch.look("several are picked")
    at.key(KEY.Key_W)
    watch.look("drawing")
    at.drag((200, 235), (240, 250))
    watch.look("a box of one's own")
    at.key(KEY.Key_Escape)
    at.key(KEY.Key_K)
    watch.look("a decision")
    at.page.canvas.set_palette("colour-blind")
    watch.look("other colours")
    at.page.canvas.set_palette("standard")
    assert watch.states > 25


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_from_image_to_image(at, program, size):
    give(at, size)
    watch = Watch(at, program[1], has_rows=False)
    done, first, second = queue(at.project)[:3]
    watch.look("an image")
    go_to(at, done)
    watch.look("a finished one that no model has seen")
    go_to(at, first)
    for _ in at.document.open_boxes:
        at.key(KEY.Key_K)
    watch.look("all is decided")
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task_id == second.id and at.document is not None)
    watch.look("the next one")
    with held_by_bob(at, first):
        go_to(at, first)
        assert at.state.read_only
        watch.look("one that is held elsewhere")
    at.page.controller.images.close(LONG)
    watch.look("none at all")


def test_a_row_of_the_queue_that_is_clicked_stays_under_the_mouse(at, qtbot):
    give(at, SIZES[1])
    table = at.page.panel.queue.table
    index = table.model().index(5, 0)
    place = table.visualRect(index).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    at.wait_for_image()
    assert table.indexAt(place).row() == 5
    assert at.state.task_id == at.page.panel.queue.rows.here


def test_what_is_cut_ends_in_dots_and_is_told_whole(at):
    give(at, SIZES[0])
    message = at.page.panel.message
    at.page.panel.show_message(LONG)
    settle(at)
    assert message.text() == LONG
    assert message.shown_text.endswith("…")
    assert message.shown_text.count("\n") == 1
    assert LONG in message.toolTip()
    at.page.panel.show_message("Short.")
    assert message.shown_text == "Short."
    assert not message.toolTip()


def test_the_pages_stay_where_they_are_whatever_comes_next(at, program):
    widget = program[1]
    give(at, SIZES[0])
    before = at_window(widget.tabs)
    for sentence in ("Short.", LONG):
        widget._show_next(sentence, "Train and predict", widget.project_page)
        settle(at)
        assert widget.next_button.isHidden() != (widget.project is not None)
        assert at_window(widget.tabs) == before


def test_a_click_on_the_canvas_tells_of_a_box_without_moving_anything(at, program):
    give(at, SIZES[0])
    watch = Watch(at, program[1])
    at.key(KEY.Key_G)
    for box in at.document.open_boxes:
        at.click(*middle(box))
        watch.look("a click")
