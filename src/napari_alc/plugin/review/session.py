"""The session of one window at the review: begun, paused, stored, left; knows no Qt."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from napari_alc.errors import AlcError
from napari_alc.execution.yield_to_user import UserActivity
from napari_alc.project.annotation.session import Lost, ReviewSession
from napari_alc.project.project import Project


class SessionKeeper:
    """Holds the session of one window, and tells it that a person works.

    Trainings on this computer rest while a person works.
    """

    changed = Signal()
    """Emitted when a session was begun or ended."""

    moved = Signal()
    """Emitted when a person has turned to another box or image."""

    lost = Signal(str)
    """Emitted with why the image can be changed no more."""

    troubled = Signal(str)
    """Emitted with what is wrong where the session could not be stored."""

    recovered = Signal(str)
    """Emitted with what was wrong once the session could be stored again."""

    paused = Signal(bool)
    """Emitted when the clock was stopped or started again."""

    def __init__(self) -> None:
        self.now: ReviewSession | None = None
        self._activity = UserActivity()
        self._is_paused = False
        self._trouble = ""

    def begin(self, project: Project, person: str) -> ReviewSession:
        """Begin a session; one that is under way is to be ended before."""
        self.now = ReviewSession(project, person)
        self.changed.emit()
        return self.now

    def end(self) -> None:
        """Let others have the image; everything is stored already but the last seconds."""
        session, self.now = self.now, None
        self.changed.emit()
        self._set_paused(False)
        self._attempt(session, ReviewSession.leave)

    def leave(self) -> None:
        """Let others have the image; the session goes on."""
        self._attempt(self.now, ReviewSession.leave)

    def look_at(self, task_id: int, box_id: int | None) -> None:
        """A person turns to a box of an image, or to the image as a whole."""
        if self.now is not None:
            self.now.look_at(task_id, box_id)
            self.moved.emit()

    def note_work(self) -> None:
        """A person did something with mouse or keys."""
        self._activity.note()
        if self.now is not None:
            self.now.stopwatch.touch()

    def renew(self) -> None:
        """Store time and place, and say that the image is still held."""
        self._attempt(self.now, ReviewSession.renew)

    def keep_place(self) -> None:
        """Store where the person is."""
        self._attempt(self.now, ReviewSession.keep_place)

    def toggle_pause(self) -> None:
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

    def _attempt(self, session: ReviewSession | None, act: Callable[[ReviewSession], None]) -> None:
        try:
            if session is not None:
                act(session)
        except Lost as error:
            self.lost.emit(str(error))
        except AlcError as error:
            self._trouble = str(error)
            self.troubled.emit(self._trouble)
        else:
            before, self._trouble = self._trouble, ""
            if before:
                self.recovered.emit(before)
