"""Time in the review: what counts as work, and when the sitting is stored between decisions.

Trainings on this computer rest while a person works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.execution.yield_to_user import UserActivity
from napari_alc.project.annotation.session import Lost, ReviewSession
from napari_alc.project.project import Project

PLACE_REST_MS = 1_000
"""The box at hand is remembered once it has been looked at this long."""

RENEW_EVERY_MS = 20_000
"""How often a window says that it still holds its image."""

_WORK = frozenset(
    {
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        # comes before the key itself, which the review takes away
        QEvent.Type.ShortcutOverride,
    }
)


class SessionClock(QObject):
    """Tells the sitting that a person works, and keeps its image and place.

    Parameters
    ----------
    parent
        Owner.
    """

    lost = Signal(str)
    """Emitted with why the image can be changed no more."""

    troubled = Signal(str)
    """Emitted with what is wrong where the sitting could not be stored."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._sitting: ReviewSession | None = None
        self._activity = UserActivity()
        self._place = QTimer(self)
        self._place.setSingleShot(True)
        self._place.setInterval(PLACE_REST_MS)
        self._place.timeout.connect(self._keep_place)
        self._renewal = QTimer(self)
        self._renewal.setInterval(RENEW_EVERY_MS)
        self._renewal.timeout.connect(self.renew)

    def watch(self, widgets: Sequence[QWidget]) -> None:
        """Count mouse and keys on these widgets as work."""
        for widget in widgets:
            widget.installEventFilter(self)

    def set_sitting(self, sitting: ReviewSession | None) -> None:
        """Serve another sitting; None for none."""
        self._sitting = sitting
        self._place.stop()
        if sitting is None:
            self._renewal.stop()
        else:
            self._renewal.start()

    def look_at(self, task_id: int, box_id: int | None) -> None:
        """A person turns to a box of an image, or to the image as a whole."""
        if self._sitting is not None:
            self._sitting.look_at(task_id, box_id)
            self._place.start()

    def renew(self) -> None:
        """Store time and place, and say that the image is still held."""
        if self._sitting is not None:
            self._attempt(self._sitting.renew)

    def _keep_place(self) -> None:
        if self._sitting is not None:
            self._attempt(self._sitting.keep_place)

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except AlcError as error:
            (self.lost if isinstance(error, Lost) else self.troubled).emit(str(error))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Count the event as work; it goes on its way."""
        if event.type() in _WORK:
            self._activity.note()
            if self._sitting is not None:
                self._sitting.stopwatch.touch()
        return False


class SessionKeeper(QObject):
    """Holds the sitting of one window, with its clock.

    Parameters
    ----------
    parent
        Owner.
    """

    troubled = Signal(str)
    """Emitted with what is wrong where the sitting could not be stored."""

    paused = Signal(bool)
    """Emitted when the clock was stopped or started again."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.now: ReviewSession | None = None
        self.clock = SessionClock(self)
        self.clock.troubled.connect(self.troubled)
        self._is_paused = False

    def watch(self, widgets: Sequence[QWidget]) -> None:
        """Count mouse and keys on these widgets as work."""
        self.clock.watch(widgets)

    def begin(self, project: Project, person: str) -> ReviewSession:
        """Begin a sitting; one that is under way is to be ended before."""
        self.now = ReviewSession(project, person)
        self.clock.set_sitting(self.now)
        return self.now

    def end(self) -> None:
        """Let others have the image; everything is stored already but the last seconds."""
        self.clock.set_sitting(None)
        sitting, self.now = self.now, None
        self._set_paused(False)
        if sitting is not None:
            self._attempt(sitting.close)

    def leave(self) -> None:
        """Let others have the image, and go on sitting."""
        if self.now is not None:
            self._attempt(self.now.leave)

    def turn_pause(self) -> None:
        """Stop the clock, or start it again."""
        if self._is_paused:
            self.resume()
        elif self.now is not None:
            self.now.stopwatch.pause()
            self._set_paused(True)

    def resume(self) -> None:
        """Start the clock again where it was stopped."""
        if self._is_paused and self.now is not None:
            self.now.stopwatch.resume()
            self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if paused != self._is_paused:
            self._is_paused = paused
            self.paused.emit(paused)

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except AlcError as error:
            self.troubled.emit(str(error))
