"""The layers of the review in napari's viewer, and how they follow the zoom.

All are made once and refilled: image, words, and the boxes on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari.layers import Layer

from napari_alc.boxes import Corners
from napari_alc.plugin.napari_inside import node_of
from napari_alc.plugin.palettes import OWN
from napari_alc.plugin.review.canvas.box_layer import BoxRows
from napari_alc.plugin.review.canvas.box_style import BoxStyles
from napari_alc.plugin.review.canvas.image_layer import ReviewImage
from napari_alc.plugin.review.canvas.label_layer import MOST_LABELS, BoxLabels
from napari_alc.plugin.review.canvas.lines.suggestion_lines import SuggestionLines
from napari_alc.plugin.review.canvas.view import view_of


class ReviewLayers:
    """Holds the layers and puts them into napari's viewer."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.styles = BoxStyles()
        self.image = ReviewImage(viewer)
        self.labels = BoxLabels()
        self.rows = BoxRows(self.styles.looks_of)
        self.suggestions = SuggestionLines(self.rows.lines.suggestions)
        self._is_shown = True
        self._current: tuple[int, ...] = ()
        self._words_are_old = self._marks_are_old = False

    @property
    def zoom(self) -> float:
        """Pixels of the screen a pixel of the image."""
        return float(self._viewer.scene.camera.zoom)

    @property
    def all(self) -> tuple[Layer, ...]:
        """All layers, the editable one last."""
        return (*self.image.layers.values(), self.labels.layer, self.rows.layer)

    @property
    def needed(self) -> tuple[Layer, ...]:
        """The layers that an image under review needs, from below to the top."""
        return self.image.layer, self.labels.layer, self.rows.layer

    def add(self) -> None:
        """Put the layers into the viewer, each below the next, unless they are there."""
        there, above = self._viewer.layers, len(self._viewer.layers)
        for layer in reversed(self.needed):
            if layer not in there:
                self._insert(above, layer)
            layer.locked = True
            above = there.index(layer)
        self.make_active()

    def _insert(self, place: int, layer: Layer) -> None:
        boxes, mode = self.rows.layer, self.rows.layer.mode
        if layer is boxes:
            # napari's buttons show the mode only when it changes after they are made
            boxes.mode = "pan_zoom"
        self._viewer.layers.insert(place, layer)
        boxes.mode = mode
        if layer is boxes:
            self.rows.lines.draw_on(node_of(self._viewer, boxes))
        if layer is self.labels.layer:
            self.labels.draw_on(node_of(self._viewer, layer))

    def make_active(self) -> None:
        """Let mouse and keys go to the boxes."""
        self._viewer.layers.selection.active = self.rows.layer

    @property
    def are_in_sight(self) -> bool:
        """Whether napari shows the boxes, unless the review itself hides them."""
        return bool(self.rows.layer.visible) or self.are_held_hidden

    @property
    def are_held_hidden(self) -> bool:
        """Whether the review itself hides the boxes, for as long as a key is held."""
        return not self._is_shown

    @property
    def view(self) -> Corners:
        """The part of the image plane that the canvas shows: ``x1, y1, x2, y2``."""
        return view_of(self._viewer)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all boxes, with what is beside them."""
        self._is_shown = visible
        self.rows.layer.visible = visible
        self.forget_words()
        if not visible:
            self.labels.hide()

    def use_own_colour(self) -> None:
        """Draw the next box in the colour of a person's own."""
        layer, self.rows.own_colour = self.rows.layer, self.styles.colours[OWN]
        with layer.block_update_properties():
            layer.current_edge_color = self.styles.colours[OWN]
            layer.current_face_color = "transparent"

    def set_current(self, ids: Sequence[int]) -> None:
        """Put words around the marks of these boxes from now on."""
        if tuple(ids) != self._current:
            self._current = tuple(ids)
            self._marks_are_old = True

    def forget_words(self) -> bool:
        """Put the words anew when next asked; whether there are any."""
        self._words_are_old = True
        return self.styles.has_words or self.labels.are_seen

    @property
    def words_follow_view(self) -> bool:
        """Whether other boxes have words after the image is moved."""
        return self.styles.has_words and len(self.rows.boxes) > MOST_LABELS

    def show_words(self) -> None:
        """Put words beside the boxes, and around the marks, where they are old."""
        if self._words_are_old:
            self._marks_are_old = True
            self._put_words()
        if self._marks_are_old:
            self.labels.mark(self._current)
        self._words_are_old = self._marks_are_old = False

    def _put_words(self) -> None:
        if not self.styles.has_words:
            self.labels.put_away()
            return
        if not self.rows.layer.visible:
            self.labels.hide()
            return
        words = [self.styles.label(box) for box in self.rows.boxes.values()]
        self.labels.show(words, self.zoom, self.view)
