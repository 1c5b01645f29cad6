"""Which boxes of others show the same object as a box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari_alc.boxes import BACKGROUND_IOU, as_boxes, iofs, iou_matrix, ious
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.project import MODELS
from napari_alc.project.storage.records import ReviewBox

PROPOSERS = ("crowd", *MODELS)
"""Sources of boxes that are no person."""

INSIDE = 0.5
"""A box of which the other one covers more than this share is of the same object all the same."""


@dataclass(frozen=True)
class Neighbour:
    """The closest box of another source: its overlap (IoU, 0–1) and confidence."""

    source: str
    overlap: float
    score: float | None


def overlaps(box: ReviewBox, others: Sequence[ReviewBox]) -> list[float]:
    """Intersection over union of a box with each of `others`, 0–1."""
    found = iou_matrix(as_boxes(box.corners), as_boxes([other.corners for other in others]))
    return [float(overlap) for overlap in found[0]]


def neighbours(box: ReviewBox, others: Iterable[ReviewBox]) -> tuple[Neighbour, ...]:
    """The closest box of the same category from each other source, as far as one overlaps."""
    comparable = [
        other
        for other in others
        if other.id != box.id
        and other.category_id == box.category_id
        and other.source in PROPOSERS
        and other.source != box.source
    ]
    found: dict[str, Neighbour] = {}
    ranked = sorted(zip(overlaps(box, comparable), comparable, strict=True), key=lambda p: -p[0])
    for overlap, other in ranked:
        if overlap > 0:
            found.setdefault(other.source, Neighbour(other.source, overlap, other.score))
    return tuple(found[source] for source in PROPOSERS if source in found)


def counterpart_of(model: str, box: ReviewBox, document: ReviewDocument) -> ReviewBox | None:
    """The box of ``"mp"`` or ``"ma"`` that may take the place of `box`: the closest of its object.

    Boxes that a person has changed stand for the model no more.
    """
    others = boxes_of(model, box, document)
    ranked = sorted(zip(overlaps(box, others), others, strict=True), key=lambda pair: -pair[0])
    same = (other for overlap, other in ranked if overlap > 0 and is_same_object(box, other))
    return next(same, None)


def closest_overlap(model: str, box: ReviewBox, document: ReviewDocument) -> float:
    """The highest IoU of a model's boxes with `box`, 0–1."""
    return max(overlaps(box, boxes_of(model, box, document)), default=0.0)


def boxes_of(model: str, box: ReviewBox, document: ReviewDocument) -> list[ReviewBox]:
    """The boxes of a model as it drew them that touch `box`, which is none of them."""
    x1, y1, x2, y2 = box.corners
    # looked at one by one, since few touch: as arrays, all boxes of an image took far longer
    return [
        other
        for other in (*document.suggestions, *document.shown)
        if other.source == model
        and other.corners[0] < x2
        and x1 < other.corners[2]
        and other.corners[1] < y2
        and y1 < other.corners[3]
        and other.id != box.id
        and other.state != "changed"
    ]


def is_same_object(box: ReviewBox, other: ReviewBox) -> bool:
    """Whether two boxes overlap enough to be of one object, or one lies in the other."""
    a, b = as_boxes(box.corners), as_boxes(other.corners)
    inside = max(float(iofs(a, b)[0]), float(iofs(b, a)[0]))
    return float(ious(a, b)[0]) >= BACKGROUND_IOU or inside > INSIDE


def counterparts(box: ReviewBox, document: ReviewDocument) -> list[ReviewBox]:
    """What the keys for Mp's and Ma's box would take, as far as there is such a box.

    The key of the model that drew an open box keeps that one.
    """
    own = box.source if box.is_open else ""
    found = [counterpart_of(model, box, document) for model in MODELS if model != own]
    return [other for other in found if other is not None]


def suggestions_beside(box: ReviewBox, document: ReviewDocument) -> tuple[ReviewBox, ...]:
    """The suggestions that touch a box, and what the keys for Mp's and Ma's box would take."""
    suggestions = document.suggestions
    touching = [s for o, s in zip(overlaps(box, suggestions), suggestions, strict=True) if o > 0]
    return (*touching, *(other for other in counterparts(box, document) if other not in touching))
