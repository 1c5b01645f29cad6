"""How images and boxes lie on napari's canvas and look there, as data.

Colours and line widths are chosen to be told apart on the gray of TEM images. Each region
has a letter too, and each source of a suggestion a line style of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_alc.errors import AlcError
from napari_alc.project.storage.records import ReviewBox

HALF_PIXEL = 0.5
"""Labels count from the upper left corner of an image, napari from the middle of that pixel."""

OWN = "yours"
CROWD = "crowd"

COLOURS: Mapping[str, str] = {
    "red": "#ff3b3b",
    "green": "#37e05a",
    "pink": "#ff8ae2",
    "gray": "#e8e8e8",
    CROWD: "#ffd21f",
    OWN: "#35b4ff",
}
"""Colour of each region, of crowd boxes that no model has seen, and of a person's own."""

STANDARD, COLOUR_BLIND = "standard", "colour-blind"

PALETTES: Mapping[str, Mapping[str, str]] = {
    STANDARD: COLOURS,
    # of Okabe and Ito: told apart without red, green or blue cones
    COLOUR_BLIND: {
        "red": "#d55e00",
        "green": "#009e73",
        "pink": "#cc79a7",
        "gray": "#e8e8e8",
        CROWD: "#f0e442",
        OWN: "#56b4e9",
    },
}
"""The colours of `COLOURS` under each palette's name."""

LETTERS: Mapping[str, str] = {
    "red": "R",
    "green": "G",
    "pink": "P",
    "gray": "A",
    CROWD: "C",
    OWN: "Y",
}
"""Letter of each colour: what the text beside a box says where colours cannot be told apart."""

LETTERED = frozenset({COLOUR_BLIND})
"""Palettes in which the letters are always shown."""


@dataclass(frozen=True)
class LineStyle:
    """How the suggestions of one source are drawn; `sign` is the line in characters.

    `name` is the shortest word for the source, and `meaning` tells it in full; `pattern` holds the
    lengths of line and gap in turn, in pixels of the screen.
    """

    colour: str
    pattern: tuple[float, ...]
    sign: str
    name: str
    meaning: str


SUGGESTIONS: Mapping[str, LineStyle] = {
    "mp": LineStyle("#ffb86b", (10, 6), "– – –", "Mp", "box of the expert's model (Mp)"),
    "ma": LineStyle("#8ff5ff", (2.5, 4.5), "· · · ·", "Ma", "box of the shared model (Ma)"),
    "crowd": LineStyle("#fff3b0", (10, 4, 2.5, 4), "– · – ·", "the crowd", "box of the crowd"),
    "person": LineStyle("#ffffff", (18, 6), "— —", "a person", "box of a person"),
}
"""Line style of suggestions by their source."""

OPEN_WIDTH = 3.0
DECIDED_WIDTH = 2.0
SUGGESTION_WIDTH = 2.0
"""Line widths in whole pixels of the screen, at every zoom, without their dark casing."""

TEXT_COLOUR = "#ffee58"
TEXT_POINTS = 10
"""Size of the text beside boxes, at every zoom."""


def palette(name: str) -> Mapping[str, str]:
    """The colours of a palette, under the names of `COLOURS`.

    Raises
    ------
    AlcError
        When there is no such palette.
    """
    if name not in PALETTES:
        raise AlcError(f"There are no colours called {name!r}; choose {' or '.join(PALETTES)}.")
    return PALETTES[name]


def colour_name(box: ReviewBox, region: str | None = None) -> str:
    """Which entry of a palette a box is drawn in; a region goes before all that is stored."""
    if region:
        return region
    if box.source == "person" or box.state in ("changed", "added"):
        return OWN
    return box.region or CROWD


def screen_width(box: ReviewBox) -> float:
    """Line width of a box in pixels of the screen: thick until somebody decides."""
    return OPEN_WIDTH if box.is_open else DECIDED_WIDTH
