"""Words beside boxes: the letter of the region, the confidence, or the category.

A word lies where it covers no box and no other word, or within a box around its own; where
there is no such place it is left out. The letter of a region then takes the place where it hides
least, and is left out only where it would lie on a small box. The current box always has its word.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Points
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, as_boxes
from napari_alc.boxes import Corners as Rectangle
from napari_alc.plugin.napari_inside import fonts_of
from napari_alc.plugin.palettes import OPEN_WIDTH, TEXT_POINTS
from napari_alc.plugin.review.canvas.box_style import Label
from napari_alc.plugin.review.canvas.lines.box_lines import MARK_WIDTH
from napari_alc.plugin.review.canvas.lines.geometry import CASING, HANDLE
from napari_alc.plugin.review.canvas.outlined_words import OutlinedWords

EVERYWHERE: Rectangle = (-np.inf, -np.inf, np.inf, np.inf)

# above, below, right, left, then the corners; each in half sizes of box and word
_PLACES = np.array([[0, -1], [0, 1], [1, 0], [-1, 0], [1, -1], [-1, -1], [1, 1], [-1, 1]])

# along one side of a box, in half sizes of box and word: in the middle, just within either
# end, just beyond it, and ever half a word further
_ALONG = np.array(
    [[0, 0], [-1, 1], [1, -1]] + [[end, end * step] for step in range(1, 6) for end in (-1, 1)]
)
_BEYOND = 3

BEST = 2
"""Worth of a place that no box covers."""

ON_SMALL_BOX = 1000.0
ON_WORD = 100.0
OUT_OF_VIEW = 10.0
ON_LINE = 3.0
ON_OTHER = 1.0
FAR = 0.1
"""What speaks against a place for a letter, in shares of a box that it covers: a box smaller
than a letter would be hidden; two words on each other are not read; a letter under a line is
read with pains; one in another box seems to be that one's; and one away from its box is looked
for, the longer by each half of a letter."""


NOWHERE = np.empty((0, 4))


def place(
    boxes: Boxes,
    sizes: NDArray[np.float64],
    gap: float,
    view: Rectangle = EVERYWHERE,
    taken: NDArray[np.float64] = NOWHERE,
) -> NDArray[np.float64]:
    """Find a place for a word beside each box.

    A place that no box covers is taken where there is one. Else a word may lie within a box
    that its own box lies in, clear of that one's line: so small boxes in a large one have
    words too. The word of a box in view lies in view too if it can.

    Parameters
    ----------
    boxes
        Shape (N, 4); the first M have words.
    sizes
        Widths and heights of the words, shape (M, 2).
    gap
        Distance between a word and its box, and the least to any other.
    view
        What is seen.
    taken
        Where other words stand, shape (K, 4).

    Returns
    -------
    NDArray
        Rectangles ``x1, y1, x2, y2`` of the words, shape (M, 4); NaN where there is no room.
    """
    own = boxes[: len(sizes)]
    places = _places(own, sizes, gap, view)
    is_seen = are_seen(places, own, view)
    # a little nearer to others than to its own box, else rounding would find it too near
    margin = 0.99 * gap * np.array([-1, -1, 1, 1])
    reach = _reach(places)
    near = _overlap(reach[:, None], (boxes + margin)[None])
    around = _inside(own[:, None], boxes[None])
    np.fill_diagonal(around, False)
    is_taken = _meets_any(places, taken)
    placed = np.full((len(sizes), 4), np.nan)
    for i, row in enumerate(places):
        worth = _worth(row, boxes[near[i]], around[i, near[i]], margin)
        worth[is_taken[i] | _overlap(row[:, None], placed[None, :i]).any(axis=1)] = 0
        worth = np.where(worth > 0, worth + BEST * is_seen[i], 0)
        if worth.any():
            placed[i] = row[np.argmax(worth)]
    return placed


def _worth(
    places: NDArray[np.float64],
    boxes: Boxes,
    is_around: NDArray[np.bool_],
    margin: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Of each place: 2 where no box covers it, 1 within boxes around its own, 0 otherwise."""
    covered = _overlap(places[:, None], (boxes + margin)[None])
    room = _inside(places[:, None], (boxes - margin)[None]) & is_around
    taken = (covered & ~room).any(axis=1)
    return np.where(taken, 0, np.where(covered.any(axis=1), 1, BEST))


