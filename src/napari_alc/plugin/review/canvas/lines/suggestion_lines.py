"""Suggestions on the canvas: boxes in broken lines, beside those under review.

A suggestion that is under review itself has its solid line already; its broken one runs around
that one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from napari_alc.plugin.palettes import SUGGESTION_WIDTH, SUGGESTIONS
from napari_alc.plugin.review.canvas.lines.box_lines import LineSet, drawn
from napari_alc.plugin.review.canvas.lines.geometry import LineLook
from napari_alc.project.storage.records import ReviewBox

AROUND = 5.0
"""Pixels of the screen between a box and the broken line around its solid one."""


class SuggestionLines:
    """Shows suggestions as lines of their own."""

    def __init__(self, lines: LineSet) -> None:
        self._lines = lines
        self.boxes: tuple[ReviewBox, ...] = ()

    def show(self, boxes: Sequence[ReviewBox], solid: Collection[int] = frozenset()) -> None:
        """Show other boxes; `solid` have solid lines too."""
        self.boxes = tuple(boxes)
        outlines = {box.id: (box.corners, look_of(box, box.id in solid)) for box in self.boxes}
        self._lines.fill(outlines, drawn(outlines))


def look_of(box: ReviewBox, has_solid: bool) -> LineLook:
    """The broken line of a suggestion."""
    style = SUGGESTIONS.get(box.source, SUGGESTIONS["person"])
    dash = (*style.pattern, 0.0, 0.0)[:4]
    return LineLook(style.colour, SUGGESTION_WIDTH, gap=AROUND if has_solid else 0.0, dash=dash)
