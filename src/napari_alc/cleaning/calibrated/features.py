"""What a candidate is judged by: features that mean the same whatever the models are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from napari_alc.boxes import Boxes, Floats, Integers, Mask, areas, group_keys, ious
from napari_alc.cleaning.calibrated.candidates import BoxCandidates
from napari_alc.cleaning.calibrated.corners import SAME_CORNERS_IOU
from napari_alc.cleaning.calibrated.neighbours import nearest_crowd, neighbours
from napari_alc.labels import ImageRecord, LabelSet

LEAST_P = 0.01
"""Probabilities are clipped to 0.01–0.99 before their logit is taken."""

STRONG = 0.5
"""Candidates of a mean score above this are strong ones."""

PRIOR_DRAWN, PRIOR_COUNT = 1.5, 2.0
"""The crowd draws three of four objects, as if two had been seen before any are."""

MOST_COVERED, MOST_COMPANY, MOST_SIZE = 3, 6, 2.0
"""Where the numbers of covered ones and of company, and the relative size, are cut."""

BORDER = 2.0
"""Pixels from an edge of the image within which a candidate touches it."""

LEAST_SIZED = 4
"""Strong candidates of a category whose median area others are compared with."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """R(b): what each model says of a candidate's fused box, shape (M, N) each (steps 1 and 4).

    Parameters
    ----------
    category, spread
        Mean and standard deviation of P(category) over the looks, in 0–1.
    background
        Mean of P(background) over the looks, in 0–1.
    """

    category: Floats
    spread: Floats
    background: Floats


def logit(p: Floats) -> Floats:
    """log(p / (1 − p)) of probabilities clipped to 0.01–0.99."""
    p = np.clip(p, LEAST_P, 1.0 - LEAST_P)
    return np.asarray(np.log(p / (1.0 - p)))


def features(candidates: BoxCandidates, ratings: Ratings, crowd: LabelSet) -> Mapping[str, Floats]:
    """The features of step 4 by their names, shape (N,) each.

    `crowd` has the crowd's labels, all images of the candidates and all categories.
    """
    rated = ratings.category.mean(axis=0)
    by_category = _of_categories(candidates, rated, [one.id for one in crowd.categories])
    return {
        **_of_models(candidates, ratings, rated),
        **_of_crowd(candidates, rated, crowd),
        **_of_neighbours(candidates),
        **_of_shape(candidates, crowd.images, [one.id for one in crowd.categories]),
        **_of_image(candidates),
        **by_category,
    }


def _of_models(candidates: BoxCandidates, ratings: Ratings, rated: Floats) -> dict[str, Floats]:
    scores, mean = candidates.scores, candidates.mean_scores
    return {
        "mean score": logit(mean),
        "highest score": logit(scores.max(axis=0)),
        "lowest score": logit(scores.min(axis=0)),
        "rating": logit(rated),
        "rating as background": logit(ratings.background.mean(axis=0)),
        "spread of ratings": ratings.spread.mean(axis=0),
        "score and rating": logit((mean + rated) / 2),
        "models agree": _agreement(candidates),
    }


def _agreement(candidates: BoxCandidates) -> Floats:
    """Mean IoU of the models' boxes, two at a time; 0 where one has none."""
    models = range(len(candidates.scores))
    pairs = [_pair_ious(candidates, a, b) for a, b in combinations(models, 2)]
    return np.mean(pairs, axis=0) if pairs else np.zeros(len(candidates))


def _pair_ious(candidates: BoxCandidates, a: int, b: int) -> Floats:
    boxes = np.nan_to_num(candidates.boxes)
    return ious(boxes[a], boxes[b])


def _of_crowd(candidates: BoxCandidates, rated: Floats, crowd: LabelSet) -> dict[str, Floats]:
    drawn = candidates.is_drawn_by_crowd
    overlap = _crowd_overlap(candidates)
    near = np.where(drawn, 0.0, nearest_crowd(candidates, crowd.labels))
    return {
        "drawn by the crowd": drawn.astype(np.float64),
        "drawn · rating": drawn * (rated - 0.5),
        "crowd's overlap": overlap,
        "crowd's corners": (overlap > SAME_CORNERS_IOU).astype(np.float64),
        "crowd near": near,
        "near · rating": near * rated,
        "crowd alone": (drawn & (candidates.scores.max(axis=0) == 0)).astype(np.float64),
    }


