"""Watches the mouse on the boxes: whether it is held, and how far it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Shapes


class MouseWatch:
    """Follows each press of the mouse on a layer until it is let go.

    Parameters
    ----------
    layer
        The layer; what it does with the mouse itself comes after.
    pressed, released
        Called when the mouse is pressed and when it is let go.
    """

    def __init__(
        self, layer: Shapes, pressed: Callable[[], None], released: Callable[[], None]
    ) -> None:
        self._pressed, self._released = pressed, released
        self.is_down = False
        self.travel = 0.0
        """Furthest distance from the last press, in pixels of the screen."""
        layer.mouse_drag_callbacks.insert(0, self._watch)

    def _watch(self, _layer: Shapes, event: Any) -> Iterator[None]:
        self._pressed()
        self.is_down, self.travel = True, 0.0
        start = np.array(event.pos)
        try:
            yield
            while event.type == "mouse_move":
                self.travel = max(self.travel, float(np.hypot(*(event.pos - start))))
                yield
        finally:
            self.is_down = False
            self._released()
