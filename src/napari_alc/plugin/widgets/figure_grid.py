"""A few figures in rows under headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_alc.plugin.widgets.controls import words


@dataclass(frozen=True)
class Figures:
    """A row.

    Parameters
    ----------
    cells
        Its name, then its figures.
    """

    cells: tuple[str, ...]
    tooltip: str = ""


class FigureGrid(QWidget):
    """Names to the left, figures to the right of them; hidden while it has no rows."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: list[QLabel] = []
        self._width = 1
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self.hide()

    @property
    def texts(self) -> list[tuple[str, ...]]:
        """What is shown, the headings first."""
        width = self._width
        cells = [label.text() for label in self._labels]
        return [tuple(cells[at : at + width]) for at in range(0, len(cells), width)]

    def show_rows(self, headings: Sequence[str], rows: Sequence[Figures]) -> None:
        """Show other figures."""
        for label in self._labels:
            self._grid.removeWidget(label)
            label.deleteLater()
        self._labels = []
        self._width = max(1, len(headings))
        for place, row in enumerate((Figures(tuple(headings)), *rows) if rows else ()):
            for column, text in enumerate(row.cells):
                self._labels.append(_label(text, row.tooltip, column, place == 0))
                self._grid.addWidget(self._labels[-1], place, column)
        self.setVisible(bool(rows))


def _label(text: str, tooltip: str, column: int, is_heading: bool) -> QLabel:
    label = words(text, tooltip)
    label.setWordWrap(column == 0)  # names give way to figures
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    label.setAlignment(side | Qt.AlignmentFlag.AlignBottom)
    if is_heading:
        label.setStyleSheet("font-weight: bold;")
    return label
