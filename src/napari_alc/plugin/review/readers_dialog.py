"""The window in which images are shared among several readers."""

from __future__ import annotations

import re
from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.review.panel.bars import CommandMenu
from napari_alc.plugin.review.readers_view import ReadersView
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    heading,
    primary,
    show_words,
    words,
)
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import readers, share, shareable
from napari_alc.wording import counted, sharing_words

WHAT_IT_DOES = (
    "Each reader gets every image that nobody has begun and reads it without seeing what the "
    "others decide. What most of them say becomes the label; where they are split, one person "
    "settles it."
)

NAMES_HEIGHT = 84
"""Pixels: room for four names."""

WIDTH = 420

FRAME = "QPlainTextEdit { border: 1px solid #7a7f88; border-radius: 3px; padding: 2px; }"
"""napari's themes give such a field none, so that it would not be seen."""


class ReadersDialog(QDialog):
    """Asks for the readers' names and shares the images of a project among them."""

    shared = Signal(str)
    """Emitted once images are shared, or not shared any more, with a sentence that says so."""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._known = readers(project)
        self._waiting = shareable(project)
        self.setWindowTitle("Several readers")
        self.setMinimumWidth(WIDTH)
        self.names = QPlainTextEdit("\n".join(self._known))
        self.names.setToolTip(tooltips.READERS_NAMES)
        self.names.setAccessibleName("Names of the readers")
        self.names.setTabChangesFocus(True)
        self.names.setStyleSheet(FRAME)
        self.names.setFixedHeight(NAMES_HEIGHT)
        self.count = words()
        self.error = error_words()
        self.share = primary("Share", tooltips.READERS_SHARE)
        self.cancel = button_with("Cancel", tooltips.READERS_CANCEL)
        self._arrange()
        self.names.textChanged.connect(self._follow)
        self.share.clicked.connect(self._share)
        self.cancel.clicked.connect(self.reject)
        self._follow()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.share)
        layout = QVBoxLayout(self)
        layout.addWidget(words(WHAT_IT_DOES))
        layout.addWidget(heading("Names of the readers"))
        layout.addWidget(self.names)
        layout.addWidget(self.count)
        layout.addWidget(self.error)
        layout.addLayout(buttons)

    @property
    def entered(self) -> tuple[str, ...]:
        """The names as they are entered."""
        parts = re.split(r"[,\n]", self.names.toPlainText())
        return tuple(part.strip() for part in parts if part.strip())

    def _follow(self) -> None:
        """Say what the button does with what is entered."""
        ending = bool(self._known) and not self.entered
        self.share.setText("Stop sharing" if ending else "Share")
        self.share.setEnabled(ending or bool(self.entered))
        self.count.setText(_ENDING if ending else _count_words(self._waiting))
        show_words(self.error, "")

    def _share(self) -> None:
        try:
            images = share(self._project, self.entered)
        except AlcError as error:
            show_words(self.error, str(error))
            return
        self.accept()
        self.shared.emit(sharing_words(self.entered, images))


_ENDING = "Readings that nobody has begun are taken back; those begun are to be finished."


def _count_words(images: int) -> str:
    if not images:
        return "No image waits untouched; images that are selected later will be shared."
    shared = counted(images, "image is", "images are")
    return f"{shared} shared now, and so is every image that is selected later."


SIZE = (760, 520)
"""Width and height of the window that tells where readers differ."""


class ReviewReaders(QObject):
    """The two windows about readers; `leave` lets go of the open image, to be shared too."""

    shared = Signal(str)
    """Emitted with a sentence once images have been shared."""

    def __init__(self, page: QWidget, leave: Callable[[], None]) -> None:
        super().__init__(page)
        self._page, self._leave = page, leave
        self._project: Project | None = None
        self.view = ReadersView(page)
        self.view.setWindowFlag(Qt.WindowType.Window)
        self.view.setWindowTitle("Where readers differ")
        self.view.resize(*SIZE)

    def add_to(self, menu: CommandMenu) -> None:
        """Offer both windows in a menu."""
        menu.add("Several readers…", tooltips.SHARE_IMAGES, self.share)
        menu.add("Where readers differ", tooltips.DIFFERENCES, self.show_differences)

    def set_project(self, project: Project | None) -> None:
        """Speak of another project."""
        self._project = project
        self.view.close()

    def share(self) -> None:
        """Ask for several readers of the images that wait."""
        if self._project is None:
            return
        self._leave()
        sentences: list[str] = []
        dialog = ReadersDialog(self._project, self._page)
        dialog.shared.connect(sentences.append)
        dialog.exec()
        self.shared.emit(sentences[0] if sentences else "")

    def show_differences(self) -> None:
        """Show where several readers differ, in a window of its own."""
        self.view.set_project(self._project)
        self.view.show()
        self.view.raise_()
