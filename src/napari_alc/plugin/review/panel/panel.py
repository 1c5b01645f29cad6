"""What the review page shows beside the canvas; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtGui import QAction, QResizeEvent
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_alc.plugin import tooltips
from napari_alc.plugin.review.commands import COMMANDS, DEFAULT_KEYS, KeyTexts
from napari_alc.plugin.review.messages import flag_words
from napari_alc.plugin.review.panel.bars import (
    CategoryBox,
    CommandMenu,
    FilterBar,
    NoticeBar,
    Notices,
    OpenBoxesBar,
    PauseBar,
    SuggestionLegend,
)
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
    button_with,
    follow_theme,
    primary,
    set_heading,
    single_shot,
    stack_in,
)
from napari_alc.plugin.widgets.fixed_words import FixedWords
from napari_alc.project.storage.records import FlagKind, ImageFlag

CATEGORY, VIEW, MORE = "category", "view", "more"
"""Places in the rows of buttons that hold something else."""

GRID = 6
"""Columns that rows of two and of three share."""

BAR_REST_MS = 200
"""The bar follows the words once the next image has been drawn."""

BUTTON_ROWS = (
    ("previous_box", "next_box", "whole_image"),
    ("keep", "delete", "unsure"),
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
        ("contrast", "darker", "brighter", "local_contrast", "labels", "smooth", "palette"),
        tooltips.VIEW_MENU,
    ),
    MORE: (
        "More",
        ("keep_gray", "note", "pick_below", "skip", "pause", "help"),
        tooltips.MORE_MENU,
    ),
}

DECIDING = ("keep", "delete", "unsure", "take_mp", "take_ma", "draw", "undo", "redo", "done")
"""Commands that change something."""

ALWAYS = ("previous_image", "next_image", "undo", "redo")
"""Commands that need no image."""


class ReviewPanel(QWidget):
    """Queue, task, current box and buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = FixedWords(1)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self._done, self._total = 0, 1
        # a progress bar repaints the whole window at once, which the next image need not wait for
        self._bar_later = single_shot(self, BAR_REST_MS, self._fill_bar)
        self.queue = QueueTable()
        self.task, self.flag_words, self.sentence = FixedWords(1), FixedWords(1), FixedWords(1)
        self.banner = NoticeBar()
        self.flags: dict[FlagKind, QAction] = {}
        self.filter = FilterBar()
        self.title, self.why = FixedWords(1), FixedWords(ROOMY.reason_lines)
        self.suggestions = SuggestionLegend()
        self.message = FixedWords(ROOMY.message_lines)
        follow_theme(self.message, self.flag_words)
        self.ask_bar, self.pause_bar = OpenBoxesBar(), PauseBar()
        self._image = Notices(self._image_words(), self.banner)
        self._box = Notices(self._box_words(), self.pause_bar, self.ask_bar)
        self.category = CategoryBox()
        self.menus = {name: CommandMenu(*parts) for name, parts in MENUS.items()}
        self.buttons = self._make_buttons()
        self.contrast = FixedWords(1, "", tooltips.CONTRAST_WORDS)
        self._room: Room | None = None
        self._fit_later = single_shot(self, 0, lambda: fit_on_screen(self.window()))
        self._arrange()
        self.show_keys(DEFAULT_KEYS)

    def _make_buttons(self) -> dict[str, QPushButton]:
        names = [name for row in BUTTON_ROWS for name in row if name in COMMANDS]
        buttons = {name: button_with("") for name in names}
        buttons["done"] = primary("")
        buttons["draw"].setCheckable(True)
        return buttons

    def _arrange(self) -> None:
        self._grid = self._button_grid()
        self._scroll = EndScroll(self._scrolled_part())
        self._scroll.reveal_when_shown(self.ask_bar, self.pause_bar)
        last = QHBoxLayout()
        last.addWidget(self.buttons["done"], 1)
        for menu in self.menus.values():
            last.addWidget(menu)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 4)
        self._rows.addWidget(self._scroll, 1)
        # in sight in the smallest window
        self._rows.addLayout(last)
        canvas = QHBoxLayout()
        canvas.addWidget(self.contrast, 1)
        canvas.addWidget(self.suggestions)
        self._rows.addLayout(canvas)
        self._guard_wheel()
        self._fit(ROOMY)

    def _scrolled_part(self) -> QWidget:
        """Queue, what is to be done with the image, filter, the current box, and buttons."""
        part = QWidget()
        self._lines = QVBoxLayout(part)
        self._lines.setContentsMargins(0, 4, 0, 0)
        self._lines.addWidget(self.progress)
        self._lines.addWidget(self.bar)
        self._lines.addWidget(self.queue, 1)
        for widget in (self._image, self.filter, self._box, self.message):
            self._lines.addWidget(widget)
        self._lines.addLayout(self._grid)
        return part

    def _image_words(self) -> QWidget:
        """What is to be done with the image, what people say of it, and what the filter hides."""
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.task, 3)
        first.addWidget(self.flag_words, 2)
        second.addWidget(self.sentence, 1)
        second.addWidget(self.filter.hidden)
        part = QWidget()
        stack_in(part, first, second).setSpacing(2)
        return part

    def _box_words(self) -> QWidget:
        """Which box is the current one, and why it is there."""
        part = QWidget()
        stack = stack_in(part, self.title, self.why)
        stack.setSpacing(2)
        stack.addStretch()
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
            set_heading(label, room.above_heading)
        self.why.set_lines(room.reason_lines)
        self.message.set_lines(room.message_lines)

    def show_keys(self, keys: KeyTexts) -> None:
        """Write the keys on buttons, menus and categories."""
        self._keys = keys
        for name, button in self.buttons.items():
            button.setText(keys.button(name))
            button.setToolTip(keys.tip(name))
        for menu in self.menus.values():
            menu.show_keys(keys)
        self.category.show_keys(keys)
        self.ask_bar.show_keys(keys)

    def connect_commands(
        self, actions: Mapping[str, Callable[[], None]], released: Mapping[str, Callable[[], None]]
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

    def show_message(self, text: str) -> None:
        """Show a message; an empty one takes back the last."""
        self.message.setText(text)
        if text:
            self._scroll.reveal(self.message)

    def show_progress(self, text: str, done: int, total: int) -> None:
        """Show how far the queue is."""
        self.progress.setText(text)
        self._done, self._total = done, max(total, 1)
        self._bar_later.start()

    def _fill_bar(self) -> None:
        self.bar.setRange(0, self._total)
        self.bar.setValue(self._done)

    def set_open(self, is_open: bool, read_only: str) -> None:
        """Offer what can be carried out; `read_only` says why nothing can be changed."""
        for name, button in self.buttons.items():
            usable = is_open or name in ALWAYS
            button.setEnabled(usable and not (read_only and name in DECIDING))
        self.category.setEnabled(is_open and not read_only)
        self.filter.setVisible(is_open)
        self.banner.show_sentence(read_only)
        for entry in self.flags.values():
            entry.setEnabled(is_open and not read_only)
        if not is_open:
            self.show_flags(())
            self.show_box("", "")
            self.suggestions.show_boxes(())
            self.filter.show_hidden("")
            self.contrast.setText("")

    def show_takes(self, refusals: Mapping[str, str]) -> None:
        """Say why a command cannot be carried out on the current box; empty where it can."""
        for name, why in refusals.items():
            button, tip = self.buttons[name], self._keys.tip(name)
            button.setEnabled(button.isEnabled() and not why)
            button.setToolTip(f"{why}\n{tip}" if why else tip)

    def show_task(self, title: str, sentence: str) -> None:
        """Say what is to be done with the image."""
        self.task.setText(title)
        self.sentence.setText(sentence)

    def show_box(self, title: str, why: str) -> None:
        """Show which box is the current one and why it is there."""
        self.title.setText(title)
        self.why.setText(why)

    def add_flag(self, kind: FlagKind, toggle: Callable[[], None]) -> None:
        """Offer a flag on the image in the menu."""
        label, tip = tooltips.FLAGS[kind]
        entry = self.menus[MORE].add(label, tip, toggle)
        entry.setCheckable(True)
        self.flags[kind] = entry

    def show_flags(self, flags: Sequence[ImageFlag]) -> None:
        """Show what people say about the image as a whole."""
        kinds = {flag.kind for flag in flags}
        for kind, entry in self.flags.items():
            entry.setChecked(kind in kinds)
        self.flag_words.setText(flag_words(flags))

    def show_view(self, draws: bool, contrast: str) -> None:
        """Show whether the next drag draws, and how the image is shown."""
        self.buttons["draw"].setChecked(draws)
        self.contrast.setText(f"Image: {contrast}.")
