"""What the review knows at this moment; it knows neither Qt nor napari.

The controller changes it and says which part has changed; views follow the signals.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from psygnal import Signal

from napari_alc.cleaning.regions import Thresholds
from napari_alc.labels import Category
from napari_alc.plugin.palettes import colour_name
from napari_alc.plugin.review.commands import DEFAULT_KEYS, KeyTexts
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.readers.agreement import ReaderVerdict
from napari_alc.project.storage.records import ReviewBox, Task

BANDS = 8
"""Horizontal bands that an image is walked in, to and fro."""


@dataclass(frozen=True)
class BoxFilter:
    """What a person wants to see.

    Parameters
    ----------
    hidden
        Names of the legend (regions, ``crowd``, ``yours``) whose boxes are not shown.
    least_score
        Confidence in 0–1 below which a model's box is not shown; boxes that nobody gave a
        confidence (those of the crowd and of people) always pass.
    """

    hidden: frozenset[str] = frozenset()
    least_score: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether any box could be hidden."""
        return bool(self.hidden) or self.least_score > 0

    def passes(self, box: ReviewBox, name: str) -> bool:
        """Whether a box that the legend calls `name` is shown."""
        return name not in self.hidden and (box.score is None or box.score >= self.least_score)


EVERYTHING = BoxFilter()


class VisitOrder:
    """A walk over the boxes of an image, fixed when it is opened; those drawn later come last."""

    def __init__(self, boxes: Iterable[ReviewBox], height: float) -> None:
        def key(box: ReviewBox) -> tuple[int, float, int]:
            x1, y1, x2, y2 = box.corners
            x, band = (x1 + x2) / 2, int(BANDS * (y1 + y2) / 2 / height)
            return band, x if band % 2 == 0 else -x, box.id

        self._place = {box.id: i for i, box in enumerate(sorted(boxes, key=key))}

    def _of(self, box: ReviewBox) -> tuple[int, int]:
        return self._place.get(box.id, len(self._place)), box.id

    def sorted(self, boxes: Iterable[ReviewBox]) -> list[ReviewBox]:
        """Boxes in the order of the walk."""
        return sorted(boxes, key=self._of)

    def step(self, boxes: Iterable[ReviewBox], here: ReviewBox | None, by: int) -> ReviewBox | None:
        """The first of `boxes` behind `here`, or before it if `by` is -1; round at the ends."""
        others = self.sorted(box for box in boxes if here is None or box.id != here.id)
        behind = 0 if here is None else bisect(others, self._of(here), key=self._of)
        return others[(behind if by > 0 else behind - 1) % len(others)] if others else None


@dataclass(frozen=True, eq=False)
class OpenImage:
    """An image under review."""

    task: Task
    document: ReviewDocument
    thresholds: Thresholds
    order: VisitOrder = field(init=False)

    def __post_init__(self) -> None:
        order = VisitOrder(self.document.boxes.values(), self.document.image.height)
        object.__setattr__(self, "order", order)


