"""Candidates: every place where the crowd or a model claims an object.

A candidate is a cluster of boxes of one image and category, at most one of each source. Nothing is
thresholded: a model's box counts from the detector's own floor on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from napari_alc.boxes import MATCH_IOU, Boxes, BoxSet, Floats, Integers, Mask, close_pairs, ious
from napari_alc.labels import Detections, Labels, box_sets

CROWD_STRENGTH = 0.25
"""What a crowd box adds to the strength of a candidate."""


@dataclass(frozen=True, eq=False)
class BoxCandidates:
    """Clusters of boxes that claim the same object, by image.

    Parameters
    ----------
    image_ids, category_ids
        int64, shape (N,).
    rows
        int64, shape (M + 1, N): the row of each candidate's box in the detections of each of the M
        models, and last in the crowd's labels; -1 where a source has none.
    boxes
        float64, shape (M + 1, N, 4): those boxes, ``x1, y1, x2, y2`` in pixels; NaN where none.
    scores
        float64, shape (M, N), in 0–1: what each model gave its box; 0 where it has none.
    """

    image_ids: Integers
    category_ids: Integers
    rows: Integers
    boxes: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, index: Integers | Mask) -> BoxCandidates:
        """The candidates at `index` (a mask or positions), in that order."""
        return BoxCandidates(
            self.image_ids[index],
            self.category_ids[index],
            self.rows[:, index],
            self.boxes[:, index],
            self.scores[:, index],
        )

    @cached_property
    def has_box(self) -> Mask:
        """Which sources have a box in which candidates, shape (M + 1, N)."""
        return np.asarray(self.rows >= 0)

    @property
    def is_drawn_by_crowd(self) -> Mask:
        """Whether the crowd has a box in a candidate, shape (N,)."""
        return np.asarray(self.has_box[-1])

    @cached_property
    def mean_scores(self) -> Floats:
        """Mean over the models, shape (N,), in 0–1."""
        return np.asarray(self.scores.mean(axis=0))

    @cached_property
    def strength(self) -> Floats:
        """Mean score + 0.25·[crowd] (calibrated method, step 3), shape (N,)."""
        return self.mean_scores + CROWD_STRENGTH * self.is_drawn_by_crowd

    @cached_property
    def first_boxes(self) -> Boxes:
        """The box of the first source that has one, shape (N, 4)."""
        return np.asarray(self.boxes[self.has_box.argmax(axis=0), np.arange(len(self))])


@dataclass(frozen=True, eq=False)
class _Claims:
    """All boxes of all sources, the strongest claim first: models by falling score, then the crowd.

    `source` counts the models from 0 and has the crowd last; `row` is that within the source.
    """

    keyed: BoxSet
    source: Integers
    row: Integers

    def __len__(self) -> int:
        return len(self.source)


def find_candidates(models: Sequence[Detections], crowd: Labels) -> BoxCandidates:
    """Cluster the boxes of models and crowd (calibrated method, step 3).

    By falling score, then the crowd's: a box that is still free is a seed and takes from every
    other source the free box of highest IoU > 0.5 with it. Models' boxes that overlap a seed so
    much and are not the closest of their source are absorbed; such crowd boxes stay free.

    Parameters
    ----------
    models
        At least one, in order of preference: the first one's corners stand for a candidate.
    crowd
        Labels of the same images.

    Returns
    -------
    BoxCandidates
        By image, category, and then as their seeds come.
    """
    sets = box_sets(*models, crowd)
    claims = _claims(sets, models)
    members = _cluster(claims, len(sets))
    return _candidates(members, claims, models, crowd)


def _claims(sets: Sequence[BoxSet], models: Sequence[Detections]) -> _Claims:
    source = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    row = np.concatenate([np.arange(len(one)) for one in sets])
    keyed = BoxSet(
        np.concatenate([one.keys for one in sets]), np.concatenate([one.boxes for one in sets])
    )
    scores = np.concatenate([*(model.scores for model in models), np.full(len(sets[-1]), -1.0)])
    order = np.argsort(-scores, kind="stable")
    return _Claims(keyed.take(order), source[order], row[order])


def _cluster(claims: _Claims, sources: int) -> Integers:
    """Of each seed the place among the claims of its box of each source, shape (sources, N).

    Seeds are found many at a time: a free box that is the strongest claim among its neighbours and
    theirs is a seed whatever becomes of the others, since none of these takes a box before it that
    it may take. So the result is that of going through the claims one by one.
    """
    pairs = _pairs(claims, crowd=sources - 1)
    free = np.ones(len(claims), dtype=np.bool_)
    found = [np.empty((sources, 0), np.int64)]
    while free.any():
        seeds = np.flatnonzero(free & _is_strongest(len(free), pairs))
        of_seeds = pairs.take(np.isin(pairs.first, seeds))
        members = _members(claims, seeds, of_seeds, sources)
        free[of_seeds.second[claims.source[of_seeds.second] < sources - 1]] = False
        free[members[members >= 0]] = False
        found.append(members)
        pairs = pairs.take(free[pairs.first] & free[pairs.second])
    return np.concatenate(found, axis=1)


@dataclass(frozen=True, eq=False)
class _Overlaps:
    """Places ``first``, ``second`` of claims that overlap, in both orders, and their IoU."""

    first: Integers
    second: Integers
    overlap: Floats

    def take(self, index: Mask) -> _Overlaps:
        return _Overlaps(self.first[index], self.second[index], self.overlap[index])


def _pairs(claims: _Claims, crowd: int) -> _Overlaps:
    keyed = claims.keyed
    first, second = close_pairs(keyed, keyed, lambda a, b: ious(a, b) > MATCH_IOU)
    # Two boxes of the crowd do not concern each other: only models' boxes are absorbed.
    by_crowd = (claims.source[first] == crowd) & (claims.source[second] == crowd)
    kept = (first != second) & ~by_crowd
    first, second = first[kept], second[kept]
    return _Overlaps(first, second, ious(keyed.boxes[first], keyed.boxes[second]))


def _is_strongest(count: int, pairs: _Overlaps) -> Mask:
    """Whether no claim within two steps comes before a claim, shape (count,)."""
    places = np.arange(count)
    best = places
    for _ in range(2):
        nearer = best.copy()
        np.minimum.at(nearer, pairs.first, best[pairs.second])
        best = nearer
    return np.asarray(best == places)


def _members(claims: _Claims, seeds: Integers, pairs: _Overlaps, sources: int) -> Integers:
    """The seeds, and of every other source the closest of their pairs, shape (sources, K)."""
    foreign = pairs.take(claims.source[pairs.first] != claims.source[pairs.second])
    members = np.full((sources, len(seeds)), -1)
    members[claims.source[seeds], np.arange(len(seeds))] = seeds
    # The closest comes last, and so it stays; among equals the first of its source.
    order = np.lexsort((-claims.row[foreign.second], foreign.overlap))
    others = foreign.second[order]
    members[claims.source[others], np.searchsorted(seeds, foreign.first[order])] = others
    return members


def _candidates(
    members: Integers, claims: _Claims, models: Sequence[Detections], crowd: Labels
) -> BoxCandidates:
    is_member = members >= 0
    # Claims come by falling score, so the first of a cluster is its seed.
    seed = np.where(is_member, members, len(claims)).min(axis=0, initial=len(claims))
    ids = [_of_sources(name, (*models, crowd)) for name in ("image_ids", "category_ids")]
    starts = np.cumsum([0, *(len(model) for model in models)])
    image_ids, category_ids = (column[starts[claims.source] + claims.row][seed] for column in ids)
    order = np.lexsort((seed, category_ids, image_ids))
    rows = np.where(is_member, claims.row[members], -1)[:, order]
    return BoxCandidates(
        image_ids[order],
        category_ids[order],
        rows,
        np.stack([_picked(part.boxes, own, np.nan) for part, own in _with(rows, *models, crowd)]),
        np.stack([_picked(model.scores, own, 0.0) for model, own in _with(rows, *models)]),
    )


def _of_sources(name: str, parts: Sequence[Labels | Detections]) -> Integers:
    return np.concatenate([getattr(part, name) for part in parts])


def _with(rows: Integers, *parts: Any) -> Iterable[tuple[Any, Integers]]:
    """Each source with its own rows."""
    return zip(parts, rows, strict=False)


def _picked(values: Floats, rows: Integers, missing: float) -> Floats:
    """The values at `rows`; `missing` where there is none."""
    picked = np.full((len(rows), *values.shape[1:]), missing)
    picked[rows >= 0] = values[rows[rows >= 0]]
    return picked
