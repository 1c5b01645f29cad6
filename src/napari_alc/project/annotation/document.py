"""The review document: the boxes of one image with their decisions, and undo.

The document is the truth of what a person decided; layers of a viewer are views of it.
Every change is stored before the document shows it, and nothing stored is overwritten:
undo is a decision of its own, and it goes back across images (`History`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, Protocol

import numpy as np

from napari_alc.boxes import MATCH_IOU, Corners, as_boxes, iou_matrix
from napari_alc.errors import Refused
from napari_alc.labels import ImageRecord
from napari_alc.project.storage.records import (
    NOTE_LENGTH,
    BoxSource,
    BoxState,
    DecisionAction,
    FlagKind,
    ImageFlag,
    Note,
    ReviewBox,
    UnsureMark,
)
from napari_alc.wording import Refusal

MINIMUM_SIZE = 2.0
"""Shortest side of a box in pixels; anything smaller is a slip of the mouse."""


@dataclass(frozen=True)
class Change:
    """One decision: the box before (None where it is new) and after."""

    action: DecisionAction
    before: ReviewBox | None
    after: ReviewBox

    @property
    def is_decision(self) -> bool:
        """Whether more than the note has changed; a note alone decides nothing."""
        return self.before is None or replace(self.before, note=self.after.note) != self.after

    @property
    def is_note(self) -> bool:
        """Whether the note has changed."""
        return (None if self.before is None else self.before.note) != self.after.note


@dataclass(frozen=True)
class FlagChange:
    """What was said about the image as a whole: a flag before and after, None where it is not set.

    One of the two is there; both are of one kind.
    """

    kind: FlagKind
    before: ImageFlag | None
    after: ImageFlag | None

    @property
    def reverse(self) -> FlagChange:
        """What takes it back."""
        return FlagChange(self.kind, self.after, self.before)


class DecisionStore(Protocol):
    """Where decisions are stored; each call returns once they are, and raises otherwise."""

    def store(self, changes: Sequence[Change]) -> None:
        """Store decisions on boxes that are known."""

    def draw(self, box: ReviewBox) -> int:
        """Store a box that a person drew, with that decision; returns its identity."""

    def flag(self, change: FlagChange) -> None:
        """Store a flag on the image, or that it was taken off."""


class ReviewDocument:
    """The boxes of one image under review.

    `boxes` are proposals, in the order in which they are offered; `suggestions` are boxes of the
    crowd and the models that are shown but not offered. `flags` say something about the image as a
    whole. Every change is stored on the `shelf`, and goes under the `task_id` into the `history` of
    the person's session, or into one of its own.
    """

    def __init__(
        self,
        image: ImageRecord,
        boxes: Sequence[ReviewBox],
        suggestions: Sequence[ReviewBox],
        category_ids: Sequence[int],
        person: str,
        shelf: DecisionStore,
        history: History | None = None,
        task_id: int = 0,
        flags: Sequence[ImageFlag] = (),
    ) -> None:
        self.image = image
        self.suggestions = tuple(suggestions)
        self._boxes = {box.id: box for box in boxes}
        self._category_ids = frozenset(category_ids)
        self._person = person
        self._shelf = shelf
        self._history = History() if history is None else history
        self._task_id = task_id
        self._flags = {flag.kind: flag for flag in flags}

    @property
    def boxes(self) -> Mapping[int, ReviewBox]:
        """All boxes by id, deleted ones included."""
        return dict(self._boxes)

    @property
    def shown(self) -> tuple[ReviewBox, ...]:
        """The boxes that are not deleted."""
        return tuple(box for box in self._boxes.values() if box.state != BoxState.DELETED)

    @property
    def open_boxes(self) -> tuple[ReviewBox, ...]:
        """The boxes that wait for an answer; that somebody does not know is one."""
        return tuple(box for box in self._boxes.values() if box.is_open)

    @property
    def unsure_boxes(self) -> tuple[ReviewBox, ...]:
        """The boxes that somebody is unsure about, whatever their state."""
        return tuple(box for box in self._boxes.values() if box.unsure is not None)

    @property
    def labels(self) -> tuple[ReviewBox, ...]:
        """The boxes that are clean labels as things stand."""
        return tuple(box for box in self._boxes.values() if box.is_label)

    @property
    def flags(self) -> tuple[ImageFlag, ...]:
        """What people say about the image as a whole, in the order of `FlagKind`."""
        return tuple(self._flags[kind] for kind in FlagKind if kind in self._flags)

    @property
    def is_excluded(self) -> bool:
        """Whether the image is left out of the dataset."""
        return FlagKind.EXCLUDE in self._flags

    def keep(self, ids: Sequence[int]) -> None:
        """Accept boxes as they are."""
        changes = [(box, replace(box, state=_kept_state(box))) for box in self._find(ids)]
        self._apply(DecisionAction.KEEP, changes)

    def delete(self, ids: Sequence[int]) -> None:
        """Decide that boxes are no objects."""
        self._apply(
            DecisionAction.DELETE,
            [(box, replace(box, state=BoxState.DELETED)) for box in self._find(ids)],
        )

    def reshape(self, corners: Mapping[int, Sequence[float]]) -> None:
        """Move or resize boxes; corners are sorted and clipped to the image."""
        changes = []
        for box in self._find(list(corners)):
            valid = self.valid_corners(corners[box.id])
            changes.append((box, replace(box, corners=valid, state=_changed_state(box))))
        self._apply(DecisionAction.CHANGE, changes)

    def recategorise(self, ids: Sequence[int], category_id: int) -> None:
        """Give boxes another category."""
        self._require_category(category_id)
        changes = [
            (box, replace(box, category_id=category_id, state=_changed_state(box)))
            for box in self._find(ids)
        ]
        self._apply(DecisionAction.CHANGE, changes)

    def add(self, corners: Sequence[float], category_id: int) -> int:
        """Add a box that a person drew; returns its identity."""
        self._require_category(category_id)
        drawn = ReviewBox(
            0,
            category_id,
            self.valid_corners(corners),
            BoxSource.PERSON,
            state=BoxState.ADDED,
            person=self._person,
            decided_at=datetime.now(UTC),
        )
        box = replace(drawn, id=self._shelf.draw(drawn))
        self._boxes[box.id] = box
        added = Change(DecisionAction.ADD, None, box)
        self._history.add(HistoryEntry(self._task_id, (added,)))
        return box.id

    def nudge(self, box_id: int, dx: float, dy: float, grow: bool = False) -> None:
        """Move a box by pixels to the right and down; it stops at the image's border.

        Nudges of a box that follow each other are one undo. With `grow` the lower right corner
        moves alone.
        """
        [box] = self._find([box_id])
        move = _grown if grow else _moved
        x1, x2 = move(box.corners[0], box.corners[2], dx, self.image.width)
        y1, y2 = move(box.corners[1], box.corners[3], dy, self.image.height)
        if (x1, y1, x2, y2) != box.corners:
            after = replace(box, corners=(x1, y1, x2, y2), state=_changed_state(box))
            self._apply(DecisionAction.CHANGE, [(box, after)], run=(self._task_id, box_id))

    def take(self, box_id: int, other: ReviewBox) -> None:
        """Give a box the corners and the category of a suggestion or of another box.

        Where the other one is open itself, it is deleted by the same decision.

        Raises
        ------
        Refused
            When another label marks that object already: there would be two of them.
        """
        [box] = self._find([box_id])
        taken = replace(
            box,
            corners=self.valid_corners(other.corners),
            category_id=other.category_id,
            state=_changed_state(box),
        )
        self._require_unmarked(taken)
        offered = self._boxes.get(other.id)
        pairs = [(DecisionAction.TAKE, box, taken)]
        # left open, it would be asked about although its object is decided
        if offered is not None and offered.state == BoxState.OPEN:
            pairs.append((DecisionAction.DELETE, offered, replace(offered, state=BoxState.DELETED)))
        self._decide(pairs)

    def mark_unsure(self, ids: Sequence[int]) -> None:
        """Say of boxes that one does not know what they are.

        They keep their state, with a mark until somebody decides: an open one counts as answered,
        and none is a label. A box that is marked already stays in the name of whoever did so.

        Raises
        ------
        Refused
            When one of them is deleted.
        """
        found = self._find(ids)
        for box in found:
            if box.state == BoxState.DELETED:
                raise Refused(Refusal.DELETED, box.id)
        mark = UnsureMark(self._person, datetime.now(UTC))
        self._remark(
            DecisionAction.UNSURE, [(b, replace(b, unsure=b.unsure or mark)) for b in found]
        )

    def clear_unsure(self, ids: Sequence[int]) -> None:
        """Take the mark off boxes without a decision; open ones wait for an answer again."""
        pairs = [(box, replace(box, unsure=None)) for box in self._find(ids)]
        self._remark(DecisionAction.SURE, pairs)

    def note(self, box_id: int, text: str) -> None:
        """Write a note on a box, in place of an earlier one; an empty text removes it.

        A note decides nothing: an image that is done stays done, and no detector is trained anew.

        Raises
        ------
        Refused
            When the text is longer than `NOTE_LENGTH`.
        """
        [box], words = self._find([box_id]), valid_words(text)
        before = "" if box.note is None else box.note.text
        if words != before:
            note = Note(words, self._person, datetime.now(UTC)) if words else None
            self._remark(DecisionAction.NOTE, [(box, replace(box, note=note))])

    def flag(self, kind: FlagKind, words: str = "") -> None:
        """Say something about the image as a whole; other words take the place of earlier ones.

        Raises
        ------
        Refused
            When the words are longer than `NOTE_LENGTH`.
        """
        found, before = valid_words(words), self._flags.get(kind)
        if before is None or before.words != found:
            after = ImageFlag(kind, found, self._person, datetime.now(UTC))
            self._flag(FlagChange(kind, before, after))

    def unflag(self, kind: FlagKind) -> None:
        """Take a flag off the image, where it is set."""
        before = self._flags.get(kind)
        if before is not None:
            self._flag(FlagChange(kind, before, None))

    def settle(self, boxes: Sequence[ReviewBox]) -> None:
        """Store the final state of known boxes at once, as one decision."""
        before = self._find([box.id for box in boxes])
        self._apply(DecisionAction.SETTLE, list(zip(before, boxes, strict=True)))

    def undo(self) -> tuple[int, ...]:
        """Take the last decision of the session back; returns the boxes concerned.

        None are where the last decision concerns another image (`History.undo_task`), or this one
        as a whole: its flags.

        Raises
        ------
        Refused
            When somebody else has decided on these boxes, or set the flag, since; the decision
            before it is next.
        """
        return self._revert("undo")

    def redo(self) -> tuple[int, ...]:
        """Repeat the decision last taken back, as `undo` does; returns the boxes concerned."""
        return self._revert("redo")

    def valid_corners(self, corners: Sequence[float]) -> Corners:
        """Sort corners and clip them to the image.

        Raises
        ------
        Refused
            When nothing of at least `MINIMUM_SIZE` pixels is left.
        """
        values = np.asarray(corners, dtype=np.float64)
        if values.shape != (4,) or not np.isfinite(values).all():
            raise Refused(Refusal.NO_BOX)
        x = np.clip(np.sort(values[0::2]), 0, self.image.width)
        y = np.clip(np.sort(values[1::2]), 0, self.image.height)
        if x[1] - x[0] < MINIMUM_SIZE or y[1] - y[0] < MINIMUM_SIZE:
            raise Refused(Refusal.TOO_SMALL)
        return float(x[0]), float(y[0]), float(x[1]), float(y[1])

    def _require_unmarked(self, box: ReviewBox) -> None:
        """Refuse a box where another label of its category has about the same corners."""
        labels = [
            other
            for other in self._boxes.values()
            if other.is_label and other.id != box.id and other.category_id == box.category_id
        ]
        corners = as_boxes([label.corners for label in labels])
        if (iou_matrix(as_boxes(box.corners), corners) > MATCH_IOU).any():
            raise Refused(Refusal.MARKED)

    def _require_category(self, category_id: int) -> None:
        if category_id not in self._category_ids:
            raise Refused(Refusal.UNKNOWN_CATEGORY, category_id)

    def _find(self, ids: Sequence[int]) -> list[ReviewBox]:
        missing = [box_id for box_id in ids if box_id not in self._boxes]
        if missing:
            raise Refused(Refusal.UNKNOWN_BOX, missing[0])
        return [self._boxes[box_id] for box_id in dict.fromkeys(ids)]

    def _apply(
        self,
        action: DecisionAction,
        pairs: Sequence[tuple[ReviewBox, ReviewBox]],
        run: Hashable = None,
    ) -> None:
        self._decide([(action, before, after) for before, after in pairs], run)

    def _decide(
        self, steps: Sequence[tuple[DecisionAction, ReviewBox, ReviewBox]], run: Hashable = None
    ) -> None:
        at = datetime.now(UTC)
        changes = tuple(
            Change(action, before, replace(after, person=self._person, decided_at=at))
            for action, before, after in ((a, b, replace(c, unsure=None)) for a, b, c in steps)
            if before != after
        )
        self._do(changes, run)

    def _remark(self, action: DecisionAction, pairs: Sequence[tuple[ReviewBox, ReviewBox]]) -> None:
        """Change marks and notes; whose state a box is stays as it was."""
        self._do(tuple(Change(action, *pair) for pair in pairs if pair[0] != pair[1]))

    def _do(self, changes: tuple[Change, ...], run: Hashable = None) -> None:
        if changes:
            self._commit(changes)
            self._history.add(HistoryEntry(self._task_id, changes), run)

    def _commit(self, changes: Sequence[Change]) -> None:
        self._shelf.store(changes)
        for change in changes:
            self._boxes[change.after.id] = change.after

    def _flag(self, change: FlagChange) -> None:
        self._commit_flag(change)
        self._history.add(HistoryEntry(self._task_id, flag=change))

    def _commit_flag(self, change: FlagChange) -> None:
        self._shelf.flag(change)
        if change.after is None:
            del self._flags[change.kind]
        else:
            self._flags[change.kind] = change.after

    def _revert(self, way: Direction) -> tuple[int, ...]:
        done = self._history.next(way, self._task_id)
        if done is None:
            return ()
        if not self._is_as_left(done):
            self._history.drop(way)
            raise Refused(Refusal.CHANGED_SINCE)
        taken_back = _reversed(done, DecisionAction(way))
        if taken_back.flag is not None:
            self._commit_flag(taken_back.flag)
        else:
            self._commit(taken_back.changes)
        self._history.turn(way, taken_back)
        return tuple(change.after.id for change in taken_back.changes)

    def _is_as_left(self, done: HistoryEntry) -> bool:
        """Whether nobody else has changed what a decision has changed."""
        if done.flag is not None:
            return self._flags.get(done.flag.kind) == done.flag.after
        return all(self._boxes.get(change.after.id) == change.after for change in done.changes)


def valid_words(text: str) -> str:
    """A note, or the words on a flag, without blanks around it.

    Raises
    ------
    Refused
        When it is longer than `NOTE_LENGTH`.
    """
    words = text.strip()
    if len(words) > NOTE_LENGTH:
        raise Refused(Refusal.TOO_LONG, len(words), NOTE_LENGTH)
    return words


def _before(change: Change) -> ReviewBox:
    return change.before or replace(change.after, state=BoxState.DELETED)


def _kept_state(box: ReviewBox) -> BoxState:
    if box.is_label:
        return box.state
    return BoxState.ADDED if box.source == BoxSource.PERSON else BoxState.KEPT


def _changed_state(box: ReviewBox) -> BoxState:
    return BoxState.ADDED if box.source == BoxSource.PERSON else BoxState.CHANGED


def _moved(low: float, high: float, by: float, size: int) -> tuple[float, float]:
    """A side of a box moved along, not farther than to the border of the image."""
    step = min(max(by, -low), size - high)
    return low + step, high + step


def _grown(low: float, high: float, by: float, size: int) -> tuple[float, float]:
    """A side of a box with its far end moved, not below the smallest size nor past the border."""
    # a box that was too small when it came may stay as it is
    return low, min(max(high + by, min(low + MINIMUM_SIZE, high)), size)


Direction = Literal["undo", "redo"]


@dataclass(frozen=True)
class HistoryEntry:
    """One decision: the task that it concerns, and what it did to the boxes or to a flag."""

    task_id: int
    changes: tuple[Change, ...] = ()
    flag: FlagChange | None = None


def _reversed(done: HistoryEntry, action: DecisionAction) -> HistoryEntry:
    """What takes a decision back."""
    changes = tuple(
        Change(action, change.after, _before(change)) for change in reversed(done.changes)
    )
    return HistoryEntry(done.task_id, changes, done.flag and done.flag.reverse)


class History:
    """The decisions of a session that can be taken back, and those taken back."""

    def __init__(self) -> None:
        self._entries: dict[Direction, list[HistoryEntry]] = {"undo": [], "redo": []}
        self._run: Hashable = None

    @property
    def undo_task(self) -> int | None:
        """Id of the task that the next undo concerns; None where nothing is left."""
        return self._task("undo")

    @property
    def redo_task(self) -> int | None:
        """Id of the task that the next redo concerns; None where nothing is left."""
        return self._task("redo")

    def _task(self, way: Direction) -> int | None:
        entries = self._entries[way]
        return entries[-1].task_id if entries else None

    def add(self, entry: HistoryEntry, run: Hashable = None) -> None:
        """Remember a decision; nothing can be redone any more.

        Decisions of the same `run` that follow each other directly are taken back at once; they
        change the same boxes. None stands alone.
        """
        done = self._entries["undo"]
        if run is not None and run == self._run:
            before = done.pop().changes
            pairs = zip(before, entry.changes, strict=True)
            changes = tuple(replace(new, before=old.before) for old, new in pairs)
            entry = replace(entry, changes=changes)
        done.append(entry)
        self._entries["redo"].clear()
        self._run = run

    def end_run(self) -> None:
        """Let the next decision stand alone: the person has turned to something else."""
        self._run = None

    def next(self, way: Direction, task_id: int) -> HistoryEntry | None:
        """What an undo or redo on this task would take back; None where another's is next."""
        return self._entries[way][-1] if self._task(way) == task_id else None

    def turn(self, way: Direction, taken_back: HistoryEntry) -> None:
        """Note that the next entry was taken back by another."""
        self._entries[way].pop()
        self._entries["redo" if way == "undo" else "undo"].append(taken_back)
        self._run = None

    def drop(self, way: Direction) -> None:
        """Forget the next entry: it can no longer be taken back."""
        self._entries[way].pop()
        self._run = None
