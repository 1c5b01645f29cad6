"""A foldable section of a page whose panel is filled only once somebody looks at it."""

from __future__ import annotations

from typing import Any, Protocol

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.fold import Fold
from napari_alc.plugin.parts import button_with, error_words, show_words
from napari_alc.project.project import Project


class Panel(Protocol):
    """What a section holds: a `QWidget` that shows something of a project."""

    changed: Any
    """Emitted when it has changed the project."""

    def set_project(self, project: Project | None) -> None:
        """Show another project."""

    def refresh(self) -> None:
        """Show the project as its store has it now."""

    def set_locked(self, is_locked: bool, /) -> None:
        """Let nothing be changed or started while a job runs."""


class PanelSection(QWidget):
    """A heading with a panel below it; a closed one costs nothing.

    Parameters
    ----------
    title
        The heading.
    panel
        A widget that fulfils `Panel`.
    tooltip
        What is found there.
    """

    def __init__(self, title: str, panel: Any, tooltip: str = "") -> None:
        super().__init__()
        self.panel = panel
        self._project: Project | None = None
        self._shown: Project | None = None
        self._is_stale = False
        self.error = error_words()
        self.again = button_with("Try again", tooltips.TRY_AGAIN)
        self.again.hide()
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.error)
        inner.addWidget(self.again, alignment=Qt.AlignmentFlag.AlignLeft)
        inner.addWidget(panel)
        self.fold = Fold(title, content, tooltip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)
        self.fold.toggled.connect(self._fill)
        self.again.clicked.connect(self.refresh)

    def set_project(self, project: Project | None) -> None:
        """Hold another project; it is shown once the section is open."""
        self._project = project
        if self._shown is not None and self._shown is not project:
            self.panel.set_project(None)
            self._shown = None
        self._fill()

    def refresh(self) -> None:
        """Show the project as its store has it now, once the section is open."""
        self._is_stale = True
        self._fill()

    def _fill(self) -> None:
        if not self.fold.is_open or self._project is None:
            return
        try:
            if self._shown is not self._project:
                self._shown = self._project
                self.panel.set_project(self._project)
            elif self._is_stale:
                self.panel.refresh()
        except AlcError as error:
            show_words(self.error, str(error))
            self.again.show()
            return
        self._is_stale = False
        show_words(self.error, "")
        self.again.hide()
