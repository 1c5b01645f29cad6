"""The figures of the page Iterate, asked from the store; knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from napari_alc.project import schema
from napari_alc.project.project import MODELS, Project
from napari_alc.project.tasks import WHOLE_IMAGE

UNKNOWN = "–"

Cell = str | int | float
Row = tuple[Cell, ...]


def iteration_rows(project: Project) -> list[Row]:
    """One row an iteration: number, images, boxes of Mp / Ma, tau, AP50 of Mp / Ma."""
    t = schema.task.c
    query = (
        select(t.iteration, func.count())
        .where(t.step == WHOLE_IMAGE)
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
            )
        )
    return rows


def _of(run: Any | None, name: str) -> Cell:
    value = None if run is None else getattr(run, name)
    return UNKNOWN if value is None else value


def _threshold(run: Any | None) -> Cell:
    value = _of(run, "threshold")
    return value if value == UNKNOWN else f"{value:.2f}"


def _ap50(run: Any | None) -> str:
    metrics: Mapping[str, Any] = {} if run is None or run.metrics is None else run.metrics
    value = metrics.get("validation_AP50")
    return UNKNOWN if value is None else f"{value:.1f}"


def ranked_rows(project: Project) -> tuple[int | None, Sequence[Row]]:
    """The newest ranking: its iteration, and rank, image, score and boxes by region."""
    r, i = schema.ranking.c, schema.image.c
    newest = project.store.value(select(func.max(r.iteration)))
    if newest is None:
        return None, []
    query = (
        select(r.rank + 1, i.file_name, r.score, r.red, r.pink, r.green, r.gray)
        .join(schema.image, i.id == r.image_id)
        .where(r.iteration == newest)
        .order_by(r.rank)
    )
    return newest, [
        (rank, name, f"{score:.2f}", *regions)
        for rank, name, score, *regions in project.store.rows(query)
    ]
