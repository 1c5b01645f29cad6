"""How the boxes under review look: colour, line, and the word beside them.

The regions known at this moment go before those stored, so that boxes can be recoloured
while a person edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from napari_alc.plugin.review.canvas.lines.geometry import LineLook
from napari_alc.project.storage.records import ReviewBox

LabelKind = Literal["none", "letters", "score", "category"]

LONGEST = 15
"""Characters of a category's name, with the dots that stand for the rest."""


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

    def __init__(self) -> None:
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
    def is_named(self) -> bool:
        """Whether the category stands beside boxes whatever was asked for."""
        return len(self.categories) > 1

    @property
    def has_words(self) -> bool:
        """Whether words stand beside boxes."""
        return self.labels != "none" or self.is_lettered or self.is_named

    def name(self, box: ReviewBox) -> str:
        """Name of the colour of a box."""
        return colour_name(box, self.regions.get(box.id))

    def looks_of(self, boxes: Iterable[ReviewBox]) -> list[LineLook]:
        """How the lines of boxes look.

        Those decided are thinner and drawn at their corners alone, those that somebody is unsure
        about thinner and whole.
        """
        colours = self.colours
        return [
            LineLook(colours[self.name(box)], screen_width(box), is_waiting(box)) for box in boxes
        ]

    def label(self, box: ReviewBox) -> Label:
        """What stands beside a box."""
        name = self.name(box)
        letter = LETTERS[name] if self.is_lettered or self.labels == "letters" else ""
        letter_only = self.labels in ("none", "letters") and not self.is_named
        colour = self.colours[name] if letter_only else TEXT_COLOUR
        return Label(box, Word(letter, self._rest(box)), colour)

    def _rest(self, box: ReviewBox) -> str:
        words = []
        if self.labels == "category" or self.is_named:
            words.append(_cut(self.categories.get(box.category_id, str(box.category_id))))
        if self.labels == "score" and box.score is not None:
            words.append(f"{box.score:.2f}")
        return " ".join(words)


def is_waiting(box: ReviewBox) -> bool:
    """Whether somebody has to decide on a box yet."""
    return box.state == "open" or box.unsure is not None


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
