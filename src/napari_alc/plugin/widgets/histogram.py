"""How many images have which score, and which of them come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QToolTip, QWidget

from napari_alc.boxes import Integers
from napari_alc.plugin.widgets.controls import is_on_dark
from napari_alc.wording import counted

HEIGHT = 96
BARS = 24

TOP, BOTTOM = 18, 16
"""Pixels for the caption and for the scores below the bars."""

LEAST_BAR = 2
"""Pixels of a bar for a single image beside one for thousands."""

LETTERS = 11
"""Size of the letters in pixels."""

ON_DARK, ON_LIGHT = "#ffb86b", "#9a4408"
"""Colours of the images that come next, on dark and light themes."""

FAINT = 0.35
"""Opacity of the images that do not come next."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Images by score: all of each bar, and how many of them come next, both of shape (BARS,).

    The left end of the bars is the score 0, the right end `highest`.
    """

    everything: Integers
    chosen: Integers
    highest: float


def bars_of(everything: Sequence[float], chosen: Sequence[float]) -> Bars:
    """The bars of all scores, and of the scores of the images that come next."""
    highest = max(everything, default=0.0) or 1.0
    counts, marked = (
        np.histogram(scores, BARS, (0.0, highest))[0].astype(np.int64)
        for scores in (everything, chosen)
    )
    return Bars(counts, marked, highest)


class ScoreHistogram(QWidget):
    """Bars of all images, those that come next in front of them."""

    def __init__(self) -> None:
        super().__init__()
        self.bars: Bars | None = None
        self.setFixedHeight(HEIGHT)

    def show_bars(self, bars: Bars) -> None:
        """Show other bars."""
        self.bars = bars
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw bars, caption and scores in the colours of this window's theme."""
        if self.bars is None:
            return
        text = self.palette().color(self.foregroundRole())
        accent = QColor(ON_DARK if is_on_dark(self) else ON_LIGHT)
        painter = QPainter(self)
        faint = QColor(text)
        faint.setAlphaF(FAINT)
        for counts, colour in ((self.bars.everything, faint), (self.bars.chosen, accent)):
            for place, count in enumerate(counts.tolist()):
                painter.fillRect(self._bar(place, count), colour)
        painter.setPen(text)
        self._write(painter, self.bars)
        painter.end()

    def _bar(self, place: int, count: int) -> QRectF:
        assert self.bars is not None
        width = self.width() / BARS
        room = self.height() - TOP - BOTTOM
        share = count / max(1, int(self.bars.everything.max()))
        height = max(LEAST_BAR, share * room) if count else 0.0
        return QRectF(place * width, TOP + room - height, max(1.0, width - 1), height)

    def _write(self, painter: QPainter, bars: Bars) -> None:
        font = QFont(self.font())
        font.setPixelSize(LETTERS)
        painter.setFont(font)
        chosen = int(bars.chosen.sum())
        caption = f"Images by score; coloured: the next {chosen:,}"
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        below = QRectF(0, self.height() - BOTTOM, self.width(), BOTTOM)
        painter.drawText(QRectF(0, 0, self.width(), TOP), left, caption)
        painter.drawText(below, left, "0: all agree")
        painter.drawText(below, right, f"{bars.highest:.1f}: they disagree most")

    def event(self, event: QEvent) -> bool:
        """Tell of the bar under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_at(event.pos()), self)
            return True
        return bool(super().event(event))

    def words_at(self, point: QPoint) -> str:
        """What the bar at a point of this widget stands for."""
        if self.bars is None:
            return ""
        place = min(max(0, point.x() * BARS // max(1, self.width())), BARS - 1)
        low, high = (self.bars.highest * end / BARS for end in (place, place + 1))
        count, chosen = int(self.bars.everything[place]), int(self.bars.chosen[place])
        return f"Score {low:.2f} to {high:.2f}: {counted(count, 'image')}, {chosen:,} of them next"
