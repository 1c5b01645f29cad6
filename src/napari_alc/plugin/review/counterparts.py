"""Which box of a model shows the same object as the box at hand."""

from __future__ import annotations

from collections.abc import Iterable

from napari_alc.boxes import as_boxes, iofs
from napari_alc.plugin.review.panel.messages import overlap
from napari_alc.project.annotation.document import ReviewBox, ReviewDocument

MODELS = ("mp", "ma")

LEAST_OVERLAP = 0.1
"""Boxes with a smaller IoU are of different objects, as where label noise is counted."""

INSIDE = 0.5
"""A box of which the other one covers more than this share is of the same object all the same."""


def rival_of(model: str, box: ReviewBox, document: ReviewDocument) -> ReviewBox | None:
    """The box of a model that may take the place of `box`: the closest one of the same object.

    Boxes that a person has changed stand for the model no more.

    Parameters
    ----------
    model
        ``"mp"`` or ``"ma"``.
    """
    return max(
        (other for other in boxes_of(model, box, document) if is_same_object(box, other)),
        key=lambda other: overlap(box, other),
        default=None,
    )


def closest_overlap(model: str, box: ReviewBox, document: ReviewDocument) -> float:
    """The highest IoU of a model's boxes with `box`, 0–1."""
    return max((overlap(box, other) for other in boxes_of(model, box, document)), default=0.0)


def boxes_of(model: str, box: ReviewBox, document: ReviewDocument) -> Iterable[ReviewBox]:
    """The boxes of a model as it drew them, other than `box`."""
    for other in (*document.suggestions, *document.shown):
        if other.source == model and other.id != box.id and other.state != "changed":
            yield other


def is_same_object(box: ReviewBox, other: ReviewBox) -> bool:
    """Whether two boxes overlap enough to be of one object, or one lies in the other."""
    shared = overlap(box, other)
    if shared <= 0:
        return False
    a, b = as_boxes(box.corners), as_boxes(other.corners)
    inside = max(float(iofs(a, b)[0]), float(iofs(b, a)[0]))
    return shared >= LEAST_OVERLAP or inside > INSIDE


def rivals(box: ReviewBox, document: ReviewDocument) -> list[ReviewBox]:
    """What the keys for Mp's and Ma's box would take, as far as there is such a box.

    The key of the model that drew an open box keeps that one.
    """
    own = box.source if box.state == "open" else ""
    found = [rival_of(model, box, document) for model in MODELS if model != own]
    return [other for other in found if other is not None]
