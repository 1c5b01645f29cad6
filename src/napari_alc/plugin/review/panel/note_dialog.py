"""Asks for a note on a box."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QInputDialog, QWidget

from napari_alc.plugin import tooltips


class NoteDialog(QInputDialog):
    """A field of several lines, with the note there is."""

    written = Signal(str)
    """Emitted with the text that a person accepted; an empty one removes the note."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Note on this box")
        self.setLabelText(tooltips.NOTE_LABEL)
        self.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
        self.setOkButtonText("Store the note")
        self.textValueSelected.connect(self.written.emit)

    def open_with(self, text: str) -> None:
        """Open with a text to change."""
        self.setTextValue(text)
        self.open()
