"""Keeps napari's view as the review needs it: one flat image, and its boxes in sight.

napari has keys and buttons for volumes, for images side by side and for hidden layers. In the
review they would leave a person to decide on boxes that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_alc.plugin.review.canvas.layers import ReviewLayers
from napari_alc.plugin.review.keys.bindings import with_keys

FLAT = "The review shows one image, flat; napari's other views are for other layers."
IN_SIGHT = "Boxes stay in sight. Hold {hide_boxes} to hide them for a moment."


class ViewGuard(QObject):
    """Sets right what napari's own keys and buttons do to the view.

    Parameters
    ----------
    viewer
        Of napari.
    layers
        The review's.
    is_needed
        Whether an image is under review; else the view is the person's.
    parent
        Owner.
    """

    said = Signal(str)
    """Emitted with why something was undone."""

    def __init__(
        self, viewer: Any, layers: ReviewLayers, is_needed: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._layers, self._is_needed = viewer, layers, is_needed
        # napari is still within the change when it tells of it
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._set_right)
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
            self.said.emit(FLAT)
        if not self._layers.are_in_sight:
            self._layers.set_visible(True)
            self.said.emit(with_keys(IN_SIGHT))
