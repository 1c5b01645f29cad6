"""What the review says in words: why a box is here, what is to be done, how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import as_boxes, iou_matrix
from napari_alc.project.annotation.document import ReviewBox, ReviewDocument
from napari_alc.project.annotation.tasks import WHOLE_IMAGE, Task
from napari_alc.wording import counted, effort, form, listed

NO_PROJECT = "Open a project first."
ALL_DONE = "Every image handed out is done. The page Iterate tells what comes next."
NOTHING_HANDED_OUT = "No image has been handed out yet."
ALL_ELSEWHERE = "The images that are left are open in other windows, or with other readers."
ONLY_ONE = "This is the only open box of the image."
NO_MORE = "There is no other image in the queue."

NAMES = {"crowd": "the crowd", "mp": "Mp", "ma": "Ma"}
"""The three that propose boxes, as a sentence names them."""

_TASK = {
    True: (
        "Label every object in this image",
        "Keep, correct or delete each box, and draw the objects that have none.",
    ),
    False: (
        "Decide only the red and green boxes",
        "The rest of the image is corrected already; you may still change it.",
    ),
}

_STATES = {
    "open": "open",
    "kept": "kept",
    "changed": "changed",
    "added": "drawn",
    "deleted": "deleted",
}


@dataclass(frozen=True)
class Neighbour:
    """The closest box of another source: its overlap (IoU, 0–1) and confidence."""

    source: str
    overlap: float
    score: float | None


def task_words(task: Task | None) -> tuple[str, str]:
    """What a person is asked to do with an image: a heading and a sentence."""
    if task is None:
        return "", ""
    heading, sentence = _TASK[task.step == WHOLE_IMAGE]
    if task.is_done:
        sentence = f"Finished by {task.done_by}; a change opens it again."
    return heading, sentence


def progress_words(done: int, images: int, boxes: int, pace: float | None = None) -> str:
    """How far the queue is.

    Parameters
    ----------
    pace
        Seconds that the person needs for a box; None while that is not known.
    """
    text = f"{done} of {counted(images, 'image')} done, {counted(boxes, 'box')} left"
    return text if pace is None or not boxes else f"{text}, {effort(pace * boxes)} at your pace"


def open_words(number: int) -> str:
    """The question before an image is finished with open boxes."""
    what = form(number, "is it", "are they")
    return f"{counted(number, 'box is', 'boxes are')} still open. What {what}?"


def hidden_words(number: int) -> str:
    """What is left when every open box that the filter shows is decided."""
    what = counted(number, "open box is", "open boxes are")
    return f"{what} hidden by your choice of colours and confidence."


def only_one_words(hidden: int) -> str:
    """That the open box at hand is the only one that is shown."""
    return f"This is the only one; {hidden_words(hidden)}" if hidden else ONLY_ONE


def no_box_of(model: str, closest: float = 0.0) -> str:
    """That a model has no box of the object at hand; `closest` is the highest IoU with others."""
    if not closest:
        return f"{NAMES[model]} has no box here."
    return f"{NAMES[model]} has no box of this object; its closest one overlaps {closest:.2f}."


def went_with_it(model: str) -> str:
    """That the box whose corners were taken was open itself, and is gone."""
    return f"{NAMES[model]}'s own box is decided with it; undo takes both back."


def back_on(file_name: str, way: str) -> str:
    """That undo or redo has led to another image."""
    what = "taken back" if way == "undo" else "repeated"
    return f"Back on {file_name}: your last decision there is {what}."


def elsewhere_words(file_name: str, who: str) -> str:
    """That an image was passed over because another window has it."""
    return f"{file_name} is open elsewhere ({who}); here is the next image."


def now_words(before: str, now: str) -> str:
    """What has changed about a box since the models sorted it."""
    if not before or before == now:
        return ""
    if now == "gray":
        return "As the labels stand now, they agree with it."
    return "As the labels stand now, nothing else agrees with it."


def overlap(a: ReviewBox, b: ReviewBox) -> float:
    """Intersection over union of two boxes, 0–1."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.corners, b.corners
    width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both)


