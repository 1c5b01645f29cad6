"""The review's own layout: what it takes away, what it remembers and what it gives back."""

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_alc.plugin import preferences
from napari_alc.plugin.napari_inside import canvas_widget, main_window, show_welcome
from napari_alc.plugin.widget import dock

PROJECT, ITERATE, REVIEW = range(3)
LEFT = ("layer controls", "layer list")


@pytest.fixture
def room(docked, fresh, qtbot):
    """The window with a project open on the page Project."""
    preferences.set_maximised(False)
    viewer, widget = docked()
    widget.open_project(fresh)
    widget.tabs.setCurrentIndex(PROJECT)
    qtbot.waitUntil(lambda: not widget.reading_room.is_open)
    yield Room(viewer, widget, qtbot)
    widget.tabs.setCurrentIndex(PROJECT)
    qtbot.waitUntil(lambda: not widget.reading_room.is_open)


class Room:
    """Goes in and out of the review."""

    def __init__(self, viewer, widget, qtbot):
        self.viewer, self.widget, self.qtbot = viewer, widget, qtbot
        self.window = main_window(viewer)

    def show(self, page):
        self.widget.tabs.setCurrentIndex(page)
        is_review = page == REVIEW
        self.qtbot.waitUntil(lambda: self.widget.reading_room.is_open is is_review)

    def left(self):
        return {name: self.panel(name).isVisible() for name in LEFT}

    def panel(self, name):
        return self.window.findChild(QDockWidget, name)

    def share(self):
        """Of the window's pixels, how many the image may use."""
        canvas = canvas_widget(self.viewer)
        return canvas.width() * canvas.height() / (self.window.width() * self.window.height())


def test_the_review_hides_what_is_on_the_left_and_gives_it_back(room):
    widths = {name: room.panel(name).width() for name in LEFT}
    assert all(room.left().values())
    room.show(REVIEW)
    assert not any(room.left().values())
    room.show(ITERATE)
    assert all(room.left().values())
    assert {name: room.panel(name).width() for name in LEFT} == widths


def test_a_panel_that_was_opened_in_the_review_is_there_the_next_time(room):
    room.show(REVIEW)
    room.panel("layer list").show()
    room.show(PROJECT)
    assert all(room.left().values())
    room.show(REVIEW)
    assert room.left() == {"layer controls": False, "layer list": True}
    room.panel("layer list").hide()
    room.show(PROJECT)
    room.show(REVIEW)
    assert not any(room.left().values())


def test_a_panel_that_was_closed_outside_stays_closed(room):
    room.panel("layer list").hide()
    room.show(REVIEW)
    room.show(PROJECT)
    assert room.left() == {"layer controls": True, "layer list": False}
    room.panel("layer list").show()


def test_the_window_is_large_the_first_time_and_normal_again_outside(room):
    preferences.set_maximised(True)
    room.show(REVIEW)
    assert room.window.isMaximized()
    room.show(PROJECT)
    assert not room.window.isMaximized()
    room.show(REVIEW)
    assert room.window.isMaximized()


def test_a_window_that_was_made_smaller_in_the_review_is_left_so(room):
    preferences.set_maximised(True)
    room.show(REVIEW)
    room.window.showNormal()
    room.show(PROJECT)
    room.show(REVIEW)
    assert not room.window.isMaximized()


def test_a_window_that_was_large_before_stays_so(room):
    room.window.showMaximized()
    preferences.set_maximised(True)
    room.show(REVIEW)
    room.show(PROJECT)
    assert room.window.isMaximized()
    room.window.showNormal()


def test_napari_does_not_greet_in_the_review(room):
    show_welcome(room.viewer, True)
    room.show(REVIEW)
    assert not show_welcome(room.viewer, False)
    room.show(PROJECT)
    assert show_welcome(room.viewer, False)


class HeldBack(QObject):
    """Keeps a window open, and remembers how the room was laid out when it was to be closed."""

    def __init__(self, room):
        super().__init__()
        self.room, self.seen = room, []

    def eventFilter(self, _watched, event):  # noqa: N802
        if event.type() == QEvent.Type.Close:
            self.seen.append(self.room.left())
            event.ignore()
            return True
        return False


def test_what_napari_stores_at_its_end_is_the_window_as_it_was(room):
    """A window that is held back has the review's layout again."""
    holder = HeldBack(room)
    room.window.installEventFilter(holder)
    room.show(REVIEW)
    QMainWindow.close(room.window)
    assert holder.seen == [dict.fromkeys(LEFT, True)]
    room.qtbot.waitUntil(lambda: room.widget.reading_room.is_open)
    assert not any(room.left().values())
    room.window.removeEventFilter(holder)


def test_what_was_hidden_comes_back_when_the_program_is_closed(docked, fresh, qtbot):
    preferences.set_maximised(False)
    viewer, widget = docked()
    widget.open_project(fresh)
    room = Room(viewer, widget, qtbot)
    room.show(REVIEW)
    preferences.remember_place(fresh, "project")
    docked()  # takes the place of the first
    qtbot.waitUntil(lambda: all(room.left().values()))


@pytest.mark.parametrize(("size", "least"), [((1920, 1080), 0.6), ((1366, 768), 0.45)])
def test_the_image_has_most_of_the_screen(room, size, least):
    before = room.window.size()
    room.window.resize(*size)
    room.show(REVIEW)
    room.qtbot.waitUntil(lambda: room.share() >= least)
    assert room.window.width() == size[0]
    room.window.resize(before)


def test_the_last_project_comes_back_on_its_page(docked, fresh, qtbot):
    _, first = docked()
    first.open_project(fresh)
    first.tabs.setCurrentIndex(ITERATE)
    _, again = docked()
    qtbot.waitUntil(lambda: again.project is not None)
    assert again.project.folder == fresh
    assert again.tabs.currentIndex() == ITERATE


def test_a_project_that_was_asked_for_is_opened_rather_than_the_last_one(docked, fresh, reviewed):
    _, first = docked()
    first.open_project(fresh)
    viewer, again = docked()
    again.open_project(reviewed)
    again._reopen()
    assert again.project.folder == reviewed
    assert dock(viewer) is again


def test_a_last_project_that_is_gone_is_not_missed(docked, tmp_path, qtbot):
    preferences.remember_place(tmp_path / "gone", "review")
    _, widget = docked()
    qtbot.waitUntil(lambda: not widget._reopen_later.isActive())
    assert widget.project is None
    assert widget.project_page.error.isHidden()