@dataclass(eq=False)
class ReviewState:
    """The queue, the image that is open, and the boxes that the next command concerns.

    Parameters
    ----------
    queue
        The images handed out.
    task
        The image that is open, or being read.
    opened
        The image that is open.
    current_ids
        Of the boxes that the next command concerns; the image they are of may have lost some.
    regions
        Region of each box as things stand, where it is not the stored one.
    suggestions
        Boxes shown beside the current one.
    verdicts
        What several readers decided, by box id.
    filter
        Which boxes are shown and visited.
    categories, category_id
        Those of the project, and the one that drawn boxes get.
    read_only
        Why nothing can be changed; empty where it can.
    is_asking
        Whether the question stands what the boxes still open are.
    pace
        Seconds a box at the person's own pace, once that is known.
    unfinished
        Images that nobody had finished when the queue was read, this person's or not.
    is_queue_old
        Whether other images may be in the queue now than when it was read.
    keys
        How the keys in use are written.
    message
        What was told last; empty when there is nothing to say any more.
    """

    queue: ReviewQueue = field(default_factory=ReviewQueue)
    task: Task | None = None
    opened: OpenImage | None = None
    current_ids: tuple[int, ...] = ()
    regions: Mapping[int, str] = field(default_factory=dict)
    suggestions: tuple[ReviewBox, ...] = ()
    verdicts: Mapping[int, tuple[ReaderVerdict, ...]] = field(default_factory=dict)
    filter: BoxFilter = EVERYTHING
    categories: tuple[Category, ...] = ()
    category_id: int = 0
    read_only: str = ""
    is_asking: bool = False
    pace: float | None = None
    unfinished: int = 0
    is_queue_old: bool = False
    keys: KeyTexts = DEFAULT_KEYS
    message: str = ""

    project_changed = Signal(object)
    """Emitted with the `Project` that is opened, or None."""

    queue_changed = Signal()
    """Emitted when other images may be in the queue, or other people hold them."""

    entry_changed = Signal(int)
    """Emitted with the task id of an image whose entry in the queue has changed."""

    task_changed = Signal()
    """Emitted when another image is open, or to be opened."""

    progress_changed = Signal()
    """Emitted when the images done, the boxes left or the pace have changed."""

    boxes_changed = Signal()
    """Emitted when boxes, those that are current, or what can be done with them have changed."""

    filter_changed = Signal()
    """Emitted when other boxes are to be shown."""

    question_changed = Signal()
    """Emitted when the question about open boxes is asked or answered."""

    notified = Signal(str)
    """Emitted with `message`."""

    @property
    def task_id(self) -> int | None:
        """Id of the task that is open, or None."""
        return None if self.task is None else self.task.id

    @property
    def document(self) -> ReviewDocument | None:
        """The boxes of the image that is open, or None."""
        return None if self.opened is None else self.opened.document

    @property
    def current_boxes(self) -> tuple[ReviewBox, ...]:
        """The boxes that the next command concerns."""
        if self.document is None:
            return ()
        boxes = self.document.boxes
        return tuple(boxes[i] for i in self.current_ids if boxes[i].state != "deleted")

    @property
    def open_boxes(self) -> list[ReviewBox]:
        """The open boxes in the order in which they are visited."""
        if self.opened is None:
            return []
        return self.opened.order.sorted(self.opened.document.open_boxes)

    @property
    def passing_boxes(self) -> list[ReviewBox]:
        """The open boxes that the filter lets pass."""
        return [box for box in self.open_boxes if self.passes(box)]

    @property
    def hidden_boxes(self) -> list[ReviewBox]:
        """The open boxes that the filter hides; current ones are shown whatever it says."""
        current = self.current_boxes
        return [box for box in self.open_boxes if box not in current and not self.passes(box)]

    @property
    def filtered_boxes(self) -> list[ReviewBox]:
        """All boxes that the filter hides, open or not."""
        if self.document is None or not self.filter.is_on or self.is_asking:
            return []
        return [
            b for b in self.document.shown if b.id not in self.current_ids and not self.passes(b)
        ]

    @property
    def models_saw(self) -> bool:
        """Whether models have looked at the image."""
        return self.task is not None and self.task.models is not None

    def colour_of(self, box: ReviewBox) -> str:
        """Name of the colour that a box has as things stand."""
        return colour_name(box, self.regions.get(box.id))

    def passes(self, box: ReviewBox) -> bool:
        """Whether the filter shows a box."""
        return self.filter.passes(box, self.colour_of(box))

    def notify(self, text: str) -> None:
        """Tell a person something; an empty text takes back what was told."""
        self.message = text
        self.notified.emit(text)

    def turn_away(self) -> None:
        """Tell no longer what the last deed came to; why there is no image holds on."""
        if self.document is not None and self.message:
            self.notify("")

    def take_back(self, text: str) -> None:
        """Tell something no longer, if it is still what is told."""
        if text == self.message:
            self.notify("")

    def ask(self, is_asking: bool) -> None:
        """Put the question about open boxes, or take it back."""
        if is_asking or self.is_asking:
            self.is_asking = is_asking
            self.question_changed.emit()
