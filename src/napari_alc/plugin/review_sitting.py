"""The person's sitting at the review window: begun with a project, paused, ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin.review_clock import ReviewClock
from napari_alc.project.project import Project
from napari_alc.project.sitting import Sitting


class ReviewSitting(QObject):
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
        self.now: Sitting | None = None
        self.clock = ReviewClock(self)
        self.clock.troubled.connect(self.troubled)
        self._is_paused = False

    def watch(self, widgets: Sequence[QWidget]) -> None:
        """Count mouse and keys on these widgets as work."""
        self.clock.watch(widgets)

    def begin(self, project: Project, person: str) -> Sitting:
        """Begin a sitting; one that is under way is to be ended before."""
        self.now = Sitting(project, person)
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
