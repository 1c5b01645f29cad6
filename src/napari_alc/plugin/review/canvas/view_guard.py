"""Keeps napari's view as the review needs it: one flat image, and its boxes in sight.

napari has keys and buttons for volumes, for images side by side and for hidden layers. In the
review they would leave a person to decide on boxes that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_alc.plugin.review.canvas.layers import ReviewLayers
from napari_alc.plugin.widgets.controls import single_shot


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
