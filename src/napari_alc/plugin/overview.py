"""The figures of the page Iterate, asked from the store; knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func, select

from napari_alc.project import schema
from napari_alc.project.noise_found import noise_found
from napari_alc.project.project import MODELS, Project
from napari_alc.project.tasks import JOINT, WHOLE_IMAGE

UNKNOWN = "–"

_WHOLE = and_(schema.task.c.step == WHOLE_IMAGE, schema.task.c.reader == JOINT)
"""Tasks of images that are labelled whole, one an image."""

Cell = str | int | float
Row = tuple[Cell, ...]


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
    return UNKNOWN if value is None else short_time(value)


def short_time(seconds: float) -> str:
    """A measured time, short enough for a table."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
