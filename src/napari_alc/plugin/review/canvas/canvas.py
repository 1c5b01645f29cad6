"""The document on napari's canvas: an image, its boxes, and the suggestions beside them.

Layers are views. They are made once and refilled; what a person does to the Shapes layer is
handed on as `Edits`, and the layer is filled again with what the document then says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from napari.layers import Layer
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.boxes import as_boxes
from napari_alc.plugin.palettes import palette
from napari_alc.plugin.review.canvas.box_layer import REACH
from napari_alc.plugin.review.canvas.box_style import LabelKind, is_waiting
from napari_alc.plugin.review.canvas.edits import SLIP, under
from napari_alc.plugin.review.canvas.frames import Frames
from napari_alc.plugin.review.canvas.gestures import Gestures
from napari_alc.plugin.review.canvas.layers import ReviewLayers
from napari_alc.plugin.review.canvas.mouse import CanvasMouse
from napari_alc.plugin.review.canvas.sight import Sight, is_seen
from napari_alc.plugin.review.image_loader import ReadImage
from napari_alc.plugin.review.messages import (
    AGAIN,
    HIDDEN,
    LET_GO,
    READ_ONLY,
    TOO_SOON,
    out_of_sight,
)
from napari_alc.plugin.widgets.controls import single_shot
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.storage.records import ReviewBox

REST_MS = 40
"""Words follow the zoom once the wheel rests this long."""


class ReviewCanvas(QObject):
    """Shows image and boxes; it is the `BoxCanvas` of the commands."""

    picked = Signal(object)
    """Emitted with the ids of the boxes that a person picked."""

    def __init__(self, viewer: Any, page: QWidget) -> None:
        super().__init__(page)
        self._viewer, self._page = viewer, page
        self._document: ReviewDocument | None = None
        self._selected: tuple[int, ...] = ()
        self._shown_ids: frozenset[int] | None = None
        self._is_painted = self._is_recoloured = False
        self._layers = ReviewLayers(viewer)
        self._rows, self.styles = self._layers.rows, self._layers.styles
        self.boxes, self.image = self._rows.layer, self._layers.image
        self.lines, self.suggestions = self._rows.lines, self._layers.suggestions
        self.sight = Sight(viewer, self._layers, self._is_under_review, self)
        self._frames = Frames(viewer, self)
        self.mouse = CanvasMouse(viewer, self._is_under_review, self._pans, self)
        self.gestures = Gestures(self._rows, self)
        # napari is still within a gesture when it tells of it
        self._restore_later = single_shot(self, 0, self._restore)
        self._rest_later = single_shot(self, REST_MS, self._on_rest)
        self._connect()

    def _connect(self) -> None:
        gestures, camera = self.gestures, self._viewer.scene.camera
        gestures.picked.connect(self._on_picked)
        gestures.disturbed.connect(self._restore_later.start)
        gestures.pressed.connect(self._on_press)
        gestures.released.connect(self._on_release)
        self.mouse.emptied.connect(self._on_emptied)
        self.mouse.moved.connect(self._on_mouse)
        self.boxes.events.edge_color.connect(self._on_painted)
        self.boxes.events.face_color.connect(self._on_painted)
        camera.events.zoom.connect(self._on_zoom)
        camera.events.center.connect(self._on_move)

    def _is_under_review(self) -> bool:
        """Whether there is an image, and the page in sight; a window that closes shows none."""
        return self._document is not None and isalive(self._page) and self._page.isVisible()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, the editable one last."""
        return self._layers.all

    @property
    def is_busy(self) -> bool:
        """Whether a person holds the mouse on the boxes."""
        return self.gestures.is_down

    @property
    def is_settled(self) -> bool:
        """Whether the screen shows what the document says, as it looks at this zoom."""
        waiting = self._restore_later.isActive() or self._rest_later.isActive()
        return not waiting and self._frames.are_shown

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag draws a box."""
        return self.gestures.is_drawing

    def show(self, image: ReadImage, document: ReviewDocument, read_only: bool) -> None:
        """Put another image in place of the one shown, and show it as a whole."""
        self.image.show(image)
        self._layers.add()
        self.image.look_at_whole()
        self.show_document(document)
        self.set_read_only(read_only)
        self.sight.set_right()

    def show_document(self, document: ReviewDocument | None) -> None:
        """Show the boxes of `document`; None for none."""
        self._document = document
        self.gestures.image = None if document is None else document.image
        self._selected, self._shown_ids = (), None
        self.styles.regions = {}
        self.stop_drawing()
        self._restore(anew=True)
        self.show_suggestions(())

    def clear(self) -> None:
        """Show neither boxes nor image."""
        self.show_document(None)
        self.image.hide()

    def set_regions(self, regions: Mapping[int, str]) -> None:
        """Colour boxes by these regions from now on, where they are not the stored ones."""
        self.styles.regions = regions

    def update(self, ids: Collection[int]) -> None:
        """Show boxes as the document has them now; quick where they are few."""
        if self._document is None:
            return
        if self._rows.is_stale:
            self._restore()
            return
        now = self._visible()
        self._rows.change({i: now.get(i) for i in ids})
        self._follow()

    def select(self, ids: Sequence[int]) -> None:
        """Mark boxes as the current ones, with handles to adjust them."""
        self._frames.expect()
        self._mark(ids)
        self._rest_later.start()

    def _mark(self, ids: Sequence[int]) -> None:
        self._selected = tuple(ids)
        self._layers.set_current(self._selected)
        if not self._rows.is_stale:
            self._rows.mark(ids)

    def trouble(self) -> str:
        """Why nothing can be changed at this moment; empty where it can.

        What can be put right is put right, so that the next key counts.
        """
        if self.is_busy:
            return LET_GO
        if self._layers.are_held_hidden:
            return HIDDEN
        wrong = self.sight.set_right()
        return f"{wrong} {AGAIN}" if wrong else ""

    def unseen(self, ids: Collection[int]) -> str:
        """Why boxes cannot be decided on, since nobody has seen them as they are; empty else.

        Those out of sight are brought into sight.
        """
        boxes = [self._rows.boxes[i] for i in ids if i in self._rows.boxes]
        hidden = [box for box in boxes if not is_seen(box.corners, self._layers.view)]
        if hidden:
            self.image.look_at_all(boxes)
            self._frames.expect()
            return out_of_sight(len(boxes), len(hidden))
        return "" if self._frames.are_shown else TOO_SOON

    def show_suggestions(self, boxes: Sequence[ReviewBox]) -> None:
        """Show these boxes in broken lines beside the current one."""
        solid = {box.id for box in boxes} & self._rows.boxes.keys()
        self.suggestions.show(boxes, solid)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all boxes."""
        self._layers.set_visible(visible)
        self._label_again()

    def set_shown_ids(self, ids: Collection[int] | None) -> None:
        """Show only these boxes and those of `show_more`; None for all."""
        self._shown_ids = None if ids is None else frozenset(ids)
        if not self.is_busy:  # else when the mouse is let go
            self._restore()

    def show_more(self, ids: Collection[int]) -> None:
        """Show new boxes too, as soon as napari is done with the gesture that made them."""
        self._shown_ids = None if self._shown_ids is None else self._shown_ids.union(ids)

    def set_palette(self, name: str) -> None:
        """Change the colours, by the name of one of `PALETTES`.

        Raises
        ------
        AlcError
            When there is no such palette.
        """
        palette(name)
        self.styles.palette = name
        self._is_recoloured = True
        if not (self._rows.is_stale or self.is_busy):
            self._on_rest()
        self._label_again()

    def set_labels(self, kind: LabelKind) -> None:
        """Choose the words beside boxes; where colours do not tell, letters always stand there."""
        self.styles.labels = kind
        self._label_again()

    def set_category_names(self, names: Mapping[int, str]) -> None:
        """Names of the categories by id, for the words beside boxes."""
        self.styles.categories = dict(names)
        self._label_again()

    def set_read_only(self, read_only: bool) -> None:
        """Let boxes be looked at and picked, but not changed; False lifts it."""
        self.gestures.set_read_only(read_only)

    def look_at(self, box: ReviewBox) -> None:
        """Centre a box, so large that its surroundings can be seen too."""
        self.image.look_at(box)

    def look_at_whole(self) -> None:
        """Show the whole image."""
        self.image.look_at_whole()

    def under_pointer(self) -> tuple[int, ...]:
        """Ids of the boxes under the mouse, the smallest first."""
        y, x = self._viewer.cursor.position[-2:]
        return under(self._rows.boxes.values(), x, y, REACH / self._layers.zoom)

    def start_drawing(self) -> None:
        """Let the next drags draw boxes."""
        if self.gestures.is_read_only:
            self.gestures.refused.emit(READ_ONLY)
            return
        self._layers.make_active()
        self.select(())
        self.boxes.mode = "add_rectangle"
        self._layers.use_own_colour()

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self.gestures.stop_drawing()
        self.lines.cross_at(None, (0, 0))

    def _visible(self) -> dict[int, ReviewBox]:
        """The boxes to be shown."""
        boxes = () if self._document is None else self._document.shown
        ids = self._shown_ids
        return {box.id: box for box in boxes if ids is None or box.id in ids}

    def _restore(self, anew: bool = False) -> None:
        """Show what the document says, whatever has been done to the layer."""
        if self.is_busy:
            # napari stumbles over rows that change while it drags them
            self._rows.is_stale = True
            return
        self._restore_later.stop()
        anew, self._is_painted = anew or self._is_painted, False
        (self._rows.fill if anew else self._rows.restore)(self._visible().values())
        self._rows.is_stale = False
        self._follow()

    def _follow(self) -> None:
        """After other boxes are shown: mark the current ones, and put words beside all."""
        self._mark([i for i in self._selected if i in self._rows.boxes])
        self._label_again()

    def _label_again(self) -> None:
        self._layers.forget_words()
        self._rest_later.start()

    def _on_zoom(self) -> None:
        self._layers.labels.hide()
        self._layers.forget_words()
        self._rest_later.start()

    def _on_move(self) -> None:
        if self._layers.words_follow_view:
            self._layers.forget_words()
        self._rest_later.start()

    def _show_places(self) -> None:
        """Tell scale bar and overview where the boxes are."""
        boxes = self._rows.boxes
        left, top, *_ = self._layers.view
        corners = as_boxes([box.corners for box in boxes.values()])
        on_canvas = (corners - [left, top, left, top]) * self._layers.zoom
        self.image.scale_bar.keep_clear_of(on_canvas)
        waiting = [box.corners for box in boxes.values() if is_waiting(box)]
        current = [boxes[i].corners for i in self._selected if i in boxes]
        self.image.overview.show_boxes(waiting, current)

    def _on_rest(self) -> None:
        """Let words follow the zoom, and catch up with what had to wait for the mouse."""
        if self._rows.is_stale or self.is_busy:
            return
        if self._visible().keys() != self._rows.boxes.keys():
            self._restore()
            self._rest_later.stop()
        if self._is_recoloured:
            self._rows.refresh_looks()
            self._is_recoloured = False
        self._layers.show_words()
        self._show_places()

    def _on_press(self) -> None:
        if self._rows.is_stale:
            self._restore()

    def _on_release(self) -> None:
        self._rest_later.start()
        if self._rows.is_stale:
            self._restore_later.start()
        if self.gestures.is_read_only and self.gestures.travel < SLIP:
            self.select(self.under_pointer()[:1])
            self.picked.emit(self._selected)

    def _pans(self, x: float, y: float) -> bool:
        """Whether the left button drags the image at a place: where no box is to be changed."""
        is_ours = self._viewer.layers.selection.active in self.layers
        if not is_ours or str(self.boxes.mode) != "select" or self._rows.is_stale:
            return False
        return self.boxes.hit(x, y, REACH / self._layers.zoom) == (None, None)

    def _on_mouse(self, x: float, y: float) -> None:
        """Draw a crosshair through the mouse while a box is to be drawn."""
        if self._document is not None and (self.is_drawing or self.lines.has_cross):
            size = self._document.image.width, self._document.image.height
            self.lines.cross_at((x, y) if self.is_drawing else None, size)

    def _on_emptied(self) -> None:
        self._mark(())
        self._on_picked(())

    def _on_picked(self, ids: tuple[int, ...]) -> None:
        self._selected = ids
        self._layers.set_current(ids)
        self._rest_later.start()
        self._frames.expect()
        self._rows.draw_marks(ids)
        self.picked.emit(ids)

    def _on_painted(self) -> None:
        """Colours tell the region; napari's controls have changed them."""
        if not self._rows.is_filling and self._document is not None:
            self._is_painted = True
            self._restore_later.start()
