"""Words beside boxes: the letter of the region, the confidence, or the category.

A word lies where it covers no box and no other word, or within a box around its own; where
there is no such place it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from napari.layers import Points
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, as_boxes
from napari_alc.plugin.appearance import LETTERS, OPEN_WIDTH, TEXT_POINTS
from napari_alc.project.document import Corners as Rectangle
from napari_alc.project.document import ReviewBox

LabelKind = Literal["none", "letters", "score", "category"]

MOST_LABELS = 500
"""Beyond these words hide more than they tell, and slow each move of the image."""

LONGEST = 14
"""Characters of a category's name."""

TEXT_HEIGHT = 1.9 * TEXT_POINTS
CHARACTER_WIDTH = 0.95 * TEXT_POINTS
"""Room of a word in pixels of the screen, with the widest letters."""

GAP = OPEN_WIDTH / 2 + 1
"""Pixels of the screen between a box's line and its word."""

# above, below, right, left, then the corners; each in half sizes of box and word
_PLACES = np.array([[0, -1], [0, 1], [1, 0], [-1, 0], [1, -1], [-1, -1], [1, 1], [-1, 1]])


@dataclass(frozen=True)
class Label:
    """A word and its colour as ``#rrggbb``, beside the box of `corners`."""

    box: ReviewBox
    text: str
    colour: str


def text_of(
    box: ReviewBox, kind: LabelKind, colour: str, lettered: bool, categories: Mapping[int, str]
) -> str:
    """What stands beside a box; empty for nothing.

    Parameters
    ----------
    kind
        What was asked for.
    colour
        Name of the box's colour.
    lettered
        Whether the letter stands there whatever was asked for.
    categories
        Names of the categories by id.
    """
    words = [LETTERS[colour]] if lettered or kind == "letters" else []
    if kind == "score" and box.score is not None:
        words.append(f"{box.score:.2f}")
    if kind == "category":
        words.append(categories.get(box.category_id, str(box.category_id))[:LONGEST])
    return " ".join(words)


def place(boxes: Boxes, sizes: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Find a place for a word beside each box.

    A place that no box covers is taken where there is one. Else a word may lie within a box
    that its own box lies in, clear of that one's line: so small boxes in a large one have
    words too.

    Parameters
    ----------
    boxes
        Shape (N, 4); the first M have words.
    sizes
        Widths and heights of the words, shape (M, 2).
    gap
        Distance between a word and its box, and the least to any other.

    Returns
    -------
    NDArray
        Rectangles ``x1, y1, x2, y2`` of the words, shape (M, 4); NaN where there is no room.
    """
    own = boxes[: len(sizes)]
    places = _places(own, sizes, gap)
    # a little nearer to others than to its own box, else rounding would find it too near
    margin = 0.99 * gap * np.array([-1, -1, 1, 1])
    reach = np.concatenate([places[..., :2].min(axis=1), places[..., 2:].max(axis=1)], axis=1)
    near = _overlap(reach[:, None], (boxes + margin)[None])
    around = _inside(own[:, None], boxes[None])
    np.fill_diagonal(around, False)
    placed = np.full((len(sizes), 4), np.nan)
    for i, row in enumerate(places):
        worth = _worth(row, boxes[near[i]], around[i, near[i]], margin)
        worth[_overlap(row[:, None], placed[None, :i]).any(axis=1)] = 0
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
    return np.where(taken, 0, np.where(covered.any(axis=1), 1, 2))


def _places(boxes: Boxes, sizes: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Rectangles around each box, shape (M, 8, 4), the best first."""
    middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    halves = (boxes[:, None, 2:] - boxes[:, None, :2]) / 2
    words = sizes[:, None] / 2
    centres = middles + _PLACES * (halves + words + gap)
    return np.concatenate([centres - words, centres + words], axis=2)


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


class BoxLabels:
    """Shows words in a layer of their own: points that cannot be seen, with text."""

    def __init__(self) -> None:
        self.layer = Points(
            ndim=2,
            name="Words",
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

        Where boxes are too many, only those in view have words, and none if still too many.

        Parameters
        ----------
        labels
            Of all boxes; one without a word still counts as one that no word may cover.
        zoom
            Pixels of the screen a pixel of the image.
        view
            The part of the image that is seen.
        """
        if len(labels) > MOST_LABELS:
            labels = [label for label in labels if _meets(label.box.corners, view)]
        worded = [label for label in labels if label.text]
        if not worded or len(labels) > MOST_LABELS:
            self.hide()
            return
        bare = [label for label in labels if not label.text]
        boxes = [label.box.corners for label in (*worded, *bare)]
        sizes = np.array([(CHARACTER_WIDTH * len(w.text), TEXT_HEIGHT) for w in worded])
        placed = place(as_boxes(boxes), sizes / zoom, GAP / zoom)
        rooms = np.flatnonzero(~np.isnan(placed[:, 0]))
        self.shown = {worded[i].box.id: _rectangle(placed[i]) for i in rooms}
        self._fill([worded[i] for i in rooms], placed[rooms])

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

    def _fill(self, labels: Sequence[Label], placed: NDArray[np.float64]) -> None:
        layer = self.layer
        layer.text.visible = False  # napari draws them once, when all is set
        layer.data = (placed[:, [1, 0]] + placed[:, [3, 2]]) / 2
        layer.features = {"word": np.array([label.text for label in labels], dtype=object)}
        if labels:
            if not layer.visible:
                layer.visible = True
            layer.text.color = transform_color([label.colour for label in labels])
            layer.text.visible = True
        layer.editable = False


def _meets(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _rectangle(values: NDArray[np.float64]) -> Rectangle:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2
