"""The figures of the page Iterate, asked from the store; knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtWidgets import QVBoxLayout, QWidget
from sqlalchemy import and_, func, select

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import heading
from napari_alc.plugin.widgets.tables import ROW_HEIGHT, Cell, CopyableTable, Row
from napari_alc.project.annotation.tasks import JOINT, WHOLE_IMAGE
from napari_alc.project.project import MODELS, Project
from napari_alc.project.reporting.noise_history import noise_found, review_mark
from napari_alc.project.storage import schema
from napari_alc.wording import UNKNOWN, measured

_WHOLE = and_(schema.task.c.step == WHOLE_IMAGE, schema.task.c.reader == JOINT)
"""Tasks of images that are labelled whole, one an image."""


def iteration_rows(project: Project) -> list[Row]:
    """One row an iteration: number, images, and of Mp / Ma boxes, tau, AP50 and time.

    Images of an audit count from the iteration that learns from them on.
    """
    t = schema.task.c
    query = (
        select(t.iteration, func.count())
        .where(_WHOLE, t.iteration <= _newest_iteration(project))
        .group_by(t.iteration)
        .order_by(t.iteration)
    )
    runs = {(run.iteration, run.model): run for run in project.store.rows(select(schema.run))}
    rows: list[Row] = []
    images = 0
    for iteration, added in project.store.rows(query):
        images += added
        models = [runs.get((iteration, model)) for model in MODELS]
        rows.append(
            (
                iteration,
                images,
                " / ".join(str(_of(run, "boxes")) for run in models),
                _threshold(models[0]),
                " / ".join(_ap50(run) for run in models),
                " / ".join(_seconds(run) for run in models),
            )
        )
    return rows


def noise_rows(project: Project) -> list[Row]:
    """One row an iteration whose images are reviewed: labels of the crowd by kind of noise."""
    newest = _newest_iteration(project)
    return [
        (iteration, found.clean, found.background, found.miss, found.location, found.box_in_box)
        for iteration, found in noise_found(project).items()
        if iteration <= newest
    ]


def _newest_iteration(project: Project) -> int:
    """The last iteration that has begun; images of an audit wait for the one after it."""
    t = schema.task.c
    found = project.store.value(select(func.max(t.iteration)).where(_WHOLE, ~t.audit))
    return int(found or 0)


def _of(run: Any | None, name: str) -> Cell:
    value = None if run is None else getattr(run, name)
    return UNKNOWN if value is None else value


def _threshold(run: Any | None) -> Cell:
    value = _of(run, "threshold")
    return value if value == UNKNOWN else f"{value:.2f}"


def _metric(run: Any | None, name: str) -> Any:
    metrics: Mapping[str, Any] = {} if run is None or run.metrics is None else run.metrics
    return metrics.get(name)


def _ap50(run: Any | None) -> str:
    value = _metric(run, "validation_AP50")
    return UNKNOWN if value is None else f"{value:.1f}"


def _seconds(run: Any | None) -> str:
    value = _metric(run, "seconds")
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
        self.iterations = CopyableTable(tooltips.ITERATION_COLUMNS, wide="AP50")
        self.noise_heading = heading("Noise found in the crowd's labels")
        self.noise_heading.setToolTip(tooltips.NOISE)
        self.noise = CopyableTable(tooltips.NOISE_COLUMNS, wide="Background")
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


def _fill(table: CopyableTable, rows: Sequence[Row]) -> None:
    table.rows.set_rows(rows)
    shown = min(max(1, len(rows)), MOST_ROWS)
    header = table.horizontalHeader().sizeHint().height()
    table.setFixedHeight(header + shown * ROW_HEIGHT + FRAME)
