"""Crowd-like noise: what non-experts do to clean boxes, with a log of every change.

Only uniform random numbers and correctly rounded arithmetic are used, so that a seed gives the
same labels on every platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import (
    BACKGROUND_IOU,
    Boxes,
    Corners,
    Floats,
    Integers,
    as_boxes,
    clip,
    corners_of,
    group_keys,
    iou_matrix,
    ious,
)
from napari_alc.labels import ImageRecord, Labels, LabelSet

LOCATION_IOU = (0.3, 0.6)
"""IoU of a misplaced box with its true box (method, "Readings")."""

MERGED_IOU = 0.5
"""A box over several objects must not pass for any one of them."""

NEIGHBOUR_REACH = 2.0
"""Neighbours' centres are at most this many times their mean longer side apart."""

CANDIDATES = 64
"""Random boxes drawn at a time; about a third of them are usable misplacements."""

PLACES = 8
"""Images tried for a background box before it is given up for want of room."""

What = Literal["kept", "miss", "location", "box_in_box", "background"]


@dataclass(frozen=True)
class NoiseRates:
    """How much noise of each kind, relative to the number of true boxes (0–1).

    Parameters
    ----------
    background
        Boxes added where there is nothing.
    miss
        True boxes left out.
    location
        True boxes misplaced.
    box_in_box
        True boxes lost in groups of 2–3 neighbours under one box.

    Raises
    ------
    ValueError
        When a rate is outside 0–1, or miss, location and box_in_box exceed 1 together.
    """

    background: float = 0.15
    miss: float = 0.10
    location: float = 0.20
    box_in_box: float = 0.02

    def __post_init__(self) -> None:
        for name in ("background", "miss", "location", "box_in_box"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"the rate of {name} noise must be within 0 and 1")
        if self.miss + self.location + self.box_in_box > 1 + 1e-9:
            raise ValueError("the rates of miss, location and box_in_box noise exceed 1 together")


DEMO_RATES = NoiseRates(background=0.20, miss=0.15, location=0.30, box_in_box=0.08)
"""A poor crowd: half of the boxes it draws are noisy."""


@dataclass(frozen=True)
class NoiseRecord:
    """What happened to one true box, or one box that was added.

    Parameters
    ----------
    what
        ``"kept"``, ``"miss"``, ``"location"``, ``"box_in_box"`` or ``"background"``.
    image_id, category_id
        Where, and of which kind.
    truth_id
        Id of the true box; None for an added one.
    label_id
        Id of the crowd box that stands for it; None for a missed one.
    box
        ``x1, y1, x2, y2`` of that crowd box in pixels; None for a missed one.
    iou
        IoU of the crowd box with the true box, 0–1; None for missed and added ones.
    """

    what: What
    image_id: int
    category_id: int
    truth_id: int | None
    label_id: int | None
    box: Corners | None
    iou: float | None


@dataclass(frozen=True)
class Noisy:
    """Crowd labels and how they came about: one record a true box, then one an added box."""

    label_set: LabelSet
    log: tuple[NoiseRecord, ...]


@dataclass(frozen=True, eq=False)
class _Fates:
    """Positions of true boxes by what happens to them; the rest is kept."""

    groups: Sequence[Integers]
    missed: Integers
    moved: Integers


def add_noise(truth: LabelSet, rates: NoiseRates, seed: int) -> Noisy:
    """Turn clean labels into crowd labels.

    Each true box suffers one kind of noise at most. Numbers are the rates times the number of
    true boxes, rounded; fewer where there is no room for a background box or no neighbour of
    the same category to merge with. Background boxes have the size and category of some true
    box. Kept and misplaced boxes keep their ids, merged and added ones get new ones.

    Parameters
    ----------
    truth
        Clean labels with boxes inside their images.
    rates
        How much of each kind.
    seed
        The same seed gives the same labels on every platform.

    Returns
    -------
    Noisy
        Labels on the same images and categories, and the log.
    """
    rng = np.random.default_rng(seed)
    labels = truth.labels
    images = {image.id: image for image in truth.images}
    fates = _fates(labels, rates, rng)
    boxes = labels.boxes.copy()
    for row in fates.moved:
        boxes[row] = _misplaced(boxes[row], images[int(labels.image_ids[row])], rng)
    drawn = replace(labels, boxes=boxes)
    merged = _merged(labels, fates.groups)
    # Beyond those of the merged boxes, which count on after the true ones.
    first_id = int(labels.ids.max(initial=0)) + len(merged) + 1
    added = _background(truth, round(rates.background * len(labels)), first_id, rng)
    return _assembled(truth, fates, drawn, merged, added)


