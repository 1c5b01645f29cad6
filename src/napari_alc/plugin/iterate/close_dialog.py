"""What becomes of a running job when napari or the dock widget is closed: the person is asked."""

from __future__ import annotations

from enum import Enum

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QAbstractButton, QDockWidget, QMainWindow, QMessageBox, QWidget

from napari_alc.plugin.iterate.job_monitor import JobWatch

CLOSE_BUTTON = "QTitleBarCloseButton"
"""What napari calls the × of a dock widget."""

WORDS = (
    "It can go on without napari: open the project again later, and you find it here with its "
    "progress. Stopped, it keeps everything that it has finished."
)


class Answer(Enum):
    """What becomes of the job."""

    LEAVE = "Leave it running"
    STOP = "Stop it"
    STAY = "Do not close"


class CloseQuestion(QObject):
    """Asks before the window or the dock of `owner` closes while a job runs.

    `watch` lets go of the job where it is to go on alone.
    """

    def __init__(self, owner: QWidget, watch: JobWatch) -> None:
        super().__init__(owner)
        self._owner, self._watch = owner, watch
        self._closing: QMainWindow | None = None
        watch.left.connect(self._close_now)
        watch.ended.connect(self._close_now)

    def attach(self) -> None:
        """Watch the window and the dock that the owner is in now."""
        parent = self._owner.parentWidget()
        while parent is not None:
            if isinstance(parent, (QMainWindow, QDockWidget)):
                parent.removeEventFilter(self)
                parent.installEventFilter(self)
            if isinstance(parent, QDockWidget):
                self._attach_cross(parent)
            parent = parent.parentWidget()

    def _attach_cross(self, dock: QDockWidget) -> None:
        for button in dock.findChildren(QAbstractButton, CLOSE_BUTTON):
            button.removeEventFilter(self)
            button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stop an event that closes something until the person has answered."""
        if isinstance(watched, QMainWindow) and event.type() == QEvent.Type.Close:
            return self._hold_back(watched, event)
        if isinstance(watched, QDockWidget) and event.type() == QEvent.Type.ChildPolished:
            self._attach_cross(watched)  # napari makes a new title bar whenever the dock moves
        if isinstance(watched, QAbstractButton) and _is_click(watched, event):
            return self._is_to_stay(watched)
        return False

    def _hold_back(self, window: QMainWindow, event: QEvent) -> bool:
        """Whether `window` stays open for now; it closes when its job is followed no more."""
        if not self._is_running() or _is_closed_by_program(window):
            return False
        if self._closing is None and self._ask() is not Answer.STAY:
            if not self._is_running():  # It has ended while the person thought about it.
                return False
            self._closing = window
            self._watch.let_go()
        event.ignore()
        return True

    def _is_running(self) -> bool:
        return self._watch.is_busy

    def _close_now(self) -> None:
        window, self._closing = self._closing, None
        if window is not None:
            # Of Qt, not of napari, which would forget whether the whole program was to end.
            QTimer.singleShot(0, lambda: QMainWindow.close(window))

    def _is_to_stay(self, button: QAbstractButton) -> bool:
        if not self._is_running() or self._ask() is not Answer.STAY:
            return False
        button.setDown(False)
        return True

    def _ask(self) -> Answer:
        """Ask, and stop the job where that is the answer."""
        box = QMessageBox(self._owner.window())
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("A job is running")
        box.setText(f"'{self._watch.title}' is running.")
        box.setInformativeText(WORDS)
        buttons = {
            box.addButton(Answer.LEAVE.value, QMessageBox.ButtonRole.AcceptRole): Answer.LEAVE,
            box.addButton(Answer.STOP.value, QMessageBox.ButtonRole.DestructiveRole): Answer.STOP,
            box.addButton(Answer.STAY.value, QMessageBox.ButtonRole.RejectRole): Answer.STAY,
        }
        leave, _, stay = buttons
        box.setDefaultButton(leave)
        box.setEscapeButton(stay)
        box.exec()
        answer = buttons.get(box.clickedButton(), Answer.STAY)
        if answer is Answer.STOP:
            self._watch.cancel()
        return answer


def _is_click(button: QAbstractButton, event: QEvent) -> bool:
    return (
        event.type() == QEvent.Type.MouseButtonRelease
        and isinstance(event, QMouseEvent)
        and event.button() == Qt.MouseButton.LeftButton
        and button.rect().contains(event.position().toPoint())
    )


def _is_closed_by_program(window: QMainWindow) -> bool:
    """Whether a program closes napari, which has put its canvas away: there is nobody to ask."""
    return bool(window._qt_viewer.isHidden())
