"""What persons have said of candidates, the labels that come of it, and what a new pass keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_alc.boxes import (
    MATCH_IOU,
    Boxes,
    BoxSet,
    Floats,
    Integers,
    Mask,
    close_pairs,
    closest_first,
    group_keys,
    ious,
)
from napari_alc.cleaning.calibrated.candidates import BoxCandidates
from napari_alc.cleaning.calibrated.labels_now import (
    ExpectedQuality,
    expectation,
    is_at_persons_box,
    standing,
)
from napari_alc.labels import Labels

NO, YES, UNANSWERED = 0, 1, -1


@dataclass(frozen=True, eq=False)
class BoxAnswers:
    """Answers to questions, one row a candidate.

    Parameters
    ----------
    answers
        int64, shape (N,): `YES`, `NO` or `UNANSWERED`; a fix is a yes with other corners.
    boxes, category_ids
        Shape (N, 4) and (N,): what a yes has decided; the candidate's own elsewhere.
    drawn
        Labels of persons that belong to no candidate.
    """

    answers: Integers
    boxes: Boxes
    category_ids: Integers
    drawn: Labels

    @classmethod
    def none(cls, candidates: BoxCandidates, boxes: Boxes) -> BoxAnswers:
        """Nothing asked yet of candidates whose corners are `boxes`."""
        unanswered = np.full(len(candidates), UNANSWERED)
        return cls(unanswered, boxes.copy(), candidates.category_ids.copy(), Labels.empty())

    @property
    def is_answered(self) -> Mask:
        """Shape (N,)."""
        return np.asarray(self.answers != UNANSWERED)

    def persons_labels(self, candidates: BoxCandidates) -> Labels:
        """The boxes that persons have confirmed, fixed and drawn."""
        yes = np.flatnonzero(self.answers == YES)
        confirmed = Labels(candidates.image_ids[yes], self.category_ids[yes], self.boxes[yes], yes)
        return _numbered(confirmed.joined(self.drawn))


@dataclass(frozen=True, eq=False)
class LabelsNow:
    """The labels as they stand.

    Parameters
    ----------
    q
        Shape (N,): what holds of each candidate (step 5), in 0–1.
    is_open
        Shape (N,): which candidates may still be asked.
    persons
        Boxes of persons, those of whole images included.
    expected
        Of all labels.
    """

    q: Floats
    is_open: Mask
    persons: int
    expected: ExpectedQuality

    @property
    def is_accepted(self) -> Mask:
        """Which candidates that nobody has answered are labels now, shape (N,)."""
        return np.asarray(self.is_open & (self.q >= self.expected.threshold))


def labels_now(
    candidates: BoxCandidates, boxes: Boxes, p: Floats, said: BoxAnswers, whole: int
) -> LabelsNow:
    """Where the labels stand after some answers (step 5).

    Parameters
    ----------
    boxes
        Shape (N, 4): the candidates' corners.
    p
        Shape (N,): their posterior.
    whole
        Boxes of the images that persons have labelled whole.
    """
    theirs = said.persons_labels(candidates)
    is_taken = is_at_persons_box(candidates, boxes, theirs)
    # An answered yes is counted among the candidates; only what was drawn besides is not.
    persons = whole + len(said.drawn)
    q = standing(p, said.answers, is_taken)
    return LabelsNow(q, ~said.is_answered & ~is_taken, persons, expectation(q, persons))


def settled_labels(
    candidates: BoxCandidates, boxes: Boxes, said: BoxAnswers, now: LabelsNow
) -> Labels:
    """Accepted candidates, and persons' boxes after them, as labels counted from 1."""
    rows = np.flatnonzero(now.is_accepted)
    accepted = Labels(candidates.image_ids[rows], candidates.category_ids[rows], boxes[rows], rows)
    return _numbered(accepted.joined(said.persons_labels(candidates)))


def _numbered(labels: Labels) -> Labels:
    return replace(labels, ids=np.arange(1, len(labels) + 1))


def is_object(candidates: BoxCandidates, boxes: Boxes, said: BoxAnswers) -> Mask:
    """What the posterior learns of each answered candidate (step 4), shape (N,).

    Kept, or moved by less than IoU 0.5 within the category.
    """
    near = ious(said.boxes, boxes) > MATCH_IOU
    same = said.category_ids == candidates.category_ids
    return np.asarray((said.answers == YES) & near & same)


def carried_over(
    before: tuple[BoxCandidates, Boxes, BoxAnswers], candidates: BoxCandidates, boxes: Boxes
) -> BoxAnswers:
    """The answers of an earlier pass on the candidates of a new one (step 7).

    Each answered candidate belongs to a new one of its image and category with IoU > 0.5, one to
    one and the closest first: of a yes the decided box counts, of a no the one that was asked. A
    yes without a new candidate stays a label.
    """
    old, old_boxes, said = before
    rows = np.flatnonzero(said.is_answered)
    yes = said.answers[rows] == YES
    asked = np.where(yes[:, None], said.boxes[rows], old_boxes[rows])
    categories = np.where(yes, said.category_ids[rows], old.category_ids[rows])
    keys = group_keys(
        np.concatenate([old.image_ids[rows], candidates.image_ids]),
        np.concatenate([categories, candidates.category_ids]),
    )
    theirs, own = BoxSet(keys[: len(rows)], asked), BoxSet(keys[len(rows) :], boxes)
    i, j = close_pairs(theirs, own, lambda a, b: ious(a, b) > MATCH_IOU)
    matched = closest_first(i, j, ious(asked[i], boxes[j]))
    i, j = i[matched], j[matched]
    after = BoxAnswers.none(candidates, boxes)
    after.answers[j] = said.answers[rows[i]]
    kept = yes[i]
    after.boxes[j[kept]] = said.boxes[rows[i[kept]]]
    is_left = yes.copy()
    is_left[i] = False
    left = Labels(old.image_ids[rows], categories, asked, rows).take(is_left)
    return replace(after, drawn=_numbered(said.drawn.joined(left)))
