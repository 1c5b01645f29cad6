"""The help of the review: all keys in one window beside the image."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from qtpy.QtCore import QSize
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from napari_alc.plugin.review.commands import COMMANDS, GROUPS, KeyTexts
from napari_alc.plugin.review.keys.bindings import current, current_texts, keys_pressed
from napari_alc.plugin.widgets.controls import words

SIZE = QSize(900, 1000)
"""Shows most keys without scrolling, where the screen is large enough."""

BARS = 80
"""Pixels of the screen left to its own bars and to the window's frame."""

WHERE_TO_CHANGE = (
    "Keys can be changed in napari's menu File → Preferences → Active Label Cleaning, "
    "under Review keys."
)


def help_html(keys: KeyTexts) -> str:
    """All keys as a table, group by group."""
    rows = "".join(row for group in GROUPS for row in _group_rows(group, keys))
    return f"<table cellspacing='0' cellpadding='3'>{rows}</table>"


def _group_rows(group: str, keys: KeyTexts) -> Iterator[str]:
    yield f"<tr><td colspan='3'><br><b>{escape(group)}</b></td></tr>"
    for command in COMMANDS.values():
        if command.group == group:
            cells = (f"<b>{_plain(keys.all_of(command.name))}</b>", _plain(command.label))
            sides = "".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells)
            yield f"<tr>{sides}<td>{_plain(command.tip)}</td></tr>"


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
        layout.addWidget(self.table)
        layout.addWidget(words(WHERE_TO_CHANGE))
        room = self.screen().availableSize() - QSize(BARS, BARS)
        self.resize(SIZE.boundedTo(room))

    def toggle(self) -> None:
        """Open the window, or close it."""
        self.setVisible(not self.isVisible())

    def refresh(self) -> None:
        """Show the keys as they are set now."""
        self.table.setHtml(help_html(current_texts()))

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
