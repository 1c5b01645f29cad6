"""The commands on the boxes of the image that is open.

A command goes: key, button or gesture, document (which stores it), canvas. Nothing is shown as
done before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from psygnal import Signal

from napari_alc.errors import AlcError
from napari_alc.plugin.palettes import OWN, colour_name
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.commands import NUDGES, Edits, Nudge
from napari_alc.plugin.review.counterparts import (
    closest_overlap,
    counterpart_of,
    suggestions_beside,
)
from napari_alc.plugin.review.image_loader import ReadImage
from napari_alc.plugin.review.state import BoxFilter, OpenImage, ReviewState
from napari_alc.project.annotation.document import Direction, History, ReviewDocument
from napari_alc.project.annotation.live_regions import live_regions
from napari_alc.project.annotation.session import Lost
from napari_alc.project.storage.records import FlagKind, ReviewBox

TAKES = {"take_mp": "mp", "take_ma": "ma"}
"""Commands that give a box a model's corners, and which model's."""

BoxCommand = Callable[[ReviewDocument, Sequence[int]], object]


class BoxCanvas(Protocol):
    """What shows image and boxes; it changes no document."""

    @property
    def is_busy(self) -> bool:
        """Whether a person holds the mouse on the boxes."""

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag draws a box."""

    def trouble(self) -> str:
        """Why nothing can be changed at this moment; what can be put right is."""

    def unseen(self, ids: Collection[int]) -> str:
        """Why boxes cannot be decided on, since nobody has seen them; they can be seen then."""

    def show(self, image: ReadImage, document: ReviewDocument, read_only: bool) -> None:
        """Show another image as a whole, with its boxes."""

    def clear(self) -> None:
        """Show neither image nor boxes."""

    def set_regions(self, regions: Mapping[int, str]) -> None:
        """Colour boxes by these regions from now on, where they are not the stored ones."""

    def update(self, ids: Collection[int]) -> None:
        """Show some boxes as the document has them now."""

    def select(self, ids: Sequence[int]) -> None:
        """Mark boxes as the current ones."""

    def show_suggestions(self, boxes: Sequence[ReviewBox]) -> None:
        """Show boxes in broken lines beside the current one."""

    def set_shown_ids(self, ids: Collection[int] | None) -> None:
        """Show only these boxes; None for all."""

    def show_more(self, ids: Collection[int]) -> None:
        """Show new boxes too, whatever the filter says."""

    def set_read_only(self, read_only: bool) -> None:
        """Let boxes be looked at, but not changed."""

    def under_pointer(self) -> tuple[int, ...]:
        """Ids of the boxes under the mouse, the smallest first."""

    def start_drawing(self) -> None:
        """Let the next drags draw boxes."""

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""

    def look_at(self, box: ReviewBox) -> None:
        """Bring a box to the middle of the view."""

    def look_at_whole(self) -> None:
        """Show the whole image."""