def _places(
    boxes: Boxes, sizes: NDArray[np.float64], gap: float, view: Rectangle
) -> NDArray[np.float64]:
    """Rectangles around each box, shape (M, 8, 4), the best first.

    Those at the middle of a side are moved along it as far as the view's border wants it.
    """
    middles, halves = _middles_and_halves(boxes)
    words = sizes[:, None] / 2
    centres = middles + _PLACES * (halves + words + gap)
    moved = np.clip(centres, np.array(view[:2]) + words, np.array(view[2:]) - words)
    is_moved = (_PLACES == 0) & _overlap(boxes, np.array(view))[:, None, None]
    centres = np.where(is_moved, moved, centres)
    return np.concatenate([centres - words, centres + words], axis=2)


def squeeze(
    boxes: Boxes,
    placed: NDArray[np.float64],
    size: NDArray[np.float64],
    gap: float,
    view: Rectangle = EVERYWHERE,
    is_needed: NDArray[np.bool_] | None = None,
    taken: NDArray[np.float64] = NOWHERE,
) -> NDArray[np.float64]:
    """Find a place for the letters that `place` has found none for: where they hide least.

    That is beside the box, in a corner within it, or a letter further away. No letter lies on
    a box that is smaller than a letter; one that is not needed is rather left out.

    Parameters
    ----------
    boxes
        Shape (N, 4).
    placed
        Words of the first M boxes as `place` returns them, shape (M, 4).
    size
        Width and height of a letter, shape (2,).
    gap, view, taken
        As of `place`.
    is_needed
        Which letters are in no case left out, shape (M,); None for none.

    Returns
    -------
    NDArray
        As `placed`, with a rectangle in each row that has found a place.
    """
    placed = placed.copy()
    needed = np.zeros(len(placed), dtype=bool) if is_needed is None else is_needed
    lost = np.flatnonzero(np.isnan(placed[:, 0]))
    places, distances = _close_places(boxes[lost], size, gap)
    hidden = OUT_OF_VIEW * ~are_seen(places, boxes[lost], view)
    reach = _reach(places)
    near = _overlap(reach[:, None], boxes[None])
    for row, i in enumerate(lost):
        against = _covered(places[row], boxes[i], boxes[near[row]], size, gap)
        against += distances + hidden[row]
        words = np.concatenate([one[_overlap(reach[row], one)] for one in (placed, taken)])
        against += ON_WORD * _shared(places[row], words).sum(axis=1)
        best = places[row, np.argmin(against)]
        if needed[i] or not _covers_small(best, boxes[near[row]], size, gap):
            placed[i] = best
    return placed


