"""The parts of the review page: the question before leaving, the pause, menus of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout

from napari_alc.plugin import tooltips
from napari_alc.plugin.palettes import SUGGESTIONS
from napari_alc.plugin.review.commands import COMMANDS
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.panel import messages
from napari_alc.plugin.review.panel.filter_bar import GROUND
from napari_alc.plugin.widgets.controls import button_with, words
from napari_alc.project.annotation.document import ReviewBox
from napari_alc.wording import counted, form

PAUSED = "Paused. The clock stands until you go on."


class NoticeBar(QFrame):
    """A framed sentence that cannot be overlooked, with buttons.

    Parameters
    ----------
    buttons
        What can be answered.
    """

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

    def tell(self, sentence: str) -> None:
        """Show a sentence; an empty one hides the bar."""
        self.sentence.setText(sentence)
        self.setVisible(bool(sentence))


def open_question(still_open: int, hidden: int) -> str:
    """The question before an image is finished with open boxes.

    Parameters
    ----------
    hidden
        How many of the open boxes the filter hides: whoever answers does not see them.
    """
    question = messages.open_words(still_open)
    if not hidden:
        return question
    which = counted(hidden, "of them is", "of them are")
    if hidden == still_open:
        which = form(hidden, "It is", "All of them are")
    where = "hidden by your choice of colours and confidence"
    return f"{question} {which} {where}; “Go back” shows {form(hidden, 'it', 'them')}."


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
    """A button that opens a menu of commands with their keys.

    Parameters
    ----------
    label
        On the button.
    names
        Of the commands.
    tip
        What is in the menu.
    """

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
        self.refresh_keys()

    def refresh_keys(self) -> None:
        """Show the keys as they are set now."""
        for name, entry in self.entries.items():
            entry.setText(f"{COMMANDS[name].label}\t{bindings.key_text(name)}")
            entry.setToolTip(bindings.tip(name))

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
    """Whose the broken lines beside the box at hand are."""

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
