"""Words beside boxes: the letter of the region, the confidence, or the category.

A word lies where it covers no box and no other word, or within a box around its own; where
there is no such place it is left out. The letter of a region is never left out: it then takes
the place where it hides least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Points
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, as_boxes
from napari_alc.boxes import Corners as Rectangle
from napari_alc.plugin.palettes import OPEN_WIDTH, TEXT_POINTS
from napari_alc.plugin.review.canvas.box_style import Label

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


def place(
    boxes: Boxes, sizes: NDArray[np.float64], gap: float, view: Rectangle = EVERYWHERE
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
    placed = np.full((len(sizes), 4), np.nan)
    for i, row in enumerate(places):
        worth = _worth(row, boxes[near[i]], around[i, near[i]], margin)
        worth[_overlap(row[:, None], placed[None, :i]).any(axis=1)] = 0
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
) -> NDArray[np.float64]:
    """Find a place for the letters that `place` has found none for: where they hide least.

    That is beside the box, in a corner within it, or a letter further away. No letter lies on
    a box that is smaller than a letter while there is any other place.

    Parameters
    ----------
    boxes
        Shape (N, 4).
    placed
        Words of the first M boxes as `place` returns them, shape (M, 4).
    size
        Width and height of a letter, shape (2,).
    gap, view
        As of `place`.

    Returns
    -------
    NDArray
        As `placed`, with a rectangle in each row.
    """
    placed = placed.copy()
    lost = np.flatnonzero(np.isnan(placed[:, 0]))
    places, distances = _close_places(boxes[lost], size, gap)
    hidden = OUT_OF_VIEW * ~are_seen(places, boxes[lost], view)
    reach = _reach(places)
    near = _overlap(reach[:, None], boxes[None])
    for row, i in enumerate(lost):
        against = _covered(places[row], boxes[i], boxes[near[row]], size, gap)
        against += distances + hidden[row]
        words = placed[_overlap(reach[row], placed)]
        against += ON_WORD * _shared(places[row], words).sum(axis=1)
        placed[i] = places[row, np.argmin(against)]
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
    is_small = (boxes[:, 2:] - boxes[:, :2] < size + 2 * gap).any(axis=1)
    margin = 0.5 * gap * np.array([-1, -1, 1, 1])
    is_on_line = _overlap(places[:, None], boxes + margin)
    is_on_line &= ~_inside(places[:, None], boxes - margin)
    on_other = ON_OTHER * (shares > 0) * ~_inside(own, boxes)
    against = shares * (1 + ON_SMALL_BOX * is_small) + on_other + ON_LINE * is_on_line
    total: NDArray[np.float64] = against.sum(axis=1)
    return total


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

GAP = OPEN_WIDTH / 2 + 1
"""Pixels of the screen between a box's line and its word."""


class BoxLabels:
    """Shows words in a layer of their own: points that cannot be seen, with text."""

    def __init__(self) -> None:
        self.layer = Points(
            ndim=2,
            name="Words",
            metadata={"napari_alc": "review"},
            size=1,
            face_color="transparent",
            border_color="transparent",
            opacity=1.0,
            # an empty layer takes time in every frame too
            visible=False,
            features={"word": np.empty(0, dtype=object)},
            text={"string": "{word}", "size": TEXT_POINTS, "color": "white", "anchor": "center"},
        )
        self.layer.text.visible = False
        self.layer.editable = False
        self.shown: dict[int, Rectangle] = {}

    def show(self, labels: Sequence[Label], zoom: float, view: Rectangle) -> None:
        """Show words beside their boxes where there is room, and no other words.

        Where there is none, a letter alone is squeezed in. Where boxes are too many, only those
        in `view`, the part of the image that is seen, have words, and none if still too many.

        Labels are those of all boxes: one without a word is a box that no word may cover. `zoom`
        is in pixels of the screen a pixel of the image.
        """
        if len(labels) > MOST_LABELS:
            corners = as_boxes([label.box.corners for label in labels])
            are_met = _overlap(corners, np.array(view))
            labels = [label for label, is_met in zip(labels, are_met, strict=True) if is_met]
        worded = [label for label in labels if label.word]
        if not worded or len(labels) > MOST_LABELS:
            self.hide()
            return
        bare = [label for label in labels if not label.word]
        boxes = as_boxes([label.box.corners for label in (*worded, *bare)])
        sizes = np.array([(CHARACTER_WIDTH * len(str(w.word)), TEXT_HEIGHT) for w in worded])
        placed = place(boxes, sizes / zoom, GAP / zoom, view)
        words = [str(label.word) for label in worded]
        if worded[0].word.letter:  # then all have one
            # a letter in view tells more than a word that is cut
            placed[~are_seen(placed[:, None], boxes[: len(placed)], view)[:, 0]] = np.nan
            for i in np.flatnonzero(np.isnan(placed[:, 0])):
                words[i] = worded[i].word.letter
            placed = squeeze(boxes, placed, LETTER_SIZE / zoom, GAP / zoom, view)
        rooms = np.flatnonzero(~np.isnan(placed[:, 0]))
        self.shown = {worded[i].box.id: _rectangle(placed[i]) for i in rooms}
        self._fill([words[i] for i in rooms], [worded[i].colour for i in rooms], placed[rooms])

    @property
    def are_seen(self) -> bool:
        """Whether there are words."""
        return bool(self.layer.text.visible)

    def hide(self) -> None:
        """Show no words until the next `show`."""
        self.shown = {}
        if self.are_seen:
            self.layer.text.visible = False

    def put_away(self) -> None:
        """Show no words for longer."""
        self.hide()
        if self.layer.visible:
            self.layer.visible = False

    def _fill(
        self, words: Sequence[str], colours: Sequence[str], placed: NDArray[np.float64]
    ) -> None:
        layer = self.layer
        layer.text.visible = False  # napari draws them once, when all is set
        layer.data = (placed[:, [1, 0]] + placed[:, [3, 2]]) / 2
        layer.features = {"word": np.array(words, dtype=object)}
        if words:
            if not layer.visible:
                layer.visible = True
            layer.text.color = transform_color(colours)
            layer.text.visible = True
        layer.editable = False


def _rectangle(values: NDArray[np.float64]) -> Rectangle:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2