def _close_places(
    boxes: Boxes, size: NDArray[np.float64], gap: float
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Rectangles (K, C, 4) in and around boxes, and what speaks against their distance (C,)."""
    across, down = (axis.ravel() for axis in np.indices((len(_ALONG), len(_ALONG))))
    is_within = (across < _BEYOND) & (down < _BEYOND)
    is_kept = ~is_within | ((across > 0) & (down > 0))
    steps = np.stack([_ALONG[across], _ALONG[down]], axis=1)[is_kept]
    middles, halves = _middles_and_halves(boxes)
    words = size / 2
    centres = middles + steps[..., 0] * halves + steps[..., 1] * words
    centres = centres + np.sign(steps[..., 1]) * gap
    far = np.abs(steps[..., 1]).max(axis=1) - 1
    return np.concatenate([centres - words, centres + words], axis=2), FAR * far


def _covered(
    places: NDArray[np.float64], own: Boxes, boxes: Boxes, size: NDArray[np.float64], gap: float
) -> NDArray[np.float64]:
    """What speaks against places (C, 4) beside the box `own` for what they cover of boxes."""
    shares = _shared(boxes, places).T
    is_small = _are_small(boxes, size, gap)
    margin = 0.5 * gap * np.array([-1, -1, 1, 1])
    is_on_line = _overlap(places[:, None], boxes + margin)
    is_on_line &= ~_inside(places[:, None], boxes - margin)
    on_other = ON_OTHER * (shares > 0) * ~_inside(own, boxes)
    against = shares * (1 + ON_SMALL_BOX * is_small) + on_other + ON_LINE * is_on_line
    total: NDArray[np.float64] = against.sum(axis=1)
    return total


def _are_small(boxes: Boxes, size: NDArray[np.float64], gap: float) -> NDArray[np.bool_]:
    """Which boxes a letter of some size would hide."""
    small: NDArray[np.bool_] = np.any(boxes[:, 2:] - boxes[:, :2] < size + 2 * gap, axis=1)
    return small


def _covers_small(
    place: NDArray[np.float64], boxes: Boxes, size: NDArray[np.float64], gap: float
) -> bool:
    """Whether a letter at a place would lie on a box that it hides."""
    return bool(_overlap(place, boxes[_are_small(boxes, size, gap)]).any())


def _middles_and_halves(boxes: Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle and half width and height of boxes, each of shape (N, 1, 2)."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return (low + high) / 2, (high - low) / 2


def are_seen(places: NDArray[np.float64], boxes: Boxes, view: Rectangle) -> NDArray[np.bool_]:
    """Which places (M, C, 4) of boxes in view are in view; all of other boxes."""
    seen = np.array(view)
    either: NDArray[np.bool_] = _inside(places, seen) | ~_overlap(boxes, seen)[:, None]
    return either


def _reach(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rectangle around all places of each word, shape (M, 4)."""
    return np.concatenate([places[..., :2].min(axis=1), places[..., 2:].max(axis=1)], axis=1)


def _shared(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each of A rectangles that each of B covers, shape (A, B)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shares: NDArray[np.float64] = (
        np.clip(high - low, 0, None).prod(axis=2) / (a[:, 2:] - a[:, :2]).prod(axis=1)[:, None]
    )
    return shares


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rectangles ``(..., 4)`` have area in common; NaN has none."""
    across = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2])
    along = (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    both: NDArray[np.bool_] = across & along
    return both


def _meets_any(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rectangles ``(..., 4)`` have area in common with one of B, shape (B, 4)."""
    met: NDArray[np.bool_] = np.any(_overlap(a[..., None, :], b), axis=-1)
    return met


def _inside(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rectangles ``(..., 4)`` lie wholly within others."""
    low = (a[..., 0] >= b[..., 0]) & (a[..., 1] >= b[..., 1])
    high = (a[..., 2] <= b[..., 2]) & (a[..., 3] <= b[..., 3])
    both: NDArray[np.bool_] = low & high
    return both


MOST_LABELS = 500
"""Beyond these words hide more than they tell, and slow each move of the image."""

TEXT_HEIGHT = 1.9 * TEXT_POINTS
CHARACTER_WIDTH = 1.1 * TEXT_POINTS
"""Room of a word in pixels of the screen; letters are this wide on average."""

LETTER_SIZE = np.array([1.25, 1.35]) * TEXT_POINTS
"""Room of a letter that is squeezed in: the widest one, and capitals do not reach down."""

GAP = OPEN_WIDTH + 2 * CASING + 1
"""Pixels of the screen between a box and its word: the line lies outside the box."""

MARK = 2 * CASING + MARK_WIDTH + HANDLE / 2
"""Pixels of the screen that the mark of the current box and its handles reach beyond the line."""


@dataclass(frozen=True)
class Wording:
    """Words beside the boxes of an image at some zoom, and where they stand.

    Parameters
    ----------
    labels
        Those of all boxes; one without a word is a box that no word may cover.
    boxes
        Shape (N, 4); with what is drawn around those that are marked.
    placed
        Where words stand, shape (N, 4); NaN for nowhere.
    words
        What is written there.
    zoom
        In pixels of the screen a pixel of the image.
    view
        The part of the image that is seen.
    """

    labels: tuple[Label, ...]
    boxes: Boxes
    placed: NDArray[np.float64]
    words: tuple[str, ...]
    zoom: float
    view: Rectangle

    @property
    def rows(self) -> list[int]:
        """The rows whose words have a place."""
        return _rows_where(~np.isnan(self.placed[:, 0]))

    def around(self, current: Collection[int]) -> Wording:
        """The words clear of the marks of current boxes; a single one has its word in any case."""
        here = [row for row, label in enumerate(self.labels) if label.box.id in current]
        if not here:
            return self
        boxes = self.boxes.copy()
        boxes[here] += MARK / self.zoom * np.array([-1, -1, 1, 1])
        covered = _rows_where(_meets_any(self.placed, boxes[here]))
        needed = [row for row in here if len(here) == 1 and self.labels[row].word]
        rest = [row for row in covered if row not in needed]
        return replace(self, boxes=boxes).worded([*needed, *rest], len(needed))

    def worded(self, rows: Sequence[int], needed: int = 0) -> Wording:
        """Words found a place for anew in some rows, of which the first `needed` must have one."""
        if not rows:
            return self
        placed, words = self.placed.copy(), list(self.words)
        placed[rows] = np.nan
        taken = placed[~np.isnan(placed[:, 0])]
        others = np.ones(len(placed), dtype=bool)
        others[rows] = False
        boxes = np.concatenate([self.boxes[rows], self.boxes[others]])
        labels = [self.labels[row] for row in rows]
        found = self._find(labels, boxes, taken, needed)
        for row, word, room in zip(rows, *found, strict=True):
            words[row], placed[row] = word, room
        return replace(self, placed=placed, words=tuple(words))

    def _find(
        self, labels: Sequence[Label], boxes: Boxes, taken: NDArray[np.float64], needed: int
    ) -> tuple[list[str], NDArray[np.float64]]:
        """What stands beside the first boxes, and where."""
        words = [str(label.word) for label in labels]
        sizes = np.array([(CHARACTER_WIDTH * len(word), TEXT_HEIGHT) for word in words]) / self.zoom
        gap, is_needed = GAP / self.zoom, np.arange(len(labels)) < needed
        placed = place(boxes, sizes, gap, self.view, taken)
        squeezed = partial(
            squeeze, boxes, gap=gap, view=self.view, is_needed=is_needed, taken=taken
        )
        if labels[0].word.letter:  # then all have one
            # a letter in view tells more than a word that is cut
            placed[~are_seen(placed[:, None], boxes[: len(placed)], self.view)[:, 0]] = np.nan
            for i in _rows_where(np.isnan(placed[:, 0])):
                words[i] = labels[i].word.letter
            placed = squeezed(placed=placed, size=LETTER_SIZE / self.zoom)
        elif needed and np.isnan(placed[0, 0]):
            placed[0] = squeezed(placed=placed, size=sizes[0])[0]
        return words, placed


def wording(labels: Sequence[Label], zoom: float, view: Rectangle) -> Wording:
    """Put words beside boxes where there is room.

    Where there is none, a letter alone is squeezed in, unless it covered a small box. Where boxes
    are too many, only those in `view` have words, and none if still too many.
    """
    if len(labels) > MOST_LABELS:
        corners = as_boxes([label.box.corners for label in labels])
        are_met = _overlap(corners, np.array(view))
        labels = [label for label, is_met in zip(labels, are_met, strict=True) if is_met]
    boxes = as_boxes([label.box.corners for label in labels])
    nowhere = np.full(boxes.shape, np.nan)
    found = Wording(tuple(labels), boxes, nowhere, ("",) * len(labels), zoom, view)
    if len(labels) > MOST_LABELS:
        return found
    return found.worded([row for row, label in enumerate(labels) if label.word])


class BoxLabels:
    """Shows words on a layer of their own, which has nothing else."""

    def __init__(self) -> None:
        self.layer = Points(
            ndim=2,
            name="Words",
            metadata={"napari_alc": "review"},
            opacity=1.0,
            # an empty layer takes time in every frame too
            visible=False,
        )
        self.layer.editable = False
        self._drawn = OutlinedWords()
        self._wording: Wording | None = None
        self.shown: dict[int, Rectangle] = {}
        """Where words stand in the image, by the ids of their boxes."""
        self.words: dict[int, str] = {}
        """What they say."""

    def draw_on(self, node: Any) -> None:
        """Draw below the node of the layer from now on."""
        self._drawn.draw_on(node, fonts_of(node))

    def show(self, labels: Sequence[Label], zoom: float, view: Rectangle) -> None:
        """Show words beside boxes as `wording` places them, and no other words."""
        self._wording = wording(labels, zoom, view)

    def mark(self, current: Collection[int]) -> None:
        """Keep the words clear of the marks of boxes; all others stay where they are."""
        if self._wording is None:
            return
        found = self._wording.around(frozenset(current))
        self.shown = {found.labels[i].box.id: _rectangle(found.placed[i]) for i in found.rows}
        self.words = {found.labels[i].box.id: found.words[i] for i in found.rows}
        colours = [found.labels[i].colour for i in found.rows]
        if self.shown and not self.layer.visible:
            self.layer.visible = True
        rooms = found.placed[found.rows]
        middles = (rooms[:, :2] + rooms[:, 2:]) / 2
        self._drawn.show(list(self.words.values()), colours, middles)

    @property
    def are_seen(self) -> bool:
        """Whether there are words."""
        return bool(self.shown)

    def hide(self) -> None:
        """Show no words until the next `show`."""
        self._wording = None
        if self.are_seen:
            self.shown, self.words = {}, {}
            self._drawn.hide()

    def put_away(self) -> None:
        """Show no words for longer."""
        self.hide()
        if self.layer.visible:
            self.layer.visible = False


def _rows_where(holds: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.flatnonzero(holds)]


def _rectangle(values: NDArray[np.float64]) -> Rectangle:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2
