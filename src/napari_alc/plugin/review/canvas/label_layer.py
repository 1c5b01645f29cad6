"""Words beside boxes: the letter of the region, the confidence, or the category.

A word lies where it covers no box and no other word, or within a box around its own; where
there is no such place it is left out. The letter of a region is never left out: it then takes
the place where it hides least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from napari.layers import Points
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_alc.boxes import Corners as Rectangle
from napari_alc.boxes import as_boxes
from napari_alc.plugin.palettes import LETTERS, OPEN_WIDTH, TEXT_POINTS
from napari_alc.plugin.review.canvas.label_placement import are_seen, place, squeeze
from napari_alc.project.storage.records import ReviewBox

LabelKind = Literal["none", "letters", "score", "category"]

MOST_LABELS = 500
"""Beyond these words hide more than they tell, and slow each move of the image."""

LONGEST = 15
"""Characters of a category's name, with the dots that stand for the rest."""

TEXT_HEIGHT = 1.9 * TEXT_POINTS
CHARACTER_WIDTH = 1.1 * TEXT_POINTS
"""Room of a word in pixels of the screen; letters are this wide on average."""

LETTER_SIZE = np.array([1.25, 1.35]) * TEXT_POINTS
"""Room of a letter that is squeezed in: the widest one, and capitals do not reach down."""

GAP = OPEN_WIDTH / 2 + 1
"""Pixels of the screen between a box's line and its word."""


@dataclass(frozen=True)
class Word:
    """What stands beside a box: the letter of its region, what else was asked for, or both."""

    letter: str = ""
    rest: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.letter, self.rest) if part)

    def __bool__(self) -> bool:
        return bool(self.letter or self.rest)


@dataclass(frozen=True)
class Label:
    """A word and its colour as ``#rrggbb``, beside the box of `corners`."""

    box: ReviewBox
    word: Word
    colour: str


def text_of(
    box: ReviewBox, kind: LabelKind, colour: str, lettered: bool, categories: Mapping[int, str]
) -> Word:
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
    letter = LETTERS[colour] if lettered or kind == "letters" else ""
    if kind == "score" and box.score is not None:
        return Word(letter, f"{box.score:.2f}")
    if kind == "category":
        return Word(letter, _cut(categories.get(box.category_id, str(box.category_id))))
    return Word(letter)


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


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

        Where there is none, a letter alone is squeezed in. Where boxes are too many, only those
        in view have words, and none if still too many.

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


def _meets(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _rectangle(values: NDArray[np.float64]) -> Rectangle:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2
