"""What the review page shows beside the canvas; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_alc.labels import Category
from napari_alc.plugin import review_keys
from napari_alc.plugin.parts import button_with, heading, primary, show_words, words
from napari_alc.plugin.review_parts import Legend, OpenBoxesBar, QueueTable

CATEGORY, KEYS = "category", "keys"
"""Places in the rows of buttons that hold something else."""

GRID = 6
"""Columns that rows of two and of three share."""

BUTTON_HEIGHT = 26

BUTTON_ROWS = (
    ("previous_box", "next_box"),
    ("keep", "delete"),
    ("draw", CATEGORY),
    ("undo", "redo", "whole_image"),
    ("hide_boxes", "contrast", KEYS),
    ("previous_image", "next_image"),
)
"""What stands side by side: commands, the category chooser, and the list of keys."""

CATEGORY_TIP = "The kind of object of the box at hand and of boxes you draw."


class ReviewPanel(QWidget):
    """Queue, task, box at hand and buttons."""

    category_chosen = Signal(int)
    """Emitted with the id of the category that a person chose."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = words()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.queue = QueueTable()
        self.task = heading("")
        self.task.setWordWrap(True)
        self.sentence = words()
        self.legend = Legend()
        self.title = heading("")
        self.title.setWordWrap(True)
        self.why = words()
        self.message = words()
        self.message.setStyleSheet("color: #ffb300; font-weight: bold;")
        self.ask_bar = OpenBoxesBar()
        self.category = QComboBox()
        self.category.setToolTip(CATEGORY_TIP)
        self.category.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.category.activated.connect(self._on_category)
        self._names: dict[int, str] = {}
        self.buttons = self._make_buttons()
        self._arrange()

    def _make_buttons(self) -> dict[str, QPushButton]:
        names = [name for row in BUTTON_ROWS for name in row if name in review_keys.COMMANDS]
        buttons = {
            name: button_with(review_keys.button_text(name), review_keys.tip(name))
            for name in names
        }
        buttons["done"] = primary(review_keys.button_text("done"), review_keys.tip("done"))
        for name in ("draw", "contrast"):
            buttons[name].setCheckable(True)
        return buttons

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addWidget(self.progress)
        layout.addWidget(self.bar)
        layout.addWidget(self.queue, 1)
        for widget in (self.task, self.sentence, self.legend, self.title, self.why):
            layout.addWidget(widget)
        layout.addWidget(self.message)
        layout.addWidget(self.ask_bar)
        layout.addLayout(self._button_grid())
        layout.addWidget(self.buttons["done"])

    def _button_grid(self) -> QGridLayout:
        keys = QLabel("<u>All keys</u>")
        keys.setAlignment(Qt.AlignmentFlag.AlignCenter)
        keys.setToolTip(review_keys.help_html())
        widgets: dict[str, QWidget] = {**self.buttons, CATEGORY: self.category, KEYS: keys}
        grid = QGridLayout()
        grid.setSpacing(4)
        for row, names in enumerate(BUTTON_ROWS):
            span = GRID // len(names)
            for place, name in enumerate(names):
                widgets[name].setMinimumHeight(BUTTON_HEIGHT)
                # the same width for all, however long their words
                widgets[name].setSizePolicy(
                    QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
                )
                grid.addWidget(widgets[name], row, place * span, 1, span)
        for column in range(GRID):
            grid.setColumnStretch(column, 1)
        return grid

    def connect_commands(
        self,
        actions: Mapping[str, Callable[[], None]],
        released: Mapping[str, Callable[[], None]],
    ) -> None:
        """Let the buttons do what their keys do."""
        for name, button in self.buttons.items():
            action = actions[name]
            if name in released:
                button.pressed.connect(action)
                button.released.connect(released[name])
            else:
                button.clicked.connect(lambda _checked=False, act=action: act())

    def ask(self, question: str) -> None:
        """Ask what the open boxes are, in the place of the box at hand."""
        self.show_box("", "")
        self.say("")
        self.ask_bar.ask(question)

    def say(self, text: str) -> None:
        """Show a message; an empty one takes no room."""
        show_words(self.message, text)

    def set_categories(self, categories: Sequence[Category]) -> None:
        """Offer these categories."""
        self._names = {category.id: category.name for category in categories}
        self.category.clear()
        key = f"[{review_keys.key_text('next_category')}]  " if len(categories) > 1 else ""
        for category in categories:
            self.category.addItem(f"{key}{category.name}", category.id)

    def show_category(self, category_id: int) -> None:
        """Show a category without choosing it."""
        self.category.setCurrentIndex(self.category.findData(category_id))

    def choose_next_category(self) -> None:
        """Choose the category after the one shown."""
        if self.category.count():
            self.category.setCurrentIndex(
                (self.category.currentIndex() + 1) % self.category.count()
            )
            self._on_category(self.category.currentIndex())

    def _on_category(self, index: int) -> None:
        self.category_chosen.emit(int(self.category.itemData(index)))

    def show_progress(self, text: str, done: int, total: int) -> None:
        """Show how far the queue is."""
        self.progress.setText(text)
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)

    def set_open(self, is_open: bool) -> None:
        """Offer the commands that need an image only when there is one."""
        for name, button in self.buttons.items():
            if name not in ("previous_image", "next_image"):
                button.setEnabled(is_open)
        self.category.setEnabled(is_open)
        self.legend.setVisible(is_open)
        if not is_open:
            self.show_box("", "")

    def show_task(self, title: str, sentence: str) -> None:
        """Say what is to be done with the image."""
        show_words(self.task, title)
        show_words(self.sentence, sentence)

    def show_box(self, title: str, why: str) -> None:
        """Show which box is at hand and why it is there."""
        show_words(self.title, title)
        show_words(self.why, why)

    def show_toggles(self, draws: bool, stretched: bool, has_contrast: bool) -> None:
        """Show which lasting commands are on."""
        self.buttons["draw"].setChecked(draws)
        self.buttons["contrast"].setChecked(stretched)
        self.buttons["contrast"].setEnabled(has_contrast)

    def category_name(self, category_id: int) -> str:
        """The name of a category."""
        return self._names.get(category_id, str(category_id))
