"""Suggestions on the canvas: boxes in broken lines, beside those under review.

A suggestion that is under review itself has its solid line already; its broken one runs around
that one.

napari draws no broken lines; here they are short vectors along the sides of each box, made
anew for each zoom so that they look the same on the screen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np
from napari.layers import Vectors
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_alc.boxes import Corners
from napari_alc.plugin.palettes import SUGGESTION_WIDTH, SUGGESTIONS, LineStyle
from napari_alc.project.storage.records import ReviewBox

MOST_REPEATS = 150
"""Of a pattern along a side: a box far larger than the view gets longer dashes."""

AROUND = 5.0
"""Pixels of the screen between a solid line and the broken one around it."""

NO_DASHES: NDArray[np.float64] = np.empty((0, 2, 2))


def dashes(corners: Corners, pattern: Sequence[float], pixel: float) -> NDArray[np.float64]:
    """The broken outline of a box.

    Each side holds a whole number of patterns and starts with a line, so that all four
    corners can be seen.

    Parameters
    ----------
    corners
        ``x1, y1, x2, y2`` in pixels of the image.
    pattern
        Lengths of line and gap in turn, in pixels of the screen; an even number of them.
    pixel
        Size of a pixel of the screen, in pixels of the image.

    Returns
    -------
    NDArray
        Shape (N, 2, 2): start and extent of each line, in ``(row, column)``.
    """
    x1, y1, x2, y2 = corners
    turns = np.array([[y1, x1], [y1, x2], [y2, x2], [y2, x1], [y1, x1]])
    stops = np.concatenate([[0.0], np.cumsum(pattern)])
    sides = [_side(a, b, stops / stops[-1], stops[-1] * pixel) for a, b in pairwise(turns)]
    return np.concatenate(sides)


def _side(
    start: NDArray[np.float64], end: NDArray[np.float64], stops: NDArray[np.float64], period: float
) -> NDArray[np.float64]:
    along = end - start
    repeats = int(np.clip(round(float(np.abs(along).max()) / period), 1, MOST_REPEATS))
    begins = (np.arange(repeats)[:, None] + stops[:-1:2]).ravel() / repeats
    lengths = np.tile(stops[1::2] - stops[:-1:2], repeats) / repeats
    return np.stack([start + begins[:, None] * along, lengths[:, None] * along], axis=1)


class SuggestionLines:
    """Shows suggestions in a layer that is made once and refilled."""

    def __init__(self) -> None:
        self.layer = Vectors(
            NO_DASHES,
            ndim=2,
            name="Suggestions",
            vector_style="line",
            opacity=1.0,
            # an empty layer takes time in every frame too
            visible=False,
        )
        # napari draws each vector into the picture beside the layer's name: 30 ms for 20 boxes
        self.layer._max_vectors_thumbnail = 1
        self.layer.editable = False
        self.boxes: tuple[ReviewBox, ...] = ()
        self._solid: frozenset[int] = frozenset()
        self._zoom = 0.0
        self._is_hidden = False

    def show(
        self, boxes: Sequence[ReviewBox], zoom: float, solid: Collection[int] = frozenset()
    ) -> None:
        """Show other boxes, at a zoom in screen pixels a pixel; `solid` have solid lines too."""
        wanted = tuple(boxes), frozenset(solid)
        if wanted != (self.boxes, self._solid):
            self.boxes, self._solid = wanted
            self._draw(zoom)
            self._show_or_hide()

    def set_hidden(self, hidden: bool) -> None:
        """Hide all suggestions, those shown from now on too; False lifts it."""
        self._is_hidden = hidden
        self._show_or_hide()

    def _show_or_hide(self) -> None:
        visible = bool(self.boxes) and not self._is_hidden
        if self.layer.visible != visible:
            self.layer.visible = visible

    def rescale(self, zoom: float) -> None:
        """Follow the zoom."""
        if self.boxes and zoom != self._zoom:
            self._draw(zoom)

    def _draw(self, zoom: float) -> None:
        self._zoom = zoom
        styles = [_style(box) for box in self.boxes]
        lines = [
            dashes(self._outline(b), s.pattern, 1 / zoom)
            for b, s in zip(self.boxes, styles, strict=True)
        ]
        layer = self.layer
        if not lines:
            layer.data = NO_DASHES
        else:
            colours = transform_color([style.colour for style in styles])
            # the last of the three tells napari to draw; once is enough
            with layer.events.blocker_all():
                layer.data = np.concatenate(lines)
                layer.edge_width = SUGGESTION_WIDTH / zoom
            layer.edge_color = np.repeat(colours, [len(each) for each in lines], axis=0)
        layer.editable = False

    def _outline(self, box: ReviewBox) -> Corners:
        x1, y1, x2, y2 = box.corners
        by = AROUND / self._zoom if box.id in self._solid else 0.0
        return x1 - by, y1 - by, x2 + by, y2 + by


def _style(box: ReviewBox) -> LineStyle:
    return SUGGESTIONS.get(box.source, SUGGESTIONS["person"])
