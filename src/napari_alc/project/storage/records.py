"""What leaves the store: records, and the names of their states.

The values of the names are what the database holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np

from napari_alc.boxes import Corners
from napari_alc.labels import Labels

EVERYBODY = ""
"""The reader of a consensus task: nobody in particular, everybody together."""


class ImageRole(StrEnum):
    """What an image is there for."""

    TRAIN = "train"
    """To be cleaned: the set X of the paper."""

    VALIDATION = "validation"
    """With clean labels, used for tau and to watch the detectors."""


class BoxSource(StrEnum):
    """Who drew a box first."""

    CROWD = "crowd"
    MP = "mp"
    MA = "ma"
    PERSON = "person"
    CLEAN = "clean"


class ModelName(StrEnum):
    """The two detectors."""

    MP = "mp"
    MA = "ma"


class ReviewStep(IntEnum):
    """The steps of the paper in which people decide."""

    WHOLE_IMAGE = 1
    """Every object of the image is to be labelled."""

    OPEN_BOXES = 2
    """Only red and green boxes are open, the rest was corrected automatically."""


class BoxState(StrEnum):
    """What became of a box."""

    OPEN = "open"
    KEPT = "kept"
    CHANGED = "changed"
    ADDED = "added"
    DELETED = "deleted"


class DecisionAction(StrEnum):
    """What a person did to a box."""

    KEEP = "keep"
    DELETE = "delete"
    CHANGE = "change"
    TAKE = "take"
    ADD = "add"
    SETTLE = "settle"
    UNSURE = "unsure"
    """They do not know: the box keeps its state, with a mark until somebody decides."""

    SURE = "sure"
    """The mark was taken off again, without a decision."""

    NOTE = "note"
    UNDO = "undo"
    REDO = "redo"


class FlagKind(StrEnum):
    """What a person says about an image as a whole."""

    BAD_PICTURE = "bad picture"
    """Out of focus, torn, stained unevenly: told, and left in the dataset."""

    WRONG_TISSUE = "wrong tissue"
    """Not what the dataset is about: told, and left in the dataset."""

    EXCLUDE = "exclude"
    """Left out of training, selection, statistics and export."""


class CorrectionOutcome(StrEnum):
    """What step 2 made of a box."""

    LABEL = "label"
    REVIEW = "review"
    REMOVED = "removed"
    REPLACED = "replaced"


class OverrideKind(StrEnum):
    """What a person says about an image of the ranking; the newest of an image holds."""

    EXCLUDE = "out"
    INCLUDE = "in"
    UNDONE = "undone"


class EventKind(StrEnum):
    """What a project's history tells of."""

    CREATE = "create"
    SHARE = "share"
    TRAIN = "train"
    PREDICT = "predict"
    SELECT = "select"
    AUDIT = "audit"
    CORRECT = "correct"
    EXPORT = "export"
    STOP = "stop"
    """A person ended the iterations early; the newest of this and the next one holds."""

    GO_ON = "go on"


NOTE_LENGTH = 500
"""Characters of a note on a box, and of the words on a flag: a remark, no report."""


@dataclass(frozen=True)
class UnsureMark:
    """That a person does not know what a box is, since when."""

    person: str
    at: datetime


@dataclass(frozen=True)
class Note:
    """What a person wrote about a box."""

    text: str
    person: str
    at: datetime


@dataclass(frozen=True)
class ImageFlag:
    """What a person says about an image as a whole; the words may be empty."""

    kind: FlagKind
    words: str
    person: str
    at: datetime


@dataclass(frozen=True)
class SecondReading:
    """Who is to look at a box that somebody is unsure about or wrote a note on, and who asked."""

    reader: str
    person: str
    at: datetime


