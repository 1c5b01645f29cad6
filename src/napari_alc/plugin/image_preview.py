"""An image of the ranking on napari's canvas, with its boxes: only to be looked at.

It has layers of its own, which nothing can be decided on and which are gone before another page
comes into sight. What else lies on the canvas is hidden meanwhile, and shown again as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Shapes
from qtpy.QtCore import QObject, Signal

from napari_alc.boxes import Boxes
from napari_alc.errors import AlcError
from napari_alc.plugin import preferences
from napari_alc.plugin.iterate.selection_panel import ImageToSee
from napari_alc.plugin.palettes import HALF_PIXEL, palette
from napari_alc.plugin.review.canvas.image_layer import ReviewImage
from napari_alc.plugin.review.canvas.view import whole_zoom
from napari_alc.plugin.review.image_loader import ReadImage, Unreadable, load
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.steps.assign_regions import boxes_by_region

LINES_A_SIDE = 300
"""Lines of a box beside each other that would fill the image's longer side."""

READING = "Reading {} …"
SHOWN = "{} is on the canvas, only to look at: nothing can be decided here."

_Seen = tuple[ReadImage, Mapping[str, Boxes]]


def _read(wanted: ImageToSee) -> _Seen:
    project = wanted.project
    image = load(project.path_of(project.image(wanted.image_id)))
    if isinstance(image, Unreadable):
        raise AlcError(image.reason)
    return image, boxes_by_region(project, wanted.iteration, wanted.image_id)


class ImagePreview(QObject):
    """Shows one image at a time, the one that was asked for last."""

    told = Signal(str)
    """Emitted with what is on the canvas, in words; empty where nothing of this is."""

    failed = Signal(str)
    """Emitted with why an image cannot be shown."""

    def __init__(self, viewer: Any, review: ReviewImage, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._review = viewer, review
        self._wanted: ImageToSee | None = None
        self._layers: tuple[Layer, ...] = ()
        self._before = _Before(viewer)
        self._query = AsyncQuery(self)
        self._query.answered.connect(self._on_read)
        self._query.refused.connect(self._on_refusal)

    @property
    def is_running(self) -> bool:
        """Whether an image is being read, awaited or not."""
        return self._query.is_running

    def show_image(self, wanted: ImageToSee | None) -> None:
        """Show an image once it has been read; None takes away what is shown."""
        if wanted is None:
            self._clear()
        elif wanted != self._wanted:
            self._wanted = wanted
            self.told.emit(READING.format(wanted.file_name))
            self._query.ask(partial(_read, wanted))

    def _on_refusal(self, error: AlcError) -> None:
        self._clear()
        self.failed.emit(str(error))

    def _clear(self) -> None:
        self._query.forget()
        self._wanted = None
        self._take_away()
        self.told.emit("")

    def _take_away(self) -> None:
        layers, self._layers = self._layers, ()
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if layers:
            self._before.bring_back()
            self._review.set_aside(False)

    def _on_read(self, seen: _Seen) -> None:
        if self._wanted is None:
            return
        image, boxes = seen
        self._take_away()
        self._before.put_away()
        self._review.set_aside(True)
        name = f"Preview of {self._wanted.file_name}"
        self._layers = _image_layer(image, name), _box_layer(image, boxes, f"{name}: boxes")
        for layer in self._layers:
            self._viewer.layers.append(layer)
            layer.editable, layer.locked = False, True
        self._look_at(image.pixels.shape[:2])
        self.told.emit(SHOWN.format(self._wanted.file_name))

    def _look_at(self, shape: tuple[int, ...]) -> None:
        camera = self._viewer.scene.camera
        camera.center = shape[0] / 2, shape[1] / 2
        camera.zoom = whole_zoom(self._viewer, shape)


class _Before:
    """What was on the canvas before: which layers were seen, which was active, where it stood."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._seen: list[Layer] = []
        self._active: Layer | None = None
        self._place: tuple[Any, float] = ((), 1.0)

    def put_away(self) -> None:
        """Hide every layer, and remember how it was."""
        layers, camera = self._viewer.layers, self._viewer.scene.camera
        self._active, self._place = layers.selection.active, (camera.center, camera.zoom)
        self._seen = [layer for layer in layers if layer.visible]
        for layer in self._seen:
            layer.visible = False

    def bring_back(self) -> None:
        """Show again what was seen, from where it was."""
        layers, camera = self._viewer.layers, self._viewer.scene.camera
        for layer in self._seen:
            layer.visible = True
        if self._active in layers:
            layers.selection.active = self._active
        camera.center, camera.zoom = self._place
        self._seen = []


def _image_layer(image: ReadImage, name: str) -> Image:
    is_colour = image.pixels.ndim == 3
    contrast = {} if is_colour else {"contrast_limits": image.stretched}
    return Image(
        image.pixels,
        name=name,
        rgb=is_colour,
        translate=(HALF_PIXEL, HALF_PIXEL),
        metadata={"napari_alc": "review"},
        **contrast,
    )


def _box_layer(image: ReadImage, boxes: Mapping[str, Boxes], name: str) -> Shapes:
    colours = palette(preferences.palette())
    corners = np.concatenate([np.empty((0, 4)), *boxes.values()])
    x1, y1, x2, y2 = corners.T
    outlines = np.stack([y1, x1, y1, x2, y2, x2, y2, x1], axis=1).reshape(-1, 4, 2)
    return Shapes(
        list(outlines),
        ndim=2,
        shape_type="rectangle",
        name=name,
        edge_color=[colours[region] for region, found in boxes.items() for _ in found] or "white",
        edge_width=max(image.pixels.shape[:2]) / LINES_A_SIDE,
        face_color="transparent",
        opacity=1.0,
        metadata={"napari_alc": "review"},
    )
