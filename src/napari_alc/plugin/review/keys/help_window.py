"""The help of the review: all keys in one window beside the image."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from qtpy.QtCore import QSize
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from napari_alc.plugin import preferences
from napari_alc.plugin.review.commands import COMMANDS, GROUPS, LEFT_HAND, STANDARD, KeyTexts
from napari_alc.plugin.review.keys.bindings import current, current_texts, keys_pressed
from napari_alc.plugin.widgets.controls import words

SIZE = QSize(900, 1000)
"""Shows most keys without scrolling, where the screen is large enough."""

BARS = 80
"""Pixels of the screen left to its own bars and to the window's frame."""

KEY_SET_WORDS = {
    STANDARD: (
        "These are the standard keys. Another key set, “left hand”, has all frequent ones under "
        "the left hand, while the right hand keeps the mouse."
    ),
    LEFT_HAND: (
        "These are the keys for the left hand, while the right hand keeps the mouse. The other key "
        "set, “standard”, has them on both sides of the keyboard."
    ),
}
"""Which key set is in use, and what the other one is."""

WHERE_TO_CHANGE = (
    "Choose the key set in napari's menu File → Preferences → Active Label Cleaning, under Review; "
    "every single key can be changed there under Review keys."
)


MOUSE = (
    ("Left, on a box", "Pick, move, resize", "A drag inside moves it, one of an edge resizes it."),
    ("Left, elsewhere", "Move the image", "A click there lets go of the box at hand."),
    ("Shift + left", "Rubber band", "Picks all boxes in it; on a box, adds it to those picked."),
    ("Middle", "Move the image", "On boxes, too. So does the left button while Space is held."),
    ("Right", "Menu", "What can be done with the box below, or with the image."),
    ("Wheel", "Zoom", "At the place of the mouse."),
    ("Ctrl+A, A", "Pick all boxes", "What comes next then concerns all of them."),
)
"""What the mouse does, and keys of napari's that the review leaves to it."""


def help_html(keys: KeyTexts) -> str:
    """All keys as a table, group by group."""
    rows = "".join(row for group in GROUPS for row in _group_rows(group, keys))
    rows += _heading("Mouse") + "".join(_row(*told) for told in MOUSE)
    return f"<table cellspacing='0' cellpadding='3'>{rows}</table>"


def _group_rows(group: str, keys: KeyTexts) -> Iterator[str]:
    yield _heading(group)
    for command in COMMANDS.values():
        if command.group == group:
            yield _row(keys.all_of(command.name), command.label, command.tip)


def _heading(text: str) -> str:
    return f"<tr><td colspan='3'><br><b>{escape(text)}</b></td></tr>"


def _row(key: str, label: str, tip: str) -> str:
    cells = (f"<b>{_plain(key)}</b>", _plain(label))
    sides = "".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells)
    return f"<tr>{sides}<td>{_plain(tip)}</td></tr>"


def _plain(text: str) -> str:
    return escape(text, quote=False)


class HelpWindow(QDialog):
    """All keys as they are set; Esc, or the key that opened it, closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the review")
        self.table = QTextBrowser()
        self.table.setAccessibleName("Keys of the review")
        layout = QVBoxLayout(self)
        self.key_set = words()
        layout.addWidget(self.table)
        layout.addWidget(self.key_set)
        room = self.screen().availableSize() - QSize(BARS, BARS)
        self.resize(SIZE.boundedTo(room))

    def toggle(self) -> None:
        """Open the window, or close it."""
        self.setVisible(not self.isVisible())

    def refresh(self) -> None:
        """Show the keys as they are set now."""
        self.table.setHtml(help_html(current_texts()))
        self.key_set.setText(f"{KEY_SET_WORDS[preferences.key_set()]} {WHERE_TO_CHANGE}")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show the keys as they are set now."""
        self.refresh()
        super().showEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Close on the key that opens the help; Esc closes every dialog."""
        if set(keys_pressed(event)) & set(current().keys["help"]):
            self.close()
        else:
            super().keyPressEvent(event)
