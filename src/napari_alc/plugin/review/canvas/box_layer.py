"""The boxes under review as rows of napari's Shapes layer, which is made once and refilled.

A change of a few boxes costs what napari takes for those few; only another image fills the
layer anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np
from napari.layers import Shapes
from napari.layers.shapes._shapes_models import Rectangle
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_alc.boxes import areas, as_boxes
from napari_alc.plugin.review.canvas.box_style import BoxStyle
from napari_alc.plugin.review.canvas.edits import NEW, Vertices, are_in_place, to_vertices
from napari_alc.project.storage.records import ReviewBox

STRETCHED = ("_data", "_bounding_box", "_box", "_face_vertices", "_edge_vertices")
"""What a rectangle of napari holds in places of the image."""

SQUARE = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=np.float32)
"""Corners in ``(row, column)`` as napari orders them."""

Corners = NDArray[np.float32]


class BoxShapes(Shapes):
    """A Shapes layer that takes upright boxes in a quarter of the time; others as ever."""

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


def are_upright(corners: Sequence[NDArray[Any]]) -> bool:
    """Whether all are upright boxes with an area, their corners in the order of `SQUARE`."""
    if any(np.shape(each) != SQUARE.shape for each in corners):
        return False
    boxes = np.asarray(corners, dtype=np.float32)
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    return bool((low < high).all() and (_stretched(SQUARE, boxes) == boxes).all())


def rectangles(
    corners: Corners, widths: Sequence[float], depths: Sequence[int]
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


def _stretched(vertices: NDArray[Any], corners: Corners) -> Corners:
    """Vertices of the square, shape (V, 2), as they are in boxes: shape (N, V, 2)."""
    low, high = corners.min(axis=1, keepdims=True), corners.max(axis=1, keepdims=True)
    places: Corners = ((1 - vertices) * low + vertices * high).astype(vertices.dtype)
    return places


HANDLE = 10.0
SMALLEST_HANDLE = 2.0
"""Size of the handles of a marked box in pixels of the screen; napari's own is 10."""

HANDLE_SHARE = 0.25
"""Of a box's shorter side on the screen: handles never take more, so that most of a tiny box
can be seen and dragged."""

MANY = 0.3
"""Share of the rows from which filling the layer anew is quicker than exchanging them."""


