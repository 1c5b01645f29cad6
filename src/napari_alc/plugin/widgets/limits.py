"""Fields for numbers that say in words why a number is not taken.

Left to themselves, Qt's swallow the digits that lead beyond their limits, and superqt's put the
limit in the place of what was typed.
"""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDoubleSpinBox, QLayout, QWidget

from napari_alc.plugin.widgets.controls import error_words, show_words, stack_in
from napari_alc.wording import counted

_Kind, _Key = QEvent.Type, Qt.Key

ENDING = frozenset({_Kind.FocusOut, _Kind.MouseButtonPress, _Kind.Wheel})
"""Events that end the typing, as some keys do."""

ENDING_KEYS = frozenset(
    {
        _Key.Key_Return,
        _Key.Key_Enter,
        _Key.Key_Up,
        _Key.Key_Down,
        _Key.Key_PageUp,
        _Key.Key_PageDown,
    }
)


def images_words(images: int) -> str:
    """Why no field takes more images than these."""
    return f"The project has {counted(images, 'image')}."


class LimitedField(QWidget):
    """A field for a number, with room for a sentence below it.

    Any number can be typed. One beyond the limits is told at once and not taken: the field goes
    back to the number before when the typing ends. `field` is a spin box of Qt or of superqt;
    `row` is what it stands in, None for nothing.
    """

    def __init__(self, field: Any, row: QLayout | None = None) -> None:
        super().__init__()
        self.field = field
        self._most, self._why = field.maximum(), ""
        self.problem = error_words()
        # else the digits of a number that is not taken would be taken one by one
        field.setKeyboardTracking(False)
        self._line = field.lineEdit()
        self._line.setValidator(None)
        self._line.textEdited.connect(self._on_typed)
        field.valueChanged.connect(lambda _value: show_words(self.problem, ""))
        field.installEventFilter(self)
        stack_in(self, field if row is None else row, self.problem)

    def set_most(self, most: int, why: str, stored: int | None = None) -> None:
        """Take no number above `most`, for a reason in a sentence.

        What is `stored` may stay there; None for what the field shows.
        """
        self._most, self._why = most, why
        self.field.setMaximum(max(most, int(self.field.value()) if stored is None else stored))

    def take(self) -> bool:
        """Take what is typed though the typing has not ended; whether it can be taken."""
        is_taken = self._end()
        if is_taken:
            self.field.interpretText()
        return is_taken

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Put the number back where the typing ends with one that is not taken."""
        ends = event.type() in ENDING
        if event.type() == _Kind.KeyPress and isinstance(event, QKeyEvent):
            ends = event.key() in ENDING_KEYS
        if ends:
            self._end()
        return False

    def _end(self) -> bool:
        refusal = self._refusal(self._line.text())
        if refusal:
            show_words(self.problem, refusal)
            self._line.setText(self._written(self.field.value()))
        return not refusal

    def _on_typed(self, text: str) -> None:
        show_words(self.problem, self._refusal(text))

    def _refusal(self, text: str) -> str:
        field, typed = self.field, text.strip()
        if not typed or typed == field.specialValueText():
            return ""
        number = self._number(typed)
        if math.isnan(number):
            kind = "a number" if isinstance(field, QDoubleSpinBox) else "a whole number"
            return f"“{typed}” is not taken: enter {kind}, {self._limits}."
        if field.minimum() <= number <= self._most or number == field.value():
            return ""
        said = f"{typed} is not taken: {self._limits} can be entered."
        stays = f"It stays {self._written(field.value())}."
        return " ".join(part for part in (said, self._why, stays) if part)

    @property
    def _limits(self) -> str:
        least, special = self.field.minimum(), self.field.specialValueText()
        if special:
            least += self.field.singleStep()
        form = ".2f" if isinstance(self.field, QDoubleSpinBox) else ",d"
        limits = f"{least:{form}} to {self._most:{form}}"
        return f"{special}, or {limits}" if special else limits

    def _written(self, value: float) -> str:
        if value == self.field.minimum() and self.field.specialValueText():
            return str(self.field.specialValueText())
        is_share = isinstance(self.field, QDoubleSpinBox)
        return str(self.field.textFromValue(value) if is_share else value)

    def _number(self, typed: str) -> float:
        """What was typed, in the computer's language or with a full stop; NaN for no number."""
        bare = typed.replace(self.field.locale().groupSeparator(), "")
        number, is_number = self.field.locale().toDouble(bare)
        if not is_number:
            number, is_number = self.field.locale().c().toDouble(bare)
        is_whole = isinstance(self.field, QDoubleSpinBox) or float(number).is_integer()
        return float(number) if is_number and is_whole else math.nan
