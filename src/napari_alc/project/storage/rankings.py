"""Rankings in the store, and what people override in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, func, select

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.regions import Region
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import Override, OverrideKind, RankedImage
from napari_alc.project.storage.repository import Repository, now, rows_of

MADE_OF = "ranking"
"""Key of the table `meta`: what the newest ranking was made of, as JSON."""

_ranking, _choice, _meta = schema.ranking.c, schema.choice.c, schema.meta.c


@dataclass(frozen=True, eq=False)
class ImageScores:
    """What the LSM found in images, a row an image.

    `inconsistency` is SCORE (Eq. 2), shape (M,); `counts` are boxes of each region, shape (M, 4),
    columns as in `Region`; `offered` are boxes that a review of the whole image would show,
    shape (M,).
    """

    image_ids: Integers
    inconsistency: Floats
    counts: Integers
    offered: Integers

    def of(self, image_ids: Integers) -> ImageScores:
        """The rows of some images, in their order; rows must be ordered by id before."""
        rows = np.searchsorted(self.image_ids, image_ids)
        return ImageScores(
            image_ids, self.inconsistency[rows], self.counts[rows], self.offered[rows]
        )


class RankingRepository(Repository):
    """The rankings, each made anew when what it depends on changes, and overrides of them."""

    def made_of(self) -> object:
        """What the newest ranking was made of; None where there is none."""
        known = self._value(select(_meta.value).where(_meta.key == MADE_OF))
        return None if known is None else json.loads(known)

    def begin_anew(self) -> None:
        """Forget what the newest ranking was made of; nobody else ranks until the transaction ends.

        Other databases let nobody in from here on; SQLite does so since the first change.
        """
        self._rows(select(schema.meta).with_for_update())
        self._execute(delete(schema.meta).where(_meta.key == MADE_OF))

    def replace(self, iteration: int, found: ImageScores, made_of: Mapping[str, object]) -> None:
        """Keep the ranking of an iteration in place of an earlier one, the most urgent first.

        It was `made_of` all that it depends on.
        """
        rows = rows_of(
            {"iteration": iteration},
            image_id=found.image_ids.tolist(),
            rank=range(len(found.image_ids)),
            score=found.inconsistency.tolist(),
            **{region.label: found.counts[:, region].tolist() for region in Region},
            offered=found.offered.tolist(),
        )
        self._execute(delete(schema.ranking).where(_ranking.iteration == iteration))
        self._add(schema.ranking, rows)
        self._add(schema.meta, [{"key": MADE_OF, "value": json.dumps(made_of)}])

    def images(self, iteration: int) -> tuple[RankedImage, ...]:
        """The ranking of an iteration, with what people said about its images."""
        r, i = _ranking, schema.image.c
        query = (
            select(i.id, i.file_name, r.rank, r.score, r.red, r.green, r.pink, r.gray, r.offered)
            .join(schema.image, i.id == r.image_id)
            .where(r.iteration == iteration)
            .order_by(r.rank)
        )
        made = self.overrides(iteration)
        return tuple(
            RankedImage(image_id, name, rank + 1, score, red, green, pink, gray, shown, override)
            for image_id, name, rank, score, red, green, pink, gray, shown in self._rows(query)
            for override in (made.get(image_id),)
        )

    def has(self, iteration: int, image_id: int) -> bool:
        """Whether an image is in the ranking of an iteration."""
        here = _ranking.iteration == iteration, _ranking.image_id == image_id
        return self._count(schema.ranking, *here) > 0

    def uncertain_boxes(self, iteration: int) -> float:
        """Red and green boxes an image of a ranking; 0 where there is none."""
        mean = func.avg(_ranking.red + _ranking.green)
        return float(self._value(select(mean).where(_ranking.iteration == iteration)) or 0.0)

    def overrides(self, iteration: int) -> dict[int, Override]:
        """What people said about the images of a ranking and did not take back, by image id."""
        c = _choice
        newest = select(func.max(c.id)).where(c.iteration == iteration).group_by(c.image_id)
        query = select(c.image_id, c.kind, c.person, c.reason).where(c.id.in_(newest))
        return {
            image_id: Override(kind, person, reason)
            for image_id, kind, person, reason in self._rows(query)
            if kind != OverrideKind.UNDONE
        }

    def add_override(self, iteration: int, image_id: int, override: Override) -> None:
        """Keep what a person says about an image; earlier ones stay in the history."""
        row = {"image_id": image_id, "iteration": iteration, **vars(override), "at": now()}
        self._add(schema.choice, [row])
