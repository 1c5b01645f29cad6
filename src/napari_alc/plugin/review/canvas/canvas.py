"""The document on napari's canvas: an image, its boxes, and the suggestions beside them.

Layers are views. They are made once and refilled; what a person does to the Shapes layer
becomes commands of the document, stored before the layer is filled from it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_alc.errors import AlcError
from napari_alc.plugin.palettes import palette
from napari_alc.plugin.review.canvas.edits import (
    NO_OTHER_SHAPES,
    NO_TURNING,
    READ_ONLY,
    SLIP,
    Edits,
    MouseWatch,
    edits,
    tell,
    under,
    without_slips,
)
from napari_alc.plugin.review.canvas.label_layer import LabelKind
from napari_alc.plugin.review.canvas.layers import ReviewLayers
from napari_alc.plugin.review.canvas.view_guard import ViewGuard
from napari_alc.plugin.review.image_loader import ReadImage
from napari_alc.project.annotation.document import ReviewBox, ReviewDocument

REST_MS = 40
"""Line widths and words follow the zoom once the wheel rests this long."""

REACH = 3.0
"""Pixels of the screen within which the mouse is on a box."""

MODES = ("pan_zoom", "select", "direct", "add_rectangle")
"""Of napari's tools for shapes, those that leave boxes."""