class BoxSelection:
    """Which boxes are current, and the way from one to the next."""

    changed = Signal()
    """Emitted when other boxes are current, or they are to be shown anew."""

    def __init__(self, state: ReviewState, canvas: BoxCanvas) -> None:
        self._state, self._canvas = state, canvas
        self.history = History()
        state.question_changed.connect(self._show_filtered)

    def begin(self, opened: OpenImage, first: int | None, is_close: bool) -> None:
        """Begin with the box `first`; where it is not open, with the next open one behind it."""
        box = None if first is None else opened.document.boxes.get(first)
        if box is None or not box.is_open:
            box = opened.order.step(self._state.passing_boxes, box, 1)
        self.select([] if box is None else [box.id], is_close)

    def select(self, ids: Sequence[int], is_close: bool = False) -> None:
        """Make boxes the current ones; `is_close` brings a single one to the middle of the view."""
        self._set_current(ids)
        if self._state.filter.is_on:
            self._show_filtered()
        self._canvas.select(ids)
        boxes = self._state.current_boxes
        if is_close and len(boxes) == 1:
            self._canvas.look_at(boxes[0])
        self.show_current()

    def pick(self, ids: Sequence[int]) -> None:
        """Follow what a person has picked on the canvas."""
        self._set_current(ids)
        self.show_current()

    def _set_current(self, ids: Sequence[int]) -> None:
        if tuple(ids) != self._state.current_ids:
            self.history.end_run()
        self._state.current_ids = tuple(ids)

    def show_current(self) -> None:
        """Show what is told of the current boxes, and the suggestions beside a single one."""
        state, boxes = self._state, self._state.current_boxes
        found: tuple[ReviewBox, ...] = ()
        if state.document is not None and len(boxes) == 1:
            found = suggestions_beside(boxes[0], state.document)
        state.suggestions = found
        self._canvas.show_suggestions(found)
        self.changed.emit()

    def look_at_box(self, box_id: int) -> None:
        """Bring a box of this image to the middle of the view."""
        document = self._state.document
        box = None if document is None else document.boxes.get(box_id)
        if box is not None and box.state != "deleted":
            self.select([box_id], is_close=True)

    def set_filter(self, wanted: BoxFilter) -> None:
        """Show and visit only some boxes."""
        self._state.filter = wanted
        self._state.filter_changed.emit()
        self._show_filtered()
        if self._state.document is not None:
            self.changed.emit()

    def _show_filtered(self) -> None:
        state, ids = self._state, None
        if state.document is None:
            return
        if state.filter.is_on:
            passing = {box.id for box in state.document.shown if state.passes(box)}
            # nothing is decided on that is not shown
            asked = [box.id for box in state.open_boxes] if state.is_asking else ()
            ids = passing.union(state.current_ids, asked)
        self._canvas.set_shown_ids(ids)

    def next_box(self, by: int = 1) -> None:
        """Go to the next open box, or to the one before if `by` is -1."""
        state, opened = self._state, self._state.opened
        if opened is None:
            return
        self._canvas.stop_drawing()
        here = opened.document.boxes[state.current_ids[-1]] if state.current_ids else None
        box = opened.order.step(state.passing_boxes, here, by)
        if box is not None:
            state.notify("")
            self.select([box.id], is_close=True)
        elif here is None or not here.is_open:
            self.select([])
            self._canvas.look_at_whole()
            hidden, all_decided = len(state.open_boxes), state.keys.filled(messages.ALL_DECIDED)
            state.notify(messages.hidden_words(hidden) if hidden else all_decided)
        else:
            state.notify(messages.only_one_words(len(state.open_boxes) - 1))

    def pick_below(self) -> None:
        """Pick the next of the boxes that lie over each other under the mouse."""
        under, current = self._canvas.under_pointer(), self._state.current_ids
        if not under:
            self._state.notify(messages.NOTHING_BELOW)
            return
        here = current[0] if len(current) == 1 else None
        place = under.index(here) + 1 if here in under else 0
        self.select([under[place % len(under)]])


