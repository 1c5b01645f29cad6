"""The boxes under review as rows of napari's Shapes layer, which is made once and refilled.

A change of a few boxes costs what napari takes for those few; only another image fills the
layer anew. What a person sees of them are `BoxLines`; the layer holds the boxes, their colours, and
what the mouse does to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np
from napari.layers import Shapes
from napari.layers.shapes._shapes_models import Rectangle
from napari.layers.shapes._shapes_utils import rectangle_to_box
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, Corners, as_boxes, corners_of
from napari_alc.plugin.palettes import OPEN_WIDTH
from napari_alc.plugin.review.canvas.edits import NEW, are_in_place, bounds, rows_at, to_vertices
from napari_alc.plugin.review.canvas.lines.box_lines import BoxLines, Outlines, drawn
from napari_alc.plugin.review.canvas.lines.geometry import LineLook, colours_of
from napari_alc.project.storage.records import ReviewBox

STRETCHED = ("_data", "_bounding_box", "_box", "_face_vertices", "_edge_vertices")
"""What a rectangle of napari holds in places of the image."""

SQUARE = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=np.float32)
"""Corners in ``(row, column)`` as napari orders them."""

Vertices = NDArray[np.float32]


class BoxShapes(Shapes):
    """A Shapes layer of upright boxes, which it takes in a quarter of the time; others as ever.

    A place belongs to the smallest box there. A drag of an edge or a corner resizes, one within
    moves; there is no handle to turn a box, and napari draws no marks: `BoxLines` does.
    """

    @property
    def _type_string(self) -> str:
        # icons, menus and writers know the layer by this name
        return "shapes"

    def _add_shapes_to_view(self, shape_inputs: Any, data_view: Any) -> None:
        inputs = list(shape_inputs)
        kinds = {str(kind) for _, kind, *_ in inputs}
        corners = [vertices for vertices, *_ in inputs]
        if kinds != {"rectangle"} or self.ndim != 2 or not are_upright(corners):
            super()._add_shapes_to_view(inputs, data_view)
            return
        _, _, widths, edge_colours, face_colours, depths = zip(*inputs, strict=True)
        data_view.add(
            shape=tuple(rectangles(np.asarray(corners, dtype=np.float32), widths, depths)),
            edge_color=edge_colours,
            face_color=face_colours,
            z_refresh=False,
        )
        data_view._update_z_order()

    def _get_value(self, position: Any) -> tuple[int | None, int | None]:
        if self._is_moving or self.ndim != 2 or str(self.mode) != "select":
            found: tuple[int | None, int | None] = super()._get_value(position)
            return found
        y, x = position[-2:]
        return self.hit(x, y, REACH * float(self._normalized_scale_factor))

    def hit(self, x: float, y: float, reach: float) -> tuple[int | None, int | None]:
        """Row of the box that a press at a place concerns, and which edge or corner of it.

        None for none; `reach` in pixels of the image.

        An edge of what is marked goes before all that lies there; else the smallest box counts.
        """
        boxes, marked = self.boxes, sorted(self.selected_data)
        if marked and self._selected_box is not None:
            around = np.concatenate([boxes[marked, :2].min(0), boxes[marked, 2:].max(0)])
            edge = edge_at(around, x, y, reach)
            if any(edge):
                return marked[0], nearest(self._selected_box[:8], around, edge)
        row = next(iter(rows_at(boxes, x, y, reach)), None)
        if row is None or (len(marked) > 1 and row in marked):
            return row, None
        edge, data = edge_at(boxes[row], x, y, reach), self._data_view.shapes[row].data
        is_box = any(edge) and data.shape == SQUARE.shape
        return row, nearest(rectangle_to_box(data)[:8], boxes[row], edge) if is_box else None

    @property
    def boxes(self) -> Boxes:
        """The boxes around all rows as they are now, shape (N, 4)."""
        shapes = self._data_view.shapes
        return as_boxes([bounds(shape.data) for shape in shapes])

    def _outline_shapes(self) -> tuple[None, None]:
        return None, None

    def _compute_vertices_and_box(self) -> tuple[Any, ...]:
        found: tuple[Any, ...] = super()._compute_vertices_and_box()
        if self._is_selecting:
            *_, around, width = found
            return np.empty((0, 2)), "white", "white", around, width
        if str(self.mode) in ("select", "add_rectangle"):
            return np.empty((0, 2)), "white", "white", None, 0
        return found


REACH = 5.0
"""Pixels of the screen around an edge within which a drag takes hold of it."""

INNER_SHARE = 0.25
"""Of a box's side: an edge reaches no further into it, so that most of a tiny box moves it."""

Edge = tuple[int, int]
"""Which edges of a box meet somewhere, in x and y: -1 the low one, 1 the high one, 0 neither."""


