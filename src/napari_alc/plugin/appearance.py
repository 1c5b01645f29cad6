"""How images and boxes lie on napari's canvas and look there.

Colours and line widths of boxes are chosen to be told apart on the gray of TEM images.
"""

from __future__ import annotations

from collections.abc import Mapping

from napari_alc.project.document import ReviewBox

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

MEANINGS: Mapping[str, str] = {
    "red": "only the model Ma found it",
    "green": "only the crowd drew it",
    "pink": "only the model Mp found it",
    "gray": "at least two of crowd, Mp and Ma agree",
    CROWD: "drawn by the crowd; no model has seen this image",
    OWN: "drawn or changed by a person",
}

SUGGESTION_COLOUR = "#fff3b0"

OPEN_WIDTH = 3.5
DECIDED_WIDTH = 1.8
SUGGESTION_WIDTH = 1.3
"""Line widths in pixels of the screen, at every zoom."""


def colour_name(box: ReviewBox) -> str:
    """Which entry of `COLOURS` a box is drawn in."""
    if box.source == "person" or box.state in ("changed", "added"):
        return OWN
    return box.region or CROWD


def screen_width(box: ReviewBox) -> float:
    """Line width of a box in pixels of the screen: thick until somebody decides."""
    return OPEN_WIDTH if box.state == "open" else DECIDED_WIDTH
