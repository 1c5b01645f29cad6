"""The foldable sections of the page Iterate; each opens by itself when it is its time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.iterate.results_panel import ResultsPanel
from napari_alc.plugin.iterate.selection_panel import SelectionPanel
from napari_alc.plugin.iterate.stopping_panel import AuditPanel
from napari_alc.plugin.widgets.collapsible import Collapsible
from napari_alc.plugin.widgets.controls import button_with, error_words, show_words, stack_in
from napari_alc.project.project import Project
from napari_alc.project.status import Step


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
    """A heading with a panel below it, which is told of a project once the section is open."""

    def __init__(self, title: str, panel: Panel, tooltip: str = "") -> None:
        super().__init__()
        self.panel = panel
        self._project: Project | None = None
        self._shown: Project | None = None
        self._is_stale = False
        self.error = error_words()
        self.again = button_with("Try again", tooltips.TRY_AGAIN)
        self.again.hide()
        content = QWidget()
        inner = stack_in(content, self.error, self.again, panel)
        inner.setAlignment(self.again, Qt.AlignmentFlag.AlignLeft)
        self.collapsible = Collapsible(title, content, tooltip)
        stack_in(self, self.collapsible)
        self.collapsible.toggled.connect(self._fill)
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
        if not self.collapsible.is_open or self._project is None:
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


class Sections(QWidget):
    """What lab staff look at between the steps."""

    changed = Signal()
    """Emitted when something in a section has changed the project."""

    wanted = Signal(object, str)
    """Emitted with a job to start and its title: a `Step`, or a command as a tuple of words."""

    remarks_wanted = Signal()
    """Emitted when somebody wants to see the boxes that are unsure."""

    def __init__(self) -> None:
        super().__init__()
        self._step: Step | None = None
        self._in_use = ""
        self.selection = SelectionPanel()
        self.results = results = ResultsPanel()
        results.wanted.connect(self.wanted)
        results.question.list_wanted.connect(self.remarks_wanted)
        self.sections: Mapping[str, PanelSection] = {
            "selection": PanelSection("Images to select", self.selection, tooltips.SELECTION),
            "audit": PanelSection("Go on or stop?", AuditPanel(), tooltips.STOPPING),
            "results": PanelSection("Correction, dataset and report", results, tooltips.RESULTS),
        }
        stack_in(self, *self.sections.values())
        for name, section in self.sections.items():
            section.panel.changed.connect(partial(self._on_changed, name))

    def set_project(self, project: Project | None) -> None:
        """Hold another project."""
        self._step = None
        for section in self.sections.values():
            section.set_project(project)

    def refresh(self) -> None:
        """Show the project as its store has it now, where somebody looks."""
        for section in self.sections.values():
            section.refresh()

    def open_for(self, step: Step | None) -> None:
        """Open what belongs to the step that has become the next one, and close the rest."""
        if step is not self._step:
            self._step = step
            self.results.question.forget()
            for name, section in self.sections.items():
                section.collapsible.set_open(step in TIMES[name] or name == self._in_use)

    def _on_changed(self, name: str) -> None:
        """A section must not close under the hand that has just changed something in it."""
        self._in_use = name
        self.changed.emit()
        self._in_use = ""

    def set_locked(self, is_locked: bool) -> None:
        """Let no job be started beside another one."""
        for section in self.sections.values():
            section.panel.set_locked(is_locked)


TIMES: Mapping[str, tuple[Step, ...]] = {
    "selection": (Step.SELECT,),
    "audit": (Step.SELECT,),
    "results": (Step.CORRECT, Step.EXPORT),
}
"""Before which steps a section opens."""