def neighbours(box: ReviewBox, others: Iterable[ReviewBox]) -> tuple[Neighbour, ...]:
    """The closest box of the same category from each other source, as far as one overlaps."""
    rivals = [
        other
        for other in others
        if other.id != box.id
        and other.category_id == box.category_id
        and other.source in NAMES
        and other.source != box.source
    ]
    if not rivals:
        return ()
    overlaps = iou_matrix(as_boxes(box.corners), as_boxes([r.corners for r in rivals]))[0]
    found: dict[str, Neighbour] = {}
    for row in np.argsort(-overlaps, kind="stable"):
        rival = rivals[int(row)]
        if overlaps[row] > 0:
            found.setdefault(
                rival.source, Neighbour(rival.source, float(overlaps[row]), rival.score)
            )
    return tuple(found[source] for source in NAMES if source in found)


def why_here(
    box: ReviewBox, others: Sequence[ReviewBox], models_saw: bool, iou: float = 0.5
) -> str:
    """Why a box is under review, in a few sentences.

    Parameters
    ----------
    box
        The box at hand.
    others
        Every box of the image: proposals and suggestions.
    models_saw
        Whether models have looked at the image.
    iou
        Boxes agree above this overlap, 0–1.
    """
    if box.source == "person":
        return f"Drawn by {box.person or 'a person'}."
    near = neighbours(box, others)
    agreeing = [other for other in near if other.overlap > iou]
    return " ".join([_reason(box, agreeing), *_closest(near, models_saw)])


def _reason(box: ReviewBox, agreeing: Sequence[Neighbour]) -> str:
    sure = "" if box.score is None else f", confidence {box.score:.2f}"
    if box.region == "red":
        return f"Only Ma found this{sure}; neither the crowd nor Mp agree."
    if box.region == "pink":
        return f"Only Mp found this{sure}; the crowd probably missed it."
    if box.region == "green":
        return "Only the crowd drew this; neither model agrees."
    if box.region == "gray":
        name = NAMES[box.source]
        found = "drew" if box.source == "crowd" else "found"
        others = listed([NAMES[n.source] for n in agreeing]) or "another"
        return f"{name[0].upper()}{name[1:]} {found} this{sure}, in agreement with {others}."
    return "The crowd drew this; no model has seen the image yet."


def _closest(near: Sequence[Neighbour], models_saw: bool) -> list[str]:
    """How far the closest boxes of the others overlap."""
    if not models_saw:
        return []
    lines = [
        f"The closest box of {NAMES[n.source]} overlaps {n.overlap:.2f}"
        + ("." if n.score is None else f", confidence {n.score:.2f}.")
        for n in near
    ]
    return lines or ["No box of the others touches it."]


def box_title(box: ReviewBox, category: str, position: int, opened: int) -> str:
    """Which box is at hand.

    Parameters
    ----------
    position
        Its place among the open boxes, from 1; 0 where it is decided already.
    opened
        How many boxes are open.
    """
    x1, y1, x2, y2 = box.corners
    size = f"{x2 - x1:.0f} × {y2 - y1:.0f} px"
    where = f"Open box {position} of {opened}" if position else f"Box, {_STATES[box.state]}"
    return f"{where} · {category} · {size}"


def boxes_title(number: int) -> str:
    """What is at hand when it is not exactly one box."""
    return "No box picked" if number == 0 else f"{number} boxes picked"


@dataclass(frozen=True)
class Told:
    """What can be told of the boxes at hand.

    Parameters
    ----------
    document
        All boxes of the image.
    open_ids
        Open boxes in the order in which they are visited.
    regions
        Region of boxes as things stand.
    verdicts
        What several readers said of boxes.
    models_saw
        Whether models have looked at the image.
    iou
        Boxes agree above this overlap, 0–1.
    """

    document: ReviewDocument
    open_ids: Sequence[int]
    regions: Mapping[int, str]
    verdicts: Mapping[int, str]
    models_saw: bool
    iou: float

    def words(
        self, boxes: Sequence[ReviewBox], category_name: Callable[[int], str]
    ) -> tuple[str, str]:
        """A title and a few sentences on the boxes at hand."""
        if len(boxes) != 1:
            return boxes_title(len(boxes)), ""
        [box] = boxes
        position = self.open_ids.index(box.id) + 1 if box.id in self.open_ids else 0
        title = box_title(box, category_name(box.category_id), position, len(self.open_ids))
        others = [*self.document.boxes.values(), *self.document.suggestions]
        sentences = (
            self.verdicts.get(box.id, ""),
            why_here(box, others, self.models_saw, self.iou),
            now_words(box.region, self.regions.get(box.id, box.region)),
        )
        return title, " ".join(sentence for sentence in sentences if sentence)
