"""Keys as a keyboard sends them."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_alc.plugin import preferences
from napari_alc.plugin.review.keys.places import X11_OFFSET

SHIFT, NONE = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


def use(page, key_set, qtbot) -> None:
    """Choose a key set in the preferences, and wait until it is in use."""
    review = preferences._settings().review
    if review.key_set != key_set:
        with qtbot.waitSignal(page.keys.changed):
            review.key_set = key_set


def press(widget, key: str, more=NONE) -> None:
    """Press and let go of a key as a keyboard does."""
    [combination] = QKeySequence(key)
    QTest.keyClick(widget, combination.key(), combination.keyboardModifiers() | more)


def send(widget, kind, key, modifiers=NONE, text="", again=False) -> None:
    QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers, text, again))


def by_place(widget, letter, code, modifiers=NONE) -> None:
    """A key of a keyboard with other letters; `code` is its place on Linux."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, ord(letter.upper()), modifiers, code + X11_OFFSET, 0, 0, letter)
        QApplication.sendEvent(widget, event)
