"""The ranking of X without X^i, kept in the store before anything is selected from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.loop import offered_rows, rank_images
from napari_alc.cleaning.regions import Region
from napari_alc.cleaning.selection import Candidates, scores
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.steps.assign_regions import SortedImages, Sorter
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.strategy_measurements import measured_values, strategy_of

IMAGES_AT_ONCE = 512
"""Images whose boxes are sorted, and so held in memory, at a time."""


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

    def of(self, image_ids: Integers) -> _Found:
        """The rows of some images, in their order; rows must be ordered by id before."""
        rows = np.searchsorted(self.image_ids, image_ids)
        return _Found(image_ids, self.inconsistency[rows], self.counts[rows], self.offered[rows])


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
    while (made_of := _needed(project, iteration)) is not None:
        _keep(project, iteration, made_of, _make(project, iteration))


def _make(project: Project, iteration: int) -> _Found:
    """What the LSM found, the most urgent image first."""
    found = _find(project, iteration)
    measured = measured_values(project, iteration, found.image_ids)
    candidates = Candidates(found.image_ids, found.inconsistency, measured)
    strategy, seed = strategy_of(project, iteration), project.settings.method.seed
    return found.of(rank_images(strategy, candidates, seed, iteration))


def _keep(project: Project, iteration: int, made_of: dict[str, object], found: _Found) -> None:
    """Store a ranking, unless what it was made of has changed meanwhile."""
    with project.store.transaction() as unit:
        unit.rankings.begin_anew()
        if made_of == _made_of(project, unit, iteration):
            columns = found.image_ids, found.inconsistency, found.counts, found.offered
            unit.rankings.replace(iteration, *columns, made_of)


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


def _needed(project: Project, iteration: int) -> dict[str, object] | None:
    """What a ranking would be made of; None where the one that is kept was made of it."""
    with project.store.transaction() as unit:
        made_of = _made_of(project, unit, iteration)
        return None if unit.rankings.made_of() == made_of else made_of


def _made_of(project: Project, unit: UnitOfWork, iteration: int) -> dict[str, object]:
    """What a ranking depends on; a change of any of it makes a new one necessary."""
    method = project.settings.method
    runs = [unit.runs.run(iteration, model) for model in MODELS]
    return {
        "iteration": iteration,
        "predicted": [str(run and run.predicted_at) for run in runs],
        "tau": [run and run.threshold for run in runs],
        "strategy": strategy_of(project, iteration).name,
        "iou": method.iou,
        "seed": method.seed,
    }
