"""The parts of the review page: filter, question before leaving, pause, menus of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction, QShowEvent
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_alc.labels import Category
from napari_alc.plugin import tooltips
from napari_alc.plugin.palettes import COLOURS, LETTERS, SUGGESTIONS
from napari_alc.plugin.review.commands import CATEGORY_COMMANDS, COMMANDS, DEFAULT_KEYS, KeyTexts
from napari_alc.plugin.review.state import BoxFilter
from napari_alc.plugin.widgets.controls import ChoiceBox, button_with, keep_room
from napari_alc.plugin.widgets.fixed_words import FixedWords
from napari_alc.project.storage.records import ReviewBox

GROUND = "#15181d"
"""The colours are chosen for a dark ground, whatever napari's theme."""

HIDDEN = "#8a9099"
"""Of what is not shown."""

CHIPS_A_ROW = 4
"""Buttons beside each other; the confidence takes what they leave of the last row."""

LEAST_SLIDER = 40
"""Pixels of its width."""

CHIP = """
QPushButton {{ background: {ground}; color: {colour}; border: 1px solid {colour};
               border-radius: 4px; padding: 2px 4px; text-align: left; }}
QPushButton:checked {{ font-weight: bold; text-decoration: none; }}
QPushButton:!checked {{ color: {hidden}; border: 1px dashed {hidden};
                        text-decoration: line-through; }}
QPushButton:focus {{ border-width: 2px; }}
"""

NOTICE_LINES = 2
"""Of the sentence of a notice."""

NO_LINES = "&nbsp;"
"""As high as words."""

AMBER = "background: #ffbf00; color: #000000; font-weight: bold; padding: 1px 6px;"
"""Of what must not be overlooked, in every theme."""


class FilterBar(QFrame):
    """Legend and filter in one: a button a colour, and the least confidence shown."""

    changed = Signal(object)
    """Emitted with the `BoxFilter` that a person chose."""

    def __init__(self) -> None:
        super().__init__()
        self.chips = {name: self._chip(name) for name in COLOURS}
        self.score = QSlider(Qt.Orientation.Horizontal)
        self.score.setRange(0, 100)
        self.score.setMinimumWidth(LEAST_SLIDER)
        self.score.setToolTip(tooltips.LEAST_SCORE)
        self.score.setAccessibleName("Least confidence shown")
        self.score.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.score.valueChanged.connect(self._on_score)
        self.hidden = QLabel()
        self.hidden.setStyleSheet(AMBER)
        self.hidden.setToolTip(tooltips.SHOWN_REGIONS)
        # as high as what it is put beside, where it cannot be overlooked
        self.hidden.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.hidden.hide()
        self.score_words = QLabel()
        self.score_words.setToolTip(tooltips.LEAST_SCORE)
        keep_room(self, self.score, self.score_words, *self.chips.values())
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
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for place, chip in enumerate(self.chips.values()):
            grid.addWidget(chip, *divmod(place, CHIPS_A_ROW))
        line = QHBoxLayout()
        line.addWidget(self.score_words)
        line.addWidget(self.score, 1)
        row, column = divmod(len(self.chips), CHIPS_A_ROW)
        grid.addLayout(line, row, column, 1, CHIPS_A_ROW - column)
        for column in range(CHIPS_A_ROW):
            grid.setColumnStretch(column, 1)

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
        for name, chip in self.chips.items():
            chip.setText(f"{LETTERS[name]} {name} {counts[name]}")
            chip.setVisible(bool(counts[name]) or name in hidden)
        for widget in (self.score, self.score_words):
            widget.setVisible(has_scores)

    def show_hidden(self, text: str) -> None:
        """Say how many boxes are hidden; an empty text takes no room."""
        self.hidden.setText(text)
        self.hidden.setVisible(bool(text))

    def _on_score(self, value: int) -> None:
        self.score_words.setText(f"Confidence ≥ {value / 100:.2f}")
        self.changed.emit(self.wanted)


class NoticeBar(QFrame):
    """A framed sentence that cannot be overlooked, with the buttons that answer it."""

    changed = Signal()
    """Emitted when another sentence is to be shown."""

    def __init__(self, buttons: Sequence[QPushButton] = ()) -> None:
        super().__init__()
        self.setObjectName("noticeBar")
        self.setStyleSheet(
            "#noticeBar { border: 1px solid #b57600; border-radius: 4px; }"
            "#noticeBar QLabel { font-weight: bold; }"
        )
        self.sentence = FixedWords(NOTICE_LINES)
        row = QHBoxLayout()
        for button in buttons:
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 3, 6, 3)
        layout.setSpacing(4)
        layout.addWidget(self.sentence)
        layout.addLayout(row)

    def show_sentence(self, sentence: str) -> None:
        """Show a sentence; with an empty one, it shows what it stands in the place of."""
        self.sentence.setText(sentence)
        self.changed.emit()


