"""What is seen is what is decided on: the one place that says whether the review can be trusted.

napari lets a person hide, move, cover and delete every layer. While an image is under review its
layers are there, in their order and on top of all others, opaque, where they belong, and drawn
flat. What is otherwise is put right and said, at once and before each decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from qtpy.QtCore import QObject, Signal

from napari_alc.boxes import Corners
from napari_alc.plugin.napari_inside import drawn_by
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.layers import ReviewLayers
from napari_alc.plugin.widgets.controls import single_shot

PLACES = np.array([[0.0, 0.0], [0.0, 1000.0], [1000.0, 0.0]])
"""Three places of the image, not in a line: what leaves them where they are moves nothing."""

LOOKS = ("opacity", "blending", "mode", "scale", "translate", "rotate", "shear", "affine")
"""Events of a layer after which it may look otherwise."""


class Sight(QObject):
    """Keeps the layers of the review in sight while `is_needed`."""

    put_right = Signal(str)
    """Emitted with sentences on what was put right."""

    strayed = Signal(str)
    """Emitted with a sentence when a person works on a layer that the review does not store."""

    returned = Signal(str)
    """Emitted with the sentence of `strayed` once that is true no longer."""

    def __init__(
        self, viewer: Any, layers: ReviewLayers, is_needed: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._layers, self._is_needed = viewer, layers, is_needed
        self._usual = {layer: (layer.opacity, layer.blending) for layer in layers.all}
        self._translate = {layer: np.array(layer.translate) for layer in layers.all}
        self._is_mending = False
        self._astray = ""
        self._gone: list[object] = []
        # napari is still within the change when it tells of it
        self._later = single_shot(self, 0, self._set_right_later)
        self._watch()

    def _watch(self) -> None:
        viewer, boxes = self._viewer, self._layers.rows.layer
        dims, grid, there = viewer.dims.events, viewer.canvas.grid.events, viewer.layers.events
        changes = [dims.ndisplay, dims.order, grid.enabled]
        changes += [there.inserted, there.removed, there.reordered]
        changes += [getattr(layer.events, name) for layer in self._usual for name in LOOKS]
        changes += [layer.events.visible for layer in (*self._layers.image.layers.values(), boxes)]
        for change in changes:
            change.connect(self._on_change)
        there.removing.connect(self._on_removing)
        there.inserted.connect(self._on_inserted)
        viewer.layers.selection.events.active.connect(self._on_active)
        for layer in viewer.layers:
            self._watch_foreign(layer)

    def _on_change(self) -> None:
        if not self._is_mending and self._is_needed():
            self._later.start()

    def _set_right_later(self) -> None:
        self.set_right()

    def set_right(self) -> str:
        """Put right what can be, and say in a sentence what it was; empty where all was well."""
        if not self._is_needed():
            return ""
        found: list[str] = []
        self._is_mending = True
        try:
            for check, mend in self._checks:
                faults = tuple(check())
                if faults:
                    mend()
                found += faults
        finally:
            self._is_mending = False
        if found:
            self.put_right.emit(" ".join(found))
        return " ".join(found)

    @property
    def _checks(self) -> tuple[tuple[Callable[[], Iterable[str]], Callable[[], None]], ...]:
        """What may be wrong, and what puts it right; each rests on those before it."""
        layers = self._layers
        return (
            (self._absent, layers.add),
            (self._covered, self._lift),
            (self._not_flat, self._flatten),
            (self._moved, self._move_back),
            (self._faint, self._make_opaque),
            (self._hidden, self._bring_back),
        )

    def _absent(self) -> Iterable[str]:
        if any(layer not in self._viewer.layers for layer in self._layers.needed):
            yield messages.GONE

    def _covered(self) -> Iterable[str]:
        """Other layers on top of the lowest of ours, or ours in another order."""
        ours, there = self._layers.needed, list(self._viewer.layers)
        on_top = there[there.index(ours[0]) :] if ours[0] in there else there
        foreign = [layer.name for layer in on_top if layer not in self._usual]
        if foreign:
            yield messages.covered(foreign)
        elif [layer for layer in there if layer in ours] != list(ours):
            yield messages.OUT_OF_ORDER

    def _lift(self) -> None:
        layers = self._viewer.layers
        ours = [layer for layer in self._layers.all if layer in layers]
        layers.move_multiple([layers.index(layer) for layer in ours], len(layers))
        self._layers.make_active()

    def _not_flat(self) -> Iterable[str]:
        dims = self._viewer.dims
        is_usual = dims.ndisplay == 2 and list(dims.order) == sorted(dims.order)
        if not is_usual or self._viewer.canvas.grid.enabled:
            yield messages.FLAT

    def _flatten(self) -> None:
        dims = self._viewer.dims
        dims.ndisplay = 2
        dims.order = tuple(sorted(dims.order))
        self._viewer.canvas.grid.enabled = False

    def _moved(self) -> Iterable[str]:
        if any(self._is_moved(layer) or _is_transforming(layer) for layer in self._layers.needed):
            yield messages.MOVED

    def _is_moved(self, layer: Layer) -> bool:
        places = [layer.world_to_data(place) for place in PLACES]
        return not np.allclose(places, PLACES - self._translate[layer], atol=1e-3)

    def _move_back(self) -> None:
        for layer in self._layers.needed:
            if _is_transforming(layer):
                layer.mode = "pan_zoom"
            if self._is_moved(layer):
                layer.affine = np.eye(3)
                layer.rotate, layer.shear, layer.scale = 0.0, [0.0], (1.0, 1.0)
                layer.translate = self._translate[layer]

    def _faint(self) -> Iterable[str]:
        if any((one.opacity, one.blending) != self._usual[one] for one in self._layers.needed):
            yield messages.FAINT

    def _make_opaque(self) -> None:
        for layer in self._layers.needed:
            layer.opacity, layer.blending = self._usual[layer]

    def _hidden(self) -> Iterable[str]:
        if not self._layers.image.layer.visible:
            yield messages.IMAGE_HIDDEN
        if not self._layers.are_in_sight:
            yield messages.IN_SIGHT

    def _bring_back(self) -> None:
        self._layers.image.layer.visible = True
        if not self._layers.are_in_sight:
            self._layers.set_visible(True)

    def _on_removing(self, event: Any) -> None:
        """Keep what drew a layer of shapes that is deleted.

        Its buffers on the graphics card stay in use by the canvas; the process crashes when it
        draws after they are freed (seen with napari 0.9.2 and Mesa, in napari alone, too).
        """
        layer = self._viewer.layers[event.index]
        if isinstance(layer, Shapes):
            self._gone.append(drawn_by(self._viewer, layer))

    def _on_inserted(self, event: Any) -> None:
        self._watch_foreign(event.value)

    def _watch_foreign(self, layer: Layer) -> None:
        """Tell of boxes that are edited where the review does not store them."""
        if isinstance(layer, Shapes) and layer not in self._usual:
            layer.events.data.connect(self._on_foreign_edit)

    def _on_foreign_edit(self, event: Any) -> None:
        if self._is_needed():
            self.strayed.emit(messages.not_stored(event.source.name))

    def _on_active(self) -> None:
        active = self._viewer.layers.selection.active
        before, self._astray = self._astray, ""
        if active is not None and active not in self._usual and self._is_needed():
            self._astray = messages.other_layer(active.name)
            self.strayed.emit(self._astray)
        elif before:
            self.returned.emit(before)


SEEN = 0.25
"""Share of a box, or of the view, that must be taken up for a box to be seen."""


def is_seen(corners: Corners, view: Corners) -> bool:
    """Whether a view ``x1, y1, x2, y2`` shows enough of a box to decide on it."""
    (x1, y1, x2, y2), (left, top, right, bottom) = corners, view
    width, height = min(x2, right) - max(x1, left), min(y2, bottom) - max(y1, top)
    if width <= 0 or height <= 0:
        return False
    least = min((x2 - x1) * (y2 - y1), (right - left) * (bottom - top))
    return width * height >= SEEN * least


def _is_transforming(layer: Layer) -> bool:
    """Whether the mouse moves a layer as a whole; boxes have their own guard."""
    return not isinstance(layer, Shapes) and str(layer.mode) == "transform"
