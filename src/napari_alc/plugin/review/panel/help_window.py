"""The help of the review: all keys in one window beside the image."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.keys.bindings import keys_pressed
from napari_alc.plugin.widgets.controls import words

SIZE = QSize(900, 1000)
"""Shows most keys without scrolling, where the screen is large enough."""

BARS = 80
"""Pixels of the screen left to its own bars and to the window's frame."""


class HelpWindow(QDialog):
    """All keys as they are set; Esc, or the key that opened it, closes it.

    Parameters
    ----------
    parent
        The page it belongs to; the window stays open beside it while one works on.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the review")
        self.table = QTextBrowser()
        self.table.setAccessibleName("Keys of the review")
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        layout.addWidget(words(bindings.WHERE_TO_CHANGE))
        room = self.screen().availableSize() - QSize(BARS, BARS)
        self.resize(SIZE.boundedTo(room))

    def toggle(self) -> None:
        """Open the window, or close it."""
        self.setVisible(not self.isVisible())

    def refresh(self) -> None:
        """Show the keys as they are set now."""
        self.table.setHtml(bindings.help_html())

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show the keys as they are set now."""
        self.refresh()
        super().showEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Close on the key that opens the help; Esc closes every dialog."""
        if set(keys_pressed(event)) & set(bindings.current().keys["help"]):
            self.close()
        else:
            super().keyPressEvent(event)
