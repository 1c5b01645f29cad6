"""The image under review on napari's canvas: its layer, its contrast, and the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from napari_alc.plugin.appearance import HALF_PIXEL
from napari_alc.plugin.read_ahead import ReadImage
from napari_alc.project.document import ReviewBox

SHARE_OF_VIEW = 3.0
"""The box at hand fills a third of the view."""

LARGEST_ZOOM = 12.0
"""Screen pixels an image pixel at most; a tiny box needs its surroundings."""

WHOLE_MARGIN = 0.03
"""Share of the view left free around the whole image."""


class ReviewImage:
    """One image at a time, in a layer that is made once and refilled.

    Gray and colour images need a layer each; the one not in use is hidden.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._image: ReadImage | None = None
        self.layers = {False: _layer("Image"), True: _layer("Image (colour)", rgb=True)}
        self.stretched = True

    @property
    def has_colours(self) -> bool:
        """Whether the image has colours, which have no contrast limits."""
        return self._image is not None and self._image.pixels.ndim == 3

    @property
    def layer(self) -> Image:
        """The layer in use."""
        return self.layers[self.has_colours]

    def show(self, image: ReadImage) -> None:
        """Put another image in place of the one shown."""
        self._image = image
        self.layer.data = image.pixels
        self.layers[not self.has_colours].visible = False
        self.layer.visible = True
        self.apply_contrast()

    def hide(self) -> None:
        """Show no image."""
        self._image = None
        for layer in self.layers.values():
            layer.visible = False

    def apply_contrast(self) -> None:
        """Show the image stretched or as it is; the pixels stay as they are."""
        if self._image is None or self.has_colours:
            return
        limits = self._image.stretched if self.stretched else self._image.full
        bottom, top = self._image.full
        self.layer.contrast_limits_range = (min(bottom, limits[0]), max(top, limits[1]))
        self.layer.contrast_limits = limits

    def look_at(self, box: ReviewBox) -> None:
        """Centre a box and zoom until it fills about a third of the view."""
        x1, y1, x2, y2 = box.corners
        height, width = self._viewer.canvas.size
        zoom = min(width / max(x2 - x1, 1), height / max(y2 - y1, 1)) / SHARE_OF_VIEW
        camera = self._viewer.scene.camera
        camera.center = ((y1 + y2) / 2, (x1 + x2) / 2)
        camera.zoom = max(min(zoom, LARGEST_ZOOM), self._whole_zoom())

    def look_at_whole(self) -> None:
        """Show the whole image."""
        if self._image is not None:
            height, width = self._image.pixels.shape[:2]
            self._viewer.scene.camera.center = (height / 2, width / 2)
            self._viewer.scene.camera.zoom = self._whole_zoom()

    def _whole_zoom(self) -> float:
        if self._image is None:
            return float(self._viewer.scene.camera.zoom)
        height, width = self._image.pixels.shape[:2]
        canvas_height, canvas_width = self._viewer.canvas.size
        fitting = min(canvas_height / height, canvas_width / width)
        return float((1 - WHOLE_MARGIN) * fitting)


def _layer(name: str, rgb: bool = False) -> Image:
    shape = (2, 2, 3) if rgb else (2, 2)
    return Image(
        np.zeros(shape, dtype=np.uint8),
        rgb=rgb,
        name=name,
        visible=False,
        translate=(HALF_PIXEL, HALF_PIXEL),
    )