def _fates(labels: Labels, rates: NoiseRates, rng: np.random.Generator) -> _Fates:
    count = len(labels)
    groups = list(_groups(labels, round(rates.box_in_box * count), rng))
    free = np.setdiff1d(np.arange(count), np.concatenate([np.empty(0, np.int64), *groups]))
    # One shuffle for both kinds, so that no box is missed and misplaced at once.
    free = rng.permutation(free)
    missed = round(rates.miss * count)
    moved = round(rates.location * count)
    return _Fates(groups, np.sort(free[:missed]), np.sort(free[missed : missed + moved]))


def _groups(labels: Labels, count: int, rng: np.random.Generator) -> Iterator[Integers]:
    """Draw disjoint groups of 2–3 neighbours, `count` boxes in all where there are so many."""
    # Only boxes of one category are drawn as one: nobody takes two kinds for a single object.
    keys = group_keys(labels.image_ids, labels.category_ids)
    by_key = np.argsort(keys, kind="stable")
    first = np.searchsorted(keys[by_key], keys, side="left")
    last = np.searchsorted(keys[by_key], keys, side="right")
    free = np.ones(len(labels), dtype=np.bool_)
    for start in rng.permutation(len(labels)):
        if count < 2:
            return
        peers = by_key[first[start] : last[start]]
        peers = peers[free[peers] & (peers != start)]
        near = peers[_nearest(labels.boxes[start], labels.boxes[peers])]
        group = np.append(start, near[: _group_size(count, rng) - 1])
        # A last single box cannot make a group, so a group that would leave one over is passed by.
        whole = free[start] and len(group) > 1 and count - len(group) != 1
        if whole and _hides_all(labels.boxes[group]):
            free[group] = False
            count -= len(group)
            yield group


def _group_size(count: int, rng: np.random.Generator) -> int:
    """2 or 3, so that no single box is left over where that can be helped."""
    if count <= 4:
        return 3 if count == 3 else 2
    return int(rng.integers(2, 4))


def _nearest(box: Floats, peers: Boxes) -> Integers:
    """Positions of the neighbours of `box` among `peers`, nearest first."""
    centres = (peers[:, :2] + peers[:, 2:]) / 2
    sides = (peers[:, 2:] - peers[:, :2]).max(axis=1)
    squared = ((centres - (box[:2] + box[2:]) / 2) ** 2).sum(axis=1)
    reach = NEIGHBOUR_REACH * (sides + (box[2:] - box[:2]).max()) / 2
    near = np.flatnonzero(squared <= reach**2)
    return near[np.argsort(squared[near], kind="stable")]


def _hull(boxes: Boxes) -> Floats:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _hides_all(boxes: Boxes) -> bool:
    return bool((iou_matrix(as_boxes(_hull(boxes)), boxes) <= MERGED_IOU).all())


def _merged(labels: Labels, groups: Sequence[Integers]) -> Labels:
    """One box over each group; ids count on after the true ones."""
    starts = labels.take([group[0] for group in groups])
    hulls = as_boxes([_hull(labels.boxes[group]) for group in groups])
    ids = labels.ids.max(initial=0) + 1 + np.arange(len(groups))
    return Labels(starts.image_ids, starts.category_ids, hulls, ids)


def _misplaced(box: Floats, image: ImageRecord, rng: np.random.Generator) -> Floats:
    """Shift and resize a box within its image until its IoU is that of location noise."""
    size = np.tile(box[2:] - box[:2], 2)
    # Each corner coordinate: a common shift, and a resize about the centre.
    shift = np.tile(rng.uniform(-0.6, 0.6, (CANDIDATES, 2)), 2)
    growth = np.tile(rng.uniform(-0.15, 0.2, (CANDIDATES, 2)), 2) * [-1, -1, 1, 1]
    candidates = clip(box + size * (shift + growth), image.width, image.height)
    iou = iou_matrix(as_boxes(box), candidates)[0]
    # Drawn until one fits, 64 at a time: which shifts give that IoU has no closed form in clipped
    # boxes.
    usable = np.flatnonzero((iou >= LOCATION_IOU[0]) & (iou <= LOCATION_IOU[1]))
    # Shrinking both sides by a third keeps 4/9 of the area, wherever the box lies.
    shrunk: Floats = box + size * np.array([1, 1, -1, -1]) / 6
    return as_boxes(candidates[usable[0]])[0] if len(usable) else shrunk


