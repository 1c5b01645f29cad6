"""How the boxes under review look: colour, line, and the word beside them.

The regions known at this moment go before those stored, so that boxes can be recoloured
while a person edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from napari_alc.plugin.palettes import (
    LETTERED,
    STANDARD,
    TEXT_COLOUR,
    colour_name,
    palette,
    screen_width,
)
from napari_alc.plugin.review.canvas.label_layer import Label, LabelKind, text_of
from napari_alc.project.storage.records import ReviewBox


@dataclass(frozen=True)
class BoxStyle:
    """How a box is drawn: colour as ``#rrggbb``, line width in pixels of the image."""

    colour: str
    width: float


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
    def has_words(self) -> bool:
        """Whether words stand beside boxes."""
        return self.labels != "none" or self.palette in LETTERED

    def name(self, box: ReviewBox) -> str:
        """Name of the colour of a box."""
        return colour_name(box, self.regions.get(box.id))

    def styles_of(self, boxes: Iterable[ReviewBox]) -> list[BoxStyle]:
        """How boxes are drawn at this zoom."""
        colours, zoom = self.colours, self._zoom()
        return [BoxStyle(colours[self.name(box)], screen_width(box) / zoom) for box in boxes]

    def label(self, box: ReviewBox) -> Label:
        """The word beside a box; of no letters where none is to stand there."""
        name = self.name(box)
        text = text_of(box, self.labels, name, self.palette in LETTERED, self.categories)
        letter_only = self.labels in ("none", "letters")
        return Label(box, text, self.colours[name] if letter_only else TEXT_COLOUR)
