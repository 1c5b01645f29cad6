"""The colours on screen with how many boxes each has; unticked ones are not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
)

from napari_alc.plugin import tooltips
from napari_alc.plugin.palettes import COLOURS, LETTERS
from napari_alc.plugin.review.box_filter import BoxFilter
from napari_alc.plugin.widgets.controls import button_with

GROUND = "#15181d"
"""The colours are chosen for a dark ground, whatever napari's theme."""

HIDDEN = "#8a9099"
"""Of what is not shown."""

CHIPS_A_ROW, LONG_CHIPS_A_ROW = 4, 3
"""Buttons beside each other; numbers from `LONG` on need wider ones."""

LONG = 100

COLUMNS = 12
"""Of the grid: rows of three and of four share it."""

CHIP = """
QPushButton {{ background: {ground}; color: {colour}; border: 1px solid {colour};
               border-radius: 4px; padding: 2px 4px; text-align: left; }}
QPushButton:checked {{ font-weight: bold; text-decoration: none; }}
QPushButton:!checked {{ color: {hidden}; border: 1px dashed {hidden};
                        text-decoration: line-through; }}
QPushButton:focus {{ border-width: 2px; }}
"""


class FilterBar(QFrame):
    """Legend and filter in one: a button a colour, and the least confidence shown."""

    changed = Signal(object)
    """Emitted with the `BoxFilter` that a person chose."""

    def __init__(self) -> None:
        super().__init__()
        self._placed: tuple[list[str], int] = [], CHIPS_A_ROW
        self.chips = {name: self._chip(name) for name in COLOURS}
        self.score = QSlider(Qt.Orientation.Horizontal)
        self.score.setRange(0, 100)
        self.score.setToolTip(tooltips.LEAST_SCORE)
        self.score.setAccessibleName("Least confidence shown")
        self.score.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.score.valueChanged.connect(self._on_score)
        self.score_words = QLabel()
        self.score_words.setToolTip(tooltips.LEAST_SCORE)
        self._arrange()
        self._on_score(0)

    def _chip(self, name: str) -> QPushButton:
        chip = button_with(
            "", f"{tooltips.REGIONS[name]}\n{tooltips.SHOWN_REGIONS}\n{tooltips.LINES}"
        )
        chip.setCheckable(True)
        chip.setChecked(True)
        # many boxes must not make the panel wider than its room
        chip.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        chip.toggled.connect(lambda _on: self.changed.emit(self.wanted))
        return chip

    def _arrange(self) -> None:
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.score_words)
        line.addWidget(self.score, 1)
        self._grid.addLayout(line, len(self.chips), 0, 1, COLUMNS)

    @property
    def wanted(self) -> BoxFilter:
        """What is to be shown."""
        hidden = frozenset(name for name, chip in self.chips.items() if not chip.isChecked())
        return BoxFilter(hidden, self.score.value() / 100)

    def show_filter(self, wanted: BoxFilter) -> None:
        """Show what was chosen, by whomever."""
        self.blockSignals(True)
        for name, chip in self.chips.items():
            chip.setChecked(name not in wanted.hidden)
        self.score.setValue(round(100 * wanted.least_score))
        self.blockSignals(False)

    def set_colours(self, colours: Mapping[str, str]) -> None:
        """Draw the buttons in the colours of a palette."""
        for name, chip in self.chips.items():
            chip.setStyleSheet(CHIP.format(ground=GROUND, hidden=HIDDEN, colour=colours[name]))

    def show_counts(self, names: Iterable[str], has_scores: bool) -> None:
        """Show how many boxes each colour has; the confidence only where boxes have one."""
        counts = dict.fromkeys(self.chips, 0)
        for name in names:
            counts[name] += 1
        hidden = self.wanted.hidden
        shown = [name for name in self.chips if counts[name] or name in hidden]
        for name, chip in self.chips.items():
            chip.setText(f"{LETTERS[name]}  {name} {counts[name]}")
        a_row = LONG_CHIPS_A_ROW if max(counts.values()) >= LONG else CHIPS_A_ROW
        if (shown, a_row) != self._placed:
            self._placed = shown, a_row
            self._place_chips(shown, a_row)
        for widget in (self.score, self.score_words):
            widget.setVisible(has_scores)

    def _place_chips(self, shown: list[str], a_row: int) -> None:
        span = COLUMNS // a_row
        for place, name in enumerate(shown):
            row, column = divmod(place, a_row)
            self._grid.addWidget(self.chips[name], row, column * span, 1, span)
        for name, chip in self.chips.items():
            chip.setVisible(name in shown)

    def _on_score(self, value: int) -> None:
        self.score_words.setText(f"Confidence from {value / 100:.2f}")
        self.changed.emit(self.wanted)
