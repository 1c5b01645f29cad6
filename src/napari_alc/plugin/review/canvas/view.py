"""Which part of the image plane is in view."""

from __future__ import annotations

from typing import Any

from napari_alc.boxes import Corners

WHOLE_MARGIN = 0.03
"""Share of the view left free around a whole image."""


def view_of(viewer: Any) -> Corners:
    """What napari's canvas shows, ``x1, y1, x2, y2`` in pixels of the image."""
    camera = viewer.scene.camera
    y, x = camera.center[-2:]
    dy, dx = (side / 2 / camera.zoom for side in viewer.canvas.size)
    return float(x - dx), float(y - dy), float(x + dx), float(y + dy)


def whole_zoom(viewer: Any, shape: tuple[int, ...]) -> float:
    """The zoom at which an image of ``(height, width, …)`` pixels fills the view."""
    height, width = viewer.canvas.size
    return float((1 - WHOLE_MARGIN) * min(height / shape[0], width / shape[1]))