def edge_at(box: NDArray[np.float64], x: float, y: float, reach: float) -> Edge:
    """The edge or corner of a box ``x1, y1, x2, y2`` at a place, within pixels of the image."""
    if not rows_at(box[None], x, y, reach):
        return 0, 0
    inner = np.minimum(reach, INNER_SHARE * (box[2:] - box[:2]))
    at_low = np.array((x, y)) < box[:2] + inner
    at_high = np.array((x, y)) > box[2:] - inner
    in_x, in_y = (int(high) - int(low) for low, high in zip(at_low, at_high, strict=True))
    return in_x, in_y


def nearest(handles: NDArray[Any], box: NDArray[np.float64], edge: Edge) -> int:
    """The number of napari's handle, shape (8, 2) in ``(row, column)``, on an edge of a box.

    Their order hangs on which corner of a rectangle comes first.
    """
    place = box[:2] + (np.array(edge) + 1) / 2 * (box[2:] - box[:2])
    return int(np.argmin(np.abs(handles - place[::-1]).sum(axis=1)))


def are_upright(corners: Sequence[NDArray[Any]]) -> bool:
    """Whether all are upright boxes with an area, their corners in the order of `SQUARE`."""
    if any(np.shape(each) != SQUARE.shape for each in corners):
        return False
    boxes = np.asarray(corners, dtype=np.float32)
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    return bool((low < high).all() and (_stretched(SQUARE, boxes) == boxes).all())


def rectangles(
    corners: Vertices, widths: Sequence[float], depths: Sequence[int]
) -> Iterator[Rectangle]:
    """Rectangles as napari makes them of upright boxes, shape (N, 4, 2), ordered as `SQUARE`.

    Widths are those of lines in pixels of the image, depths the order upon each other.
    """
    square = Rectangle(SQUARE)
    square._clean_cache()
    places = {name: _stretched(getattr(square, name), corners) for name in STRETCHED}
    for row, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        one = copy(square)
        for name, vertices in places.items():
            setattr(one, name, vertices[row])
        one.edge_width, one.z_index = width, depth
        yield one


def _stretched(vertices: NDArray[Any], corners: Vertices) -> Vertices:
    """Vertices of the square, shape (V, 2), as they are in boxes: shape (N, V, 2)."""
    low, high = corners.min(axis=1, keepdims=True), corners.max(axis=1, keepdims=True)
    places: Vertices = ((1 - vertices) * low + vertices * high).astype(vertices.dtype)
    return places


MANY = 0.3
"""Share of the rows from which filling the layer anew is quicker than exchanging them."""


