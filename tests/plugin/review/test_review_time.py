from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, Driver, make_project

from napari_alc.errors import BadData
from napari_alc.plugin.review.messages import PAUSED
from napari_alc.project.annotation.session import IDLE_SECONDS, ReviewSession, Stopwatch
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.storage.records import ReviewPosition
from napari_alc.project.storage.sessions import TimeRepository

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3, size=256)
    yield project
    project.close()


@pytest.fixture
def clock(monkeypatch):
    """The clock of every stopwatch that is made from now on."""
    clock = Clock()
    monkeypatch.setattr("napari_alc.project.annotation.session.Stopwatch", lambda: Stopwatch(clock))
    return clock


@pytest.fixture
def at(window, clock, project, qtbot):  # noqa: ARG001
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    yield driver
    driver.close()


def spent(at):
    """Seconds stored so far, those since the last decision included."""
    at.page.controller.session.renew()
    return time_spent(at.project).total


def test_the_seconds_before_a_decision_belong_to_its_box(at, clock):
    first = at.current
    clock.seconds += 7
    at.key(KEY.Key_K)
    second = at.current
    clock.seconds += 4
    at.key(KEY.Key_Q)
    by_box = time_spent(at.project).by_box
    assert by_box == {first.id: pytest.approx(7), second.id: pytest.approx(4)}
    assert time_spent(at.project).by_person == {PERSON: pytest.approx(11)}


@pytest.mark.parametrize("way", ["key", "press", "move"])
def test_mouse_and_keys_count_as_work_where_nothing_is_decided(at, clock, way):
    before = spent(at)
    for _ in range(3):
        clock.seconds += IDLE_SECONDS - 1
        if way == "key":
            at.key(KEY.Key_G)
        elif way == "press":
            QTest.mousePress(at.native, Qt.MouseButton.RightButton, pos=at.on_screen(250, 250))
            QTest.mouseRelease(at.native, Qt.MouseButton.RightButton, pos=at.on_screen(250, 250))
        else:
            at._move(*at.current.corners[:2], Qt.MouseButton.NoButton)
    assert spent(at) - before == pytest.approx(3 * (IDLE_SECONDS - 1))


def test_of_a_long_absence_little_counts(at, clock):
    before = spent(at)
    clock.seconds += 3600
    at.key(KEY.Key_K)
    assert spent(at) - before == pytest.approx(IDLE_SECONDS)


def test_the_clock_stands_during_a_pause_and_the_page_says_so(at, clock):
    bar = at.page.panel.pause_bar
    assert bar.isHidden()
    at.key(KEY.Key_F9)
    assert bar.isVisible()
    assert bar.sentence.text() == PAUSED
    before = spent(at)
    for _ in range(5):
        clock.seconds += 20
        at.key(KEY.Key_G)
    assert spent(at) == before
    assert bar.isVisible()
    at.key(KEY.Key_F9)
    assert bar.isHidden()
    clock.seconds += 5
    assert spent(at) - before == pytest.approx(5)


def test_the_button_ends_a_pause(at, clock):
    at.key(KEY.Key_F9)
    clock.seconds += 10
    QTest.mouseClick(at.page.panel.pause_bar.go_on, LEFT)
    assert at.page.panel.pause_bar.isHidden()
    before = spent(at)
    clock.seconds += 3
    assert spent(at) - before == pytest.approx(3)


@pytest.mark.parametrize("key", [KEY.Key_K, KEY.Key_Right, KEY.Key_U])
def test_any_decision_ends_a_pause(at, clock, key):
    at.key(KEY.Key_Q)
    at.key(KEY.Key_F9)
    before = spent(at)
    clock.seconds += 25
    at.key(key)
    assert at.page.panel.pause_bar.isHidden()
    assert spent(at) == before
    clock.seconds += 2
    assert spent(at) - before == pytest.approx(2)


def test_a_pause_ends_with_the_project(at, clock):
    at.key(KEY.Key_F9)
    at.page.controller.set_project(None, "")
    assert at.page.panel.pause_bar.isHidden()
    at.key(KEY.Key_F9)
    assert at.page.panel.pause_bar.isHidden()
    at.open()
    before = spent(at)
    clock.seconds += 6
    assert spent(at) - before == pytest.approx(6)


def test_what_is_left_is_told_in_time_once_the_pace_is_known(at, clock):
    progress = at.page.panel.progress
    assert "pace" not in progress.text()
    first = at.state.task
    for _ in range(8):
        clock.seconds += 15
        at.key(KEY.Key_K)
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id != first.id and at.document is not None)
    at.qtbot.waitUntil(lambda: "at your pace" in progress.text())
    assert progress.text() == "2 of 3 images done, 8 boxes left, about 2 minutes at your pace"
    for _ in range(7):
        at.key(KEY.Key_K)
    assert progress.text().endswith("1 box left, less than a minute at your pace")
    at.page.controller.set_project(None, "")
    assert progress.text() == ""


def test_the_place_is_stored_soon_after_it_was_reached(at):
    at.key(KEY.Key_J)
    at.key(KEY.Key_J)
    place = ReviewPosition(at.state.task.id, at.current.id)
    reader = ReviewSession(at.project, PERSON)
    at.qtbot.waitUntil(lambda: reader.last_place() == place)


def test_the_place_is_stored_with_a_decision(at):
    box = at.current
    at.key(KEY.Key_K)
    assert ReviewSession(at.project, PERSON).last_place() == ReviewPosition(
        at.state.task.id, box.id
    )


def test_time_that_cannot_be_stored_is_told_and_stored_later(at, clock, monkeypatch):
    before = spent(at)
    clock.seconds += 9

    def full(*_):
        raise BadData("project.db", "the database refused (disk full)", "Free space")

    with monkeypatch.context() as locked:
        locked.setattr(TimeRepository, "add", full)
        at.page.controller.session.renew()
        assert "disk full" in at.message
    assert spent(at) - before == pytest.approx(9)


def test_trainings_are_told_that_somebody_works(at, own_activity_file):
    own_activity_file.unlink(missing_ok=True)
    at.key(KEY.Key_J)
    assert own_activity_file.exists()
