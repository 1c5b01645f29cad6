"""The figures of the page Iterate, asked from the store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtWidgets import QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import heading, stack_in, words
from napari_alc.plugin.widgets.tables import ROW_HEIGHT, Cell, Row, RowsTable
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.project import Project
from napari_alc.project.reporting.history import iteration_history, noise_history, review_mark
from napari_alc.project.storage.records import RunRecord
from napari_alc.wording import AP50_MEANS, UNKNOWN, measured


def iteration_rows(project: Project) -> list[Row]:
    """One row an iteration: number, images, and of Mp / Ma boxes, limit, AP50 and time."""
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


MEANINGS = (
    "The expert's model (Mp) learns from the pathologists' labels, the shared model (Ma) from "
    f"those that the crowd drew too. {AP50_MEANS}."
)

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
        title = heading("Rounds so far: Mp / Ma")
        stack_in(self, title, words(MEANINGS), self.iterations, self.noise_heading, self.noise)
        self._query = AsyncQuery(self)
        self._query.answered.connect(self._show_noise)
        # Closed meanwhile; what is wrong with a store is told by every other query.
        self._query.refused.connect(lambda _: self._show_noise(()))
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
        self._query.forget()
        if project is not None:  # some milliseconds an image: beside the window
            self._query.ask(partial(noise_rows, project))

    def _show_noise(self, rows: Sequence[Row]) -> None:
        _fill(self.noise, rows)
        for widget in (self.noise_heading, self.noise):
            widget.setVisible(bool(rows))


def _fill(table: RowsTable, rows: Sequence[Row]) -> None:
    table.rows.set_rows(rows)
    shown = min(max(1, len(rows)), MOST_ROWS)
    header = table.horizontalHeader().sizeHint().height()
    table.setFixedHeight(header + shown * ROW_HEIGHT + FRAME)