class Notices(QStackedWidget):
    """What is told as a rule, or in its place the first of some notices that has a sentence.

    It is as high as the highest of them, whatever it shows.
    """

    def __init__(self, usual: QWidget, *notices: NoticeBar) -> None:
        super().__init__()
        self._usual, self._notices = usual, notices
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for page in (usual, *notices):
            self.addWidget(page)
        for notice in notices:
            notice.changed.connect(self._choose)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Measure what is not shown yet in the letters that it will have."""
        super().showEvent(event)
        for part in self.findChildren(QWidget):
            part.ensurePolished()
        for page in (self._usual, *self._notices):
            page.layout().activate()
        self.updateGeometry()

    def _choose(self) -> None:
        told = (notice for notice in self._notices if notice.sentence.text())
        self.setCurrentWidget(next(told, self._usual))


class OpenBoxesBar(NoticeBar):
    """Asks, within the page, what the boxes still open are."""

    def __init__(self) -> None:
        self.keep_all = button_with("", tooltips.KEEP_ALL)
        self.delete_all = button_with("", tooltips.DELETE_ALL)
        self.go_back = button_with("", tooltips.GO_BACK)
        super().__init__((self.keep_all, self.delete_all, self.go_back))
        self.show_keys(DEFAULT_KEYS)

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the keys that answer on the buttons."""
        for button, label, name in (
            (self.keep_all, "Keep all", "keep"),
            (self.delete_all, "Delete all", "delete"),
            (self.go_back, "Go back", "stop_drawing"),
        ):
            button.setText(f"{label}  [{keys.first(name)}]")


class PauseBar(NoticeBar):
    """Says that the clock stands."""

    def __init__(self) -> None:
        self.go_on = button_with("Go on", tooltips.GO_ON)
        super().__init__((self.go_on,))


class CommandMenu(QPushButton):
    """A button that opens a menu of the commands `names`, with their keys."""

    def __init__(self, label: str, names: Iterable[str], tip: str) -> None:
        super().__init__()
        self.setText(label)
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)
        self.entries = {name: menu.addAction("") for name in names}
        self.show_keys(DEFAULT_KEYS)

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the keys beside the commands."""
        for name, entry in self.entries.items():
            entry.setText(f"{COMMANDS[name].label}\t{keys.first(name)}")
            entry.setToolTip(keys.tip(name))

    def add(self, label: str, tip: str, action: Callable[[], None]) -> QAction:
        """Add something that has no key."""
        entry: QAction = self.menu().addAction(label)
        entry.setToolTip(tip)
        entry.triggered.connect(lambda _checked=False: action())
        return entry

    def connect_commands(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """Let the entries do what their keys do."""
        for name, entry in self.entries.items():
            entry.triggered.connect(lambda _checked=False, act=actions[name]: act())


class SuggestionLegend(QLabel):
    """Whose the broken lines beside the current box are."""

    def __init__(self) -> None:
        super().__init__(NO_LINES)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setStyleSheet(f"background: {GROUND}; padding: 2px 4px; border-radius: 4px;")
        keep_room(self)
        self.hide()

    def show_boxes(self, boxes: Iterable[ReviewBox]) -> None:
        """Name the lines of these suggestions."""
        sources = {box.source for box in boxes}
        shown = [style for source, style in SUGGESTIONS.items() if source in sources]
        lines = [f'<span style="color:{s.colour}">{s.sign} {s.name}</span>' for s in shown]
        self.setText(" &nbsp; ".join(lines) or NO_LINES)
        self.setToolTip("\n".join(f"{s.sign}  {s.meaning}" for s in shown))
        self.setVisible(bool(lines))


class CategoryBox(ChoiceBox):
    """Shows the category of the current box, and gives it another one."""

    chosen = Signal(int)
    """Emitted with the id of the category that a person chose."""

    def __init__(self) -> None:
        super().__init__(tooltips.CATEGORY)
        self._categories: tuple[Category, ...] = ()
        self._read_keys(DEFAULT_KEYS)
        self.setAccessibleName("Category")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.activated.connect(self._on_choice)

    def set_categories(self, categories: Sequence[Category]) -> None:
        """Offer these categories."""
        self._categories = tuple(categories)
        shown = self.currentData()
        self.clear()
        for number, category in enumerate(categories):
            key = self._keys[number] if number < len(self._keys) else self._next_key
            self.addItem(
                f"[{key}]  {category.name}" if categories[1:] else category.name, category.id
            )
        ids = [category.id for category in categories]
        self.show_category(shown if shown in ids else next(iter(ids), 0))

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the key beside the categories."""
        self._read_keys(keys)
        self.set_categories(self._categories)

    def _read_keys(self, keys: KeyTexts) -> None:
        self._keys = [keys.first(name) for name in CATEGORY_COMMANDS]
        self._next_key = keys.first("next_category")

    def show_category(self, category_id: int) -> None:
        """Show a category without choosing it."""
        self.setCurrentIndex(self.findData(category_id))

    def choose_next(self) -> None:
        """Choose the category after the one shown."""
        if self.count():
            self.setCurrentIndex((self.currentIndex() + 1) % self.count())
            self._on_choice(self.currentIndex())

    def choose(self, number: int) -> bool:
        """Choose a category by its number from 0; whether there is one to choose."""
        is_there = bool(1 < self.count() > number)
        if is_there:
            self.setCurrentIndex(number)
            self._on_choice(number)
        return is_there

    def _on_choice(self, index: int) -> None:
        self.chosen.emit(int(self.itemData(index)))
