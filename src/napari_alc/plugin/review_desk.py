"""One image on the desk: its document, the boxes at hand, and every command on them.

A command goes: key or button, document (which stores it), canvas. Nothing is shown as done
before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_alc.errors import AlcError
from napari_alc.plugin import review_keys
from napari_alc.plugin.read_ahead import ReadImage
from napari_alc.plugin.review_canvas import ReviewCanvas
from napari_alc.plugin.review_gestures import Edits
from napari_alc.plugin.review_order import OpenOrder
from napari_alc.project.document import ReviewBox, ReviewDocument

Decide = Callable[[ReviewDocument, Sequence[int]], object]

PICK_FIRST = "No box is picked. Click one, or press {next_box} for the next open box."
ALL_DECIDED = "Every box of this image is decided. {done} finishes it and opens the next one."
LET_GO = "Let go of the mouse first."
DRAG = "Drag from corner to corner of an object; {draw} or {stop_drawing} stops drawing."
NO_UNDO = "There is nothing to undo on this image."
NO_REDO = "There is nothing to redo."


def _with_keys(text: str) -> str:
    return text.format(**{name: review_keys.key_text(name) for name in review_keys.COMMANDS})


class ReviewDesk(QObject):
    """Gives commands to the document and shows them on the canvas.

    Parameters
    ----------
    viewer
        Of napari.
    parent
        Owner.
    """

    moved = Signal()
    """Emitted when other boxes are at hand, or drawing began or ended."""

    decided = Signal()
    """Emitted when the document has changed."""

    said = Signal(str)
    """Emitted with what a person should know; empty when there is nothing to say any more."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self.canvas = ReviewCanvas(viewer, self)
        self.document: ReviewDocument | None = None
        self.category_id = 0
        self._order = OpenOrder(())
        self._at_hand: tuple[int, ...] = ()
        self.canvas.picked.connect(self._on_picked)
        self.canvas.edited.connect(self._on_edited)
        self.canvas.refused.connect(self.said)

    def open(self, document: ReviewDocument, image: ReadImage, look: bool) -> None:
        """Put an image on the desk; `look` zooms to its first open box."""
        self.document = document
        self._order = OpenOrder(document.boxes.values(), document.image.height)
        self.canvas.show_image(image)
        self.canvas.image.look_at_whole()
        self.canvas.show_document(document)
        first = self._order.after(document.open_boxes, None)
        self._take_up([] if first is None else [first.id], look)

    def close(self) -> None:
        """Clear the desk."""
        self.document, self._at_hand = None, ()
        self.canvas.clear()
        self.moved.emit()

    @property
    def at_hand(self) -> tuple[ReviewBox, ...]:
        """The boxes that the next command concerns."""
        if self.document is None:
            return ()
        boxes = self.document.boxes
        return tuple(boxes[i] for i in self._at_hand if boxes[i].state != "deleted")

    @property
    def open_boxes(self) -> list[ReviewBox]:
        """The open boxes in the order in which they are visited."""
        return [] if self.document is None else self._order.sorted(self.document.open_boxes)

    def next_box(self) -> None:
        """Go to the next open box."""
        self._go(self._order.after)

    def previous_box(self) -> None:
        """Go to the open box before."""
        self._go(self._order.before)

    def _go(self, find: Callable[..., ReviewBox | None]) -> None:
        if self.document is None:
            return
        self.canvas.stop_drawing()
        here = self.document.boxes[self._at_hand[-1]] if self._at_hand else None
        box = find(self.document.open_boxes, here)
        if box is not None:
            self.said.emit("")
            self._take_up([box.id], look=True)
        elif here is None or here.state != "open":
            self._take_up([], look=False)
            self.canvas.image.look_at_whole()
            self.said.emit(_with_keys(ALL_DECIDED))

    def _take_up(self, ids: Sequence[int], look: bool) -> None:
        """Make boxes those at hand; `look` brings a single one to the middle of the view."""
        self._at_hand = tuple(ids)
        self.canvas.select(ids)
        boxes = self.at_hand
        if look and len(boxes) == 1:
            self.canvas.image.look_at(boxes[0])
        self._show_suggestions()
        self.moved.emit()

    def _show_suggestions(self) -> None:
        boxes = self.at_hand
        if self.document is None or len(boxes) != 1:
            self.canvas.show_suggestions(())
            return
        self.canvas.show_suggestions(
            [other for other in self.document.suggestions if _touches(other, boxes[0])]
        )

    def keep(self) -> None:
        """Keep the boxes at hand and go on."""
        self._decide(ReviewDocument.keep)

    def delete(self) -> None:
        """Delete the boxes at hand and go on."""
        self._decide(ReviewDocument.delete)

    def _decide(self, command: Decide) -> None:
        ids = [box.id for box in self.at_hand]
        if not ids:
            self.said.emit(_with_keys(PICK_FIRST))
        elif self.give(command, ids):
            self.next_box()

    def give(self, command: Decide, ids: Sequence[int]) -> bool:
        """Give a command on boxes; whether it was carried out."""
        if self.document is None:
            return False
        if self.canvas.is_busy:
            self.said.emit(LET_GO)
            return False
        try:
            command(self.document, ids)
        except AlcError as error:
            self.said.emit(str(error))
            return False
        self.canvas.update(ids)
        self.decided.emit()
        return True

    def set_category(self, category_id: int) -> None:
        """Give the boxes at hand, and those drawn from now on, a category."""
        self.category_id = category_id
        self.canvas.set_category(category_id)
        ids = [box.id for box in self.at_hand]
        if ids:
            self.give(lambda document, chosen: document.recategorise(chosen, category_id), ids)

    def draw(self) -> None:
        """Start or stop drawing boxes."""
        if self.document is None or self.canvas.is_busy:
            return
        if self.canvas.is_drawing:
            self.stop_drawing()
            return
        self._take_up([], look=False)
        self.canvas.set_category(self.category_id)
        self.canvas.start_drawing()
        self.said.emit(_with_keys(DRAG))
        self.moved.emit()

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self.canvas.stop_drawing()
        self.said.emit("")
        self.moved.emit()

    def undo(self) -> None:
        """Take the last decision back."""
        self._revert(ReviewDocument.undo, NO_UNDO)

    def redo(self) -> None:
        """Repeat the decision last taken back."""
        self._revert(ReviewDocument.redo, NO_REDO)

    def _revert(self, command: Callable[[ReviewDocument], tuple[int, ...]], nothing: str) -> None:
        if self.document is None:
            return
        concerned: list[int] = []

        def revert(document: ReviewDocument, ids: Sequence[int]) -> None:  # noqa: ARG001
            concerned.extend(command(document))

        if self.give(revert, concerned):
            self.said.emit("" if concerned else nothing)
            if concerned:
                self._take_up(concerned, look=True)

    def hide_boxes(self) -> None:
        """Hide all boxes until `show_boxes`."""
        self.canvas.set_visible(False)

    def show_boxes(self) -> None:
        """Show all boxes again."""
        self.canvas.set_visible(True)

    def contrast(self) -> None:
        """Change between stretched contrast and the image as it is."""
        self.canvas.image.stretched = not self.canvas.image.stretched
        self.canvas.image.apply_contrast()
        self.moved.emit()

    def whole_image(self) -> None:
        """Show the whole image."""
        self.canvas.image.look_at_whole()

    def _on_picked(self, ids: Sequence[int]) -> None:
        self._at_hand = tuple(ids)
        self._show_suggestions()
        self.moved.emit()

    def _on_edited(self, found: Edits) -> None:
        self.said.emit("")
        self._at_hand = self.canvas.selected
        self.decided.emit()
        if found.deleted:
            self._at_hand = found.deleted
            self.next_box()
        else:
            self._show_suggestions()
            self.moved.emit()


def _touches(a: ReviewBox, b: ReviewBox) -> bool:
    ax1, ay1, ax2, ay2 = a.corners
    bx1, by1, bx2, by2 = b.corners
    return ax1 < bx2 and bx1 < ax2 and ay1 < by2 and by1 < ay2
