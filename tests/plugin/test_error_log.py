"""What napari shows gets into the log, and napari goes on showing it."""

from __future__ import annotations

import logging
import sys

import pytest
from napari.utils.notifications import notification_manager, show_error, show_info
from qtpy.QtWidgets import QWidget

from napari_alc import log
from napari_alc.errors import BadData
from napari_alc.execution.outcome import SUCCESS, Ending
from napari_alc.plugin import error_log
from napari_alc.plugin.error_log import start_log
from napari_alc.plugin.widget import ActiveLabelCleaning
from napari_alc.plugin.widgets.workers import Background

PERSON = "Anna Beispiel"


@pytest.fixture
def logged(tmp_path, monkeypatch):
    """The log in a folder of its own, and no listener of napari's yet; returns the text so far."""
    root = logging.getLogger("napari_alc")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "propagate", root.propagate)
    monkeypatch.setattr(log, "_record_unhandled", lambda: None)
    monkeypatch.setattr(log, "log_file", lambda: tmp_path / "napari-alc.log")
    notification_manager.notification_ready.disconnect()
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield lambda: (tmp_path / "napari-alc.log").read_text(encoding="utf-8")
    logging.setLogRecordFactory(factory)
    notification_manager.notification_ready.disconnect(error_log._record)


def test_the_window_starts_the_log_and_versions_are_logged_once(logged, docked):
    _, widget = docked()
    assert isinstance(widget, ActiveLabelCleaning)
    start_log()
    [line] = [line for line in logged().splitlines() if "INFO napari_alc.plugin" in line]
    assert " napari 0." in line
    assert " with Qt 6." in line or " with Qt 5." in line


def test_an_error_of_napari_is_logged_with_its_course_and_still_shown(logged):
    shown = []
    notification_manager.notification_ready.connect(shown.append)
    start_log()
    try:
        {}[PERSON]
    except KeyError as error:
        with notification_manager:
            sys.excepthook(type(error), error, error.__traceback__)
        assert shown[-1].exception is error
    text = logged()
    assert "an error that napari shows\n  …:" in text
    assert text.splitlines()[-1] == "KeyError: …"
    assert PERSON not in text


def test_refusals_that_the_window_shows_are_logged_without_names(logged):
    start_log()
    show_error(str(BadData(f"/home/{PERSON}", "another step is under way (", PERSON)))
    show_info(PERSON)
    assert logged().splitlines()[-1].endswith("napari shows: … another step is under way (…")


def test_work_in_a_thread_is_logged_and_its_unknown_errors_too(logged, qtbot):
    start_log()
    window = QWidget()
    qtbot.addWidget(window)
    background = Background(window)
    with qtbot.waitSignal(background.ended):
        background.start(lambda *_: SUCCESS, "Making the project")
    assert "Making the project: done after" in logged()
    with qtbot.captureExceptions() as raised:
        with qtbot.waitSignal(background.ended) as ended:
            background.start(lambda *_: [][0], "Making the project")
        qtbot.waitUntil(lambda: bool(raised))
    assert ended.args[0].ending is Ending.FAILED
    assert "Making the project: failed after" in logged()
    kind, error, trace = raised[0]
    notification_manager.receive_error(kind, error, trace)
    assert "IndexError: list index out of range" in logged()
