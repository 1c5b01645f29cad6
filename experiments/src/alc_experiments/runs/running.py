"""Several rows at a time, each in a process of its own that may die without harm to the others."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import ceil
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from alc_experiments.runs.pace import Pace
from alc_experiments.runs.units import Unit
from alc_experiments.runs.worker import Ended, RowTask, work
from napari_alc.cores import cores
from napari_alc.errors import Cancelled
from napari_alc.execution.resources import THREADS, fits_side_by_side, gpus_of, reserved
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

STEP = "compare"
LOOK_SECONDS = 0.5
"""Between two looks at whether to stop, and two drawings of the progress."""

PATIENCE = 20.0
"""Seconds that a process without work gets to end."""

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """A row that could not be computed.

    Parameters
    ----------
    unit
        Which row.
    words
        Why, in a sentence.
    """

    unit: Unit
    words: str


@contextmanager
def environments(device: str, preset: str, wanted: int | None) -> Iterator[list[Environment]]:
    """Variables of each process that may compute at the same time, until the block ends.

    One process a graphics card; on the CPU one a core, of a single thread each, provided that
    there is memory for all.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    preset
        The detector.
    wanted
        Processes at most; None leaves it to cores, memory and cards.

    Raises
    ------
    AlcError
        When other jobs have all graphics cards.
    """
    cards = gpus_of(device)
    if cards:
        with reserved(cards, wanted or len(cards), STEP) as own:
            yield [card.environment for card in own]
        return
    count = wanted or next((n for n in range(cores(), 1, -1) if fits_side_by_side(n, preset)), 1)
    yield [dict.fromkeys(THREADS, "1")] * count


@dataclass
class _Worker:
    """A process, what it computes, and what it said last."""

    process: SpawnProcess
    connection: Connection
    task: RowTask | None = None
    began: float = 0.0
    doing: Progress | None = None

    def begin(self, task: RowTask) -> None:
        self.task, self.began, self.doing = task, time.monotonic(), None
        # It may just have died, which shows when it is listened to.
        with suppress(OSError):
            self.connection.send(task)

    def ask_to_stop(self) -> None:
        with suppress(OSError):
            self.connection.send(None)

    def end(self) -> None:
        """Let it end by itself; make it, where it does not."""
        self.ask_to_stop()
        self.connection.close()
        self.process.join(PATIENCE)
        self.kill()

    def kill(self) -> None:
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()


@dataclass
class WorkerPool:
    """The processes and the rows among them.

    Parameters
    ----------
    tasks
        What is to be computed, in order.
    environments
        Variables of each process; no more run at the same time.
    pace
        Knows what earlier rows took.
    on_row
        Called after each row that is complete.
    """

    tasks: Sequence[RowTask]
    environments: Sequence[Environment]
    pace: Pace
    on_row: Callable[[RowTask], None]
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waiting = deque(self.tasks)
        self._workers: list[_Worker | None] = [None] * len(self.environments)
        self._finished: list[Unit] = []
        self._stopping = False

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Compute all rows.

        Raises
        ------
        Cancelled
            When `should_stop` says so; rows that are complete are kept, the others go on where
            they were.
        """
        try:
            while self._hand_out():
                if should_stop() and not self._stopping:
                    self._stop()
                for worker in self._heard():
                    self._listen(worker)
                report(self._progress())
            self._dismiss()
        finally:
            for worker in self._present:
                worker.kill()
        if self._stopping:
            raise Cancelled("The comparison")

    @property
    def _present(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker]

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._present if worker.task]

    def _hand_out(self) -> bool:
        """Give waiting rows to free processes; whether anything is under way then."""
        for place, environment in enumerate(self.environments):
            if not self._waiting:
                break
            worker = self._workers[place] or _start(environment)
            self._workers[place] = worker
            if not worker.task:
                worker.begin(self._waiting.popleft())
        return bool(self._busy)

    def _stop(self) -> None:
        self._stopping = True
        self._waiting.clear()
        for worker in self._busy:
            worker.ask_to_stop()

    def _heard(self) -> list[_Worker]:
        """The busy processes that have said something, or died."""
        busy = self._busy
        ready = wait([worker.connection for worker in busy], timeout=LOOK_SECONDS)
        return [worker for worker in busy if worker.connection in ready]

    def _listen(self, worker: _Worker) -> None:
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(said, Ended):
            self._end_row(worker, said)
        else:
            worker.doing = said

    def _end_row(self, worker: _Worker, ended: Ended) -> None:
        task, worker.task = worker.task, None
        assert task is not None, "a process without a row has none to end"
        if ended.seconds is not None:
            self.pace.note(task.unit, ended.seconds)
            self.on_row(task)
        elif ended.problem:
            self.problems.append(Problem(task.unit, ended.problem))
        else:  # It was asked to stop.
            return
        self._finished.append(task.unit)

    def _bury(self, worker: _Worker) -> None:
        worker.connection.close()
        worker.process.join()
        self._workers[self._workers.index(worker)] = None
        # Ctrl+C may have reached it before it could ignore that.
        problem = "" if self._stopping else _death(worker.process.exitcode)
        self._end_row(worker, Ended(problem=problem))

    def _dismiss(self) -> None:
        for worker in self._present:
            worker.end()

    def _progress(self) -> Progress:
        now = time.monotonic()
        running = {w.task.unit: now - w.began for w in self._busy if w.task}
        waiting = [task.unit for task in self._waiting]
        done, total = self.pace.done_and_total(self._finished, running, waiting)
        left = (total - done) / max(1, min(len(self.environments), len(running) + len(waiting)))
        doing = "".join(f"; {_in_words(worker)}" for worker in self._busy)
        message = f"{len(self._finished)} of {len(self.tasks)} rows{doing}{_about(left)}"
        return Progress(STEP, ceil(done), ceil(total), message, {"seconds_left": left})


def run(
    tasks: Sequence[RowTask],
    processes: Sequence[Environment],
    report: Report = silent,
    should_stop: ShouldStop = never,
    *,
    pace: Pace | None = None,
    on_row: Callable[[RowTask], None] = lambda _: None,
) -> list[Problem]:
    """Compute rows in several processes.

    Parameters
    ----------
    tasks
        What is to be computed, in order.
    processes
        See `environments`.
    report, should_stop
        See `napari_alc.progress`; done and total are seconds of work.
    pace
        Knows what earlier rows took.
    on_row
        Called after each row that is complete.

    Returns
    -------
    list of Problem
        Rows that could not be computed; the others were.

    Raises
    ------
    Cancelled
        When `should_stop` says so; what is complete is kept.
    """
    pool = WorkerPool(tasks, processes, pace or Pace(), on_row)
    pool.run(report, should_stop)
    return pool.problems


def _start(environment: Environment) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs,), name=STEP)
    with _variables(environment):
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _variables(environment: Environment) -> Iterator[None]:
    """Set variables until the block ends: libraries read them before any code of ours runs."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        return (
            f"its process was ended from outside (signal {-status}), which happens when memory "
            "runs out; the same command goes on from there"
        )
    return f"its process ended by itself with status {status}; the reason stands above"


def _in_words(worker: _Worker) -> str:
    words = worker.task.unit.words if worker.task else ""
    doing = worker.doing
    return f"{words}: {doing.step} {doing.done}/{doing.total}" if doing else words


def _about(seconds: float) -> str:
    if not seconds:
        return ""
    minutes = max(1, round(seconds / 60))
    hours = f"{minutes // 60} h {minutes % 60} min"
    return f", about {hours if minutes >= 100 else f'{minutes} min'} left"
