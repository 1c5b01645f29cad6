"""One image on the desk: its document, the boxes at hand, and every command on them.

A command goes: key or button, document (which stores it), canvas. Nothing is shown as done
before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_alc.cleaning.regions import Thresholds
from napari_alc.errors import AlcError
from napari_alc.plugin.palettes import OWN, colour_name
from napari_alc.plugin.review.box_filter import EVERYTHING, BoxFilter, shown_ids
from napari_alc.plugin.review.canvas.canvas import ReviewCanvas
from napari_alc.plugin.review.canvas.edits import Edits
from napari_alc.plugin.review.commands import NUDGES, Nudge
from napari_alc.plugin.review.counterparts import closest_overlap, rival_of, rivals
from napari_alc.plugin.review.image_loader import ReadImage
from napari_alc.plugin.review.keys.bindings import with_keys
from napari_alc.plugin.review.panel import messages
from napari_alc.project.annotation.document import Direction, History, ReviewBox, ReviewDocument
from napari_alc.project.annotation.live_regions import live_regions
from napari_alc.project.annotation.session import Lost

BANDS = 8
"""Horizontal bands that an image is walked in, to and fro."""


def _centre(box: ReviewBox) -> tuple[float, float]:
    x1, y1, x2, y2 = box.corners
    return (x1 + x2) / 2, (y1 + y2) / 2


class OpenOrder:
    """A walk over the boxes of an image, fixed when it is opened.

    Parameters
    ----------
    boxes
        As they lie when the image is opened; boxes drawn later come last.
    height
        Of the image in pixels.
    """

    def __init__(self, boxes: Iterable[ReviewBox], height: float = 1.0) -> None:
        def key(box: ReviewBox) -> tuple[int, float, int]:
            x, y = _centre(box)
            band = int(BANDS * y / height)
            return band, x if band % 2 == 0 else -x, box.id

        self._place = {box.id: i for i, box in enumerate(sorted(boxes, key=key))}

    def _of(self, box: ReviewBox) -> tuple[int, int]:
        return self._place.get(box.id, len(self._place)), box.id

    def sorted(self, boxes: Iterable[ReviewBox]) -> list[ReviewBox]:
        """Boxes in the order of the walk."""
        return sorted(boxes, key=self._of)

    def after(self, boxes: Iterable[ReviewBox], here: ReviewBox | None) -> ReviewBox | None:
        """The first of `boxes` behind `here`, from the start again at the end."""
        ordered = [box for box in self.sorted(boxes) if here is None or box.id != here.id]
        behind = (box for box in ordered if here is None or self._of(box) > self._of(here))
        return next(behind, ordered[0] if ordered else None)

    def before(self, boxes: Iterable[ReviewBox], here: ReviewBox | None) -> ReviewBox | None:
        """The last of `boxes` before `here`, from the end again at the start."""
        ordered = [b for b in self.sorted(boxes)[::-1] if here is None or b.id != here.id]
        ahead = (box for box in ordered if here is None or self._of(box) < self._of(here))
        return next(ahead, ordered[0] if ordered else None)


Decide = Callable[[ReviewDocument, Sequence[int]], object]

PICK_FIRST = "No box is picked. Click one, or press {next_box} for the next open box."
PICK_ONE = "Pick exactly one box first."
ALL_DECIDED = "Every box of this image is decided. {done} finishes it and opens the next one."
LET_GO = "Let go of the mouse first."
DRAG = "Drag from corner to corner of an object; {draw} or {stop_drawing} stops drawing."
NOTHING_BELOW = "There is no box under the mouse."
NOTHING = {"undo": "There is nothing to undo.", "redo": "There is nothing to redo."}


@dataclass(frozen=True, eq=False)
class OnDesk:
    """An image to be reviewed.

    Parameters
    ----------
    task_id
        Its place in the queue.
    document, image
        Its boxes and pixels.
    thresholds
        Of the method, for the regions while boxes change.
    look
        Whether to zoom to the first open box.
    first
        The box to begin with, if it is still open, else the next one behind it.
    read_only
        Why nothing can be changed; empty where it can.
    """

    task_id: int
    document: ReviewDocument
    image: ReadImage
    thresholds: Thresholds
    look: bool
    first: int | None = None
    read_only: str = ""


class ReviewController(QObject):
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

    elsewhere = Signal(int, str)
    """Emitted with the task that the next ``undo`` or ``redo`` concerns, and which of them."""

    lost = Signal(str)
    """Emitted with why the image can be changed no more."""

    said = Signal(str)
    """Emitted with what a person should know; empty when there is nothing to say any more."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self.canvas = ReviewCanvas(viewer, self)
        self.history = History()
        self.category_id = 0
        self.regions: dict[int, str] = {}
        self.filter: BoxFilter = EVERYTHING
        self._open: OnDesk | None = None
        self._order = OpenOrder(())
        self._at_hand: tuple[int, ...] = ()
        self.canvas.picked.connect(self._on_picked)
        self.canvas.edited.connect(self._on_edited)
        self.canvas.refused.connect(self.said)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do here, by the command's name."""
        own: dict[str, Callable[[], None]] = {
            "next_box": self.next_box,
            "previous_box": self.previous_box,
            "pick_below": self.pick_below,
            "keep": self.keep,
            "delete": self.delete,
            "take_mp": partial(self.take, "mp"),
            "take_ma": partial(self.take, "ma"),
            "undo": partial(self.revert, "undo"),
            "redo": partial(self.revert, "redo"),
            "draw": self.draw,
            "stop_drawing": self.stop_drawing,
        }
        return own | {name: partial(self.nudge, nudge) for name, nudge in NUDGES.items()}

    def open(self, opened: OnDesk) -> None:
        """Put an image on the desk."""
        document = opened.document
        self._open, self.regions = opened, {}
        self._order = OpenOrder(document.boxes.values(), document.image.height)
        self.canvas.show_image(opened.image)
        self.canvas.image.look_at_whole()
        self.canvas.show_document(document)
        self.canvas.set_read_only(bool(opened.read_only))
        self.canvas.update(self._recolour())
        box = self._first(document, opened.first)
        self._take_up([] if box is None else [box.id], opened.look or opened.first is not None)

    def _first(self, document: ReviewDocument, wanted: int | None) -> ReviewBox | None:
        box = None if wanted is None else document.boxes.get(wanted)
        if box is not None and box.state == "open":
            return box
        return self._order.after(self._visited(), box)

    def close(self) -> None:
        """Clear the desk."""
        self._open, self._at_hand, self.regions = None, (), {}
        self.canvas.clear()
        self.moved.emit()

    @property
    def document(self) -> ReviewDocument | None:
        """The boxes of the image, or None."""
        return None if self._open is None else self._open.document

    @property
    def agreement(self) -> float:
        """The overlap above which boxes agree, 0–1."""
        return Thresholds.iou if self._open is None else self._open.thresholds.iou

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

    def name_of(self, box: ReviewBox) -> str:
        """Which colour a box has as things stand."""
        return colour_name(box, self.regions.get(box.id))

    def _visited(self) -> list[ReviewBox]:
        """The open boxes that the filter lets pass."""
        return [box for box in self.open_boxes if self.filter.passes(box, self.name_of(box))]

    def set_filter(self, wanted: BoxFilter) -> None:
        """Show and visit only some boxes."""
        self.filter = wanted
        if self.document is not None:
            self._show_filtered()
            self.moved.emit()

    def _show_filtered(self) -> None:
        boxes = () if self.document is None else self.document.shown
        ids = shown_ids(boxes, self.regions, self.filter)
        self.canvas.set_shown_ids(None if ids is None else ids | set(self._at_hand))

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
        box = find(self._visited(), here)
        if box is not None:
            self.said.emit("")
            self._take_up([box.id], look=True)
        elif here is None or here.state != "open":
            self._take_up([], look=False)
            self.canvas.image.look_at_whole()
            hidden = len(self.open_boxes)
            self.said.emit(messages.hidden_words(hidden) if hidden else with_keys(ALL_DECIDED))
        else:
            self.said.emit(messages.only_one_words(len(self.open_boxes) - 1))

    def pick_below(self) -> None:
        """Pick the next of the boxes that lie over each other under the mouse."""
        under = self.canvas.under_pointer()
        if not under:
            self.said.emit(NOTHING_BELOW)
            return
        here = self._at_hand[0] if len(self._at_hand) == 1 else None
        place = under.index(here) + 1 if here in under else 0
        self._take_up([under[place % len(under)]], look=False)

    def look_at_box(self, box_id: int) -> None:
        """Bring a box of this image to the middle of the view."""
        box = None if self.document is None else self.document.boxes.get(box_id)
        if box is not None and box.state != "deleted":
            self._take_up([box_id], look=True)

    def _take_up(self, ids: Sequence[int], look: bool) -> None:
        """Make boxes those at hand; `look` brings a single one to the middle of the view."""
        self._turn_to(ids)
        if self.filter.is_on:
            self._show_filtered()
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
        [box] = boxes
        suggestions = self.document.suggestions
        near = [other for other in suggestions if messages.overlap(other, box) > 0]
        taken = [other for other in rivals(box, self.document) if other not in near]
        self.canvas.show_suggestions((*near, *taken))

    def keep(self) -> None:
        """Keep the boxes at hand and go on."""
        self._decide(ReviewDocument.keep)

    def delete(self) -> None:
        """Delete the boxes at hand and go on."""
        self._decide(ReviewDocument.delete)

    def _decide(self, command: Decide) -> None:
        ids = [box.id for box in self.at_hand]
        if not ids:
            self.said.emit(with_keys(PICK_FIRST))
        elif self.give(command, ids):
            self.next_box()

    def take(self, model: str) -> None:
        """Give the box at hand the corners of the closest box of a model, and go on."""
        box = self._only_one()
        if box is None or self.document is None:
            return
        if box.source == model and box.state == "open":
            self.keep()
            return
        other = rival_of(model, box, self.document)
        if other is None:
            closest = closest_overlap(model, box, self.document)
            self.said.emit(messages.no_box_of(model, closest))
        elif self.give(lambda document, _ids: document.take(box.id, other), [box.id, other.id]):
            self.next_box()
            if other.id in self.document.boxes and other.state == "open":
                self.said.emit(messages.went_with_it(model))

    def nudge(self, nudge: Nudge) -> None:
        """Move the box at hand, or its lower right corner, by pixels."""
        box = self._only_one()
        if box is not None:
            self.give(
                lambda document, _ids: document.nudge(box.id, nudge.dx, nudge.dy, nudge.grow),
                [box.id],
            )

    def _only_one(self) -> ReviewBox | None:
        boxes = self.at_hand
        if len(boxes) == 1:
            return boxes[0]
        self.said.emit(PICK_ONE if boxes else with_keys(PICK_FIRST))
        return None

    def give(self, command: Decide, ids: Sequence[int]) -> bool:
        """Give a command on boxes; whether it was carried out."""
        if self.document is None:
            return False
        if self.canvas.is_busy:
            self.said.emit(LET_GO)
            return False
        before = self.document.boxes
        try:
            command(self.document, ids)
        except AlcError as error:
            (self.lost if isinstance(error, Lost) else self.said).emit(str(error))
            return False
        if self.document.boxes != before:
            self.canvas.update({*ids, *self._recolour()})
            self.decided.emit()
        return True

    def _recolour(self) -> set[int]:
        """Follow what agrees with what as things stand; the boxes whose colour has changed."""
        if self._open is None or self.document is None:
            return set()
        boxes = tuple(self.document.boxes.values())
        before = {box.id: self.name_of(box) for box in boxes}
        found = live_regions(boxes, self.document.suggestions, self._open.thresholds)
        self.regions = {
            box.id: found[box.id] for box in boxes if box.id in found and colour_name(box) != OWN
        }
        self.canvas.looks.regions = self.regions
        return {box.id for box in boxes if self.name_of(box) != before[box.id]}

    def set_category(self, category_id: int) -> None:
        """Give the boxes at hand, and those drawn from now on, a category."""
        self.category_id = category_id
        self.canvas.set_category(category_id)
        ids = [box.id for box in self.at_hand]
        if ids:
            self.give(lambda document, chosen: document.recategorise(chosen, category_id), ids)
            self.moved.emit()  # what was refused is not shown as chosen

    def draw(self) -> None:
        """Start or stop drawing boxes."""
        if self.document is None or self.canvas.is_busy:
            return
        if self.canvas.is_drawing:
            self.stop_drawing()
            return
        self._take_up([], look=False)
        self.canvas.set_category(self.category_id)
        self.said.emit(with_keys(DRAG))
        self.canvas.start_drawing()
        self.moved.emit()

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self.canvas.stop_drawing()
        self.said.emit("")
        self.moved.emit()

    def revert(self, way: Direction) -> None:
        """Take the last decision of the sitting back, or repeat it; the image may be another."""
        task_id = self.history.undo_task if way == "undo" else self.history.redo_task
        if task_id is None:
            self.said.emit(NOTHING[way])
        elif self._open is None or task_id != self._open.task_id:
            self.elsewhere.emit(task_id, way)
        else:
            self._revert_here(way)

    def _revert_here(self, way: Direction) -> None:
        concerned: list[int] = []

        def command(document: ReviewDocument, ids: Sequence[int]) -> None:  # noqa: ARG001
            concerned.extend(document.undo() if way == "undo" else document.redo())

        if self.give(command, concerned):
            self.said.emit("")
            self._take_up(concerned, look=True)

    def _turn_to(self, ids: Sequence[int]) -> None:
        if tuple(ids) != self._at_hand:
            self.history.end_run()
        self._at_hand = tuple(ids)

    def _on_picked(self, ids: Sequence[int]) -> None:
        self._turn_to(ids)
        self._show_suggestions()
        self.moved.emit()

    def _on_edited(self, found: Edits) -> None:
        self.said.emit("")
        self._at_hand = self.canvas.selected
        if found != Edits():
            self._recolour()
            self.decided.emit()
        if found.deleted:
            self._at_hand = found.deleted
            self.next_box()
        else:
            self._show_suggestions()
            self.moved.emit()
