"""What most of several readers of the same image found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from napari_alc.boxes import (
    MATCH_IOU,
    Boxes,
    BoxSet,
    Corners,
    Floats,
    Integers,
    as_boxes,
    close_pairs,
    corners_of,
    ious,
)


class Verdict(StrEnum):
    """Whether the readers found an object."""

    OBJECT = "object"
    NO_OBJECT = "no object"
    TIE = "tie"


@dataclass(frozen=True)
class Vote:
    """A box that a reader takes for an object, or may take for one.

    Parameters
    ----------
    reader
        Name of the person, the same in all their votes.
    proposal
        Id of the offered box that it is, as it was or moved; None where the reader drew it.
    category_id
        As the reader left it.
    corners
        ``x1, y1, x2, y2`` in pixels.
    is_sure
        Whether the reader knows; one who does not speaks neither for the object nor against it.
    """

    reader: str
    proposal: int | None
    category_id: int
    corners: Corners
    is_sure: bool = True


@dataclass(frozen=True)
class Group:
    """Boxes of different readers that show the same object.

    Parameters
    ----------
    votes
        At least one, and at most one of each reader.
    proposal
        The offered box that the group stands for, None where it stands for none. No two
        groups share one.
    corners
        Coordinate-wise median of the votes' corners; those of sure ones, where there are any.
    category_id
        What more than half of these votes say; None where none has that many.
    verdict
        Whether more than half of the readers found it, more than half did not, or neither: exactly
        half, or some do not know.
    overlap
        Lowest IoU between two of the votes, in 0–1; 1 for a single vote.
    """

    votes: tuple[Vote, ...]
    proposal: int | None
    corners: Corners
    category_id: int | None
    verdict: Verdict
    overlap: float


def majority(votes: Sequence[Vote], readers: int) -> tuple[Group, ...]:
    """Group the boxes of the readers of one image and count them.

    Two boxes of different readers may share a group when their IoU is at least
    `MATCH_IOU`, or when they are the same offered box and still touch; the same offered
    box comes first, then the closest. Categories do not part a group. The order of `votes` does
    not matter.

    Parameters
    ----------
    votes
        Every box that a reader takes, or may take, for an object.
    readers
        How many have read the image, at least 1.
    """
    # By the boxes themselves, so that it does not matter which reader's votes came first.
    ordered = sorted(votes, key=_key)
    members = [tuple(ordered[row] for row in rows) for rows in _grouped(ordered)]
    names = _stand_for(members)
    return tuple(_counted(group, name, readers) for group, name in zip(members, names, strict=True))


def _key(vote: Vote) -> tuple[Corners, int, int, str]:
    return vote.corners, vote.category_id, vote.proposal or 0, vote.reader


def _grouped(votes: Sequence[Vote]) -> list[list[int]]:
    """Rows of each group; two groups join when no reader has a box in both."""
    group_of = list(range(len(votes)))
    groups = [[row] for row in group_of]
    readers = [{vote.reader} for vote in votes]
    for first, second in _closest_first(votes):
        # A chain of overlaps that would put two boxes of one reader into a group breaks at its
        # weakest link: the surest pairs have come before.
        a, b = sorted((group_of[first], group_of[second]))
        if a == b or readers[a] & readers[b]:
            continue
        for row in groups[b]:
            group_of[row] = a
        groups[a] += groups[b]
        readers[a] |= readers[b]
        groups[b] = []
    return [sorted(group) for group in groups if group]


def _closest_first(votes: Sequence[Vote]) -> list[tuple[int, int]]:
    """Pairs of rows that may show the same object, the surest first."""
    boxes = as_boxes([vote.corners for vote in votes])
    _, reader = np.unique([vote.reader for vote in votes], return_inverse=True)
    proposal = np.array([vote.proposal or 0 for vote in votes], dtype=np.int64)
    first, second, overlap = _touching(boxes, np.asarray(reader, dtype=np.int64))
    same = (proposal[first] == proposal[second]) & (proposal[first] != 0)
    # A reader may have moved an offered box far: it is still the same object as long as the boxes
    # touch, and such pairs come first.
    alike = same | (overlap >= MATCH_IOU)
    first, second, overlap, same = first[alike], second[alike], overlap[alike], same[alike]
    order = np.lexsort((second, first, -overlap, ~same))
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _touching(boxes: Boxes, readers: Integers) -> tuple[Integers, Integers, Floats]:
    """Pairs of overlapping boxes of different readers, each once, and their IoU."""
    here = BoxSet(np.zeros(len(boxes), dtype=np.int64), boxes)
    first, second = close_pairs(here, here, lambda p, q: ious(p, q) > 0)
    apart = (first < second) & (readers[first] != readers[second])
    first, second = first[apart], second[apart]
    return first, second, ious(boxes[first], boxes[second])


def _stand_for(groups: Sequence[tuple[Vote, ...]]) -> list[int | None]:
    """The offered box of each group: that of most of its votes, as long as it is free."""
    wishes = [
        (-count, proposal, position)
        for position, votes in enumerate(groups)
        for proposal, count in Counter(vote.proposal for vote in votes).items()
        if proposal is not None
    ]
    names: list[int | None] = [None] * len(groups)
    for _, proposal, position in sorted(wishes):
        # Two groups may name one offered box: a reader dragged it onto another object.
        if names[position] is None and proposal not in names:
            names[position] = proposal
    return names


def _counted(votes: tuple[Vote, ...], proposal: int | None, readers: int) -> Group:
    corners = as_boxes([vote.corners for vote in votes])
    sure = [vote for vote in votes if vote.is_sure]
    counted = sure or votes
    middle = np.median(as_boxes([vote.corners for vote in counted]), axis=0)
    category_id, most = Counter(vote.category_id for vote in counted).most_common(1)[0]
    return Group(
        votes=votes,
        proposal=proposal,
        corners=corners_of(middle),
        category_id=category_id if 2 * most > len(counted) else None,
        verdict=_verdict(len(sure), readers - len(votes), readers),
        overlap=_lowest_overlap(corners),
    )


def _verdict(found: int, against: int, readers: int) -> Verdict:
    # In whole numbers: half of an odd number of readers is never met.
    if 2 * found > readers:
        return Verdict.OBJECT
    return Verdict.NO_OBJECT if 2 * against > readers else Verdict.TIE


def _lowest_overlap(boxes: Boxes) -> float:
    pairs = np.array(list(combinations(range(len(boxes)), 2)), dtype=np.int64).reshape(-1, 2)
    return float(ious(boxes[pairs[:, 0]], boxes[pairs[:, 1]]).min(initial=1.0))