@dataclass(frozen=True)
class Snapshot:
    """A moment in a project's history, by the newest row of each kind that there was.

    All of them are only added, so that the labels of that moment can be asked for at any time. A
    moment that was written down by an earlier program knows neither notes nor flags: there were
    none.
    """

    decision: int
    task: int
    note: int = 0
    flag: int = 0


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
        Who drew it: crowd, Mp, Ma or a person.
    region
        ``red``, ``green``, ``pink``, ``gray``, or empty where no model has seen the image.
    score
        Confidence of the model in 0–1; None for crowd and person.
    evaluation_score
        The LSM's evaluation score in 0–1; None unless red or green.
    state
        Open until somebody decides.
    person
        Whose decision the state is; empty where nobody has decided, so an undo of the first
        decision empties it again.
    decided_at
        When that person decided; None where nobody has.
    unsure
        Who does not know what to make of it; None where nobody said so, or it was decided since.
    note
        What somebody wrote about it; None without a note.
    """

    id: int
    category_id: int
    corners: Corners
    source: BoxSource
    region: str = ""
    score: float | None = None
    evaluation_score: float | None = None
    state: BoxState = BoxState.OPEN
    person: str = ""
    decided_at: datetime | None = None
    unsure: UnsureMark | None = None
    note: Note | None = None

    @property
    def is_open(self) -> bool:
        """Whether the box still waits for an answer; that somebody does not know is one."""
        return self.state == BoxState.OPEN and self.unsure is None

    @property
    def is_label(self) -> bool:
        """Whether the box is part of the clean labels as things stand.

        What somebody is unsure about is nobody's decision, and no label until it is settled.
        """
        return self.state in _LABELS and self.unsure is None


_LABELS = (BoxState.KEPT, BoxState.CHANGED, BoxState.ADDED)


def labels_from_rows(rows: Sequence[Sequence[Any]]) -> Labels:
    """Labels from rows of ``image_id, category_id, x1, y1, x2, y2, id``."""
    if not rows:
        return Labels.empty()
    image_ids, category_ids, *corners, ids = zip(*rows, strict=True)
    # Each column by itself: a float would lose the last digits of a long id.
    return Labels(
        np.array(image_ids, dtype=np.int64),
        np.array(category_ids, dtype=np.int64),
        np.array(corners, dtype=np.float64).T,
        np.array(ids, dtype=np.int64),
    )


def labels_of(boxes: Iterable[tuple[int, ReviewBox]]) -> Labels:
    """Labels from pairs of image id and box, whatever the state of the box."""
    return labels_from_rows(
        [(image_id, box.category_id, *box.corners, box.id) for image_id, box in boxes]
    )


@dataclass(frozen=True)
class Decision:
    """What a person left of a box of a task, and when."""

    task_id: int
    action: DecisionAction
    box: ReviewBox
    person: str
    at: datetime


@dataclass(frozen=True)
class AutomaticLabel:
    """A box that the correction of an iteration made a label, and its image."""

    image_id: int
    box: ReviewBox
    iteration: int


@dataclass(frozen=True)
class Proposal:
    """A box to be offered in the task of an image: open, or kept where the program decided."""

    image_id: int
    box_id: int
    state: BoxState


@dataclass(frozen=True)
class Batch:
    """What tasks that are handed out together have in common.

    The images join X^i (g in step 2). `models` is the iteration of the models whose regions are
    shown; None where no model has seen the images. For an audit they were drawn at random to
    measure what noise is left.
    """

    step: ReviewStep
    iteration: int
    models: int | None
    audit: bool = False


@dataclass(frozen=True)
class Task:
    """An image in the queue.

    The reader is whose blind reading of the image it is; empty for the consensus task. For an audit
    the image was drawn at random to measure what noise is left. The image of one that `is_excluded`
    is flagged as left out of the dataset.
    """

    id: int
    image_id: int
    file_name: str
    step: ReviewStep
    iteration: int
    models: int | None
    rank: int
    score: float | None
    done_at: datetime | None
    done_by: str | None
    reader: str = EVERYBODY
    audit: bool = False
    is_excluded: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether it is one person's blind reading rather than the consensus task."""
        return self.reader != EVERYBODY

    @property
    def is_finished(self) -> bool:
        """Whether somebody has finished the image."""
        return self.done_at is not None

    @property
    def is_done(self) -> bool:
        """Whether nobody has to look at the image any more: it is finished, or left out."""
        return self.is_finished or self.is_excluded


@dataclass(frozen=True)
class SharedImage:
    """The consensus task of an image and its readings, in the order in which readers were named."""

    consensus: Task
    readings: tuple[Task, ...]

    @property
    def is_read(self) -> bool:
        """Whether all of its readers are done."""
        return all(task.is_finished for task in self.readings)


@dataclass(frozen=True)
class RunRecord:
    """A training of a model in an iteration, with the detector's settings as the project had them.

    Images and boxes are those it learned from; the times are None until then. The threshold is tau
    of the iteration, in 0–1; None until the model has predicted. Metrics are by name.
    """

    iteration: int
    model: ModelName
    settings: Mapping[str, object]
    images: int
    boxes: int
    trained_at: datetime | None = None
    predicted_at: datetime | None = None
    threshold: float | None = None
    metrics: Mapping[str, Any] | None = None

    def metric(self, name: str) -> Any:
        """What was measured under a name; None where nothing was."""
        return (self.metrics or {}).get(name)


@dataclass(frozen=True)
class Override:
    """A person's choice about one image of the ranking, who made it, and why."""

    kind: OverrideKind
    person: str
    reason: str


@dataclass(frozen=True)
class RankedImage:
    """An image of the ranking, with its boxes of each region and those that its review would show.

    The rank is counted from 1; the score is SCORE (Eq. 2), 0 and more. The override is None where
    nobody said anything about the image.
    """

    image_id: int
    file_name: str
    rank: int
    score: float
    red: int
    green: int
    pink: int
    gray: int
    offered: int
    override: Override | None = None

    @property
    def is_included(self) -> bool:
        """Whether a person wants it handed out next."""
        return self.override is not None and self.override.kind == OverrideKind.INCLUDE

    @property
    def is_excluded(self) -> bool:
        """Whether a person keeps it from being handed out."""
        return self.override is not None and self.override.kind == OverrideKind.EXCLUDE


@dataclass(frozen=True)
class Lease:
    """That a window holds the image of a task.

    A session is one window of one person. `process_started`, in seconds since 1970, tells numbers
    of processes that are used again. `seen_at` is its last sign of life, in UTC.
    """

    task_id: int
    session: str
    person: str
    host: str
    process: int
    process_started: float
    seen_at: datetime


@dataclass(frozen=True)
class ReviewPosition:
    """Where a person is: an image and a box of it, or None for the image as a whole."""

    task_id: int
    box_id: int | None


@dataclass(frozen=True)
class Spent:
    """Seconds spent on a box; on the image as a whole where `box_id` is None."""

    task_id: int
    box_id: int | None
    seconds: float