def _crowd_overlap(candidates: BoxCandidates) -> Floats:
    """IoU of the first model's box with the crowd's; 0 where either is missing."""
    models: Mask = np.asarray(candidates.has_box[:-1])
    first = candidates.boxes[models.argmax(axis=0), np.arange(len(candidates))]
    # A box without area stands for none.
    first = np.where(np.any(models, axis=0)[:, None], first, 0.0)
    return ious(first, np.nan_to_num(candidates.boxes[-1]))


def _of_neighbours(candidates: BoxCandidates) -> dict[str, Floats]:
    beside = neighbours(candidates)
    return {
        "overlap with a stronger one": beside.stronger_iou,
        "covered by a stronger one": beside.stronger_cover,
        "stronger ones covered": np.minimum(beside.covered, MOST_COVERED),
        "stronger one of another category": beside.other_category,
        "company": np.minimum(beside.company, MOST_COMPANY),
    }


def _of_shape(
    candidates: BoxCandidates, images: Sequence[ImageRecord], categories: Sequence[int]
) -> dict[str, Floats]:
    boxes = candidates.first_boxes
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    size = _relative_size(candidates, boxes, categories)
    return {
        "at the border": _at_border(candidates, boxes, images).astype(np.float64),
        "aspect": np.abs(np.log(sides[:, 0] / sides[:, 1])),
        "size": size,
        "size²": size**2,
    }


def _at_border(candidates: BoxCandidates, boxes: Boxes, images: Sequence[ImageRecord]) -> Mask:
    ids = np.array([image.id for image in images])
    order = np.argsort(ids)
    sizes = np.array([(image.width, image.height) for image in images])[order]
    size = sizes[np.searchsorted(ids[order], candidates.image_ids)]
    at_start = (boxes[:, :2] < BORDER).any(axis=1)
    return np.asarray(at_start | (boxes[:, 2:] > size - BORDER).any(axis=1))


def _relative_size(candidates: BoxCandidates, boxes: Boxes, categories: Sequence[int]) -> Floats:
    """Log area beside the median of the category's strong candidates, within ±2."""
    area = np.log(np.maximum(areas(boxes), 1.0))
    size = np.zeros(len(candidates))
    for category in categories:
        own = candidates.category_ids == category
        strong = own & (candidates.mean_scores > STRONG)
        if strong.sum() >= LEAST_SIZED:
            size[own] = area[own] - np.median(area[strong])
    return np.clip(size, -MOST_SIZE, MOST_SIZE)


def _of_image(candidates: BoxCandidates) -> dict[str, Floats]:
    """What the crowd did with the other strong candidates of the image."""
    strong, drawn = candidates.mean_scores > STRONG, candidates.is_drawn_by_crowd
    by_image = _counter(group_keys(candidates.image_ids))
    by_category = _counter(group_keys(candidates.image_ids, candidates.category_ids))
    others = by_category(strong) - strong
    return {
        "crowd drew of the image": _share(by_image, strong, drawn),
        "crowd drew of the category": _share(by_category, strong, drawn),
        "strong ones of the category": np.log1p(others),
        "crowd without a model": np.log1p(by_image(drawn & ~strong)),
    }


_Counter = Callable[[Mask], Floats]


def _counter(keys: Integers) -> _Counter:
    """Counts, for each candidate, those of its group of which something holds."""
    return lambda holds: np.bincount(keys, holds.astype(np.float64))[keys].astype(np.float64)


def _share(count: _Counter, strong: Mask, drawn: Mask) -> Floats:
    """(h + 1.5) / (n + 2): the crowd drew h of the n other strong candidates of a group."""
    others, hits = count(strong) - strong, count(strong & drawn) - (strong & drawn)
    return np.asarray((hits + PRIOR_DRAWN) / (others + PRIOR_COUNT))


def _of_categories(
    candidates: BoxCandidates, rated: Floats, categories: Sequence[int]
) -> dict[str, Floats]:
    found = {}
    for category in categories[1:]:
        own = (candidates.category_ids == category).astype(np.float64)
        found[f"category {category}"] = own
        found[f"category {category} · rating"] = own * (rated - 0.5)
        found[f"category {category} · drawn"] = own * candidates.is_drawn_by_crowd
    return found
