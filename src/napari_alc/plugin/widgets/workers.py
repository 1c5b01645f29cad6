"""Work beside the window: one job at a time, in a thread of napari's pool.

The thread either computes itself (making a project) or follows a job, which is a process of its
own (the steps). Its progress reaches the window through signals, in napari's activity dock too.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from napari.utils import progress as ActivityBar  # noqa: N812
from qtpy.QtCore import QObject, QThreadPool, Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_alc.errors import AlcError
from napari_alc.execution.outcome import Ending, Outcome, outcome_of
from napari_alc.log import recorded
from napari_alc.plugin.widgets.progress_bar import STEPS, activity_words, bar_position
from napari_alc.progress import Progress, Report, ShouldStop

Job = Callable[[Report, ShouldStop], Outcome]
"""Work that reports its progress, can be stopped, and tells how it ended."""

ACTIVITY_SECONDS = 1.0
"""Least time between two changes of the activity dock: napari lets the window work for each."""

SPINNER_SPEED = 5
"""Percent of its own speed at which napari's sign of activity turns."""

LAST_WAIT = 10_000
"""Milliseconds that a program which ends waits for its work: between two images it can stop."""

_working: set[threading.Event] = set()
"""Stops of the work under way."""


@atexit.register
def _end_work() -> None:
    """Stop what still runs: Qt takes the signals of its threads apart before the threads end.

    napari waits too where it closes its window by itself, but not where a script just ends.
    """
    for stop in tuple(_working):
        stop.set()
    QThreadPool.globalInstance().waitForDone(LAST_WAIT)


UNEXPECTED = Outcome(Ending.FAILED, "The work met an error it does not know; napari shows it.")


class _Named:
    """Work under the name that napari shows when its window is closed meanwhile."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._name = name

    def __call__(self) -> None:
        self._work()

    def __str__(self) -> str:
        return self._name


def calm(window: QWidget) -> None:
    """Let napari's sign of activity turn slowly.

    For each of its pictures the whole window is put together anew. Where no graphics card draws,
    that took most of a core, which a training needs.
    """
    for label in window.findChildren(QLabel):
        if movie := label.movie():
            movie.setSpeed(SPINNER_SPEED)


class Background(QObject):
    """Runs one job at a time; when its parent goes, the job is asked to stop."""

    progressed = Signal(object)
    """Emitted in the main thread with every `Progress`."""

    ended = Signal(object)
    """Emitted in the main thread with the `Outcome`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._widget = parent
        self._stop = threading.Event()
        self._worker: Any = None
        self._bar: Any = None
        self._shown_at = -ACTIVITY_SECONDS
        self._title = ""
        self._outcome = UNEXPECTED
        # A lambda: a slot of this object would be gone when its parent tells that it goes.
        parent.destroyed.connect(lambda: self._abandon())  # noqa: PLW0108
        self.progressed.connect(self._show_activity)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._worker is not None

    def start(self, job: Job, title: str) -> None:
        """Start `job`; `title` names it in the activity dock."""
        if self.is_busy:
            raise RuntimeError("a job is running already")
        self._stop = threading.Event()
        self._outcome = UNEXPECTED
        self._title = title
        calm(self._widget.window())
        self._bar = ActivityBar(total=STEPS, desc=title)
        self._shown_at = -ACTIVITY_SECONDS
        self._worker = create_worker(
            _Named(partial(self._run, job, self._stop), title), _start_thread=False
        )
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def cancel(self) -> None:
        """Ask the job to stop; `ended` tells when it has."""
        self._stop.set()

    def _abandon(self) -> None:
        """Stop the work of a window that is gone: nobody is left to be told its end."""
        self._stop.set()
        self._worker = None
        self._close_bar()

    def _run(self, job: Job, stop: threading.Event) -> None:
        def should_stop() -> bool:
            worker = self._worker
            # napari asks its workers to quit when the window closes.
            return stop.is_set() or worker is None or worker.abort_requested

        _working.add(stop)
        try:
            with recorded(self._title):
                outcome = job(self._report, should_stop)
        except AlcError as error:
            outcome = outcome_of(error)
        finally:
            _working.discard(stop)
        self._outcome = outcome

    def _report(self, progress: Progress) -> None:
        if not self._stop.is_set():
            self.progressed.emit(progress)

    def _show_activity(self, progress: Progress) -> None:
        bar, now = self._bar, time.monotonic()
        is_too_soon = now < self._shown_at + ACTIVITY_SECONDS and progress.done < progress.total
        if bar is None or is_too_soon:
            return
        self._shown_at = now
        done, total = bar_position(progress)
        bar.total = total
        bar.set_description(activity_words(self._title, progress))
        if self._bar is bar:  # Drawing it lets the window work: the job may have ended meanwhile.
            bar.update(done - bar.n)

    def _on_finished(self) -> None:
        self._worker = None
        self._close_bar()
        self.ended.emit(self._outcome)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


Question = Callable[[], object]
"""Something worked out in a thread; whom it asks is inside it."""

_turn = threading.Lock()
"""Held while a question is answered: several may need the ranking, and the first one makes it."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question that was put; the same one may be put twice, and is answered twice."""

    question: Question


@dataclass(frozen=True, eq=False)
class _Refused:
    """Why there is no answer; a worker that returned the error itself would raise it."""

    error: AlcError


class AsyncQuery(QObject):
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

    def ask(self, question: Question) -> None:
        """Put a question; an answer that was awaited is not told any more."""
        self._next = _Asked(question)
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
            return asked.question() if is_awaited() else None
    except AlcError as error:
        return _Refused(error)
