"""What a person does to the boxes with the mouse and napari's own tools, told as `Edits`.

napari changes the rows of the Shapes layer itself. Here every such change is read once and
handed on; the canvas then fills the rows again with what the document says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QObject, Signal

from napari_alc.labels import ImageRecord
from napari_alc.plugin.review.canvas.box_layer import BoxRows
from napari_alc.plugin.review.canvas.edits import edits, without_slips
from napari_alc.plugin.review.commands import Edits
from napari_alc.plugin.review.messages import NO_OTHER_SHAPES, NO_TURNING, READ_ONLY

MODES = ("pan_zoom", "select", "direct", "add_rectangle")
"""Of napari's tools for shapes, those that leave boxes."""


class Gestures(QObject):
    """Reads gestures on the rows of the Shapes layer."""

    edited = Signal(object)
    """Emitted with `Edits` for the document."""

    picked = Signal(object)
    """Emitted with the ids of the boxes that a person marked."""

    refused = Signal(str)
    """Emitted with the reason why a gesture changed nothing."""

    disturbed = Signal()
    """Emitted when rows must be filled again, once napari is done with the gesture."""

    pressed = Signal()
    """Emitted when the mouse is pressed on the boxes, before napari does anything with it."""

    released = Signal()
    """Emitted when it is let go."""

    def __init__(self, rows: BoxRows, parent: QObject) -> None:
        super().__init__(parent)
        self._rows, self._layer = rows, rows.layer
        self._leaves_out = False
        self.image: ImageRecord | None = None
        """The image whose boxes are shown; None for none."""
        self.is_read_only = False
        self.is_down = False
        """Whether the mouse is held on the boxes."""
        self.travel = 0.0
        """Furthest distance from the last press, in pixels of the screen."""
        # what the layer does with the mouse itself comes after
        self._layer.mouse_drag_callbacks.insert(0, self._watch_mouse)
        self._layer.events.data.connect(self._on_data)
        self._layer.events.features.connect(self._read)  # a paste says nothing else
        self._layer.events.mode.connect(self._on_mode)
        self._layer.selected_data.events.items_changed.connect(self._on_selection)

    def _watch_mouse(self, _layer: Shapes, event: Any) -> Iterator[None]:
        """Follow a press of the mouse until it is let go."""
        self.pressed.emit()
        self.is_down, self.travel = True, 0.0
        start = np.array(event.pos)
        try:
            yield
            while event.type == "mouse_move":
                self.travel = max(self.travel, float(np.hypot(*(event.pos - start))))
                yield
        finally:
            self.is_down = False
            self.released.emit()

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag draws a box."""
        return str(self._layer.mode) == "add_rectangle"

    @property
    def _usual_mode(self) -> str:
        """The tool of napari while nobody draws."""
        return "pan_zoom" if self.is_read_only else "select"

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self._leaves_out = True
        self._layer.mode = self._usual_mode
        self._leaves_out = False
        if self.is_down:
            self._let_go()

    def set_read_only(self, read_only: bool) -> None:
        """Let boxes be looked at and picked, but not changed; False lifts it."""
        self.is_read_only = read_only
        self.stop_drawing()
        # this lets napari choose another tool
        self._layer.editable = not read_only
        self._layer.mode = self._usual_mode

    def _let_go(self) -> None:
        """Keep the rest of a drag from moving what it drew, on which napari stumbles."""
        with self._rows.filling():
            self._layer.selected_data = set()

    def _on_mode(self) -> None:
        mode = str(self._layer.mode)
        if mode not in MODES:
            # napari is about to unmark the current boxes
            self._rows.is_stale = True
            self.disturbed.emit()
            self.stop_drawing()
            self.refused.emit(NO_TURNING if mode == "transform" else NO_OTHER_SHAPES)

    def _on_selection(self) -> None:
        if self._rows.is_filling or self._rows.is_stale:
            return
        ids = self._rows.ids()
        found = [ids[row] for row in sorted(self._layer.selected_data) if row < len(ids)]
        self.picked.emit(tuple(i for i in found if i in self._rows.boxes))

    def _on_data(self, event: Any) -> None:
        if str(event.action) in ("added", "changed", "removed"):
            self._read()

    def _read(self) -> None:
        rows = self._rows
        if rows.is_filling or rows.is_stale or self.image is None:
            return
        drawn = list(zip(rows.ids(), self._layer.data, strict=True))
        found = edits(rows.boxes.values(), drawn, self.image)
        if found == Edits():
            return
        # Rows and boxes may differ from now on; napari is still within the gesture.
        rows.is_stale = True
        self.disturbed.emit()
        if found.drawn and self.is_down:
            self._let_go()
        if self._leaves_out:
            return
        found = without_slips(found, self.travel)
        if self.is_read_only:
            self.refused.emit(READ_ONLY)
        elif found != Edits():
            self.edited.emit(found)
