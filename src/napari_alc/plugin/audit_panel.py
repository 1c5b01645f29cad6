"""Go on or stop: a recommendation, what lies ahead, and an audit of what nobody has looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from qtpy.QtWidgets import QSpinBox

from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.asking import Asker
from napari_alc.plugin.asking_panel import AskingPanel
from napari_alc.plugin.audit_words import (
    CORRECTED_HEADINGS,
    NOISE_HEADINGS,
    audit_sentence,
    corrected_figures,
    forecast_figures,
    noise_figures,
    so_far,
)
from napari_alc.plugin.figure_grid import FigureGrid
from napari_alc.plugin.fold import guard_wheel
from napari_alc.plugin.parts import button_with, heading, row_of, show_words, words
from napari_alc.project.audit import Audit, draw, result
from napari_alc.project.forecast import (
    Forecast,
    forecast,
    go_on,
    recommendation,
    stop_here,
    surprise,
)
from napari_alc.project.project import Project
from napari_alc.project.status import Status, Step, status

LOOKING = "Looking at what was found so far …"
DRAWING = "Drawing the images …"

FEW_IMAGES = 10
"""Images of an audit unless another number is entered."""

MOST_IMAGES = 1_000_000

SPIN_WIDTH = 80
"""Pixels: four digits between the buttons."""


@dataclass(frozen=True)
class _Seen:
    """Where a project stands, what was found and what lies ahead."""

    status: Status
    audit: Audit | None
    forecast: Forecast
    advice: str


def _look(project: Project) -> _Seen:
    return _Seen(status(project), result(project), forecast(project), recommendation(project))


class AuditPanel(AskingPanel):
    """Says whether going on is worth it; it is a person who stops."""

    def __init__(self) -> None:
        super().__init__(_look, LOOKING)
        self._status: Status | None = None
        self.drawer = Asker(self)
        self.advice = words(tooltip=tooltips.ADVICE)
        self.stop = button_with("Stop after this iteration", tooltips.STOP_HERE)
        self.go_on = button_with("Go on after all", tooltips.GO_ON_AFTER_ALL)
        self.so_far = words(tooltip=tooltips.BUDGET)
        self.ahead, self.surprise = FigureGrid(), words()
        self.m = QSpinBox()
        self.send = button_with("Send random images to the pathologist", tooltips.SEND_RANDOM)
        self.found_words = words()
        self.noise, self.corrected = FigureGrid(), FigureGrid()
        self._arrange()
        self._connect()
        self.set_project(None)

    def _arrange(self) -> None:
        self.advice.setStyleSheet("font-size: 13px;")
        self.m.setRange(1, MOST_IMAGES)
        self.m.setValue(FEW_IMAGES)
        self.m.setMaximumWidth(SPIN_WIDTH)
        self.m.setToolTip(tooltips.AUDIT_IMAGES)
        inner = self.inner
        inner.addWidget(self.advice)
        inner.addLayout(row_of(self.stop, self.go_on))
        inner.addWidget(self.so_far)
        inner.addWidget(self.ahead)
        inner.addWidget(self.surprise)
        inner.addWidget(heading("Audit by images drawn by chance"))
        inner.addWidget(self.found_words)
        inner.addWidget(self.noise)
        inner.addWidget(self.corrected)
        inner.addLayout(row_of(self.m, self.send))
        guard_wheel(self)

    def _connect(self) -> None:
        self.drawer.answered.connect(self._on_drawn)
        self.drawer.refused.connect(lambda error: show_words(self.error, str(error)))
        self.drawer.settled.connect(self._on_settled)
        self.send.clicked.connect(self._draw)
        self.stop.clicked.connect(lambda: self._change(stop_here))
        self.go_on.clicked.connect(lambda: self._change(go_on))

    def set_project(self, project: Project | None) -> None:
        """Show another project, or none."""
        self._status = None
        self.drawer.forget()
        super().set_project(project)

    def _show(self, seen: _Seen) -> None:
        self._status = seen.status
        self.advice.setText(seen.advice)
        self.so_far.setText(so_far(seen.forecast))
        self.ahead.show_rows(*forecast_figures(seen.forecast))
        show_words(self.surprise, surprise(seen.forecast))
        self.found_words.setText(audit_sentence(seen.audit))
        self.noise.show_rows(NOISE_HEADINGS, noise_figures(seen.audit))
        self.corrected.show_rows(CORRECTED_HEADINGS, corrected_figures(seen.audit))

    def _show_what_is_allowed(self) -> None:
        found = self._status
        step = None if found is None or self._is_locked else found.next_step
        has_stopped = found is not None and bool(found.stopped_by) and not found.corrected
        self.stop.setVisible(not has_stopped)
        self.stop.setEnabled(step is Step.SELECT)
        self.go_on.setVisible(has_stopped)
        self.go_on.setEnabled(not self._is_locked)
        is_free = step in (Step.SELECT, Step.CORRECT) and not self.drawer.is_asking
        self.m.setEnabled(is_free)
        self.send.setEnabled(is_free)

    def _draw(self) -> None:
        if self._project is not None:
            show_words(self.error, "")
            show_words(self.note, DRAWING)
            asked = partial(draw, m=self.m.value(), person=preferences.person())
            self.drawer.ask(asked, self._project)
            self._show_what_is_allowed()

    def _on_drawn(self) -> None:
        self.refresh()
        self.changed.emit()

    def _on_settled(self) -> None:
        show_words(self.note, "")
        self._show_what_is_allowed()

    def _change(self, change: Callable[[Project, str], None]) -> None:
        if self._project is not None:
            self._store(partial(change, self._project, preferences.person()))