class ReviewCanvas(QObject):
    """Shows a document and turns gestures into its commands.

    Parameters
    ----------
    viewer
        Of napari.
    parent
        Owner.
    """

    picked = Signal(object)
    """Emitted with the ids of the boxes that a person picked."""

    edited = Signal(object)
    """Emitted with the `Edits` that the document has taken and stored."""

    refused = Signal(str)
    """Emitted with the reason why a gesture changed nothing."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._document: ReviewDocument | None = None
        self._category_id = 0
        self._selected: tuple[int, ...] = ()
        self._shown_ids: frozenset[int] | None = None
        self._is_read_only = False
        self._is_stale = False
        self._is_painted = False
        self._leaves_out = False
        self._layers = ReviewLayers(viewer)
        self._rows, self.looks = self._layers.rows, self._layers.looks
        self.boxes, self.image = self._rows.layer, self._layers.image
        self.suggestions = self._layers.lines.layer
        self._guard = ViewGuard(viewer, self._layers, lambda: self._document is not None, self)
        self._mouse = MouseWatch(self.boxes, self._on_press, self._on_release)
        self._restore_later = _timer(self, 0, self._restore)
        self._rest_later = _timer(self, REST_MS, self._on_rest)
        self._connect()

    def _connect(self) -> None:
        self.boxes.events.data.connect(self._on_data)
        self.boxes.events.features.connect(self._on_features)
        self.boxes.events.mode.connect(self._on_mode)
        self.boxes.events.edge_color.connect(self._on_painted)
        self.boxes.events.face_color.connect(self._on_painted)
        self._guard.said.connect(self.refused)
        self.boxes.selected_data.events.items_changed.connect(self._on_selection)
        self._viewer.scene.camera.events.zoom.connect(self._on_zoom)
        self._viewer.scene.camera.events.center.connect(self._on_move)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, the editable one last."""
        return self._layers.all

    @property
    def is_busy(self) -> bool:
        """Whether a person holds the mouse on the boxes."""
        return self._mouse.is_down

    @property
    def is_settled(self) -> bool:
        """Whether the layers show what the document says, as it looks at this zoom."""
        return not (self._restore_later.isActive() or self._rest_later.isActive())

    @property
    def selected(self) -> tuple[int, ...]:
        """Ids of the boxes that are marked."""
        return self._selected

    @property
    def suggested(self) -> tuple[ReviewBox, ...]:
        """The suggestions shown."""
        return self._layers.lines.boxes

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag draws a box."""
        return str(self.boxes.mode) == "add_rectangle"

    def show_image(self, image: ReadImage) -> None:
        """Put another image in place of the one shown."""
        self.image.show(image)
        self._layers.add()

    def show_document(self, document: ReviewDocument | None) -> None:
        """Show the boxes of `document`; None for none."""
        self._document = document
        self._selected, self._shown_ids = (), None
        self.looks.regions = {}
        self.stop_drawing()
        self._restore(anew=True)
        self.show_suggestions(())

    def set_category(self, category_id: int) -> None:
        """The category that drawn boxes get."""
        self._category_id = category_id

    def clear(self) -> None:
        """Show neither boxes nor image."""
        self.show_document(None)
        self.image.hide()

    def update(self, ids: Collection[int]) -> None:
        """Show boxes as the document has them now; quick where they are few."""
        if self._document is None:
            return
        if self._is_stale:
            self._restore()
            return
        now = self._visible()
        self._rows.change({i: now.get(i) for i in ids})
        self._follow()

    def select(self, ids: Sequence[int]) -> None:
        """Mark boxes as those at hand, with handles to adjust them."""
        self._selected = tuple(ids)
        if not self._is_stale:
            self._rows.mark(ids, self._layers.zoom)

    def show_suggestions(self, boxes: Sequence[ReviewBox]) -> None:
        """Show these boxes in broken lines beside the one at hand."""
        solid = {box.id for box in boxes} & self._rows.boxes.keys()
        self._layers.lines.show(boxes, self._layers.zoom, solid)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all boxes."""
        self._layers.set_visible(visible)
        self._label_again()

    def set_shown_ids(self, ids: Collection[int] | None) -> None:
        """Show only these boxes and those drawn from now on; None for all."""
        self._shown_ids = None if ids is None else frozenset(ids)
        if not self._mouse.is_down:  # else when the mouse is let go
            self._restore()

    def set_palette(self, name: str) -> None:
        """Change the colours, by the name of a palette of `appearance`.

        Raises
        ------
        AlcError
            When there is no such palette.
        """
        palette(name)
        self.looks.palette = name
        self._look_again()

    def set_labels(self, kind: LabelKind) -> None:
        """Choose the words beside boxes; where colours do not tell, letters always stand there."""
        self.looks.labels = kind
        self._label_again()

    def set_category_names(self, names: Mapping[int, str]) -> None:
        """Names of the categories by id, for the words beside boxes."""
        self.looks.categories = dict(names)
        self._label_again()

    def set_read_only(self, read_only: bool) -> None:
        """Let boxes be looked at and picked, but not changed; False lifts it."""
        self._is_read_only = read_only
        self.stop_drawing()
        self.boxes.editable = not read_only
        self.boxes.mode = self._mode

    def under_pointer(self) -> tuple[int, ...]:
        """Ids of the boxes under the mouse, the smallest first."""
        y, x = self._viewer.cursor.position[-2:]
        return under(self._rows.boxes.values(), x, y, REACH / self._layers.zoom)

    def start_drawing(self) -> None:
        """Let the next drags draw boxes."""
        if self._is_read_only:
            self.refused.emit(READ_ONLY)
            return
        self._layers.make_active()
        self.select(())
        self.boxes.mode = "add_rectangle"
        self._layers.use_own_colour()

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self._leaves_out = True
        self.boxes.mode = self._mode
        self._leaves_out = False
        if self._mouse.is_down:
            self._let_go()

    def _let_go(self) -> None:
        """Keep the rest of a drag from moving what it drew, on which napari stumbles."""
        with self._rows.filling():
            self.boxes.selected_data = set()

    @property
    def _mode(self) -> str:
        """The tool of napari while nobody draws."""
        return "pan_zoom" if self._is_read_only else "select"

    def _visible(self) -> dict[int, ReviewBox]:
        """The boxes to be shown."""
        boxes = () if self._document is None else self._document.shown
        ids = self._shown_ids
        return {box.id: box for box in boxes if ids is None or box.id in ids}

    def _restore(self, anew: bool = False) -> None:
        """Show what the document says, whatever has been done to the layer."""
        if self._mouse.is_down:
            self._is_stale = True
            return
        self._restore_later.stop()
        anew, self._is_painted = anew or self._is_painted, False
        (self._rows.fill if anew else self._rows.restore)(self._visible().values())
        self._is_stale = False
        self._follow()

    def _follow(self) -> None:
        """After other boxes are shown: mark those at hand, and put words beside them."""
        self.select([i for i in self._selected if i in self._rows.boxes])
        self._label_again()

    def _look_again(self) -> None:
        if not (self._is_stale or self._mouse.is_down):
            self._rows.refresh_looks()
        self._label_again()

    def _label_again(self) -> None:
        if self._layers.forget_words():
            self._rest_later.start()

    def _on_zoom(self) -> None:
        self._layers.labels.hide()
        self._layers.forget_words()
        self._rest_later.start()

    def _on_move(self) -> None:
        if self._layers.words_follow_view:
            self._label_again()

    def _on_rest(self) -> None:
        """Follow the zoom, and catch up with what had to wait for the mouse."""
        if self._is_stale or self._mouse.is_down:
            return
        if self._visible().keys() != self._rows.boxes.keys():
            self._restore()
            self._rest_later.stop()
        self._rows.refresh_looks()
        self._rows.fit_handles(self._selected, self._layers.zoom)
        self._layers.lines.rescale(self._layers.zoom)
        if self.is_drawing:
            self._layers.use_own_colour()
        self._layers.show_words()

    def _on_press(self) -> None:
        if self._is_stale or not self._rows.is_sorted:
            self._restore()

    def _on_release(self) -> None:
        self._rest_later.start()
        if self._is_stale:
            self._restore_later.start()
        if self._is_read_only and self._mouse.travel < SLIP:
            self.select(self.under_pointer()[:1])
            self.picked.emit(self._selected)

    def _on_mode(self) -> None:
        mode = str(self.boxes.mode)
        if mode not in MODES:
            # napari is about to unmark the boxes at hand
            self._is_stale = True
            self._restore_later.start()
            self.stop_drawing()
            self.refused.emit(NO_TURNING if mode == "transform" else NO_OTHER_SHAPES)

    def _on_painted(self) -> None:
        """Colours tell the region; napari's controls have changed them."""
        if not self._rows.is_filling and self._document is not None:
            self._is_painted = True
            self._restore_later.start()

    def _on_selection(self) -> None:
        if self._rows.is_filling or self._is_stale:
            return
        rows = self._rows.ids()
        found = [rows[row] for row in sorted(self.boxes.selected_data) if row < len(rows)]
        self._selected = tuple(i for i in found if i in self._rows.boxes)
        self.picked.emit(self._selected)

    def _on_data(self, event: Any) -> None:
        if str(event.action) in ("added", "changed", "removed"):
            self._take_gesture()

    def _on_features(self) -> None:
        """A paste says nothing but this."""
        self._take_gesture()

    def _take_gesture(self) -> None:
        if self._rows.is_filling or self._is_stale or self._document is None:
            return
        rows = list(zip(self._rows.ids(), self.boxes.data, strict=True))
        found = edits(self._rows.boxes.values(), rows, self._document.image)
        if found == Edits():
            return
        # Rows and boxes may differ from now on; napari is still within the gesture.
        self._is_stale = True
        self._restore_later.start()
        if found.drawn and self._mouse.is_down:
            self._let_go()
        if self._leaves_out:
            return
        found = without_slips(found, self._mouse.travel)
        if self._is_read_only:
            self.refused.emit(READ_ONLY)
        elif found != Edits():
            self._carry_out(self._document, found)

    def _carry_out(self, document: ReviewDocument, found: Edits) -> None:
        refusal, taken = found.refusal, Edits()
        try:
            added = tell(document, found, self._category_id)
            self._selected = tuple(added) or tuple(found.reshaped) or self._selected
            self._shown_ids = None if self._shown_ids is None else self._shown_ids | set(added)
            taken = found
        except AlcError as error:
            refusal = str(error)
        self.edited.emit(taken)
        if refusal:
            self.refused.emit(refusal)


def _timer(parent: QObject, milliseconds: int, action: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(action)
    return timer
