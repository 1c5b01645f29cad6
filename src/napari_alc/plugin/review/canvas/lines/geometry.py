"""Where the lines of boxes lie, as arrays: outside the box, on a dark casing.

Each side is drawn in two halves, from its corners. Halves that meet are a whole outline; short ones
are corners alone, as boxes have on which somebody has decided. A vertex is a place of the image and
an offset in pixels of the screen, so that lines keep their width at every zoom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

WHOLE, CORNERS = 0.5, 0.25
"""Share of a side that each half of it takes in a whole outline, and in corners alone."""

CASING = 1.0
"""Pixels of the screen of dark on either side of a line: it is seen on any ground."""

DARK, LIGHT = "#000000", "#ffffff"

QUADS = 16
"""Of a box: four sides in two halves each, first their casing, then the line on it."""

VERTICES = 4 * QUADS
"""Of a box."""

VERTEX = np.dtype(
    [
        ("place", np.float32, 2),
        ("by_width", np.float32, 2),
        ("apart", np.float32, 2),
        ("size", np.float32, 3),
        ("dash", np.float32, 4),
        ("colour", np.float32, 4),
    ]
)
"""A vertex of a line.

It lies at a place ``(x, y)`` of the image, and away from there on the screen by `by_width`, which
gets less where boxes are small, and by `apart`. `size` is the box's shorter side in pixels of the
image, the share of its width that a line keeps at least, and the way from the corner to the vertex
in pixels of the image. `dash` has the lengths of line and gap in turn, in pixels of the screen.
"""

SOLID = (0.0, 0.0, 0.0, 0.0)
"""The dash of an unbroken line."""

Floats = NDArray[np.float64]
Vertices = NDArray[np.void]


@dataclass(frozen=True)
class LineLook:
    """How the outline of a box looks.

    Parameters
    ----------
    colour
        As ``#rrggbb``.
    width
        Of the line in pixels of the screen, without its casing.
    is_whole
        Whether sides are drawn from corner to corner, and not only at the corners.
    gap
        Pixels of the screen between the box and the casing.
    dash
        Lengths of line, gap, line and gap in pixels of the screen.
    """

    colour: str
    width: float
    is_whole: bool = True
    gap: float = 0.0
    dash: tuple[float, ...] = SOLID


def reach(look: LineLook) -> float:
    """Pixels of the screen that a line takes outside a large box, with its casing."""
    return look.gap + look.width + 2 * CASING


def _half_side(corner: Floats, axis: int) -> Floats:
    """The quad of the half of a side that starts at a corner, 0 or 1 in x and y, along an axis.

    Shape (4, 4, 2): of each vertex the corner, the way from there to the other end of the side, and
    where the inner and the outer edge of what is drawn lie: outwards in x and y.
    """
    out, side = 2 * corner - 1, np.eye(2)[axis]
    found = np.zeros((4, 4, 2))
    found[:, 0] = corner
    for vertex, (at_end, is_outer) in enumerate(((0, 0), (0, 1), (1, 1), (1, 0))):
        # at the corner it reaches as far along the side as beside it, so that corners are square
        found[vertex, 1] = -out * side * at_end
        found[vertex, 2] = out * (1 - side) * (1 - is_outer)
        found[vertex, 3] = out * (1 - side) * is_outer + out * side * (1 - at_end)
    return found


_SIDES = [_half_side(np.array(c, float), axis) for c in product((0, 1), (0, 1)) for axis in (0, 1)]
_CORNER, _ALONG, _INNER, _OUTER = np.moveaxis(np.concatenate(_SIDES * 2), 1, 0)
_IS_LINE = np.repeat([False, True], VERTICES // 2)
_SQUARE = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
_QUAD = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.uint32)


def vertices(boxes: Floats, looks: Sequence[LineLook]) -> Vertices:
    """Vertices of the outlines of boxes, shape (N, VERTICES) of `VERTEX`.

    Boxes have shape (N, 4), ``x1, y1, x2, y2`` in pixels of the image.
    """
    found = np.zeros((len(boxes), VERTICES), dtype=VERTEX)
    if not len(boxes):
        return found
    low, sides = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    share = np.array([WHOLE if look.is_whole else CORNERS for look in looks])[:, None, None]
    gap = np.array([look.gap for look in looks])[:, None, None]
    width = np.array([look.width for look in looks])[:, None, None]
    casing = CASING * _IS_LINE[:, None]
    found["place"] = low + (_CORNER + share * _ALONG) * sides
    found["by_width"] = width * _OUTER
    found["apart"] = (gap + casing) * _INNER + (gap + 2 * CASING - casing) * _OUTER
    found["size"][..., 0] = sides.min(axis=2)
    found["size"][..., 1] = 1 / np.maximum(width[..., 0], 1)
    found["size"][..., 2] = (share * np.abs(_ALONG) * sides).sum(axis=2)
    found["dash"] = np.array([look.dash for look in looks])[:, None]
    found["colour"] = np.where(
        _IS_LINE[:, None], colours_of(looks)[:, None], transform_color(DARK)[0]
    )
    return found


HANDLE = 9.0
"""Pixels of the screen along a side of the squares that a box is adjusted by."""

HANDLE_SHARE = 0.3
"""A box's shorter side counts by this much for the size of its handles: they get small sooner."""

LEAST_HANDLE = 0.3
"""Share of its size that a handle keeps on a tiny box."""


def handles(box: Floats, gap: float) -> Vertices:
    """The eight squares around a box, shape (1, VERTICES) of `VERTEX`.

    Their middles lie `gap` pixels of the screen outside the box, shape (4,).
    """
    low, sides = box[:2], box[2:] - box[:2]
    found = np.zeros((2, 8, 4), dtype=VERTEX)
    ways = [way for way in product((-1.0, 0.0, 1.0), repeat=2) if any(way)]
    for part, colour in enumerate((DARK, LIGHT)):
        for number, way in enumerate(ways):
            square = found[part, number]
            square["place"] = low + (np.array(way) + 1) / 2 * sides
            square["by_width"] = HANDLE / 2 * _SQUARE
            square["apart"] = gap * np.array(way) + CASING * (1 - part) * _SQUARE
            square["colour"] = transform_color(colour)[0]
    found["size"] = (HANDLE_SHARE * sides.min(), LEAST_HANDLE, 0)
    return found.reshape(1, VERTICES)


def colours_of(looks: Sequence[LineLook]) -> Floats:
    """Colours of shape (N, 4); each is read once."""
    names = list({look.colour for look in looks})
    row = {name: i for i, name in enumerate(names)}
    colours: Floats = transform_color(names)[[row[look.colour] for look in looks]]
    return colours


def triangles(order: Sequence[int]) -> NDArray[np.uint32]:
    """Vertices of the triangles of boxes that are drawn in an order, shape (2 N QUADS, 3)."""
    quads = 4 * np.arange(QUADS, dtype=np.uint32)[:, None, None] + _QUAD
    first = np.asarray(order, dtype=np.uint32)[:, None, None, None] * np.uint32(VERTICES)
    found: NDArray[np.uint32] = (first + quads).reshape(-1, 3)
    return found
