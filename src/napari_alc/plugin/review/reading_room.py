"""The review's own layout: the image has the window, and what was there before comes back.

While the review is in sight napari's panels on the left are hidden, and the window takes the
whole screen. Whoever wants it otherwise changes it there, by napari's menu Window and by the
window's frame, and finds it so the next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_alc.plugin import preferences
from napari_alc.plugin.napari_inside import main_window, show_welcome
from napari_alc.plugin.review.panel.responsive import room_on_screen
from napari_alc.plugin.widgets.controls import single_shot

LEFT = Qt.DockWidgetArea.LeftDockWidgetArea


@dataclass(frozen=True)
class Outside:
    """What comes back when the review is left: panels with their widths, and the rest."""

    docks: tuple[tuple[QDockWidget, int], ...]
    greets: bool
    is_maximised: bool


class ReadingRoom(QObject):
    """Gives the window of `viewer` to the image while `page` is in sight."""

    def __init__(self, viewer: Any, page: QWidget) -> None:
        super().__init__(page)
        self._viewer, self._page = viewer, page
        self._outside: Outside | None = None
        # Qt is still within the layout when it tells of a page
        self._later = single_shot(self, 0, self._follow)
        page.installEventFilter(self)

    @property
    def _window(self) -> QMainWindow:
        return main_window(self._viewer)

    @property
    def is_open(self) -> bool:
        """Whether the window is laid out for the review."""
        return self._outside is not None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the page; before napari closes, and stores its window, all is as it was."""
        if event.type() == QEvent.Type.Close and isinstance(watched, QMainWindow):
            self.leave()
            self._later.start()  # somebody may hold the window back
        elif event.type() in (QEvent.Type.Show, QEvent.Type.Hide) and watched is self._page:
            self._later.start()
        return False

    def _follow(self) -> None:
        if self._page.isVisible():
            self._enter()
        else:
            self.leave()

    def _enter(self) -> None:
        if self.is_open:
            return
        window, kept = self._window, preferences.docks()
        hidden = [dock for dock in _on_the_left(window) if dock.objectName() not in kept]
        self._outside = Outside(
            docks=tuple((dock, dock.width()) for dock in hidden),
            greets=show_welcome(self._viewer, False),
            is_maximised=window.isMaximized(),
        )
        for dock in hidden:
            dock.hide()
        if preferences.is_maximised() and not window.isFullScreen():
            window.showMaximized()
        window.layout().activate()  # napari's panels want more height than small screens have
        window.resize(window.width(), min(window.height(), room_on_screen(window)))
        window.installEventFilter(self)

    def leave(self) -> None:
        """Give back what was there before."""
        before, self._outside = self._outside, None
        if before is None:
            return
        window = self._window
        window.removeEventFilter(self)
        _remember(window)
        docks = [(dock, width) for dock, width in before.docks if isalive(dock)]
        for dock, _ in docks:
            dock.show()
        if docks:
            shown, widths = zip(*docks, strict=True)
            window.resizeDocks(list(shown), list(widths), Qt.Orientation.Horizontal)
        show_welcome(self._viewer, before.greets)
        if window.isMaximized() and not before.is_maximised:
            window.showNormal()


def _remember(window: QMainWindow) -> None:
    preferences.set_docks(dock.objectName() for dock in _on_the_left(window))
    if not window.isFullScreen():
        preferences.set_maximised(window.isMaximized())


def _on_the_left(window: QMainWindow) -> list[QDockWidget]:
    """The panels that are open on the window's left side; one behind another counts as open."""
    return [
        dock
        for dock in window.findChildren(QDockWidget)
        if window.dockWidgetArea(dock) == LEFT and not dock.isHidden() and not dock.isFloating()
    ]
