"""The review document: the boxes of one image with their decisions, and undo.

The document is the truth of what a person decided; layers of a viewer are views of it.
Every change is stored before the document shows it, and nothing stored is overwritten:
undo is a decision of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from napari_alc.errors import AlcError
from napari_alc.labels import ImageRecord

State = Literal["open", "kept", "changed", "added", "deleted"]
Corners = tuple[float, float, float, float]

MINIMUM_SIZE = 2.0
"""Shortest side of a box in pixels; anything smaller is a slip of the mouse."""


class Refused(AlcError):
    """A change that would make no valid box; the document stays as it was."""


@dataclass(frozen=True)
class ReviewBox:
    """A box under review.

    Parameters
    ----------
    id
        Identity in the store; kept through every change.
    category_id
        Its kind of object.
    corners
        ``x1, y1, x2, y2`` in pixels.
    source
        Who drew it: ``crowd``, ``mp``, ``ma`` or ``person``.
    region
        ``red``, ``green``, ``pink``, ``gray``, or empty where no model has seen the image.
    score
        Confidence of the model in 0–1; None for crowd and person.
    evaluation_score
        The LSM's evaluation score in 0–1; None unless red or green.
    state
        ``open`` until somebody decides.
    person
        Whose decision the state is; empty where nobody has decided, so an undo of the first
        decision empties it again.
    decided_at
        When that person decided; None where nobody has.
    """

    id: int
    category_id: int
    corners: Corners
    source: str
    region: str = ""
    score: float | None = None
    evaluation_score: float | None = None
    state: State = "open"
    person: str = ""
    decided_at: datetime | None = None

    @property
    def is_label(self) -> bool:
        """Whether the box is part of the clean labels as things stand."""
        return self.state in ("kept", "changed", "added")


@dataclass(frozen=True)
class Change:
    """One decision: the box before (None where it is new) and after."""

    action: str
    before: ReviewBox | None
    after: ReviewBox


class ReviewDocument:
    """The boxes of one image under review.

    Parameters
    ----------
    image
        The image they belong to.
    boxes
        Proposals, in the order in which they are offered.
    suggestions
        Boxes of the crowd and the models that are shown but not offered.
    category_ids
        The categories a box may have.
    person
        Who decides in this sitting.
    store
        Receives every change and returns once it is stored; raises where it cannot be.
    new_id
        Makes the identity of a box that a person draws.
    """

    def __init__(
        self,
        image: ImageRecord,
        boxes: Sequence[ReviewBox],
        suggestions: Sequence[ReviewBox],
        category_ids: Sequence[int],
        person: str,
        store: Callable[[Sequence[Change]], None],
        new_id: Callable[[int, Corners], int],
    ) -> None:
        self.image = image
        self.suggestions = tuple(suggestions)
        self._boxes = {box.id: box for box in boxes}
        self._category_ids = frozenset(category_ids)
        self._person = person
        self._store = store
        self._new_id = new_id
        self._undo: list[tuple[Change, ...]] = []
        self._redo: list[tuple[Change, ...]] = []

    @property
    def boxes(self) -> Mapping[int, ReviewBox]:
        """All boxes by id, deleted ones included."""
        return dict(self._boxes)

    @property
    def shown(self) -> tuple[ReviewBox, ...]:
        """The boxes that are not deleted."""
        return tuple(box for box in self._boxes.values() if box.state != "deleted")

    @property
    def open_boxes(self) -> tuple[ReviewBox, ...]:
        """The boxes that nobody has decided on."""
        return tuple(box for box in self._boxes.values() if box.state == "open")

    @property
    def labels(self) -> tuple[ReviewBox, ...]:
        """The boxes that are clean labels as things stand."""
        return tuple(box for box in self._boxes.values() if box.is_label)

    def keep(self, ids: Sequence[int]) -> None:
        """Accept boxes as they are."""
        changes = [(box, replace(box, state=_kept_state(box))) for box in self._find(ids)]
        self._apply("keep", changes)

    def delete(self, ids: Sequence[int]) -> None:
        """Decide that boxes are no objects."""
        self._apply("delete", [(box, replace(box, state="deleted")) for box in self._find(ids)])

    def reshape(self, corners: Mapping[int, Sequence[float]]) -> None:
        """Move or resize boxes; corners are sorted and clipped to the image."""
        changes = []
        for box in self._find(list(corners)):
            valid = self.valid_corners(corners[box.id])
            changes.append((box, replace(box, corners=valid, state=_changed_state(box))))
        self._apply("change", changes)

    def recategorise(self, ids: Sequence[int], category_id: int) -> None:
        """Give boxes another category."""
        self._require_category(category_id)
        changes = [
            (box, replace(box, category_id=category_id, state=_changed_state(box)))
            for box in self._find(ids)
        ]
        self._apply("change", changes)

    def add(self, corners: Sequence[float], category_id: int) -> int:
        """Add a box that a person drew; returns its identity."""
        self._require_category(category_id)
        valid = self.valid_corners(corners)
        box_id = self._new_id(category_id, valid)
        box = ReviewBox(box_id, category_id, valid, "person", state="added")
        self._apply("add", [(None, box)])
        return box_id

    def settle(self, boxes: Sequence[ReviewBox]) -> None:
        """Store the final state of known boxes at once, as one decision."""
        before = self._find([box.id for box in boxes])
        self._apply("settle", list(zip(before, boxes, strict=True)))

    def undo(self) -> tuple[int, ...]:
        """Take the last decision back; returns the boxes concerned."""
        return self._revert(self._undo, self._redo, "undo")

    def redo(self) -> tuple[int, ...]:
        """Repeat the decision last taken back; returns the boxes concerned."""
        return self._revert(self._redo, self._undo, "redo")

    def valid_corners(self, corners: Sequence[float]) -> Corners:
        """Sort corners and clip them to the image.

        Raises
        ------
        Refused
            When nothing of at least `MINIMUM_SIZE` pixels is left.
        """
        values = np.asarray(corners, dtype=np.float64)
        if values.shape != (4,) or not np.isfinite(values).all():
            raise Refused("That is no box: it needs four finite corners.")
        x = np.clip(np.sort(values[0::2]), 0, self.image.width)
        y = np.clip(np.sort(values[1::2]), 0, self.image.height)
        if x[1] - x[0] < MINIMUM_SIZE or y[1] - y[0] < MINIMUM_SIZE:
            raise Refused("That box is too small or outside the image; nothing was changed.")
        return float(x[0]), float(y[0]), float(x[1]), float(y[1])

    def _require_category(self, category_id: int) -> None:
        if category_id not in self._category_ids:
            raise Refused(f"Category {category_id} is not one of this project.")

    def _find(self, ids: Sequence[int]) -> list[ReviewBox]:
        missing = [box_id for box_id in ids if box_id not in self._boxes]
        if missing:
            raise Refused(f"Box {missing[0]} is not under review in this image.")
        return [self._boxes[box_id] for box_id in dict.fromkeys(ids)]

    def _apply(self, action: str, pairs: Sequence[tuple[ReviewBox | None, ReviewBox]]) -> None:
        at = datetime.now(UTC)
        changes = tuple(
            Change(action, before, replace(after, person=self._person, decided_at=at))
            for before, after in pairs
            if before != after
        )
        if not changes:
            return
        self._commit(changes)
        self._undo.append(changes)
        self._redo.clear()

    def _commit(self, changes: Sequence[Change]) -> None:
        self._store(changes)
        for change in changes:
            self._boxes[change.after.id] = change.after

    def _revert(
        self,
        source: list[tuple[Change, ...]],
        target: list[tuple[Change, ...]],
        action: str,
    ) -> tuple[int, ...]:
        if not source:
            return ()
        changes = tuple(
            Change(action, change.after, _before(change)) for change in reversed(source[-1])
        )
        self._commit(changes)
        source.pop()
        target.append(changes)
        return tuple(change.after.id for change in changes)


def _before(change: Change) -> ReviewBox:
    return change.before or replace(change.after, state="deleted")


def _kept_state(box: ReviewBox) -> State:
    if box.is_label:
        return box.state
    return "added" if box.source == "person" else "kept"


def _changed_state(box: ReviewBox) -> State:
    return "added" if box.source == "person" else "changed"
