"""Closing napari, or the dock widget, while a job runs: the person decides what becomes of it.

The jobs only say that they train: what a window can know of a job is what stands in its folder.
"""

from __future__ import annotations

import pytest
from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QMessageBox

from napari_alc.execution.job_folder import current_job, follow
from napari_alc.execution.outcome import Ending
from napari_alc.plugin.widget import dock
from running_jobs import end_all, pretend
from tiny_projects import make_project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project whose training never ends; its job is over when the test ends."""
    pretend(monkeypatch)
    project = make_project(tmp_path / "long")
    project.close()
    yield project.folder
    job = current_job(project.folder)
    end_all([job] if job else [])


@pytest.fixture
def opened(make_napari_viewer, folder):
    """A napari window with the project open."""
    widgets = []

    def open_():
        viewer = make_napari_viewer(show=True)
        widget = dock(viewer)
        widgets.append(widget)
        assert widget.open_project(folder)
        return viewer, widget, widget.iterate_page

    yield open_
    for widget in widgets:
        widget.project.close()


@pytest.fixture
def running(opened, folder, qtbot):
    """The window while a training runs, and the job."""
    viewer, widget, page = opened()
    qtbot.mouseClick(page.next_button, LEFT)
    assert page.is_busy
    return viewer, widget, page, current_job(folder)


@pytest.fixture
def answer(qtbot):
    """Presses a button of the question that comes; collects the texts of the questions."""
    asked = []

    def press(text):
        def on_question():
            box = QApplication.activeModalWidget()
            buttons = {one.text(): one for one in box.findChildren(QAbstractButton)}
            asked.append(box.text() if isinstance(box, QMessageBox) else box.windowTitle())
            if text in buttons:
                QTest.mouseClick(buttons[text], LEFT)
            else:  # Another question, which the test will see; it must not keep the test waiting.
                box.reject()

        QTimer.singleShot(0, on_question)

    press.asked = asked
    yield press
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None)


def press_close(viewer):
    """What napari's menu does."""
    viewer.window._qt_window.close(confirm_need=True)


def close_for_good(viewer, qtbot):
    """Close the window and wait until it is gone."""
    with qtbot.waitSignal(viewer.window._qt_window.destroyed):
        press_close(viewer)
    del viewer.window._qt_window  # so that the viewer does not close it once more


def press_cross(widget):
    QTest.mouseClick(widget.parent().title.close_button, LEFT)


def test_the_window_is_not_drawn_all_the_time_while_a_job_runs(running):
    viewer, _, page, _ = running
    labels = viewer.window._qt_window.findChildren(QLabel)
    [movie] = [label.movie() for label in labels if label.movie()]
    assert movie.speed() <= 10
    # A bar without end moves all the time.
    assert page.job_bar.bar.maximum() > 0


def test_left_running_the_job_is_found_again_with_its_progress(
    running, opened, answer, folder, qtbot
):
    viewer, _, _, job = running
    answer("Leave it running")
    close_for_good(viewer, qtbot)
    assert answer.asked == ["'Train and predict' is running."]
    assert job.is_alive
    assert not job.is_cancelled
    _, _, again = opened()
    assert again.is_busy
    assert current_job(folder) == job
    assert not again.job_bar.cancel.isHidden()
    with qtbot.waitSignal(again.background.progressed):
        pass
    qtbot.waitUntil(lambda: "Training the expert's model" in again.job_bar.message.text())
    assert not again.job_panel.curves.isHidden()
    with qtbot.waitSignal(again.changed):
        qtbot.mouseClick(again.job_bar.cancel, LEFT)
    assert again.result.text().startswith("Cancelled")


def test_stopped_the_job_ends_and_napari_closes_at_once(running, answer, qtbot):
    viewer, _, _, job = running
    answer("Stop it")
    close_for_good(viewer, qtbot)
    assert follow(job, print).ending is Ending.CANCELLED


def test_not_closed_everything_stays_as_it_is(running, answer):
    viewer, _, page, job = running
    for _ in range(2):
        answer("Do not close")
        press_close(viewer)
    assert len(answer.asked) == 2
    assert viewer.window._qt_window.isVisible()
    assert page.is_busy
    assert job.is_alive
    assert not job.is_cancelled


def test_the_cross_of_the_window_asks_one_question_though_there_are_layers(running, answer, qtbot):
    viewer, _, _, job = running
    viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]])
    answer("Leave it running")
    with qtbot.waitSignal(viewer.window._qt_window.destroyed):
        QApplication.sendEvent(viewer.window._qt_window, QCloseEvent())
    del viewer.window._qt_window
    assert answer.asked == ["'Train and predict' is running."]
    assert job.is_alive


def test_who_wanted_to_end_the_whole_program_gets_that_after_the_answer(
    running, answer, monkeypatch, qtbot
):
    viewer, _, _, job = running
    ended = []
    monkeypatch.setattr("napari._qt.qt_main_window.quit_app_", lambda: ended.append(True))
    monkeypatch.setattr(get_settings().application, "confirm_close_window", False)
    answer("Leave it running")
    viewer.window._qt_window.close(quit_app=True, confirm_need=True)
    qtbot.waitUntil(lambda: ended == [True])
    del viewer.window._qt_window
    assert job.is_alive


def test_without_a_job_nothing_is_asked(opened, answer, qtbot):
    viewer, _, _ = opened()
    close_for_good(viewer, qtbot)
    assert answer.asked == []


def test_closed_by_a_program_nobody_is_asked_and_the_job_goes_on(running, qtbot):
    viewer, _, page, job = running
    viewer.close()
    qtbot.waitUntil(lambda: not page.is_busy)
    assert job.is_alive
    assert not job.is_cancelled


def test_the_cross_of_the_dock_asks_too_and_leaves_the_job(running, answer, folder, qtbot):
    viewer, widget, page, job = running
    answer("Do not close")
    press_cross(widget)
    assert widget.isVisible()
    answer("Leave it running")
    press_cross(widget)
    assert len(answer.asked) == 2
    assert widget.parent() is None
    qtbot.waitUntil(lambda: not page.is_busy)
    assert job.is_alive
    again = dock(viewer)
    assert again.open_project(folder)
    assert again.iterate_page.is_busy
    again.iterate_page.background.let_go()
    qtbot.waitUntil(lambda: not again.iterate_page.is_busy)
    again.project.close()


def test_the_cross_of_a_dock_that_floats_asks_too(running, answer, qtbot):
    _, widget, _, job = running
    holder = widget.parent()
    holder.setFloating(True)
    qtbot.waitUntil(lambda: holder.isFloating() and widget.isVisible())
    answer("Stop it")
    press_cross(widget)
    assert len(answer.asked) == 1
    assert job.is_cancelled


def test_a_hidden_dock_neither_stops_nor_loses_the_job(running, qtbot):
    _, widget, page, job = running
    QTest.mouseClick(widget.parent().title.hide_button, LEFT)
    assert not widget.isVisible()
    assert page.is_busy
    with qtbot.waitSignal(page.background.progressed):
        pass
    widget.parent().show()
    qtbot.waitUntil(lambda: widget.isVisible())
    assert page.is_busy
    assert not job.is_cancelled
