"""A button that shows a folder in the system's own program for files."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QPushButton

from napari_alc.plugin import tooltips

OPEN = "Open folder"


class OpenFolder(QPushButton):
    """Stands beside a path that was written; hidden while there is no such folder."""

    def __init__(self) -> None:
        super().__init__(OPEN)
        self._folder: Path | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._open)
        self.lead_to(None)

    def lead_to(self, folder: Path | None) -> None:
        """Open another folder from now on, or none."""
        self._folder = folder
        self.setText(OPEN)
        self.setToolTip(f"{tooltips.OPEN_FOLDER}\n{folder}" if folder else tooltips.OPEN_FOLDER)
        self.setVisible(folder is not None and folder.is_dir())

    def _open(self) -> None:
        opened = QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))
        # Its path can be copied from the words beside it.
        self.setText(OPEN if opened else "No program opened it")
