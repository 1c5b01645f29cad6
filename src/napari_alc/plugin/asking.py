"""Questions to a project that take a while, asked beside the window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_alc.errors import AlcError
from napari_alc.project.project import Project

Question = Callable[[Project], object]

_turn = threading.Lock()
"""Held while a question is answered: several may need the ranking, and the first one makes it."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question, and whom it was put to."""

    question: Question
    project: Project


@dataclass(frozen=True, eq=False)
class _Refused:
    """Why there is no answer; a worker that returned the error itself would raise it."""

    error: AlcError


class Asker(QObject):
    """Asks one question at a time; of those put meanwhile only the last one is asked."""

    answered = Signal(object)
    """Emitted in the main thread with the answer to the question that was put last."""

    refused = Signal(object)
    """Emitted in the main thread with the `AlcError` that it met instead."""

    settled = Signal()
    """Emitted when nothing is asked any more."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._running: _Asked | None = None
        self._next: _Asked | None = None
        self._worker: Any = None
        self._answer: object = None

    @property
    def is_asking(self) -> bool:
        """Whether an answer is awaited."""
        return self._next is not None

    @property
    def is_running(self) -> bool:
        """Whether a question, awaited or not, is being answered."""
        return self._running is not None

    def ask(self, question: Question, project: Project) -> None:
        """Put a question; an answer that was awaited is not told any more."""
        self._next = _Asked(question, project)
        if self._running is None:
            self._start(self._next)

    def forget(self) -> None:
        """Await no answer any more."""
        self._next = None

    def _start(self, asked: _Asked) -> None:
        self._running, self._answer = asked, None
        # napari writes the function's name when the window, and this, may be gone already
        self._worker = create_worker(
            _answer, asked, lambda: self._next is asked, _start_thread=False
        )
        self._worker.returned.connect(self._keep)
        self._worker.finished.connect(self._tell)
        self._worker.start()

    def _keep(self, answer: object) -> None:
        self._answer = answer

    def _tell(self) -> None:
        asked, answer = self._running, self._answer
        self._running = self._worker = self._answer = None
        if self._next is not asked:
            if self._next is not None:
                self._start(self._next)
            return
        self._next = None
        if isinstance(answer, _Refused):
            self.refused.emit(answer.error)
        elif answer is not None:  # else it met an error that napari shows
            self.answered.emit(answer)
        self.settled.emit()


def _answer(asked: _Asked, is_awaited: Callable[[], bool]) -> object:
    try:
        with _turn:
            # its turn may come when nobody awaits the answer any more
            return asked.question(asked.project) if is_awaited() else None
    except AlcError as error:
        return _Refused(error)