def _background(truth: LabelSet, count: int, first_id: int, rng: np.random.Generator) -> Labels:
    """Boxes where nothing is, `count` of them where there is room."""
    labels = truth.labels
    occupied = _by_image(truth)
    image_ids, category_ids, boxes = [], [], []
    # Without labels `count` is 0, and no model for a box is drawn.
    for model in rng.integers(0, max(len(labels), 1), count):
        size = labels.boxes[model, 2:] - labels.boxes[model, :2]
        found = _free_place(truth.images, occupied, size, rng)
        if found is not None:
            image_id, box = found
            occupied[image_id].append(as_boxes(box))
            image_ids.append(image_id)
            category_ids.append(labels.category_ids[model])
            boxes.append(box)
    ids = first_id + np.arange(len(boxes))
    return Labels(np.array(image_ids), np.array(category_ids), as_boxes(boxes), ids)


def _by_image(truth: LabelSet) -> dict[int, list[Boxes]]:
    found = {image_id: [labels.boxes] for image_id, labels in truth.labels.by_image().items()}
    return {image.id: [as_boxes([])] for image in truth.images} | found


def _free_place(
    images: Sequence[ImageRecord],
    occupied: dict[int, list[Boxes]],
    size: Floats,
    rng: np.random.Generator,
) -> tuple[int, Floats] | None:
    for _ in range(PLACES):
        image = images[int(rng.integers(len(images)))]
        frame = np.array([image.width, image.height], dtype=np.float64)
        side = np.minimum(size, frame)
        corner = rng.random((CANDIDATES, 2)) * (frame - side)
        boxes = np.concatenate([corner, np.minimum(corner + side, frame)], axis=1)
        taken = iou_matrix(boxes, np.concatenate(occupied[image.id])).max(axis=1, initial=0.0)
        # Added boxes keep clear of each other too: two on one spot would be one more object.
        free = np.flatnonzero(taken <= BACKGROUND_IOU)
        if len(free):
            return image.id, boxes[free[0]]
    return None


def _assembled(
    truth: LabelSet, fates: _Fates, standing: Labels, merged: Labels, added: Labels
) -> Noisy:
    """Put labels and log together; ``standing[i]`` is the crowd's box for true box i."""
    what = np.full(len(standing), "kept", dtype="<U10")
    what[fates.missed], what[fates.moved] = "miss", "location"
    boxes, ids = standing.boxes.copy(), standing.ids.copy()
    for number, group in enumerate(fates.groups):
        what[group], boxes[group], ids[group] = (
            "box_in_box",
            merged.boxes[number],
            merged.ids[number],
        )
    crowd = standing.take(np.isin(what, ["kept", "location"])).joined(merged, added)
    standing = replace(standing, boxes=boxes, ids=ids)
    log = [*_records(truth.labels, standing, what), *_added_records(added)]
    return Noisy(truth.with_labels(crowd), tuple(log))


def _records(truth: Labels, standing: Labels, what: NDArray[np.str_]) -> Iterator[NoiseRecord]:
    iou = ious(standing.boxes, truth.boxes)
    for row, kind in enumerate(what.tolist()):
        drawn = kind != "miss"
        yield NoiseRecord(
            what=kind,
            image_id=int(truth.image_ids[row]),
            category_id=int(truth.category_ids[row]),
            truth_id=int(truth.ids[row]),
            label_id=int(standing.ids[row]) if drawn else None,
            box=corners_of(standing.boxes[row]) if drawn else None,
            iou=float(iou[row]) if drawn else None,
        )


def _added_records(added: Labels) -> Iterator[NoiseRecord]:
    for row in range(len(added)):
        yield NoiseRecord(
            what="background",
            image_id=int(added.image_ids[row]),
            category_id=int(added.category_ids[row]),
            truth_id=None,
            label_id=int(added.ids[row]),
            box=corners_of(added.boxes[row]),
            iou=None,
        )
