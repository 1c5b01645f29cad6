"""A process that computes rows, one after another, for the process that started it.

The other end of the connection sends a `RowTask` for each row and None for the end; None during a
row, or the other end's death, asks the row to stop. Back go `Progress` and, for each row, `Ended`.
"""

from __future__ import annotations

import platform
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path

from alc_experiments.data import DataSource
from alc_experiments.experiment import Experiment
from alc_experiments.runs.store import Row, RowStore
from alc_experiments.runs.units import Unit, code_now
from napari_alc.cores import cores
from napari_alc.errors import AlcError, Cancelled
from napari_alc.execution.resources import gpus_of
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

BETWEEN_REPORTS = 0.5
BETWEEN_CLOCKS = 20.0
"""Seconds."""

LIBRARIES = ("napari-alc", "torch", "torchvision", "numpy", "scipy", "cleanlab")


@dataclass(frozen=True)
class RowTask:
    """A row to compute.

    Parameters
    ----------
    unit
        Which row.
    source
        Where its data come from.
    out
        Folder of rows and of what the experiment keeps.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    detector
        Settings of the detector that win over those of the data.
    code
        See `alc_experiments.runs.units.code_now`.
    digest
        Name of the row.
    """

    unit: Unit
    source: DataSource
    out: Path
    device: str
    detector: tuple[tuple[str, object], ...]
    code: str = ""
    digest: str = ""

    def experiment(self, report: Report = silent, should_stop: ShouldStop = never) -> Experiment:
        """The experiment with the data of the row."""
        unit = self.unit
        data = self.source.dataset(unit.data, unit.seed, unit.factor, report, should_stop)
        return Experiment(
            data, unit.seed, self.out / "store", self.device, self.detector, report, should_stop
        )

    @property
    def store(self) -> RowStore:
        """Of the rows."""
        return RowStore(self.out / "rows")


@dataclass(frozen=True)
class Ended:
    """How a row ended.

    Parameters
    ----------
    seconds
        Wall time of a row that is complete and kept; None for any other.
    problem
        What went wrong, in words; empty where nothing did.
    """

    seconds: float | None = None
    problem: str = ""


def work(connection: Connection) -> None:
    """Compute rows until the other end sends None or is gone."""
    # Ctrl+C reaches every process of a terminal; the one that started this decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (task := _next_task(connection)) is not None:
        ended = _ended(task, _Reporter(connection), lambda: _is_called(connection))
        with suppress(OSError):  # Nobody listens any more; the next task will not come.
            connection.send(ended)


def _next_task(connection: Connection) -> RowTask | None:
    try:
        task: RowTask | None = connection.recv()
    except (EOFError, OSError):
        return None
    return task


def _is_called(connection: Connection) -> bool:
    try:
        return connection.poll()
    except OSError:
        return True


class _Reporter:
    """Sends progress now and then."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent = -BETWEEN_REPORTS

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._sent >= BETWEEN_REPORTS:
            self._sent = time.monotonic()
            with suppress(OSError):
                self._connection.send(progress)


def _ended(task: RowTask, report: Report, should_stop: ShouldStop) -> Ended:
    try:
        return Ended(seconds=compute(task, report, should_stop).seconds)
    except Cancelled:
        return Ended()
    except AlcError as error:
        return Ended(problem=str(error))


def compute(task: RowTask, report: Report = silent, should_stop: ShouldStop = never) -> Row:
    """Compute a row and keep it.

    Raises
    ------
    Cancelled
        When `should_stop` says so; the experiment keeps what was trained.
    AlcError
        When the row cannot be computed.
    """
    clock = _Clock(task)

    def report_timed(progress: Progress) -> None:
        clock.note_now_and_then()
        report(progress)

    try:
        experiment = task.experiment(report_timed, should_stop)
        figures = tuple(task.unit.compute(experiment))
        _require_same_code(task)
    finally:
        clock.note()
    row = Row(
        digest=task.digest,
        unit=task.unit,
        figures=figures,
        seconds=clock.seconds,
        device=device_in_words(task.device),
        versions=versions(),
        detector=experiment.settings.deciding,
    )
    task.store.save(row)
    return row


def _require_same_code(task: RowTask) -> None:
    """Refuse a row that another code than that of its digest may have computed."""
    if code_now(task.unit.module) != task.code:
        raise AlcError("The program was changed meanwhile; the same command computes it again.")


class _Clock:
    """Wall time of a row over all runs that were cut off."""

    def __init__(self, task: RowTask) -> None:
        self._task = task
        self._before = task.store.seconds_spent(task.digest)
        self._began = self._noted = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    def note_now_and_then(self) -> None:
        if time.monotonic() - self._noted >= BETWEEN_CLOCKS:
            self.note()

    def note(self) -> None:
        self._noted = time.monotonic()
        self._task.store.note_seconds(self._task.digest, self.seconds)


def device_in_words(device: str) -> str:
    """What computes, such as ``"CPU, 2 cores"``; imports torch only where there is a card."""
    if gpus_of(device):
        from napari_alc.detection import devices, estimate

        return estimate.device_in_words(devices.choose_device(device))
    count = cores()
    return f"CPU, {count} core{'s' * (count != 1)}"


def versions() -> dict[str, str]:
    """Of Python and the libraries that are installed, by name."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
