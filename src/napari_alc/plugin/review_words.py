"""What the review says in words: why a box is here, what is to be done, how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import as_boxes, iou_matrix
from napari_alc.project.document import ReviewBox
from napari_alc.project.tasks import WHOLE_IMAGE, Task

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


def progress_words(done: int, images: int, boxes: int) -> str:
    """How far the queue is."""
    return f"{done} of {_counted(images, 'image')} done, {_counted(boxes, 'box')} left"


def _counted(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number:,} {what}{'es' if what.endswith('x') else 's'}"


def open_words(number: int) -> str:
    """The question before an image is finished with open boxes."""
    if number == 1:
        return "1 box is still open. What is it?"
    return f"{number:,} boxes are still open. What are they?"


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


def why_here(box: ReviewBox, others: Sequence[ReviewBox], models_saw: bool) -> str:
    """Why a box is under review, in a few sentences.

    Parameters
    ----------
    box
        The box at hand.
    others
        Every box of the image: proposals and suggestions.
    models_saw
        Whether models have looked at the image.
    """
    if box.source == "person":
        return f"Drawn by {box.person or 'a person'}."
    near = neighbours(box, others)
    return " ".join([_reason(box, near), *_closest(near, models_saw)])


def _reason(box: ReviewBox, near: Sequence[Neighbour]) -> str:
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
        others = " and ".join(NAMES[n.source] for n in near) or "another"
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
    return lines or ["No other box touches it."]


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
