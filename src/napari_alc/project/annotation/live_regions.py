"""Regions while a pathologist edits: the labels as they stand take the crowd's place.

Matching is that of the Label Selection Module; `cleaning.regions` sorts whole projects, this
one image between two keystrokes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_alc.boxes import Boxes, BoxSet, Integers, Mask, as_boxes, ious
from napari_alc.cleaning.matching import match_graph, matched_rows
from napari_alc.cleaning.regions import ALONE, Region, Source, Thresholds
from napari_alc.project.storage.records import ReviewBox

_MODELS = {"mp": Source.MP, "ma": Source.MA}

_SLACK = 1e-6
"""Pixels by which the search for near boxes is wider than it must be, for rounding."""


def live_regions(
    boxes: Sequence[ReviewBox], suggestions: Sequence[ReviewBox], thresholds: Thresholds
) -> dict[int, str]:
    """The regions of one image as things stand, by id of every box that is not deleted.

    The crowd's set is made of the labels that the pathologist has settled so far and of the crowd's
    boxes that nobody has decided on; the models' sets of their boxes that were not deleted or
    changed. A model's box that was kept is in its own set and among the labels, and therefore gray.
    What the automatic correction kept is no decision of a person.

    Deleted boxes are among those under review; suggestions are all others that crowd and models had
    on the image when it was sorted. The thresholds' score counts no more, as the boxes were sorted
    by it. Empty where no model has seen the image.
    """
    shown = [box for box in (*boxes, *suggestions) if box.state != "deleted"]
    if not any(box.region for box in (*boxes, *suggestions)):
        return {}
    rows = [(box, source) for box in shown for source in _sources(box)]
    matched, gray = _matched(rows, thresholds), Region.GRAY.label
    return {
        box.id: gray if agrees else Region(ALONE[source]).label
        for (box, source), agrees in zip(rows, matched.tolist(), strict=True)
    }


def _sources(box: ReviewBox) -> tuple[Source, ...]:
    """The sets that a box belongs to."""
    model = _MODELS.get(box.source)
    if model is None:
        return (Source.CROWD,)
    if not box.is_label or not box.person:
        return (model,)
    return (model, Source.CROWD) if box.state == "kept" else (Source.CROWD,)


def _matched(rows: Sequence[tuple[ReviewBox, Source]], thresholds: Thresholds) -> Mask:
    """Which rows have a match of the same category in another set, shape (len(rows),)."""
    corners = as_boxes([box.corners for box, _ in rows])
    sources = np.array([source for _, source in rows], dtype=np.int64)
    categories = np.array([box.category_id for box, _ in rows], dtype=np.int64)
    if thresholds.matching == "existential":
        return _matched_often(corners, sources, categories, thresholds.iou)
    # Of equally close boxes the first ones match, in the order in which they were stored.
    order = np.argsort([box.id for box, _ in rows], kind="stable")
    members = [order[sources[order] == source] for source in Source]
    sets = [BoxSet(categories[of_set], corners[of_set]) for of_set in members]
    matched = np.zeros(len(rows), dtype=np.bool_)
    edges = match_graph(sets, thresholds.iou, thresholds.matching)
    matched[np.concatenate(members)] = matched_rows(len(rows), edges)
    return matched


def _matched_often(corners: Boxes, sources: Integers, categories: Integers, iou: float) -> Mask:
    """`_matched` where a box may match several others, shape (N,)."""
    a, b = _near_pairs(corners, iou)
    comparable = (sources[a] != sources[b]) & (categories[a] == categories[b])
    a, b = a[comparable], b[comparable]
    agree = ious(corners[a], corners[b]) > iou
    matched = np.zeros(len(corners), dtype=np.bool_)
    matched[a[agree]] = True
    matched[b[agree]] = True
    return matched


def _near_pairs(corners: Boxes, iou: float) -> tuple[Integers, Integers]:
    """Pairs of rows whose IoU may lie above `iou`, each once.

    Two boxes share a part `iou` of the larger one at least, along each side; so the left
    edge of the right one lies within ``1 - iou`` of the left one's width, and likewise down.
    """
    order = np.argsort(corners[:, 0], kind="stable")
    left, top, right, bottom = corners[order].T
    reach = (1 - iou) * (right - left) + _SLACK
    counts = np.searchsorted(left, left + reach, side="right") - np.arange(len(order)) - 1
    counts = np.maximum(counts, 0)
    a = np.repeat(np.arange(len(order)), counts)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(counts) - counts, counts)
    down = top[b] - top[a]
    height = bottom - top
    near = (down <= (1 - iou) * height[a] + _SLACK) & (-down <= (1 - iou) * height[b] + _SLACK)
    return order[a[near]], order[b[near]]
