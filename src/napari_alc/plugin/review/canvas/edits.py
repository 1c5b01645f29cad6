"""What a person did to the Shapes layer, read as changes of the document; knows no Qt.

The layer can turn, cut and copy boxes in ways that make none; here its rows are compared
with the document's boxes and every difference becomes a valid change or a word of refusal.
napari's vertices are ``(row, column)``, a box's corners ``x1, y1, x2, y2``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_alc.boxes import Boxes, Corners, areas, as_boxes
from napari_alc.labels import ImageRecord
from napari_alc.plugin.review.commands import Edits
from napari_alc.plugin.review.messages import NO_CLICK, NO_TURNING
from napari_alc.project.storage.records import ReviewBox

Vertices = NDArray[Any]

SAME = 0.02
"""Pixels by which a corner may differ and be the same; the layer computes in float32."""

SLIP = 3.0
"""Pixels of the screen: a mouse that went less far between press and release has clicked."""

NEW = 0
"""Identity of a row that a person drew."""


def to_vertices(corners: ArrayLike) -> Vertices:
    """Rectangles of boxes, shape (..., 4) to (..., 4, 2), clockwise from the upper left corner."""
    return np.asarray(corners)[..., [[1, 0], [1, 2], [3, 2], [3, 0]]]


def are_in_place(
    ids: Sequence[int], data: Sequence[Vertices], boxes: Mapping[int, ReviewBox]
) -> NDArray[np.bool_]:
    """Which rows, by identity and vertices, are drawn as their boxes are."""
    rows = [row for row, i in enumerate(ids) if i in boxes and data[row].shape == (4, 2)]
    found = np.zeros(len(ids), dtype=bool)
    if rows:
        drawn = np.stack([data[row] for row in rows])
        meant = to_vertices([boxes[ids[row]].corners for row in rows])
        found[rows] = (np.abs(drawn - meant) <= SAME).all(axis=(1, 2))
    return found


def bounds(vertices: Vertices) -> Corners:
    """The upright box around vertices of shape (N, 2)."""
    (y1, x1), (y2, x2) = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    return x1, y1, x2, y2


def edits(
    boxes: Iterable[ReviewBox], rows: Sequence[tuple[int, Vertices]], image: ImageRecord
) -> Edits:
    """Compare the boxes that the layer was filled with and its rows.

    A row is an identity (`NEW` for drawn ones) and vertices, shape (N, 2). Pasted copies are
    shifted, but not out of the image.
    """
    known = {box.id: box for box in boxes}
    seen: set[int] = set()
    drawn: list[Corners] = []
    pasted: list[tuple[int, Corners]] = []
    reshaped: dict[int, Corners] = {}
    refusal = ""
    in_place = are_in_place([i for i, _ in rows], [vertices for _, vertices in rows], known)
    for (box_id, vertices), unmoved in zip(rows, in_place, strict=True):
        if box_id not in known:
            drawn.append(bounds(vertices))
        elif box_id in seen:
            pasted.append((box_id, _beside(bounds(vertices), image)))
        else:
            seen.add(box_id)
            before = known[box_id].corners
            corners = before if unmoved else _new_corners(before, vertices)
            if corners is None:
                refusal = NO_TURNING
            elif corners != before:
                reshaped[box_id] = corners
    deleted = tuple(box_id for box_id in known if box_id not in seen)
    return Edits(deleted, reshaped, tuple(drawn), tuple(pasted), refusal)


def without_slips(found: Edits, travel: float) -> Edits:
    """What is left of a gesture when a click is no drag; `travel` in pixels of the screen."""
    if travel >= SLIP:
        return found
    refusal = NO_CLICK if found.drawn else found.refusal
    return replace(found, reshaped={}, drawn=(), refusal=refusal)


def under(boxes: Iterable[ReviewBox], x: float, y: float, reach: float) -> tuple[int, ...]:
    """Ids of the boxes at a place, those within `reach` pixels included; the smallest first."""
    there = list(boxes)
    rows = rows_at(as_boxes([box.corners for box in there]), x, y, reach)
    return tuple(there[row].id for row in rows)


def rows_at(boxes: Boxes, x: float, y: float, reach: float) -> list[int]:
    """Rows of the boxes at a place, those within `reach` pixels included; the smallest first."""
    place = np.array((x, y))
    inside = (boxes[:, :2] - reach <= place) & (place <= boxes[:, 2:] + reach)
    rows = np.flatnonzero(inside.all(axis=1))
    return [int(row) for row in rows[np.argsort(areas(boxes[rows]), kind="stable")]]


def _new_corners(before: Corners, vertices: Vertices) -> Corners | None:
    """The corners that a row stands for now; None where it is no upright box."""
    if vertices.shape != (4, 2):
        return None
    moved = np.abs(vertices - to_vertices(before)).max(axis=1) > SAME
    if moved.sum() == 1:  # one corner was dragged: the opposite one stays
        corner = int(np.flatnonzero(moved)[0])
        return _snapped(before, bounds(vertices[[corner, (corner + 2) % 4]]))
    if not _is_upright(vertices):
        return None
    return _snapped(before, bounds(vertices))


def _is_upright(vertices: Vertices) -> bool:
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    at_edge = np.minimum(np.abs(vertices - low), np.abs(vertices - high)) <= SAME
    following = np.roll(vertices, -1, axis=0)
    straight = (np.abs(vertices - following) <= SAME).any(axis=1)
    return bool(at_edge.all() and straight.all())


def _snapped(before: Corners, after: Corners) -> Corners:
    """`after`, with the sides that did not move exactly where they were."""
    x1, y1, x2, y2 = (
        old if abs(old - new) <= SAME else new for old, new in zip(before, after, strict=True)
    )
    return x1, y1, x2, y2


def _beside(corners: Corners, image: ImageRecord) -> Corners:
    """A copy's corners, shifted so that both boxes can be seen."""
    x1, y1, x2, y2 = corners
    shift = 0.3 * min(x2 - x1, y2 - y1)
    dx = shift if x2 + shift <= image.width else -shift
    dy = shift if y2 + shift <= image.height else -shift
    return x1 + dx, y1 + dy, x2 + dx, y2 + dy
