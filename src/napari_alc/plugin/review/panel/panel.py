"""What the review page shows beside the canvas; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QResizeEvent
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
from napari_alc.plugin import tooltips
from napari_alc.plugin.review.commands import COMMANDS
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.panel.bars import (
    CommandMenu,
    NoticeBar,
    OpenBoxesBar,
    PauseBar,
    SuggestionLegend,
)
from napari_alc.plugin.review.panel.filter_bar import FilterBar
from napari_alc.plugin.review.panel.queue_table import QueueTable
from napari_alc.plugin.review.panel.responsive import (
    ROOMY,
    EndScroll,
    Room,
    fit_on_screen,
    room_for,
    set_button_height,
)
from napari_alc.plugin.widgets.collapsible import WheelGuard
from napari_alc.plugin.widgets.controls import (
    ChoiceBox,
    button_with,
    heading,
    notice_words,
    primary,
    set_above,
    show_words,
    words,
)

CATEGORY, VIEW, MORE = "category", "view", "more"
"""Places in the rows of buttons that hold something else."""

GRID = 6
"""Columns that rows of two and of three share."""

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

SPANS = {"draw": 2, CATEGORY: 4}
"""Columns of what does not share its row evenly: names of categories are long."""

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
        self.message = notice_words()
        self.ask_bar, self.pause_bar = OpenBoxesBar(), PauseBar()
        self.category = self._make_category()
        self._categories: tuple[Category, ...] = ()
        self._names: dict[int, str] = {}
        self.menus = {name: CommandMenu(*parts) for name, parts in MENUS.items()}
        self.buttons = self._make_buttons()
        self.contrast = words("", tooltips.CONTRAST_WORDS)
        self._room: Room | None = None
        self._fit_later = QTimer(self)
        self._fit_later.setSingleShot(True)
        self._fit_later.setInterval(0)
        self._fit_later.timeout.connect(lambda: fit_on_screen(self.window()))
        self._arrange()
        self.refresh_keys()

    def _make_category(self) -> QComboBox:
        category = ChoiceBox(tooltips.CATEGORY)
        category.setAccessibleName("Category")
        category.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        category.activated.connect(self._on_category)
        return category

    def _make_buttons(self) -> dict[str, QPushButton]:
        names = [name for row in BUTTON_ROWS for name in row if name in COMMANDS]
        buttons = {name: button_with("") for name in names}
        buttons["done"] = primary("")
        buttons["draw"].setCheckable(True)
        return buttons

    def _arrange(self) -> None:
        self._grid = self._button_grid()
        self._scroll = EndScroll(self._scrolled_part())
        for bar in (self.ask_bar, self.pause_bar):
            self._scroll.reveal_when_shown(bar)
        last = QHBoxLayout()
        last.addWidget(self.buttons["done"], 1)
        for menu in self.menus.values():
            last.addWidget(menu)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 4)
        self._rows.addWidget(self._scroll, 1)
        # in sight in the smallest window
        self._rows.addLayout(last)
        self._rows.addWidget(self.contrast)
        self._guard_wheel()
        self._fit(ROOMY)

    def _scrolled_part(self) -> QWidget:
        """Queue, what is to be done with the image, filter, the box at hand, and buttons."""
        part = QWidget()
        self._lines = QVBoxLayout(part)
        self._lines.setContentsMargins(0, 4, 0, 0)
        self._lines.addWidget(self.progress)
        self._lines.addWidget(self.bar)
        self._lines.addWidget(self.queue, 1)
        image = (self.task, self.sentence, self.filter, self.banner)
        box = (self.title, self.why, self.suggestions)
        for widget in (*image, *box, self.message, self.ask_bar, self.pause_bar):
            self._lines.addWidget(widget)
        self._lines.addLayout(self._grid)
        return part

    def _button_grid(self) -> QGridLayout:
        widgets: dict[str, QWidget] = {**self.buttons, CATEGORY: self.category}
        grid = QGridLayout()
        for row, names in enumerate(BUTTON_ROWS):
            column = 0
            for name in names:
                span = SPANS.get(name, GRID // len(names))
                # the same width for all, however long their words
                widgets[name].setSizePolicy(
                    QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
                )
                grid.addWidget(widgets[name], row, column, 1, span)
                column += span
        for column in range(GRID):
            grid.setColumnStretch(column, 1)
        return grid

    def _guard_wheel(self) -> None:
        """Let the wheel scroll; a category that it changed would be a decision."""
        guard = WheelGuard(self)
        for field in (self.category, self.filter.score):
            field.installEventFilter(guard)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw together where there is little room."""
        super().resizeEvent(event)
        self._fit(room_for(event.size().height()))
        # not amid the layout of the window
        self._fit_later.start()

    def _fit(self, room: Room) -> None:
        if room == self._room:
            return
        self._room = room
        for rows in (self._rows, self._lines):
            rows.setSpacing(room.lines)
        self._grid.setSpacing(room.buttons)
        for place in range(self._grid.count()):
            set_button_height(self._grid.itemAt(place).widget(), room)
        for label in (self.task, self.title):
            set_above(label, room.above_heading)

    def refresh_keys(self) -> None:
        """Show the keys on the buttons as they are set now."""
        for name, button in self.buttons.items():
            button.setText(bindings.button_text(name))
            button.setToolTip(bindings.tip(name))
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
        if text:
            self._scroll.reveal(self.message)

    def set_categories(self, categories: Sequence[Category]) -> None:
        """Offer these categories."""
        self._categories = tuple(categories)
        self._names = {category.id: category.name for category in categories}
        shown = self.category.currentData()
        self.category.clear()
        key = f"[{bindings.key_text('next_category')}]  " if len(categories) > 1 else ""
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
