"""The layers of the review in napari's viewer, how they follow the zoom, and stay in sight.

All are made once and refilled: image, suggestions, words, and the boxes on top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_alc.plugin.palettes import OPEN_WIDTH, OWN
from napari_alc.plugin.review.canvas.box_layer import BoxRows
from napari_alc.plugin.review.canvas.box_style import BoxStyles
from napari_alc.plugin.review.canvas.image_layer import ReviewImage
from napari_alc.plugin.review.canvas.label_layer import MOST_LABELS, BoxLabels
from napari_alc.plugin.review.canvas.suggestion_layer import SuggestionLines
from napari_alc.plugin.widgets.controls import single_shot


class ReviewLayers:
    """Holds the layers and puts them into napari's viewer."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.styles = BoxStyles(lambda: self.zoom)
        self.image = ReviewImage(viewer)
        self.lines = SuggestionLines()
        self.labels = BoxLabels()
        self.rows = BoxRows(self.styles.styles_of)
        self._is_shown = True
        self._words_are_old = False

    @property
    def zoom(self) -> float:
        """Pixels of the screen a pixel of the image."""
        return float(self._viewer.scene.camera.zoom)

    @property
    def all(self) -> tuple[Layer, ...]:
        """All layers, the editable one last."""
        return (*self.image.layers.values(), *self._of_boxes)

    @property
    def _of_boxes(self) -> tuple[Layer, ...]:
        return self.lines.layer, self.labels.layer, self.rows.layer

    def add(self) -> None:
        """Put the layers into the viewer, on top of others, unless they are there."""
        layers, boxes = self._viewer.layers, self.rows.layer
        if boxes not in layers:
            layers.extend((self.lines.layer, self.labels.layer))
            # napari's buttons show the mode only when it changes after they are made
            mode, boxes.mode = boxes.mode, "pan_zoom"
            layers.append(boxes)
            boxes.mode = mode
        if self.image.layer not in layers:
            layers.insert(layers.index(self.lines.layer), self.image.layer)
        for layer in (self.image.layer, *self._of_boxes):
            layer.locked = True
        self.make_active()

    def make_active(self) -> None:
        """Let mouse and keys go to the boxes."""
        self._viewer.layers.selection.active = self.rows.layer

    @property
    def are_in_sight(self) -> bool:
        """Whether napari shows the boxes, unless the review itself hides them."""
        return bool(self.rows.layer.visible) or not self._is_shown

    def set_visible(self, visible: bool) -> None:
        """Show or hide all boxes, with what is beside them."""
        self._is_shown = visible
        self.rows.layer.visible = visible
        self.lines.set_hidden(not visible)
        self.forget_words()
        if not visible:
            self.labels.hide()

    def use_own_colour(self) -> None:
        """Draw the next box in the colour of a person's own."""
        layer = self.rows.layer
        with layer.block_update_properties():
            layer.current_edge_color = self.styles.colours[OWN]
            layer.current_face_color = "transparent"
            layer.current_edge_width = OPEN_WIDTH / self.zoom

    def forget_words(self) -> bool:
        """Put the words anew when next asked; whether there are any."""
        self._words_are_old = True
        return self.styles.has_words or self.labels.are_seen

    @property
    def words_follow_view(self) -> bool:
        """Whether other boxes have words after the image is moved."""
        return self.styles.has_words and len(self.rows.boxes) > MOST_LABELS

    def show_words(self) -> None:
        """Put words beside the boxes where they are old."""
        if not self._words_are_old:
            return
        self._words_are_old = False
        if not self.styles.has_words:
            self.labels.put_away()
            return
        if not self.rows.layer.visible:
            self.labels.hide()
            return
        y, x = self._viewer.scene.camera.center[-2:]
        dy, dx = (side / 2 / self.zoom for side in self._viewer.canvas.size)
        words = [self.styles.label(box) for box in self.rows.boxes.values()]
        self.labels.show(words, self.zoom, (x - dx, y - dy, x + dx, y + dy))


class ViewGuard(QObject):
    """Sets right what napari's own keys and buttons do to the view while `is_needed`."""

    flattened = Signal()
    """Emitted when a volume, a grid or other axes gave way to the one flat image."""

    brought_back = Signal()
    """Emitted when hidden boxes were brought back into sight."""

    def __init__(
        self, viewer: Any, layers: ReviewLayers, is_needed: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._layers, self._is_needed = viewer, layers, is_needed
        # napari is still within the change when it tells of it
        self._later = single_shot(self, 0, self._set_right)
        for event in (
            viewer.dims.events.ndisplay,
            viewer.dims.events.order,
            viewer.canvas.grid.events.enabled,
            layers.rows.layer.events.visible,
        ):
            event.connect(self._on_change)

    def _on_change(self) -> None:
        if self._is_needed() and not (self._is_flat and self._layers.are_in_sight):
            self._later.start()

    @property
    def _is_flat(self) -> bool:
        dims = self._viewer.dims
        is_usual = dims.ndisplay == 2 and list(dims.order) == sorted(dims.order)
        return is_usual and not self._viewer.canvas.grid.enabled

    def _set_right(self) -> None:
        if not self._is_flat:
            self._viewer.dims.ndisplay = 2
            self._viewer.dims.order = tuple(sorted(self._viewer.dims.order))
            self._viewer.canvas.grid.enabled = False
            self.flattened.emit()
        if not self._layers.are_in_sight:
            self._layers.set_visible(True)
            self.brought_back.emit()
