"""The figures of the page Iterate, asked from the store; knows no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari.qt.threading import create_worker
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import heading
from napari_alc.plugin.widgets.tables import ROW_HEIGHT, Cell, Row, RowsTable
from napari_alc.project.project import Project
from napari_alc.project.reporting.history import iteration_history, noise_history, review_mark
from napari_alc.project.storage.records import RunRecord
from napari_alc.wording import UNKNOWN, measured


def iteration_rows(project: Project) -> list[Row]:
    """One row an iteration: number, images, and of Mp / Ma boxes, tau, AP50 and time."""
    return [
        (
            found.iteration,
            found.images,
            " / ".join(UNKNOWN if run is None else str(run.boxes) for run in found.runs),
            _threshold(found.runs[0]),
            " / ".join(_ap50(run) for run in found.runs),
            " / ".join(_seconds(run) for run in found.runs),
        )
        for found in iteration_history(project)
    ]


def noise_rows(project: Project) -> list[Row]:
    """One row an iteration whose images are reviewed: labels of the crowd by kind of noise."""
    return [
        (iteration, found.clean, found.background, found.miss, found.location, found.box_in_box)
        for iteration, found in noise_history(project).items()
    ]


def _threshold(run: RunRecord | None) -> Cell:
    return UNKNOWN if run is None or run.threshold is None else f"{run.threshold:.2f}"


def _ap50(run: RunRecord | None) -> str:
    value = None if run is None else run.metric("validation_AP50")
    return UNKNOWN if value is None else f"{value:.1f}"


def _seconds(run: RunRecord | None) -> str:
    value = None if run is None else run.metric("seconds")
    return UNKNOWN if value is None else measured(value)


MOST_ROWS = 6
"""Rows that are shown without scrolling within a table."""

FRAME = 4
"""Pixels of a table's frame."""


class IterationTables(QWidget):
    """Two tables that are as high as their rows; the second hides while it has none."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._mark: tuple[int, int] | None = None
        self.iterations = RowsTable(tooltips.ITERATION_COLUMNS, wide="AP50")
        self.noise_heading = heading("Noise found in the crowd's labels")
        self.noise_heading.setToolTip(tooltips.NOISE)
        self.noise = RowsTable(tooltips.NOISE_COLUMNS, wide="Background")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(heading("Iterations: Mp / Ma"))
        layout.addWidget(self.iterations)
        layout.addWidget(self.noise_heading)
        layout.addWidget(self.noise)
        self._show_noise(())

    def show_project(self, project: Project | None) -> None:
        """Show a project as its store has it now; noise is judged again only after a review."""
        _fill(self.iterations, [] if project is None else iteration_rows(project))
        mark = None if project is None else review_mark(project)
        if project is self._project and mark == self._mark:
            return
        if project is not self._project:
            self._show_noise(())
        self._project, self._mark = project, mark
        if project is not None:  # some milliseconds an image: beside the window
            create_worker(_judged, project, mark, _connect={"returned": self._on_judged})

    def _on_judged(self, judged: _Judged) -> None:
        if judged.project is self._project and judged.mark == self._mark:
            self._show_noise(judged.rows)

    def _show_noise(self, rows: Sequence[Row]) -> None:
        _fill(self.noise, rows)
        for widget in (self.noise_heading, self.noise):
            widget.setVisible(bool(rows))


@dataclass(frozen=True)
class _Judged:
    """The noise found in a project when its review stood at `mark`."""

    project: Project
    mark: tuple[int, int]
    rows: Sequence[Row]


def _judged(project: Project, mark: tuple[int, int]) -> _Judged:
    try:
        return _Judged(project, mark, noise_rows(project))
    except AlcError:  # closed meanwhile; what is wrong with a store is told by every other query
        return _Judged(project, mark, ())


def _fill(table: RowsTable, rows: Sequence[Row]) -> None:
    table.rows.set_rows(rows)
    shown = min(max(1, len(rows)), MOST_ROWS)
    header = table.horizontalHeader().sizeHint().height()
    table.setFixedHeight(header + shown * ROW_HEIGHT + FRAME)
