"""Text that takes the same room whatever it says, so that nothing below it moves."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QRect, QSize, Qt
from qtpy.QtGui import QResizeEvent, QShowEvent, QTextLayout, QTextOption
from qtpy.QtWidgets import QLabel, QSizePolicy

LEAST_WIDTH = 40
"""Pixels; a window is never as wide as a text would like to be."""

DOTS = "…"

TALLEST = "Åg"
"""As high and as deep as letters are."""


class FixedWords(QLabel):
    """Plain text in a fixed number of lines; where it is cut it ends in dots.

    The tooltip then says the whole text too. An empty text takes the same room.
    """

    def __init__(self, lines: int, text: str = "", tooltip: str = "") -> None:
        super().__init__()
        self._lines, self._text, self._tip = lines, text, tooltip
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setIndent(0)  # Qt leaves some of the room free above the letters else
        self.setMinimumWidth(LEAST_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fit()

    def text(self) -> str:
        """The whole text, cut or not."""
        return self._text

    def setText(self, text: str) -> None:  # noqa: N802
        """Show another text in the same room."""
        if text != self._text:
            self._text = text
            self._fit()

    @property
    def shown_text(self) -> str:
        """The text as far as there is room for it, line by line."""
        return str(super().text())

    @property
    def is_cut(self) -> bool:
        """Whether there is no room for all of it."""
        return self.shown_text.endswith(DOTS) and not self._text.endswith(DOTS)

    def set_lines(self, lines: int) -> None:
        """Give it room for so many lines."""
        if lines != self._lines:
            self._lines = lines
            self._fit()
            self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as its lines, whatever it says."""
        self.ensurePolished()
        margins = self.contentsMargins()
        # As Qt draws lines: by fractions of pixels, which the metrics leave out.
        lines = "\n".join([TALLEST] * self._lines)
        height = self.fontMetrics().boundingRect(QRect(), 0, lines).height()
        return QSize(LEAST_WIDTH, height + margins.top() + margins.bottom())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """No lower than it wants to be."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Cut the text anew."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Cut the text in the letters that it is shown in."""
        super().showEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow napari's letters and theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()
            self.updateGeometry()

    def _fit(self) -> None:
        super().setText("\n".join(self._cut(self.contentsRect().width())))
        told = (self._text if self.is_cut else "", self._tip)
        self.setToolTip("\n".join(part for part in told if part))

    def _cut(self, width: int) -> list[str]:
        """The lines that the text has in some width; the last one ends in dots if it must."""
        starts = self._starts(width)
        ends = [*starts[1:], len(self._text)]
        lines = [self._text[i:j].strip() for i, j in zip(starts, ends, strict=True)]
        if len(lines) > self._lines:
            rest = self._text[starts[self._lines - 1] :].replace("\n", " ")
            right = Qt.TextElideMode.ElideRight
            lines[self._lines - 1 :] = [self.fontMetrics().elidedText(rest, right, width)]
        return lines

    def _starts(self, width: int) -> list[int]:
        """Where each line begins, once words are wrapped."""
        layout = QTextLayout(self._text.replace("\n", "\u2028"), self.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        starts = []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(width, 1))
            starts.append(line.textStart())
        layout.endLayout()
        return starts or [0]
