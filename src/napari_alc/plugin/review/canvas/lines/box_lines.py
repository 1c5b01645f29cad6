"""The lines that a person sees: outlines of boxes, suggestions, and what marks the current boxes.

They hang below what draws the layer of boxes, and are hidden, moved and deleted with it. A change
of a few boxes is sent to the graphics card for those alone; zooming sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from napari_alc.boxes import Corners, as_boxes
from napari_alc.plugin.review.canvas.lines.geometry import (
    LIGHT,
    VERTEX,
    VERTICES,
    LineLook,
    Vertices,
    handles,
    reach,
    triangles,
    vertices,
)
from napari_alc.plugin.review.canvas.lines.visual import LineNode

Outlines = Mapping[int, tuple[Corners, LineLook]]
"""Corners and look of boxes by id."""

LEAST_ROOM = 64
"""Boxes for which there is room at first."""

HANDLES = -1
"""Takes the place of a box's id among the marks."""


class LineSet:
    """The vertices of some boxes, of which few change at a time."""

    def __init__(self) -> None:
        self._vertices: Vertices = np.zeros((LEAST_ROOM, VERTICES), dtype=VERTEX)
        self._rows: dict[int, int] = {}
        self._node: Any = None

    def draw_on(self, parent: Any, order: int) -> None:
        """Draw below a node of a scene from now on; None for nowhere."""
        self._node = None if parent is None else LineNode(parent=parent)
        if self._node is not None:
            self._node.order = order
            self._send()

    def fill(self, ids: Iterable[int], found: Vertices) -> None:
        """Show these boxes and no others; `found` has shape (N, VERTICES)."""
        self._rows = {box_id: row for row, box_id in enumerate(ids)}
        self._make_room(len(self._rows))
        self._vertices[: len(self._rows)] = found
        self._send()

    def change(self, ids: Sequence[int], found: Vertices, gone: Collection[int] = ()) -> None:
        """Show some boxes otherwise or anew, and those that are gone no more."""
        free = [self._rows.pop(box_id) for box_id in gone if box_id in self._rows]
        new = [box_id for box_id in ids if box_id not in self._rows]
        taken = set(self._rows.values())
        behind = (row for row in range(len(taken) + len(new)) if row not in taken)
        self._rows.update(zip(new, behind, strict=False))
        self._make_room(max(self._rows.values(), default=-1) + 1)
        rows = [self._rows[box_id] for box_id in ids]
        self._vertices[rows] = found
        if free or new:
            self._send()
        elif self._node is not None:
            for row in rows:
                self._node.set_box(row, self._vertices[row])

    @property
    def ids(self) -> list[int]:
        """The boxes shown, the largest first: small ones are drawn upon them."""
        side = self._vertices["size"][:, 0, 0]
        return sorted(self._rows, key=lambda box_id: (-side[self._rows[box_id]], box_id))

    def of(self, box_id: int) -> Vertices:
        """The vertices of a box, shape (VERTICES,)."""
        found: Vertices = self._vertices[self._rows[box_id]]
        return found

    def _make_room(self, number: int) -> None:
        if number > len(self._vertices):
            room = np.zeros((2 * number, VERTICES), dtype=VERTEX)
            room[: len(self._vertices)] = self._vertices
            self._vertices = room

    def _send(self) -> None:
        if self._node is not None:
            order = triangles([self._rows[box_id] for box_id in self.ids])
            self._node.set_vertices(self._vertices, order)


def drawn(outlines: Outlines) -> Vertices:
    """Vertices of outlines, shape (N, VERTICES)."""
    corners = as_boxes([corners for corners, _ in outlines.values()])
    return vertices(corners, [look for _, look in outlines.values()])


class BoxLines:
    """Outlines, suggestions below and marks above them."""

    def __init__(self) -> None:
        self.suggestions, self.outlines, self.marks = LineSet(), LineSet(), LineSet()
        self._cross = LineSet()

    def draw_on(self, parent: Any) -> None:
        """Draw below a node of a scene from now on; None for nowhere."""
        sets = (self.suggestions, self.outlines, self.marks, self._cross)
        for order, lines in enumerate(sets):
            lines.draw_on(parent, order)

    @property
    def has_cross(self) -> bool:
        """Whether a crosshair is shown."""
        return bool(self._cross.ids)

    def cross_at(self, place: tuple[float, float] | None, size: tuple[int, int]) -> None:
        """Show a crosshair at a place of an image of a size, both in x and y; None for none."""
        outlines: dict[int, tuple[Corners, LineLook]] = {}
        if place is not None:
            (x, y), (width, height) = place, size
            look = LineLook(LIGHT, 1)
            outlines = {0: ((0, y, width, y), look), 1: ((x, 0, x, height), look)}
        if outlines or self.has_cross:
            self._cross.fill(outlines, drawn(outlines))

    def mark(self, outlines: Outlines, has_handles: bool) -> None:
        """Mark the current boxes around their lines, with handles around all of them together."""
        marks = {
            box_id: (corners, LineLook(LIGHT, MARK_WIDTH, gap=reach(look)))
            for box_id, (corners, look) in outlines.items()
        }
        found = drawn(marks)
        if not (has_handles and outlines):
            self.marks.fill(marks, found)
            return
        corners = as_boxes([corners for corners, _ in outlines.values()])
        around = np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])
        gap = max(reach(look) for _, look in outlines.values()) / 2
        squares = handles(around, gap)
        self.marks.fill([*marks, HANDLES], np.concatenate([found, squares]))


MARK_WIDTH = 2.0
"""Of what marks a current box: white within black, which no region has."""
