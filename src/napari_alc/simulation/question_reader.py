"""A pathologist who knows the clean labels and answers questions about single boxes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from napari_alc.boxes import Boxes, Floats, Integers, Mask, iof_matrix, iou_matrix
from napari_alc.labels import Labels
from napari_alc.simulation.pathologist import GOOD_ENOUGH_IOU, REPRESENTED_IOU, SEEN_IOF, SEEN_IOU


class AnswerKind(Enum):
    """What a person says of a box."""

    YES = "yes"
    NO = "no"
    FIX = "fix"


@dataclass(frozen=True)
class GivenAnswer:
    """What was said of a box, and of objects beside it that no label shows.

    Parameters
    ----------
    kind
        Yes, no, or an object with other corners or of another category.
    truth
        Row of that object in the clean labels; -1 for a no, or a yes that was wrong.
    drawn
        Rows of further objects that were drawn.
    """

    kind: AnswerKind
    truth: int
    drawn: tuple[int, ...] = ()


class QuestionReader:
    """Answers questions about candidates by the method's rule for reviewed boxes.

    Parameters
    ----------
    candidates
        Boxes that may be asked about, in any images.
    truth
        Clean labels of these images.
    error
        Share of answers that are wrong, in 0–1: a no for an object, a yes for none.
    rng
        Decides which.
    """

    def __init__(
        self, candidates: Labels, truth: Labels, error: float, rng: np.random.Generator
    ) -> None:
        self._candidates, self._truth, self._error, self._rng = candidates, truth, error, rng
        self._is_settled = np.zeros(len(truth), dtype=np.bool_)
        self._asked = np.zeros(len(candidates), dtype=np.bool_)
        ids = np.unique(candidates.image_ids)
        self._rows = {int(i): np.flatnonzero(candidates.image_ids == i) for i in ids}
        self._objects = {int(i): np.flatnonzero(truth.image_ids == i) for i in ids}

    def answer(self, row: int, is_accepted: Mask) -> GivenAnswer:
        """What the person says of the candidate `row`.

        `is_accepted`, shape (N,), are the candidates that are labels now: an object that another
        one of its category shows (IoU ≥ 0.5) at least as closely needs no further box.
        """
        image = int(self._candidates.image_ids[row])
        here = self._objects[image]
        box = self._candidates.boxes[[row]]
        overlap = iou_matrix(box, self._truth.boxes[here])[0]
        covered = iof_matrix(box, self._truth.boxes[here])[0]
        is_seen = (overlap >= SEEN_IOU) | (covered > SEEN_IOF)
        self._asked[row] = True
        shown = self._shown_by_others(image, here, is_accepted)
        is_done = self._is_settled[here] | ((shown >= REPRESENTED_IOU) & (shown >= overlap))
        new = np.flatnonzero(is_seen & ~is_done)
        new = new[np.argsort(-overlap[new], kind="stable")]
        if self._rng.random() < self._error:
            return GivenAnswer(AnswerKind.NO if len(new) else AnswerKind.YES, -1)
        return self._settle(row, here[new], overlap[new])

    def _shown_by_others(self, image: int, here: Integers, is_accepted: Mask) -> Floats:
        """Highest IoU of each object with a label of its category that nobody was asked about."""
        rows = self._rows[image]
        others = rows[is_accepted[rows] & ~self._asked[rows]]
        if not len(others):
            return np.zeros(len(here))
        boxes: Boxes = self._candidates.boxes[others]
        same = self._candidates.category_ids[others][:, None] == self._truth.category_ids[here]
        overlap = np.where(same, iou_matrix(boxes, self._truth.boxes[here]), 0.0)
        return np.asarray(overlap.max(axis=0))

    def _settle(self, row: int, objects: Integers, overlap: Floats) -> GivenAnswer:
        if not len(objects):
            return GivenAnswer(AnswerKind.NO, -1)
        self._is_settled[objects] = True
        first, *further = objects.tolist()
        is_same = self._truth.category_ids[first] == self._candidates.category_ids[row]
        is_good = bool(is_same and overlap[0] >= GOOD_ENOUGH_IOU)
        return GivenAnswer(AnswerKind.YES if is_good else AnswerKind.FIX, first, tuple(further))
