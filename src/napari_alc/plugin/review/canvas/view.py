"""Which part of the image plane is in view."""

from __future__ import annotations

from typing import Any

from napari_alc.boxes import Corners


def view_of(viewer: Any) -> Corners:
    """What napari's canvas shows, ``x1, y1, x2, y2`` in pixels of the image."""
    camera = viewer.scene.camera
    y, x = camera.center[-2:]
    dy, dx = (side / 2 / camera.zoom for side in viewer.canvas.size)
    return float(x - dx), float(y - dy), float(x + dx), float(y + dy)
