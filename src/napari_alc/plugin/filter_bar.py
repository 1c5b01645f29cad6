"""The colours on screen with how many boxes each has; unticked ones are not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider

from napari_alc.plugin import tooltips
from napari_alc.plugin.appearance import COLOURS, LETTERS, MEANINGS
from napari_alc.plugin.parts import button_with
from napari_alc.plugin.review_filter import EVERYTHING, BoxFilter

GROUND = "#20242c"
"""The colours are chosen for a dark ground, whatever napari's theme."""

CHIPS_A_ROW = 4

CHIP = """
QPushButton {{ background: {ground}; color: {colour}; border: 1px solid {colour};
               border-radius: 4px; padding: 2px 6px; text-align: left; }}
QPushButton:checked {{ font-weight: bold; text-decoration: none; }}
QPushButton:!checked {{ color: #8a9099; border: 1px dashed #8a9099;
                        text-decoration: line-through; }}
QPushButton:focus {{ border-width: 2px; }}
"""


class FilterBar(QFrame):
    """Legend and filter in one: a button a colour, and the least confidence shown."""

    changed = Signal(object)
    """Emitted with the `BoxFilter` that a person chose."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[str] = []
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
        chip = button_with("", f"{MEANINGS[name]}\n{tooltips.SHOWN_REGIONS}\n{tooltips.LINES}")
        chip.setCheckable(True)
        chip.setChecked(True)
        chip.toggled.connect(lambda _on: self.changed.emit(self.wanted))
        return chip

    def _arrange(self) -> None:
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.score_words)
        line.addWidget(self.score, 1)
        self._grid.addLayout(line, len(self.chips), 0, 1, CHIPS_A_ROW)

    @property
    def wanted(self) -> BoxFilter:
        """What is to be shown."""
        hidden = frozenset(name for name, chip in self.chips.items() if not chip.isChecked())
        return BoxFilter(hidden, self.score.value() / 100)

    def reset(self) -> None:
        """Show everything."""
        self.blockSignals(True)
        for chip in self.chips.values():
            chip.setChecked(True)
        self.score.setValue(0)
        self.blockSignals(False)
        self.changed.emit(EVERYTHING)

    def set_colours(self, colours: Mapping[str, str]) -> None:
        """Draw the buttons in the colours of a palette."""
        for name, chip in self.chips.items():
            chip.setStyleSheet(CHIP.format(ground=GROUND, colour=colours[name]))

    def show_counts(self, names: Iterable[str], has_scores: bool) -> None:
        """Show how many boxes each colour has; the confidence only where boxes have one."""
        counts = dict.fromkeys(self.chips, 0)
        for name in names:
            counts[name] += 1
        hidden = self.wanted.hidden
        shown = [name for name in self.chips if counts[name] or name in hidden]
        for name, chip in self.chips.items():
            chip.setText(f"{LETTERS[name]}  {name} {counts[name]}")
        if shown != self._shown:
            self._shown = shown
            self._place_chips(shown)
        for widget in (self.score, self.score_words):
            widget.setVisible(has_scores)

    def _place_chips(self, shown: list[str]) -> None:
        for place, name in enumerate(shown):
            self._grid.addWidget(self.chips[name], place // CHIPS_A_ROW, place % CHIPS_A_ROW)
        for name, chip in self.chips.items():
            chip.setVisible(name in shown)

    def _on_score(self, value: int) -> None:
        self.score_words.setText(f"Confidence from {value / 100:.2f}")
        self.changed.emit(self.wanted)
