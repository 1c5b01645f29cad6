"""The ranking of X without X^i, kept in the store before anything is selected from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, insert, select

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.loop import offered_rows, rank_images
from napari_alc.cleaning.regions import Region
from napari_alc.cleaning.selection import Candidates, scores
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import run_of
from napari_alc.project.steps.assign_regions import SortedImages, Sorter
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import add_rows
from napari_alc.project.strategy_measurements import measured_values, strategy_of

IMAGES_AT_ONCE = 512
"""Images whose boxes are sorted, and so held in memory, at a time."""

MADE_OF = "ranking"
"""Key of the table `meta`: what the newest ranking was made of, as JSON."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What the LSM found in images, a row an image.

    Parameters
    ----------
    inconsistency
        SCORE (Eq. 2), shape (M,).
    counts
        Boxes of each region, shape (M, 4), columns as in `Region`.
    offered
        Boxes that a review of the whole image would show, shape (M,).
    """

    image_ids: Integers
    inconsistency: Floats
    counts: Integers
    offered: Integers


def keep_ranking(project: Project, iteration: int) -> None:
    """Rank X without X^i and store it; one that was made of the same predictions stays.

    Memory follows the number of images, not of boxes: they are sorted some at a time. Windows
    and steps may do so at the same time, since each makes the same ranking: who only looks at
    it keeps no step from starting.

    Raises
    ------
    BadData
        When predictions are damaged or missing.
    AlcError
        When what the strategy looks at was not measured.
    """
    while not _is_kept(project, made_of := _made_of(project, iteration)):
        _keep(project, iteration, made_of, _make(project, iteration))


def _make(project: Project, iteration: int) -> list[dict[str, object]]:
    found = _find(project, iteration)
    measured = measured_values(project, iteration, found.image_ids)
    candidates = Candidates(found.image_ids, found.inconsistency, measured)
    strategy, seed = strategy_of(project, iteration), project.settings.method.seed
    return _rows(found, rank_images(strategy, candidates, seed, iteration), iteration)


def _keep(
    project: Project, iteration: int, made_of: dict[str, object], rows: list[dict[str, object]]
) -> None:
    """Store a ranking, unless what it was made of has changed meanwhile."""
    m, r = schema.meta.c, schema.ranking.c
    with project.store.begin() as connection:
        # From here on other databases let nobody else in; SQLite does so since the first change.
        connection.execute(select(schema.meta).where(m.key == "schema").with_for_update())
        connection.execute(delete(schema.meta).where(m.key == MADE_OF))
        if made_of == _made_of(project, iteration):
            connection.execute(delete(schema.ranking).where(r.iteration == iteration))
            add_rows(connection, schema.ranking, rows)
            note = {"key": MADE_OF, "value": json.dumps(made_of)}
            connection.execute(insert(schema.meta), [note])


def _find(project: Project, iteration: int) -> _Found:
    ids = [image.id for image in remaining_images(project, iteration)]
    sorter = Sorter(project, iteration)
    parts = [_found_in(sorter.sort(part)) for part in _parts(ids)]
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return _Found(nothing, np.zeros(0), np.zeros((0, len(Region)), np.int64), nothing)
    return _Found(
        np.concatenate([part.image_ids for part in parts]),
        np.concatenate([part.inconsistency for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.offered for part in parts]),
    )


def _parts(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), IMAGES_AT_ONCE):
        yield ids[start : start + IMAGES_AT_ONCE]


def _found_in(images: SortedImages) -> _Found:
    ids, rows = images.image_ids, images.rows
    position = np.searchsorted(ids, rows.image_ids)
    counts = np.zeros((len(ids), len(Region)), dtype=np.int64)
    np.add.at(counts, (position, rows.region), 1)
    offered = np.bincount(position[offered_rows(rows)], minlength=len(ids))
    return _Found(ids, scores(rows, ids), counts, offered)


def _rows(found: _Found, ranked: Integers, iteration: int) -> list[dict[str, object]]:
    rows = np.searchsorted(found.image_ids, ranked)
    return [
        {
            "iteration": iteration,
            "image_id": image_id,
            "rank": place,
            "score": score,
            **{region.label: counts[region] for region in Region},
            "offered": offered,
        }
        for place, (image_id, score, counts, offered) in enumerate(
            zip(
                ranked.tolist(),
                found.inconsistency[rows].tolist(),
                found.counts[rows].tolist(),
                found.offered[rows].tolist(),
                strict=True,
            )
        )
    ]


def _made_of(project: Project, iteration: int) -> dict[str, object]:
    """What a ranking depends on; a change of any of it makes a new one necessary."""
    method = project.settings.method
    runs = [run_of(project, iteration, model) for model in MODELS]
    return {
        "iteration": iteration,
        "predicted": [str(run and run.predicted_at) for run in runs],
        "tau": [run and run.threshold for run in runs],
        "strategy": strategy_of(project, iteration).name,
        "iou": method.iou,
        "seed": method.seed,
    }


def _is_kept(project: Project, made_of: dict[str, object]) -> bool:
    c = schema.meta.c
    known = project.store.value(select(c.value).where(c.key == MADE_OF))
    return known is not None and json.loads(known) == made_of
