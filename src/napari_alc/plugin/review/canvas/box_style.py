"""How the boxes under review look: colour, line, and the word beside them.

The regions known at this moment go before those stored, so that boxes can be recoloured
while a person edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from napari_alc.plugin.palettes import (
    LETTERED,
    LETTERS,
    STANDARD,
    TEXT_COLOUR,
    colour_name,
    palette,
    screen_width,
)
from napari_alc.project.storage.records import ReviewBox

LabelKind = Literal["none", "letters", "score", "category"]

LONGEST = 15
"""Characters of a category's name, with the dots that stand for the rest."""


@dataclass(frozen=True)
class BoxStyle:
    """How a box is drawn: colour as ``#rrggbb``, line width in pixels of the image."""

    colour: str
    width: float


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
    """A word, which may be empty, and its colour as ``#rrggbb`` beside a box."""

    box: ReviewBox
    word: Word
    colour: str


class BoxStyles:
    """What a person has chosen to see of each box."""

    def __init__(self, zoom: Callable[[], float]) -> None:
        self._zoom = zoom
        self.palette = STANDARD
        self.regions: Mapping[int, str] = {}
        self.labels: LabelKind = "none"
        self.categories: Mapping[int, str] = {}

    @property
    def colours(self) -> Mapping[str, str]:
        """The colours in use by name."""
        return palette(self.palette)

    @property
    def is_lettered(self) -> bool:
        """Whether letters stand beside boxes whatever was asked for."""
        return self.palette in LETTERED

    @property
    def has_words(self) -> bool:
        """Whether words stand beside boxes."""
        return self.labels != "none" or self.is_lettered

    def name(self, box: ReviewBox) -> str:
        """Name of the colour of a box."""
        return colour_name(box, self.regions.get(box.id))

    def styles_of(self, boxes: Iterable[ReviewBox]) -> list[BoxStyle]:
        """How boxes are drawn at this zoom."""
        colours, zoom = self.colours, self._zoom()
        return [BoxStyle(colours[self.name(box)], screen_width(box) / zoom) for box in boxes]

    def label(self, box: ReviewBox) -> Label:
        """What stands beside a box."""
        name = self.name(box)
        letter = LETTERS[name] if self.is_lettered or self.labels == "letters" else ""
        letter_only = self.labels in ("none", "letters")
        colour = self.colours[name] if letter_only else TEXT_COLOUR
        return Label(box, Word(letter, self._rest(box)), colour)

    def _rest(self, box: ReviewBox) -> str:
        if self.labels == "score" and box.score is not None:
            return f"{box.score:.2f}"
        if self.labels == "category":
            return _cut(self.categories.get(box.category_id, str(box.category_id)))
        return ""


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
