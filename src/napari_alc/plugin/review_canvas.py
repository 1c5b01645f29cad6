"""The document on napari's canvas: an image, its boxes, and the suggestions beside them.

Layers are views. They are made once and refilled; what a person does to the Shapes layer
becomes commands of the document, stored before the layer is filled from it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtCore import QObject, QTimer, Signal

from napari_alc.boxes import areas, as_boxes
from napari_alc.errors import AlcError
from napari_alc.plugin.appearance import (
    COLOURS,
    OPEN_WIDTH,
    OWN,
    SUGGESTION_COLOUR,
    SUGGESTION_WIDTH,
    colour_name,
    screen_width,
)
from napari_alc.plugin.read_ahead import ReadImage
from napari_alc.plugin.review_gestures import NEW, NO_TURNING, Edits, edits, to_vertices
from napari_alc.plugin.review_image import ReviewImage
from napari_alc.project.document import ReviewBox, ReviewDocument

ZOOM_REST_MS = 40
"""Line widths follow the zoom once the wheel rests this long."""


class ReviewCanvas(QObject):
    """Shows a document and turns gestures into its commands.

    Parameters
    ----------
    viewer
        Of napari.
    parent
        Owner.
    """

    picked = Signal(object)
    """Emitted with the ids of the boxes that a person picked."""

    edited = Signal(object)
    """Emitted with the `Edits` that the document has taken and stored."""

    refused = Signal(str)
    """Emitted with the reason why a gesture changed nothing."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._document: ReviewDocument | None = None
        self._category_id = 0
        self._filled: dict[int, ReviewBox] = {}
        self._selected: tuple[int, ...] = ()
        self._is_filling = False
        self._is_stale = False
        self._mouse_is_down = False
        self._leaves_out = False
        self.boxes = _shapes("Boxes")
        self.suggestions = _shapes("Suggestions")
        self.image = ReviewImage(viewer)
        self._refill_later = _timer(self, 0, self._refill)
        self._widths_later = _timer(self, ZOOM_REST_MS, self._set_widths)
        self._connect()

    def _connect(self) -> None:
        self.boxes.events.data.connect(self._on_data)
        self.boxes.events.features.connect(self._on_features)
        self.boxes.events.mode.connect(self._on_mode)
        self.boxes.selected_data.events.items_changed.connect(self._on_selection)
        self.boxes.mouse_drag_callbacks.insert(0, self._watch_mouse)
        self._viewer.scene.camera.events.zoom.connect(self._on_zoom)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, the editable one last."""
        return (*self.image.layers.values(), self.suggestions, self.boxes)

    @property
    def is_busy(self) -> bool:
        """Whether a person holds the mouse on the boxes."""
        return self._mouse_is_down

    @property
    def is_settled(self) -> bool:
        """Whether the layers show what the document says, in the widths of this zoom."""
        return not (self._refill_later.isActive() or self._widths_later.isActive())

    @property
    def selected(self) -> tuple[int, ...]:
        """Ids of the boxes that are marked."""
        return self._selected

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag draws a box."""
        return str(self.boxes.mode) == "add_rectangle"

    def show_image(self, image: ReadImage) -> None:
        """Put another image in place of the one shown."""
        self.image.show(image)
        self._add_layers()

    def show_document(self, document: ReviewDocument | None) -> None:
        """Show the boxes of `document`; None for none."""
        self._document = document
        self._selected = ()
        self.stop_drawing()
        self._refill()
        self.show_suggestions(())

    def set_category(self, category_id: int) -> None:
        """The category that drawn boxes get."""
        self._category_id = category_id

    def clear(self) -> None:
        """Show neither boxes nor image."""
        self.show_document(None)
        self.image.hide()

    def _add_layers(self) -> None:
        """Put the layers into the viewer, on top of others, unless they are there."""
        layers = self._viewer.layers
        if self.boxes not in layers:
            layers.append(self.suggestions)
            # napari's buttons show the mode only when it changes after they are made
            self.boxes.mode = "pan_zoom"
            layers.append(self.boxes)
            self.boxes.mode = "select"
        if self.image.layer not in layers:
            layers.insert(layers.index(self.suggestions), self.image.layer)
        for layer in (self.image.layer, self.suggestions, self.boxes):
            layer.locked = True
        layers.selection.active = self.boxes

    def update(self, ids: Collection[int]) -> None:
        """Show boxes as the document has them now.

        Where only states changed, colours and widths are set and deleted boxes taken out,
        which is several times quicker than filling the layer anew.
        """
        if self._document is None:
            return
        now = {box.id: box for box in self._document.shown}
        unlike = (
            i in now and (i not in self._filled or now[i].corners != self._filled[i].corners)
            for i in ids
        )
        if self._is_stale or any(unlike):
            self._refill()
            return
        with self._filling():
            rows = self._row_ids()
            gone = [row for row, box_id in enumerate(rows) if box_id not in now]
            if gone:
                self.boxes.selected_data = set()
                self.boxes.remove(gone)
            self._filled = {box_id: now[box_id] for box_id in rows if box_id in now}
            self._set_looks()
        self.select([i for i in self._selected if i in now])

    def select(self, ids: Sequence[int]) -> None:
        """Mark boxes as those at hand, with handles to adjust them."""
        self._selected = tuple(ids)
        if self._is_stale:
            return
        with self._filling():
            rows = self._row_ids()
            wanted = set(ids)
            self.boxes.selected_data = {row for row, i in enumerate(rows) if i in wanted}

    def show_suggestions(self, boxes: Sequence[ReviewBox]) -> None:
        """Show these boxes thinly beside the one at hand."""
        layer = self.suggestions
        if layer.nshapes:
            layer.remove(list(range(layer.nshapes)))
        if boxes:
            layer.add(
                [to_vertices(box.corners) for box in boxes],
                shape_type="rectangle",
                edge_width=SUGGESTION_WIDTH / self._zoom,
                edge_color=SUGGESTION_COLOUR,
                face_color="transparent",
            )
        layer.editable = False

    def set_visible(self, visible: bool) -> None:
        """Show or hide all boxes."""
        self.boxes.visible = visible
        self.suggestions.visible = visible

    def start_drawing(self) -> None:
        """Let the next drags draw boxes."""
        self._viewer.layers.selection.active = self.boxes
        self.select(())
        self.boxes.mode = "add_rectangle"
        with self.boxes.block_update_properties():
            self.boxes.current_edge_color = COLOURS[OWN]
            self.boxes.current_face_color = "transparent"
            self.boxes.current_edge_width = OPEN_WIDTH / self._zoom

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self._leaves_out = True
        self.boxes.mode = "select"
        self._leaves_out = False
        if self._mouse_is_down:
            with self._filling():  # else the rest of the drag would move what it drew
                self.boxes.selected_data = set()

    @property
    def _zoom(self) -> float:
        return float(self._viewer.scene.camera.zoom)

    @contextmanager
    def _filling(self) -> Iterator[None]:
        """Changes of the layers by the program are no gestures."""
        before, self._is_filling = self._is_filling, True
        try:
            yield
        finally:
            self._is_filling = before

    def _refill(self) -> None:
        """Fill the layer from the document: large boxes below small ones."""
        if self._mouse_is_down:
            self._is_stale = True
            return
        self._refill_later.stop()
        shown = () if self._document is None else self._document.shown
        order = np.argsort(-areas(as_boxes([box.corners for box in shown])), kind="stable")
        ordered = [shown[i] for i in order]
        with self._filling():
            self.boxes.selected_data = set()
            if self.boxes.nshapes:
                self.boxes.remove(list(range(self.boxes.nshapes)))
            if ordered:
                self._add_rows(ordered)
            self._filled = {box.id: box for box in ordered}
            self.boxes.features = {"id": np.array([box.id for box in ordered], dtype=np.int64)}
            self.boxes.feature_defaults = {"id": NEW}
        self._is_stale = False
        self.select([i for i in self._selected if i in self._filled])

    def _add_rows(self, boxes: Sequence[ReviewBox]) -> None:
        self.boxes.add(
            [to_vertices(box.corners) for box in boxes],
            shape_type="rectangle",
            edge_width=[screen_width(box) / self._zoom for box in boxes],
            edge_color=[COLOURS[colour_name(box)] for box in boxes],
            face_color="transparent",
            z_index=list(range(len(boxes))),
        )

    def _set_looks(self) -> None:
        if self._filled:
            colours = [COLOURS[colour_name(box)] for box in self._filled.values()]
            self.boxes.edge_color = transform_color(colours)
        self._set_widths()

    def _set_widths(self) -> None:
        if self._is_stale or self._mouse_is_down:
            return
        with self._filling():
            self.boxes.edge_width = [screen_width(b) / self._zoom for b in self._filled.values()]
            self.suggestions.edge_width = SUGGESTION_WIDTH / self._zoom
            for layer in (self.boxes, self.suggestions):
                # widths alone tell nobody that they have changed
                layer.refresh(thumbnail=False, extent=False)
            if self.is_drawing:
                with self.boxes.block_update_properties():
                    self.boxes.current_edge_width = OPEN_WIDTH / self._zoom

    def _on_zoom(self) -> None:
        self._widths_later.start()

    def _row_ids(self) -> list[int]:
        features = self.boxes.features
        return [int(i) for i in features["id"]] if "id" in features else []

    def _watch_mouse(self, _layer: Shapes, event: Any) -> Iterator[None]:
        if self._is_stale:
            self._refill()
        self._mouse_is_down = True
        try:
            yield
            while event.type == "mouse_move":
                yield
        finally:
            self._mouse_is_down = False
            self._widths_later.start()
            if self._is_stale:
                self._refill_later.start()

    def _on_mode(self) -> None:
        if str(self.boxes.mode) == "transform":
            self.boxes.mode = "select"
            self.refused.emit(NO_TURNING)

    def _on_selection(self) -> None:
        if self._is_filling or self._is_stale:
            return
        rows = self._row_ids()
        found = [rows[row] for row in sorted(self.boxes.selected_data) if row < len(rows)]
        self._selected = tuple(i for i in found if i in self._filled)
        self.picked.emit(self._selected)

    def _on_data(self, event: Any) -> None:
        if str(event.action) in ("added", "changed", "removed"):
            self._take_gesture()

    def _on_features(self) -> None:
        """A paste says nothing but this."""
        self._take_gesture()

    def _take_gesture(self) -> None:
        if self._is_filling or self._is_stale or self._document is None:
            return
        rows = list(zip(self._row_ids(), self.boxes.data, strict=True))
        found = edits(self._filled.values(), rows, self._document.image)
        if found == Edits():
            return
        # Rows and boxes may differ from now on; napari is still within the gesture.
        self._is_stale = True
        self._refill_later.start()
        if self._leaves_out:
            return
        self._carry_out(self._document, found)

    def _carry_out(self, document: ReviewDocument, found: Edits) -> None:
        refusal = found.refusal
        try:
            added = _tell(document, found, self._category_id)
            self._selected = tuple(added) or tuple(found.reshaped) or self._selected
        except AlcError as error:
            refusal = str(error)
        self.edited.emit(found)
        if refusal:
            self.refused.emit(refusal)


def _tell(document: ReviewDocument, found: Edits, category_id: int) -> list[int]:
    """Give the document the commands of a gesture; returns the ids of new boxes."""
    if found.deleted:
        document.delete(found.deleted)
    if found.reshaped:
        document.reshape(found.reshaped)
    added = [document.add(corners, category_id) for corners in found.drawn]
    for copied, corners in found.pasted:
        added.append(document.add(corners, document.boxes[copied].category_id))
    return added


def _shapes(name: str) -> Shapes:
    layer = Shapes(
        ndim=2,
        name=name,
        edge_color="white",
        face_color="transparent",
        opacity=1.0,
        features={"id": np.empty(0, dtype=np.int64)},
    )
    layer.feature_defaults = {"id": NEW}
    return layer


def _timer(parent: QObject, milliseconds: int, action: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(action)
    return timer
