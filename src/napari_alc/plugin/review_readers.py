"""Several readers, as the review page offers them: sharing images, and where readers differ."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.readers_dialog import ReadersDialog
from napari_alc.plugin.readers_view import ReadersView
from napari_alc.plugin.review_parts import CommandMenu
from napari_alc.project.project import Project

SIZE = (760, 520)
"""Width and height of the window that tells where readers differ."""

READ_AGAIN = (
    "A reader is at work on this image again; it can be settled when all of its readers are done."
)


class ReviewReaders(QObject):
    """The two windows about readers.

    Parameters
    ----------
    page
        The widget they stand above.
    leave
        Lets go of the image on the desk, so that it can be shared too.
    """

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
        told: list[str] = []
        dialog = ReadersDialog(self._project, self._page)
        dialog.shared.connect(told.append)
        dialog.exec()
        self.shared.emit(told[0] if told else "")

    def show_differences(self) -> None:
        """Show where several readers differ, in a window of its own."""
        self.view.set_project(self._project)
        self.view.show()
        self.view.raise_()
