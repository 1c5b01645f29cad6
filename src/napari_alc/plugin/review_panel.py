"""What the review page shows beside the canvas; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_alc.labels import Category
from napari_alc.plugin import review_keys, tooltips
from napari_alc.plugin.filter_bar import FilterBar
from napari_alc.plugin.parts import button_with, heading, primary, scrolled, show_words, words
from napari_alc.plugin.queue_table import QueueTable
from napari_alc.plugin.review_parts import (
    CommandMenu,
    NoticeBar,
    OpenBoxesBar,
    PauseBar,
    SuggestionLegend,
)

CATEGORY, VIEW, MORE = "category", "view", "more"
"""Places in the rows of buttons that hold something else."""

GRID = 6
"""Columns that rows of two and of three share."""

BUTTON_HEIGHT = 26

BAR_REST_MS = 200
"""The bar follows the words once the next image has been drawn."""

BUTTON_ROWS = (
    ("previous_box", "next_box", "whole_image"),
    ("keep", "delete"),
    ("take_mp", "take_ma"),
    ("draw", CATEGORY),
    ("undo", "redo", "hide_boxes"),
    ("previous_image", "next_image"),
)
"""What stands side by side: commands, the category chooser, and the menus."""

MENUS = {
    VIEW: (
        "View",
        ("contrast", "darker", "brighter", "local_contrast", "labels", "palette"),
        tooltips.VIEW_MENU,
    ),
    MORE: ("More", ("pick_below", "pause", "help"), tooltips.MORE_MENU),
}

DECIDING = ("keep", "delete", "take_mp", "take_ma", "draw", "undo", "redo", "done")
"""Commands that change something."""

ALWAYS = ("previous_image", "next_image", "undo", "redo")
"""Commands that need no image."""


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
        self._done, self._total = 0, 1
        # a progress bar repaints the whole window at once, which the next image need not wait for
        self._bar_later = QTimer(self)
        self._bar_later.setSingleShot(True)
        self._bar_later.setInterval(BAR_REST_MS)
        self._bar_later.timeout.connect(self._fill_bar)
        self.queue = QueueTable()
        self.task = heading("")
        self.task.setWordWrap(True)
        self.sentence = words()
        self.banner = NoticeBar()
        self.filter = FilterBar()
        self.title = heading("")
        self.title.setWordWrap(True)
        self.why = words()
        self.suggestions = SuggestionLegend()
        self.message = words()
        self.message.setStyleSheet("color: #ffb300; font-weight: bold;")
        self.ask_bar, self.pause_bar = OpenBoxesBar(), PauseBar()
        self.category = self._make_category()
        self._categories: tuple[Category, ...] = ()
        self._names: dict[int, str] = {}
        self.menus = {name: CommandMenu(*parts) for name, parts in MENUS.items()}
        self.buttons = self._make_buttons()
        self.contrast = words("", tooltips.CONTRAST_WORDS)
        self._arrange()
        self.refresh_keys()

    def _make_category(self) -> QComboBox:
        category = QComboBox()
        category.setToolTip(tooltips.CATEGORY)
        category.setAccessibleName("Category")
        category.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        category.activated.connect(self._on_category)
        return category

    def _make_buttons(self) -> dict[str, QPushButton]:
        names = [name for row in BUTTON_ROWS for name in row if name in review_keys.COMMANDS]
        buttons = {name: button_with("") for name in names}
        buttons["done"] = primary("")
        buttons["draw"].setCheckable(True)
        return buttons

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(5)
        # the box at hand, messages and buttons are in sight in the smallest window
        layout.addWidget(scrolled(self._image_part()), 1)
        box = (self.title, self.why, self.suggestions)
        for widget in (self.banner, *box, self.message, self.ask_bar, self.pause_bar):
            layout.addWidget(widget)
        layout.addLayout(self._button_grid())
        last = QHBoxLayout()
        last.addWidget(self.buttons["done"], 1)
        for menu in self.menus.values():
            last.addWidget(menu)
        layout.addLayout(last)
        layout.addWidget(self.contrast)

    def _image_part(self) -> QWidget:
        """Queue, what is to be done with the image, and filter."""
        part = QWidget()
        layout = QVBoxLayout(part)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(self.progress)
        layout.addWidget(self.bar)
        layout.addWidget(self.queue, 1)
        for widget in (self.task, self.sentence, self.filter):
            layout.addWidget(widget)
        return part

    def _button_grid(self) -> QGridLayout:
        widgets: dict[str, QWidget] = {**self.buttons, CATEGORY: self.category}
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

    def refresh_keys(self) -> None:
        """Show the keys on the buttons as they are set now."""
        for name, button in self.buttons.items():
            button.setText(review_keys.button_text(name))
            button.setToolTip(review_keys.tip(name))
        for menu in self.menus.values():
            menu.refresh_keys()
        self.set_categories(self._categories)

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
        for menu in self.menus.values():
            menu.connect_commands(actions)
        self.pause_bar.go_on.clicked.connect(lambda _checked=False: actions["pause"]())

    def ask(self, question: str) -> None:
        """Ask what the open boxes are, in the place of the box at hand."""
        self.show_box("", "")
        self.say("")
        self.ask_bar.tell(question)

    def say(self, text: str) -> None:
        """Show a message; an empty one takes no room."""
        show_words(self.message, text)

    def set_categories(self, categories: Sequence[Category]) -> None:
        """Offer these categories."""
        self._categories = tuple(categories)
        self._names = {category.id: category.name for category in categories}
        shown = self.category.currentData()
        self.category.clear()
        key = f"[{review_keys.key_text('next_category')}]  " if len(categories) > 1 else ""
        for category in categories:
            self.category.addItem(f"{key}{category.name}", category.id)
        self.show_category(shown if shown in self._names else next(iter(self._names), 0))

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
        self._done, self._total = done, max(total, 1)
        self._bar_later.start()

    def _fill_bar(self) -> None:
        self.bar.setRange(0, self._total)
        self.bar.setValue(self._done)

    def set_open(self, is_open: bool, read_only: str, models_saw: bool) -> None:
        """Offer the commands that can be carried out.

        Parameters
        ----------
        is_open
            Whether an image is on the desk.
        read_only
            Why nothing can be changed; empty where it can.
        models_saw
            Whether there are models' boxes to be taken.
        """
        for name, button in self.buttons.items():
            usable = is_open or name in ALWAYS
            button.setEnabled(usable and not (read_only and name in DECIDING))
        for name in ("take_mp", "take_ma"):
            self.buttons[name].setVisible(models_saw)
        self.category.setEnabled(is_open and not read_only)
        self.filter.setVisible(is_open)
        self.contrast.setVisible(is_open)
        self.banner.tell(read_only)
        if not is_open:
            self.show_box("", "")
            self.suggestions.show_boxes(())

    def show_task(self, title: str, sentence: str) -> None:
        """Say what is to be done with the image."""
        show_words(self.task, title)
        show_words(self.sentence, sentence)

    def show_box(self, title: str, why: str) -> None:
        """Show which box is at hand and why it is there."""
        show_words(self.title, title)
        show_words(self.why, why)

    def show_view(self, draws: bool, contrast: str) -> None:
        """Show whether the next drag draws, and how the image is shown."""
        self.buttons["draw"].setChecked(draws)
        self.contrast.setText(f"Image: {contrast}.")

    def category_name(self, category_id: int) -> str:
        """The name of a category."""
        return self._names.get(category_id, str(category_id))