class BoxCommands:
    """Executes commands on the document, and shows on canvas and state what they did."""

    decided = Signal()
    """Emitted when something was decided about boxes."""

    remarked = Signal()
    """Emitted when a note or a flag on the image has changed, which decides nothing about boxes."""

    elsewhere = Signal(int, str)
    """Emitted with the task that the next ``undo`` or ``redo`` concerns, and which of them."""

    lost = Signal(str)
    """Emitted with why the image can be changed no more."""

    def __init__(self, state: ReviewState, canvas: BoxCanvas) -> None:
        self._state, self._canvas = state, canvas
        self.selection = BoxSelection(state, canvas)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do here, by the command's name."""
        own: dict[str, Callable[[], None]] = {
            "next_box": self.selection.next_box,
            "previous_box": partial(self.selection.next_box, -1),
            "pick_below": self.selection.pick_below,
            "keep": self.keep,
            "delete": partial(self._decide, ReviewDocument.delete),
            "keep_gray": self.keep_gray,
            "unsure": self.unsure,
            **{name: partial(self.take, model) for name, model in TAKES.items()},
            "undo": partial(self.revert, "undo"),
            "redo": partial(self.revert, "redo"),
            "draw": self.draw,
            "stop_drawing": self.stop_drawing,
        }
        return own | {name: partial(self.nudge, nudge) for name, nudge in NUDGES.items()}

    def open(self, opened: OpenImage, image: ReadImage, first: int | None, is_close: bool) -> None:
        """Show an image and begin with one of its open boxes, as `BoxSelection.begin` does."""
        self._state.opened, self._state.current_ids, self._state.regions = opened, (), {}
        self._canvas.show(image, opened.document, bool(self._state.read_only))
        self._canvas.update(self._recolour())
        self.selection.begin(opened, first, is_close)

    def close(self) -> None:
        """Show no image."""
        self._state.opened, self._state.current_ids, self._state.regions = None, (), {}
        self._canvas.clear()
        self.selection.show_current()

    def show_whole(self) -> None:
        """Show the whole image, with no box at hand."""
        self.selection.select([])
        self._canvas.look_at_whole()

    def keep(self) -> None:
        """Keep the current boxes and go on."""
        self._decide(ReviewDocument.keep)

    def _decide(self, command: BoxCommand) -> None:
        ids = [box.id for box in self._state.current_boxes]
        if not ids:
            self._say_none_is_picked()
        elif self.execute(command, ids):
            self.selection.next_box()

    def keep_gray(self) -> None:
        """Keep all open gray boxes that are shown, as one decision."""
        state = self._state
        ids = [box.id for box in state.passing_boxes if state.colour_of(box) == "gray"]
        if not ids:
            state.notify(messages.NO_GRAY)
        elif self.execute(ReviewDocument.keep, ids):
            self.selection.next_box()
            state.notify(state.keys.filled(messages.kept_gray(len(ids))))

    def unsure(self) -> None:
        """Say of the current boxes that one does not know, or take that back."""
        boxes = self._state.current_boxes
        if not boxes or any(box.unsure is None for box in boxes):
            self._decide(ReviewDocument.mark_unsure)
        else:
            self.execute(ReviewDocument.clear_unsure, [box.id for box in boxes])
            self.selection.show_current()

    def note(self, text: str) -> None:
        """Write a note on the current box; an empty one removes it."""
        box = self._only_one()
        if box is not None:
            self.execute(lambda document, _ids: document.note(box.id, text), [box.id])
            self.selection.show_current()

    def flag(self, kind: FlagKind) -> None:
        """Set a flag on the image, or take it off."""

        def toggle(document: ReviewDocument, ids: Sequence[int]) -> None:  # noqa: ARG001
            is_set = any(flag.kind is kind for flag in document.flags)
            (document.unflag if is_set else document.flag)(kind)

        self.execute(toggle, ())

    def take(self, model: str) -> None:
        """Give the current box the corners of its counterpart of a model, and go on."""
        box, document = self._only_one(), self._state.document
        if box is None or document is None:
            return
        if box.source == model and box.is_open:
            self.keep()
            return
        other = counterpart_of(model, box, document)
        if other is None:
            self._state.notify(self.nothing_to_take(model))
        elif self.execute(lambda one, _ids: one.take(box.id, other), [box.id, other.id]):
            self.selection.next_box()
            if other.id in document.boxes and other.is_open:
                self._state.notify(messages.went_with_it(model))

    def nothing_to_take(self, model: str) -> str:
        """Why the current box cannot get the corners of a model's; empty where it can."""
        boxes, document = self._state.current_boxes, self._state.document
        if document is None or not self._state.models_saw:
            return messages.NO_MODEL
        if len(boxes) != 1:
            return messages.PICK_ONE
        [box] = boxes
        is_own = box.source == model and box.is_open
        if is_own or counterpart_of(model, box, document) is not None:
            return ""
        return messages.no_box_of(model, closest_overlap(model, box, document))

    @property
    def refused_takes(self) -> dict[str, str]:
        """Why the models' boxes cannot be taken, by the command's name; empty where they can."""
        return {name: self.nothing_to_take(model) for name, model in TAKES.items()}

    def nudge(self, nudge: Nudge) -> None:
        """Move the current box, or its lower right corner, by pixels."""
        box = self._only_one()
        if box is not None:
            self.execute(lambda document, _ids: document.nudge(box.id, *nudge), [box.id])

    def _only_one(self) -> ReviewBox | None:
        boxes = self._state.current_boxes
        if len(boxes) == 1:
            return boxes[0]
        if boxes:
            self._state.notify(messages.PICK_ONE)
        else:
            self._say_none_is_picked()
        return None

    def _say_none_is_picked(self) -> None:
        # without an image it is said already why there is none
        if self._state.document is not None:
            self._state.notify(self._state.keys.filled(messages.PICK_FIRST))

    def is_in_doubt(self, ids: Collection[int] | None) -> bool:
        """Whether a person may not see what is decided on: `ids`, the image, or None for either.

        This is asked before every change by key or button, and says why.
        """
        why = self._canvas.trouble()
        if not why and ids is not None:
            why = self._canvas.unseen(ids)
        if why:
            self._state.notify(self._state.keys.filled(why))
        return bool(why)

    def execute(self, command: BoxCommand, ids: Sequence[int]) -> bool:
        """Execute a command on boxes that a person sees; whether it was carried out."""
        document = self._state.document
        if document is None or self.is_in_doubt(ids or None):
            return False
        before, flags = document.boxes, document.flags
        try:
            command(document, ids)
        except Lost as error:
            self.lost.emit(str(error))
            return False
        except AlcError as error:
            self._state.notify(str(error))
            return False
        if document.boxes != before:
            self._canvas.update({*ids, *self._recolour()})
        if _is_decided(before, document.boxes):
            self.decided.emit()
        elif document.boxes != before or document.flags != flags:
            self.remarked.emit()
        return True

    def _recolour(self) -> set[int]:
        """Follow what agrees with what as things stand; the boxes whose colour has changed."""
        state, opened = self._state, self._state.opened
        if opened is None:
            return set()
        boxes = tuple(opened.document.boxes.values())
        before = {box.id: state.colour_of(box) for box in boxes}
        found = live_regions(boxes, opened.document.suggestions, opened.thresholds)
        state.regions = {
            box.id: found[box.id] for box in boxes if box.id in found and colour_name(box) != OWN
        }
        self._canvas.set_regions(state.regions)
        return {box.id for box in boxes if state.colour_of(box) != before[box.id]}

    def set_category(self, category_id: int) -> None:
        """Give the current boxes, and those drawn from now on, a category."""
        self._state.category_id = category_id
        ids = [box.id for box in self._state.current_boxes]
        if ids:
            self.execute(lambda document, chosen: document.recategorise(chosen, category_id), ids)
            self.selection.changed.emit()  # what was refused is not shown as chosen

    def draw(self) -> None:
        """Start or stop drawing boxes."""
        if self._state.document is None or self._canvas.is_busy:
            return
        if self._canvas.is_drawing:
            self.stop_drawing()
            return
        self.selection.select([])
        self._state.notify(self._state.keys.filled(messages.DRAG))
        self._canvas.start_drawing()
        self.selection.changed.emit()

    def stop_drawing(self) -> None:
        """Let drags move boxes again; a box half drawn is left out."""
        self._canvas.stop_drawing()
        self._state.notify("")
        self.selection.changed.emit()

    def revert(self, way: Direction) -> None:
        """Take the last decision of the session back, or repeat it; the image may be another."""
        history, opened = self.selection.history, self._state.opened
        task_id = history.undo_task if way == "undo" else history.redo_task
        if task_id is None:
            self._state.notify(messages.NOTHING_TO[way])
        elif opened is None or task_id != opened.task.id:
            self.elsewhere.emit(task_id, way)
        else:
            self._revert_here(way)

    def _revert_here(self, way: Direction) -> None:
        concerned: list[int] = []

        def command(document: ReviewDocument, ids: Sequence[int]) -> None:  # noqa: ARG001
            concerned.extend(document.undo() if way == "undo" else document.redo())

        if self.execute(command, concerned):
            self._state.notify("")
            self._turn_to(concerned)

    def _turn_to(self, concerned: Sequence[int]) -> None:
        """Go to the first of the boxes that were changed; where all are gone, to the next one."""
        document = self._state.document
        if document is None or not concerned:
            return
        there = [i for i in concerned if document.boxes[i].state != "deleted"]
        if there:
            self.selection.select(there[:1], is_close=True)
        else:
            self._state.current_ids = tuple(concerned[:1])
            self.selection.next_box()

    def apply(self, found: Edits) -> None:
        """Execute what a gesture did to the boxes on the canvas."""
        document, refusal = self._state.document, found.refusal
        if document is None:
            return
        before, is_done = document.boxes, True
        try:
            self._carry_out(document, found)
        except AlcError as error:
            refusal, is_done = str(error), False
        self._state.notify("")
        if document.boxes != before:
            # the canvas shows what is stored once napari is done with the gesture
            self._recolour()
            self.decided.emit()
        if found.deleted and is_done:
            self._state.current_ids = found.deleted
            self.selection.next_box()
        else:
            self.selection.show_current()
        if refusal:
            self._state.notify(refusal)

    def _carry_out(self, document: ReviewDocument, found: Edits) -> None:
        if found.deleted:
            document.delete(found.deleted)
        if found.reshaped:
            document.reshape(found.reshaped)
        added = [document.add(corners, self._state.category_id) for corners in found.drawn]
        for copied, corners in found.pasted:
            added.append(document.add(corners, document.boxes[copied].category_id))
        self._state.current_ids = tuple(added) or tuple(found.reshaped) or self._state.current_ids
        self._canvas.show_more(added)
        self._canvas.select(self._state.current_ids)


def _is_decided(before: Mapping[int, ReviewBox], now: Mapping[int, ReviewBox]) -> bool:
    """Whether anything was decided on boxes; a note decides nothing."""
    if before.keys() != now.keys():
        return True
    changed = [(box, now[box_id]) for box_id, box in before.items() if now[box_id] is not box]
    return any(replace(one, note=None) != replace(two, note=None) for one, two in changed)
