"""The ranking of X without X^i, what people change in it by hand, and what the next images cost.

The ranking is kept in the store before anything is selected from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from napari_alc.cleaning.loop import offered_rows, rank_images
from napari_alc.cleaning.regions import Region
from napari_alc.cleaning.selection import Candidates, scores
from napari_alc.errors import AlcError
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import has_predicted, status
from napari_alc.project.steps.assign_regions import SortedImages, Sorter
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.rankings import ImageScores
from napari_alc.project.storage.records import Override, OverrideKind, RankedImage, ReviewStep
from napari_alc.project.strategy_measurements import measured_values, strategy_of
from napari_alc.wording import counted

IMAGES_AT_ONCE = 512
"""Images whose boxes are sorted, and so held in memory, at a time."""


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


def _make(project: Project, iteration: int) -> ImageScores:
    """What the LSM found, the most urgent image first."""
    found = _find(project, iteration)
    measured = measured_values(project, iteration, found.image_ids)
    candidates = Candidates(found.image_ids, found.inconsistency, measured)
    strategy, seed = strategy_of(project, iteration), project.settings.method.seed
    return found.of(rank_images(strategy, candidates, seed, iteration))


def _keep(project: Project, iteration: int, made_of: dict[str, object], found: ImageScores) -> None:
    """Store a ranking, unless what it was made of has changed meanwhile."""
    with project.store.transaction() as unit:
        unit.rankings.begin_anew()
        if made_of == _made_of(project, unit, iteration):
            unit.rankings.replace(iteration, found, made_of)


def _find(project: Project, iteration: int) -> ImageScores:
    ids = [image.id for image in remaining_images(project, iteration)]
    sorter = Sorter(project, iteration)
    starts = range(0, max(len(ids), 1), IMAGES_AT_ONCE)
    parts = [_found_in(sorter.sort(ids[start : start + IMAGES_AT_ONCE])) for start in starts]
    columns = ([getattr(part, column.name) for part in parts] for column in fields(ImageScores))
    return ImageScores(*map(np.concatenate, columns))


def _found_in(images: SortedImages) -> ImageScores:
    ids, rows = images.image_ids, images.rows
    position = np.searchsorted(ids, rows.image_ids)
    counts = np.zeros((len(ids), len(Region)), dtype=np.int64)
    np.add.at(counts, (position, rows.region), 1)
    offered = np.bincount(position[offered_rows(rows)], minlength=len(ids))
    return ImageScores(ids, scores(rows, ids), counts, offered)


def _needed(project: Project, iteration: int) -> dict[str, object] | None:
    """What a ranking would be made of; None where the one that is kept was made of it."""
    with project.store.transaction() as unit:
        made_of = _made_of(project, unit, iteration)
        return None if unit.rankings.made_of() == made_of else made_of


def _made_of(project: Project, unit: UnitOfWork, iteration: int) -> dict[str, object]:
    """What a ranking depends on; a change of any of it makes a new one necessary."""
    method = project.settings.method
    runs = [unit.runs.run(iteration, model) for model in MODELS]
    excluded = unit.flags.excluded()
    return {
        "iteration": iteration,
        "predicted": [str(run and run.predicted_at) for run in runs],
        "tau": [run and run.threshold for run in runs],
        "strategy": strategy_of(project, iteration).name,
        "iou": method.iou,
        "seed": method.seed,
        # named only where there are some, so that rankings of earlier programs stay as they are
        **({"excluded": list(excluded)} if excluded else {}),
    }


NOT_YET = "There is no ranking yet: both detectors have to look at the remaining images first."


@dataclass(frozen=True)
class Ranking:
    """The images of X without X^i, but those of an audit, the most urgent first."""

    iteration: int
    rows: tuple[RankedImage, ...]

    def chosen(self, k: int) -> tuple[RankedImage, ...]:
        """The next `k` images: those added by hand, then the first ones not taken out.

        More than `k` where more were added.
        """
        added = [row for row in self.rows if row.is_included]
        others = (row for row in self.rows if row.override is None)
        return (*added, *islice(others, max(k - len(added), 0)))


@dataclass(frozen=True)
class Cost:
    """What a review would cost at the pace of the whole images so far; None if not measured."""

    images: int
    boxes: int
    minutes: float | None

    @property
    def words(self) -> str:
        """Boxes and minutes in words."""
        boxes = f"about {counted(self.boxes, 'box')}"
        if self.minutes is None:
            return f"{boxes}; how long a box takes is not measured yet"
        return f"{boxes}, about {counted(max(1, round(self.minutes)), 'minute')}"


def ranked(project: Project) -> Ranking:
    """The ranking as it stands, with what people chose; made where it is not there yet.

    Raises
    ------
    AlcError
        When the detectors have not looked at the remaining images yet.
    """
    return _ranking(project, _iteration(project))


def chosen_images(project: Project, iteration: int, k: int) -> tuple[int, ...]:
    """Ids of the next `k` images of a ranking that is kept already."""
    return tuple(row.image_id for row in _ranking(project, iteration).chosen(k))


def cost_of(project: Project, ranking: Ranking, k: int) -> Cost:
    """What the next `k` images of a ranking would cost to review."""
    rows = ranking.chosen(k)
    boxes = sum(row.offered for row in rows)
    pace = seconds_a_box(project)
    return Cost(len(rows), boxes, None if pace is None else boxes * pace / 60)


def seconds_a_box(project: Project) -> float | None:
    """Seconds that a box of a whole image has taken so far, of everybody; None if unknown."""
    seconds = time_spent(project).by_step.get(ReviewStep.WHOLE_IMAGE, 0.0)
    with project.store.transaction() as unit:
        boxes = unit.times.boxes_in_timed_wholes()
    return seconds / boxes if seconds and boxes else None


def take_out(project: Project, image_id: int, person: str, reason: str) -> None:
    """Keep an image from being handed out next.

    Raises
    ------
    AlcError
        When no reason is given, or the image is not in the ranking.
    """
    _choose(project, image_id, Override(OverrideKind.EXCLUDE, person, reason.strip()))


def add(project: Project, image_id: int, person: str, reason: str) -> None:
    """Hand an image out next, whatever its rank (errors as of `take_out`)."""
    _choose(project, image_id, Override(OverrideKind.INCLUDE, person, reason.strip()))


def undo(project: Project, image_id: int, person: str) -> None:
    """Leave an image to its rank again; what was chosen before stays in the history.

    Raises
    ------
    AlcError
        When nobody chose anything about it.
    """
    iteration = _iteration(project)
    if image_id not in overrides_of(project, iteration):
        raise AlcError("Nothing was chosen by hand about this image.")
    with project.store.transaction() as unit:
        taken_back = Override(OverrideKind.UNDONE, person, "")
        unit.rankings.add_override(iteration, image_id, taken_back)


def image_named(project: Project, file_name: str) -> int:
    """Id of an image.

    Raises
    ------
    AlcError
        When the project has no image of that name.
    """
    with project.store.transaction() as unit:
        found = unit.images.id_of(file_name)
    if found is None:
        raise AlcError(f"The project has no image '{file_name}'.")
    return found


def overrides_of(project: Project, iteration: int) -> Mapping[int, Override]:
    """What people chose in a ranking, by image id."""
    with project.store.transaction() as unit:
        return unit.rankings.overrides(iteration)


def _iteration(project: Project) -> int:
    found = status(project)
    if found.corrected or not has_predicted(project, found.iteration):
        raise AlcError(NOT_YET if not found.corrected else _TOO_LATE)
    keep_ranking(project, found.iteration)
    return found.iteration


_TOO_LATE = "The remaining labels are corrected already; no further image is selected."


def _ranking(project: Project, iteration: int) -> Ranking:
    with project.store.transaction() as unit:
        audited = unit.tasks.audited_images()
        images = unit.rankings.images(iteration)
    return Ranking(iteration, tuple(row for row in images if row.image_id not in audited))


def _choose(project: Project, image_id: int, override: Override) -> None:
    if not override.reason:
        raise AlcError("Say why, in a few words; the reason is kept with the project.")
    iteration = _iteration(project)
    with project.store.transaction() as unit:
        is_there = unit.rankings.has(iteration, image_id)
        if not is_there or image_id in unit.tasks.audited_images():
            raise AlcError("This image is not in the ranking: a pathologist has it, or had it.")
        unit.rankings.add_override(iteration, image_id, override)
