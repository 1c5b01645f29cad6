"""The parts of the review page: the question before leaving, the pause, menus of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout

from napari_alc.labels import Category
from napari_alc.plugin import tooltips
from napari_alc.plugin.palettes import SUGGESTIONS
from napari_alc.plugin.review.commands import COMMANDS, DEFAULT_KEYS, KeyTexts
from napari_alc.plugin.review.panel.filter_bar import GROUND
from napari_alc.plugin.widgets.controls import ChoiceBox, button_with, words
from napari_alc.project.storage.records import ReviewBox


class NoticeBar(QFrame):
    """A framed sentence that cannot be overlooked, with the buttons that answer it."""

    def __init__(self, buttons: Sequence[QPushButton] = ()) -> None:
        super().__init__()
        self.setObjectName("noticeBar")
        self.setStyleSheet(
            "#noticeBar { border: 1px solid #b57600; border-radius: 4px; }"
            "#noticeBar QLabel { font-weight: bold; }"
        )
        self.sentence = words()
        row = QHBoxLayout()
        for button in buttons:
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.sentence)
        layout.addLayout(row)
        self.hide()

    def show_sentence(self, sentence: str) -> None:
        """Show a sentence; an empty one hides the bar."""
        self.sentence.setText(sentence)
        self.setVisible(bool(sentence))


class OpenBoxesBar(NoticeBar):
    """Asks, within the page, what the boxes still open are."""

    def __init__(self) -> None:
        self.keep_all = button_with("Keep them all", tooltips.KEEP_ALL)
        self.delete_all = button_with("Delete them all", tooltips.DELETE_ALL)
        self.go_back = button_with("Go back", tooltips.GO_BACK)
        super().__init__((self.keep_all, self.delete_all, self.go_back))


class PauseBar(NoticeBar):
    """Says that the clock stands."""

    def __init__(self) -> None:
        self.go_on = button_with("Go on", tooltips.GO_ON)
        super().__init__((self.go_on,))


class CommandMenu(QPushButton):
    """A button that opens a menu of the commands `names`, with their keys."""

    def __init__(self, label: str, names: Iterable[str], tip: str) -> None:
        super().__init__()
        self._names = tuple(names)
        self.setText(label)
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)
        self.entries = {name: menu.addAction("") for name in self._names}
        self.show_keys(DEFAULT_KEYS)

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the keys beside the commands."""
        for name, entry in self.entries.items():
            entry.setText(f"{COMMANDS[name].label}\t{keys.first(name)}")
            entry.setToolTip(keys.tip(name))

    def add(self, label: str, tip: str, action: Callable[[], None]) -> None:
        """Add something that has no key."""
        entry = self.menu().addAction(label)
        entry.setToolTip(tip)
        entry.triggered.connect(lambda _checked=False: action())

    def connect_commands(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """Let the entries do what their keys do."""
        for name, entry in self.entries.items():
            entry.triggered.connect(lambda _checked=False, act=actions[name]: act())


class SuggestionLegend(QLabel):
    """Whose the broken lines beside the current box are."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setStyleSheet(f"background: {GROUND}; padding: 3px; border-radius: 4px;")

    def show_boxes(self, boxes: Iterable[ReviewBox]) -> None:
        """Name the lines of these suggestions; without any it takes no room."""
        sources = {box.source for box in boxes}
        lines = [
            f'<span style="color:{style.colour}">{style.sign} {style.meaning}</span>'
            for source, style in SUGGESTIONS.items()
            if source in sources
        ]
        self.setText(" &nbsp; ".join(lines))
        self.setVisible(bool(lines))


class CategoryBox(ChoiceBox):
    """Shows the category of the current box, and gives it another one."""

    chosen = Signal(int)
    """Emitted with the id of the category that a person chose."""

    def __init__(self) -> None:
        super().__init__(tooltips.CATEGORY)
        self._categories: tuple[Category, ...] = ()
        self._key = DEFAULT_KEYS.first("next_category")
        self.setAccessibleName("Category")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.activated.connect(self._on_choice)

    def set_categories(self, categories: Sequence[Category]) -> None:
        """Offer these categories."""
        self._categories = tuple(categories)
        shown = self.currentData()
        self.clear()
        key = f"[{self._key}]  " if len(categories) > 1 else ""
        for category in categories:
            self.addItem(f"{key}{category.name}", category.id)
        ids = [category.id for category in categories]
        self.show_category(shown if shown in ids else next(iter(ids), 0))

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the key beside the categories."""
        self._key = keys.first("next_category")
        self.set_categories(self._categories)

    def show_category(self, category_id: int) -> None:
        """Show a category without choosing it."""
        self.setCurrentIndex(self.findData(category_id))

    def choose_next(self) -> None:
        """Choose the category after the one shown."""
        if self.count():
            self.setCurrentIndex((self.currentIndex() + 1) % self.count())
            self._on_choice(self.currentIndex())

    def _on_choice(self, index: int) -> None:
        self.chosen.emit(int(self.itemData(index)))
