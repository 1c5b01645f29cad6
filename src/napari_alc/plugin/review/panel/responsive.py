"""How the review's panel fits into small windows and screens: it draws together, then scrolls."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QWidget

from napari_alc.plugin.widgets.controls import scroll_in, single_shot

NAPARI_DOCKS = ("layer controls", "layer list")
"""Names of napari's own docks, which lie one above the other and make its window high."""

BUTTON_PADDING = 4
"""Pixels above and below the letters of a button in napari's style."""

LARGEST_HEIGHT = 16777215
"""Qt's own bound."""


@dataclass(frozen=True)
class Room:
    """Pixels between the panel's rows and buttons, least ones of a button, and above a heading.

    Texts have so many lines, needed or not.
    """

    lines: int
    buttons: int
    button_height: int
    above_heading: int
    reason_lines: int
    message_lines: int


ROOMY = Room(lines=5, buttons=4, button_height=26, above_heading=6, reason_lines=4, message_lines=3)
TIGHT = Room(lines=3, buttons=2, button_height=24, above_heading=0, reason_lines=3, message_lines=2)
TIGHTEST = replace(TIGHT, lines=2)

ROOMY_FROM, TIGHT_FROM = 700, 500
"""Heights of the panel in pixels: windows of 900, 720 and 540 have one room each."""


def room_for(height: int) -> Room:
    """The room that a panel of some height has."""
    if height >= ROOMY_FROM:
        return ROOMY
    return TIGHT if height >= TIGHT_FROM else TIGHTEST


def set_button_height(button: QWidget, room: Room) -> None:
    """Make a button as high as its letters and the room want it."""
    height = max(room.button_height, button.fontMetrics().height() + 2 * BUTTON_PADDING)
    button.setMinimumHeight(height)
    # napari's style asks for more than its letters need
    button.setMaximumHeight(LARGEST_HEIGHT if room is ROOMY else height)


def room_on_screen(window: QWidget) -> int:
    """How high a window can be on its screen in pixels, without its frame."""
    frame = window.frameGeometry().height() - window.height()
    return int(window.screen().availableGeometry().height() - frame)


def fit_on_screen(window: QWidget) -> None:
    """Put napari's own docks behind each other where the window is too high for its screen.

    napari itself wants more than 500 pixels; a window that ends below the screen would take
    the panel's last buttons with it.
    """
    room = room_on_screen(window)
    if not isinstance(window, QMainWindow) or window.minimumSizeHint().height() <= room:
        return
    docks = [window.findChild(QDockWidget, name) for name in NAPARI_DOCKS]
    shown = [dock for dock in docks if dock is not None and dock.isVisible()]
    if len(shown) < len(docks) or window.tabifiedDockWidgets(shown[0]):
        return
    if any(dock.isFloating() for dock in shown):
        return
    window.tabifyDockWidget(*shown)
    shown[0].raise_()
    window.layout().activate()
    window.resize(window.width(), min(window.height(), room))


class EndScroll(QScrollArea):
    """Shows the lower end of what is too high for it, until somebody scrolls elsewhere."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        scroll_in(self, content)
        self._is_at_end = True
        self._asked: QWidget | None = None
        self._later = single_shot(self, 0, self._show_asked)
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.actionTriggered.connect(self._on_scrolled)

    def reveal(self, widget: QWidget) -> None:
        """Bring a part into sight once everything is laid out."""
        self._asked = widget
        self._later.start()

    def reveal_when_shown(self, *widgets: QWidget) -> None:
        """Bring parts into sight whenever they are shown."""
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that a part is shown."""
        if event.type() == QEvent.Type.Show and isinstance(watched, QFrame):
            self.reveal(watched)
        return bool(super().eventFilter(watched, event))

    def _show_asked(self) -> None:
        if self._asked is not None and not _is_whole(self._asked):
            self._is_at_end = True
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())
            self.ensureWidgetVisible(self._asked, 0, 0)

    def _on_range(self, _lowest: int, highest: int) -> None:
        if self._is_at_end:
            self.verticalScrollBar().setValue(highest)

    def _on_scrolled(self) -> None:
        bar = self.verticalScrollBar()
        self._is_at_end = bar.sliderPosition() >= bar.maximum()


def _is_whole(widget: QWidget) -> bool:
    """Whether all of a widget is in sight."""
    return bool(widget.visibleRegion().boundingRect() == widget.rect())