class BoxRows:
    """Keeps the layer's rows, and the lines drawn for them, in step with boxes."""

    def __init__(self, looks_of: Callable[[Iterable[ReviewBox]], list[LineLook]]) -> None:
        self._looks_of = looks_of
        self._looks: dict[int, LineLook] = {}
        self.boxes: dict[int, ReviewBox] = {}
        self.lines = BoxLines()
        self.is_filling = False
        self.is_stale = False
        """Whether rows may differ from `boxes`, so that no gesture can be read from them."""
        self.layer = BoxShapes(
            ndim=2,
            name="Boxes",
            metadata={"napari_alc": "review"},
            edge_color="white",
            face_color="transparent",
            opacity=1.0,
            features={"id": np.empty(0, dtype=np.int64)},
            feature_defaults={"id": NEW},
        )
        self.layer.events.set_data.connect(self._follow_drag)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Changes of the layer by the program are no gestures, and need no thumbnail."""
        before, self.is_filling = self.is_filling, True
        try:
            with self.layer.block_thumbnail_update(), self.layer.events.data.blocker():
                yield
        finally:
            self.is_filling = before

    def ids(self) -> list[int]:
        """Identity of the box in each row."""
        features = self.layer.features
        return [int(i) for i in features["id"]] if "id" in features else []

    def fill(self, boxes: Iterable[ReviewBox]) -> None:
        """Show these boxes and no others."""
        self.boxes = {box.id: box for box in boxes}
        with self.filling():
            self._take_out(range(self.layer.nshapes))
            self._looks.clear()
            self._add(list(self.boxes.values()))
        self._draw_all()

    def change(self, now: Mapping[int, ReviewBox | None]) -> None:
        """Show some boxes as they are now; None for those that are to be seen no more."""
        unlike = {
            i
            for i, box in now.items()
            if i not in self.boxes or box is None or box.corners != self.boxes[i].corners
        }
        for i, box in now.items():
            if box is None:
                self.boxes.pop(i, None)
            else:
                self.boxes[i] = box
        old = [row for row, i in enumerate(self.ids()) if i in unlike]
        self._exchange(old, [self.boxes[i] for i in now if i in unlike and i in self.boxes])
        self._recolour(now)
        self._draw(now)

    def restore(self, boxes: Iterable[ReviewBox]) -> None:
        """Show these boxes, whatever has been done to the layer."""
        self.boxes = {box.id: box for box in boxes}
        right = set(self._rows_in_place())
        ids = self.ids()
        there = {ids[row] for row in right}
        wrong = [row for row in range(self.layer.nshapes) if row not in right]
        self._exchange(wrong, [box for box in self.boxes.values() if box.id not in there])
        self.refresh_looks()

    def _rows_in_place(self) -> list[int]:
        """The rows that show a box as it is, each box once."""
        ids, data = self.ids(), self.layer.data
        in_place = are_in_place(ids, data, self.boxes)
        upright = np.array([kind == "rectangle" for kind in self.layer.shape_type], dtype=bool)
        rows = np.flatnonzero(in_place & upright)
        return list({ids[row]: int(row) for row in rows[::-1]}.values())

    def _exchange(self, rows: Sequence[int], boxes: Sequence[ReviewBox]) -> None:
        if not rows and not boxes:
            return
        if len(rows) + len(boxes) > MANY * self.layer.nshapes + 2:
            self.fill(self.boxes.values())
            return
        with self.filling():
            self._take_out(rows)
            self._add(boxes)

    def _take_out(self, rows: Sequence[int]) -> None:
        if len(rows):
            self.layer.selected_data = set()
            self.layer.remove(list(rows))

    def _add(self, boxes: Sequence[ReviewBox]) -> None:
        layer, ids = self.layer, self.ids()
        if boxes:
            looks = self._looks_of(boxes)
            layer.add(
                list(to_vertices(as_boxes([box.corners for box in boxes]))),
                shape_type="rectangle",
                edge_width=HAIRLINE,
                edge_color=_rgba(looks),
                face_color="transparent",
            )
            self._looks.update({b.id: look for b, look in zip(boxes, looks, strict=True)})
        layer.features = {"id": np.array([*ids, *(box.id for box in boxes)], dtype=np.int64)}
        layer.feature_defaults = {"id": NEW}

    def refresh_looks(self) -> None:
        """Draw all boxes as they look now."""
        self._recolour(self.boxes)
        self._draw_all()

    def _recolour(self, ids: Iterable[int]) -> None:
        """Give rows the colours that their boxes have now."""
        asked = [i for i in ids if i in self.boxes]
        looks = dict(zip(asked, self._looks_of(self.boxes[i] for i in asked), strict=True))
        changed = {i for i, look in looks.items() if look.colour != self._looks[i].colour}
        self._looks.update(looks)
        if changed:
            with self.filling():
                self._colour_rows(changed)

    def _colour_rows(self, changed: set[int]) -> None:
        ids = self.ids()
        marked = {ids[row] for row in self.layer.selected_data}
        colours = {self._looks[i].colour for i in changed}
        if marked == changed and len(colours) == 1:
            self.layer.current_edge_color = colours.pop()
        else:
            self.layer.edge_color = _rgba([self._looks[i] for i in ids])

    def mark(self, ids: Iterable[int]) -> None:
        """Mark boxes as the current ones, with handles to adjust them."""
        wanted = {i for i in ids if i in self.boxes}
        rows = {row for row, i in enumerate(self.ids()) if i in wanted}
        with self.filling():
            if rows != set(self.layer.selected_data):
                self.layer.selected_data = rows
        self.draw_marks(wanted)

    def draw_marks(self, ids: Iterable[int]) -> None:
        """Draw the marks of boxes that napari has marked already."""
        self._draw_marks(self._outlines(ids))

    def _outlines(self, ids: Iterable[int]) -> dict[int, tuple[Corners, LineLook]]:
        return {i: (self.boxes[i].corners, self._looks[i]) for i in ids if i in self.boxes}

    def _draw_all(self) -> None:
        shown = self._outlines(self.boxes)
        self.lines.outlines.fill(shown, drawn(shown))

    def _draw(self, ids: Iterable[int]) -> None:
        ids = list(ids)
        shown = self._outlines(ids)
        gone = [i for i in ids if i not in shown]
        self.lines.outlines.change(list(shown), drawn(shown), gone)

    def _draw_marks(self, outlines: Outlines) -> None:
        self.lines.mark(outlines, has_handles=str(self.layer.mode) == "select")

    def _follow_drag(self) -> None:
        """Draw the marked rows where the mouse has dragged or drawn them to."""
        if self.is_filling or not self.layer.selected_data:
            return
        ids, own = self.ids(), LineLook(self.own_colour, OPEN_WIDTH)
        rows = [row for row in self.layer.selected_data if row < len(ids)]
        boxes = self.layer.boxes
        now = {ids[row]: (corners_of(boxes[row]), self._looks.get(ids[row], own)) for row in rows}
        self.lines.outlines.change(list(now), drawn(now))
        self._draw_marks(now)

    own_colour = "white"
    """Of a box that is being drawn."""


HAIRLINE = 0.01
"""Width of the rows' own edges, which nobody sees, in pixels of the image."""


def _rgba(looks: Sequence[LineLook]) -> NDArray[np.float32]:
    """Colours of shape (N, 4)."""
    return colours_of(looks).astype(np.float32)
