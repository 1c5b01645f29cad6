"""Keys work whatever has the focus in the window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QWidget,
)
from review_driver import make_project

from napari_alc.plugin.review import messages
from napari_alc.plugin.review.commands import COMMANDS

SHIFT, NONE = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


@pytest.fixture
def given(at, monkeypatch):
    """The commands given, which are not carried out."""
    found = []
    actions = {name: lambda name=name: found.append(name) for name in COMMANDS}
    monkeypatch.setattr(at.page.keys, "_actions", actions)
    monkeypatch.setattr(at.page.keys, "_released", {"hide_boxes": lambda: None})
    return found


def focusable(window):
    """What can have the focus in a window, the plugin's and napari's."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.isVisible()
        and widget.isEnabled()
        and widget.window() is window
    ]


def is_typed_into(widget):
    spin = widget if isinstance(widget, QAbstractSpinBox) else widget.parentWidget()
    is_field = isinstance(widget, QLineEdit | QAbstractSpinBox)
    return is_field or isinstance(spin, QAbstractSpinBox) or getattr(widget, "isEditable", bool)()


def focus(widget):
    widget.window().activateWindow()
    widget.setFocus()
    return widget.focusProxy() or widget


def press(widget, key):
    [combination] = QKeySequence(key)
    more = SHIFT if key == "?" else NONE
    QTest.keyClick(widget, combination.key(), combination.keyboardModifiers() | more)


def test_every_command_is_given_whatever_has_the_focus(at, given):
    window = at.viewer.window._qt_window
    widgets = [widget for widget in focusable(window) if not is_typed_into(widget)]
    kinds = {
        kind
        for kind in (QPushButton, QComboBox, QSlider, QScrollArea)
        for widget in widgets
        if isinstance(widget, kind)
    }
    assert kinds == {QPushButton, QComboBox, QSlider, QScrollArea}
    for widget in widgets:
        place = focus(widget)
        at.qtbot.waitUntil(lambda place=place: QApplication.focusWidget() is place)
        for command in COMMANDS.values():
            press(place, command.keys[0])
        assert given == list(COMMANDS), f"{widget} {widget.objectName()}"
        given.clear()


def test_a_field_keeps_what_is_typed_into_it(at, given, qtbot):
    line = QLineEdit(at.page)
    line.show()
    focus(line)
    qtbot.waitUntil(line.hasFocus)
    QTest.keyClicks(line, "kq3,")
    press(line, "Backspace")
    press(line, "Left")
    assert (line.text(), given) == ("kq3", [])
    press(line, "F1")
    assert given == ["help"]
    line.deleteLater()


def test_a_field_for_numbers_keeps_digits_but_not_letters(at, given, qtbot):
    box = QSpinBox(at.page)
    box.show()
    focus(box)
    qtbot.waitUntil(box.hasFocus)
    QTest.keyClicks(box, "k3")
    press(box, "Up")
    assert (box.value(), given) == (31, ["keep"])
    box.deleteLater()


def test_closing_the_window_says_that_everything_is_stored(at):
    window = at.viewer.window._qt_window
    for place in (at.page, window):
        at.page.keys.eventFilter(place, QEvent(QEvent.Type.Close))
        assert (at.message == messages.CLOSING) == (place is window)