class BoxRows:
    """Keeps the layer's rows in step with boxes."""

    def __init__(self, styles_of: Callable[[Iterable[ReviewBox]], list[BoxStyle]]) -> None:
        self._styles_of = styles_of
        self._styles: dict[int, BoxStyle] = {}
        self._depths: dict[int, int] = {}
        self.boxes: dict[int, ReviewBox] = {}
        self.is_filling = False
        self.is_stale = False
        """Whether rows may differ from `boxes`, so that no gesture can be read from them."""
        self.layer = BoxShapes(
            ndim=2,
            name="Boxes",
            edge_color="white",
            face_color="transparent",
            opacity=1.0,
            features={"id": np.empty(0, dtype=np.int64)},
            feature_defaults={"id": NEW},
        )

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
            self._styles.clear()
            self._add(list(self.boxes.values()))

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
        self.refresh_styles(now)

    def restore(self, boxes: Iterable[ReviewBox]) -> None:
        """Show these boxes, whatever has been done to the layer."""
        self.boxes = {box.id: box for box in boxes}
        right = set(self._rows_in_place())
        ids = self.ids()
        there = {ids[row] for row in right}
        wrong = [row for row in range(self.layer.nshapes) if row not in right]
        self._exchange(wrong, [box for box in self.boxes.values() if box.id not in there])
        self.refresh_styles(self.boxes)

    def _rows_in_place(self) -> list[int]:
        """The rows that show a box as it is, each box once."""
        ids, data = self.ids(), self.layer.data
        in_place = are_in_place(ids, data, self.boxes)
        upright = np.array([kind == "rectangle" for kind in self.layer.shape_type], dtype=bool)
        rows = np.flatnonzero(in_place & upright & self._at_depth())
        return list({ids[row]: int(row) for row in rows[::-1]}.values())

    @property
    def is_sorted(self) -> bool:
        """Whether small boxes lie on large ones; keys of napari change that unsaid."""
        return bool(self._at_depth().all())

    def _at_depth(self) -> NDArray[np.bool_]:
        drawn = zip(self.ids(), self.layer.z_index, strict=True)
        return np.array([self._depths.get(i) == depth for i, depth in drawn], dtype=bool)

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
            styles = self._styles_of(boxes)
            corners = as_boxes([box.corners for box in boxes])
            depths = _depths(corners)
            self._depths.update({b.id: depth for b, depth in zip(boxes, depths, strict=True)})
            layer.add(
                list(to_vertices(corners)),
                shape_type="rectangle",
                edge_width=[style.width for style in styles],
                edge_color=_rgba(styles),
                face_color="transparent",
                z_index=depths,
            )
            self._styles.update({b.id: style for b, style in zip(boxes, styles, strict=True)})
        layer.features = {"id": np.array([*ids, *(box.id for box in boxes)], dtype=np.int64)}
        layer.feature_defaults = {"id": NEW}

    def refresh_styles(self, ids: Iterable[int] | None = None) -> None:
        """Draw boxes as they look now; None for all."""
        asked = [i for i in (self.boxes if ids is None else ids) if i in self.boxes]
        styles = dict(zip(asked, self._styles_of(self.boxes[i] for i in asked), strict=True))
        changed = {i: style for i, style in styles.items() if style != self._styles[i]}
        if not changed:
            return
        recoloured = any(style.colour != self._styles[i].colour for i, style in changed.items())
        rewidened = any(style.width != self._styles[i].width for i, style in changed.items())
        self._styles.update(changed)
        with self.filling():
            if not self._restyle_marked(changed, recoloured, rewidened):
                self._restyle_all(recoloured, rewidened)

    def _restyle_marked(
        self, changed: Mapping[int, BoxStyle], recoloured: bool, rewidened: bool
    ) -> bool:
        """Draw the marked boxes anew where it is those that changed, all in one way."""
        ids = self.ids()
        marked = {ids[row] for row in self.layer.selected_data}
        if marked != set(changed) or len(set(changed.values())) > 1:
            return False
        [style] = set(changed.values())
        if rewidened:
            self.layer.current_edge_width = style.width
        if recoloured:
            self.layer.current_edge_color = style.colour
        return True

    def _restyle_all(self, recoloured: bool, rewidened: bool) -> None:
        styles = [self._styles[i] for i in self.ids()]
        if rewidened:
            self.layer.edge_width = [style.width for style in styles]
        if recoloured:
            self.layer.edge_color = _rgba(styles)
        else:  # widths alone tell nobody that they have changed
            self.layer.refresh(thumbnail=False, extent=False)

    def mark(self, ids: Iterable[int], zoom: float) -> None:
        """Give boxes the handles to adjust them, at a zoom in pixels of the screen."""
        wanted = {i for i in ids if i in self.boxes}
        rows = {row for row, i in enumerate(self.ids()) if i in wanted}
        self.fit_handles(wanted, zoom)
        with self.filling():
            if rows != set(self.layer.selected_data):
                self.layer.selected_data = rows

    def fit_handles(self, ids: Iterable[int], zoom: float) -> None:
        """Make handles small enough for the box, or the room that several take together."""
        marked = as_boxes([self.boxes[i].corners for i in ids if i in self.boxes])
        size = HANDLE
        if len(marked):
            side = (marked[:, 2:].max(axis=0) - marked[:, :2].min(axis=0)).min() * zoom
            size = float(np.clip(HANDLE_SHARE * side, SMALLEST_HANDLE, HANDLE))
        if size != self.layer._vertex_size:
            self.layer._vertex_size = size
            self.layer.refresh(thumbnail=False, data_displayed=False, extent=False)


def _rgba(styles: Sequence[BoxStyle]) -> NDArray[np.float32]:
    """Colours of shape (N, 4); napari reads each of a list by itself, at five times the time."""
    names = list({style.colour for style in styles})
    row = {name: i for i, name in enumerate(names)}
    colours: NDArray[np.float32] = transform_color(names)[[row[style.colour] for style in styles]]
    return colours


def _depths(corners: Vertices) -> list[int]:
    """The order in which boxes lie upon each other: small ones on top."""
    return [int(depth) for depth in -10 * np.sqrt(areas(corners))]
