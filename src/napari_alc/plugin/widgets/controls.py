"""Small widgets that several pages use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QPaintEvent, QStandardItemModel
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

PRIMARY = """
QPushButton { background-color: #2a6fb0; color: white; font-weight: bold;
              padding: 6px 14px; border-radius: 4px; }
QPushButton:hover { background-color: #3277bb; }
QPushButton:pressed { background-color: #1f5789; }
QPushButton:disabled { background-color: #4a4f58; color: #a0a4ab; }
"""

ERROR = "color: white; background-color: #a62b2b; padding: 3px 5px; border-radius: 3px;"
"""Legible on napari's dark and light themes alike; no red text is legible on both."""

NOTICE_ON_DARK, NOTICE_ON_LIGHT = "#ffb300", "#7a4a00"
"""Amber text, each legible on the ground of one kind of theme."""

HALF = 128
"""Lightness of 255 that parts light colours from dark ones."""

CHOICE_MARGIN = 2
"""Pixels that Qt leaves free beside the text of a choice."""

HEADING_ABOVE = 6
"""Pixels above a heading."""

MOST_IMAGES = 1_000_000
"""Largest number that a field for images takes."""


def primary(text: str, tooltip: str = "") -> QPushButton:
    """The one prominent button of a place."""
    button = button_with(text, tooltip)
    button.setStyleSheet(PRIMARY)
    return button


def button_with(text: str, tooltip: str = "") -> QPushButton:
    """A button with its tooltip; keys stay with the canvas unless it is reached by Tab."""
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def heading(text: str) -> QLabel:
    """A heading within a page."""
    label = QLabel(text)
    set_heading(label, HEADING_ABOVE)
    return label


def set_heading(label: QLabel, above: int) -> None:
    """Write a label as a heading, so many pixels from what is above it."""
    label.setStyleSheet(f"font-weight: bold; font-size: 13px; margin-top: {above}px;")


def words(text: str = "", tooltip: str = "") -> QLabel:
    """Plain text that wraps and can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setToolTip(tooltip)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    label.setMinimumWidth(40)
    return label


def error_words() -> QLabel:
    """Text for what went wrong; hidden while it is empty."""
    label = words()
    label.setStyleSheet(ERROR)
    label.hide()
    return label


def notice_words() -> QLabel:
    """Text that must not be overlooked."""
    label = words()
    follow_theme(label)
    return label


def follow_theme(*labels: QLabel) -> None:
    """Write what must not be overlooked in amber that is legible on the present theme."""
    for label in labels:
        label.installEventFilter(ThemeFollower(label))


class ThemeFollower(QObject):
    """Gives notices the amber that suits the theme, whenever the theme changes."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Look at the theme before `watched` is drawn in it."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.StyleChange) and isinstance(
            watched, QLabel
        ):
            _colour_notice(watched)
        return False


def _colour_notice(label: QLabel) -> None:
    parent = label.parentWidget()
    if parent is None:
        return
    colour = NOTICE_ON_DARK if is_on_dark(parent) else NOTICE_ON_LIGHT
    style = f"color: {colour}; font-weight: bold;"
    if style != label.styleSheet():
        label.setStyleSheet(style)


def is_on_dark(widget: QWidget) -> bool:
    """Whether a widget stands on one of napari's dark themes."""
    # The ground may be somebody else's; the theme's own letters are as far from it as can be.
    return bool(widget.palette().color(widget.foregroundRole()).lightness() >= HALF)


def show_words(label: QLabel, text: str) -> None:
    """Set the text; a label without text takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def keep_room(*widgets: QWidget) -> None:
    """Let widgets take their room while they are hidden too, so that nothing moves."""
    for widget in widgets:
        policy = widget.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        widget.setSizePolicy(policy)


def row_of(*widgets: QWidget) -> QHBoxLayout:
    """Widgets beside each other, at the left."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return row


def stack_in(parent: QWidget, *parts: QWidget | QLayout) -> QVBoxLayout:
    """Fill `parent` to its edges with widgets and layouts one below the other."""
    stack = QVBoxLayout(parent)
    stack.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QWidget):
            stack.addWidget(part)
        else:
            stack.addLayout(part)
    return stack


def choice_of(texts: Mapping[str, str], tooltip: str) -> QComboBox:
    """A choice among texts, each with its name as its data."""
    choice = QComboBox()
    choice.setToolTip(tooltip)
    for name, text in texts.items():
        choice.addItem(text, name)
    return choice


def enable_choice(choice: QComboBox, name: str, is_enabled: bool, why_not: str = "") -> None:
    """Let a text of `choice_of` be chosen, or not, with the reason as its tooltip."""
    model = choice.model()
    if isinstance(model, QStandardItemModel):
        item = model.item(choice.findData(name))
        item.setEnabled(is_enabled)
        item.setToolTip("" if is_enabled else why_not)


def number_of_images(least: int, value: int, tooltip: str) -> QSpinBox:
    """A field for a number of images, or of what takes some."""
    box = QSpinBox()
    box.setRange(least, MOST_IMAGES)
    box.setValue(value)
    box.setToolTip(tooltip)
    return box


# Not superqt's debouncer, which cannot say whether it still waits: what takes pictures asks that.
def single_shot(parent: QObject, milliseconds: int, action: Callable[[], None]) -> QTimer:
    """A timer that does something once, so long after its last start."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(action)
    return timer


def scrolled(widget: QWidget) -> QScrollArea:
    """`widget`, reachable on small screens too."""
    area = QScrollArea()
    scroll_in(area, widget)
    return area


def scroll_in(area: QScrollArea, widget: QWidget) -> None:
    """Let `area` show `widget` in its own width."""
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


class ChoiceBox(QComboBox):
    """A choice whose text ends in dots where it is cut; its tooltip says the whole text too."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self._tooltip = tooltip
        self.currentTextChanged.connect(self._tell)
        self._tell("")

    @property
    def shown_text(self) -> str:
        """The text as far as there is room for it."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        control = QStyle.ComplexControl.CC_ComboBox
        room = self.style().subControlRect(control, option, field, self).width()
        cut = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room - CHOICE_MARGIN
        )
        return str(cut)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw it as ever, but for the text."""
        painter = QStylePainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def _tell(self, text: str) -> None:
        self.setToolTip(f"{text}\n{self._tooltip}" if text else self._tooltip)


# Not magicgui's FileEdit: it offers either files or folders, and tells of every letter typed.
class PathRow(QWidget):
    """A path to type or to choose, in dialogs with a title: a file where there is a filter."""

    changed = Signal()
    """Emitted when the path was chosen or its typing is finished."""

    def __init__(self, title: str, file_filter: str = "", folder: bool = True, tooltip: str = ""):
        super().__init__()
        self._title, self._filter = title, file_filter
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.line = QLineEdit()
        self.line.setToolTip(tooltip)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line.editingFinished.connect(self.changed)
        row.addWidget(self.line)
        if file_filter:
            self.file_button = button_with("File…", tooltip)
            self.file_button.clicked.connect(self._choose_file)
            row.addWidget(self.file_button)
        if folder:
            self.folder_button = button_with("Folder…", tooltip)
            self.folder_button.clicked.connect(self._choose_folder)
            row.addWidget(self.folder_button)

    @property
    def path(self) -> Path | None:
        """What is entered, or None."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path | str) -> None:
        """Enter a path as if it had been chosen."""
        self.line.setText(str(path))
        self.changed.emit()

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self._title, self._start(), self._filter)
        if chosen:
            self.set_path(chosen)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._title, self._start())
        if chosen:
            self.set_path(chosen)

    def _start(self) -> str:
        return self.line.text().strip() or str(Path.home())
