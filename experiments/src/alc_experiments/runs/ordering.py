"""From an order for tables to their files: what is missing is computed, everything is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alc_experiments.data import DataSource
from alc_experiments.dataset import Dataset
from alc_experiments.experiment import Experiment
from alc_experiments.runs.pace import Pace
from alc_experiments.runs.running import Problem, environments, run
from alc_experiments.runs.sessions import ComputingSession
from alc_experiments.runs.store import Row, RowStore
from alc_experiments.runs.units import ResultTable, Unit, code_now, row_digest
from alc_experiments.runs.worker import RowTask
from napari_alc.detection.settings import DetectorSettings
from napari_alc.progress import Report, ShouldStop, never, silent


@dataclass(frozen=True)
class RunConfig:
    """With what rows are computed.

    Parameters
    ----------
    source
        Where data come from.
    out
        Folder of everything that is kept between runs.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    detector
        Settings of the detector that win over those of the data.
    processes
        Rows at a time at most; None leaves it to cores, memory and cards.
    """

    source: DataSource
    out: Path
    device: str = "auto"
    detector: tuple[tuple[str, object], ...] = ()
    processes: int | None = None

    @property
    def preset(self) -> str:
        """Of the detector."""
        return str(dict(self.detector).get("preset", DetectorSettings().preset))

    @property
    def store(self) -> RowStore:
        """Of the rows."""
        return RowStore(self.out / "rows")


@dataclass
class RowOrder:
    """Knows which row is which: reads the data of each seed once.

    Parameters
    ----------
    config
        With what rows are computed.
    report, should_stop
        See `napari_alc.progress`; synthetic images are drawn here.
    """

    config: RunConfig
    report: Report = silent
    should_stop: ShouldStop = never
    _data: dict[tuple[str, int, float], Dataset] = field(default_factory=dict)
    _code: dict[str, str] = field(default_factory=dict)
    _tasks: dict[Unit, RowTask] = field(default_factory=dict)

    def data_of(self, unit: Unit) -> Dataset:
        """The data of a row."""
        key = (unit.data, unit.seed, unit.factor)
        if key not in self._data:
            source = self.config.source
            self._data[key] = source.dataset(*key, self.report, self.should_stop)
        return self._data[key]

    def task(self, unit: Unit) -> RowTask:
        """The task that computes a row, with the digest of all that decides it."""
        if unit not in self._tasks:
            self._tasks[unit] = self._made(unit)
        return self._tasks[unit]

    def _made(self, unit: Unit) -> RowTask:
        if unit.module not in self._code:
            self._code[unit.module] = code_now(unit.module)
        config, code = self.config, self._code[unit.module]
        experiment = Experiment(self.data_of(unit), unit.seed, config.out, detector=config.detector)
        digest = row_digest(unit, experiment, code)
        return RowTask(
            unit, config.source, config.out, config.device, config.detector, code, digest
        )

    def row(self, unit: Unit) -> Row | None:
        """A row as this code and these settings made it; None where they did not."""
        return self.config.store.load(self.task(unit).digest)

    def rows_of(self, table: ResultTable, seeds: Iterable[int]) -> list[Row]:
        """All rows of a table that are there, of `seeds` and of every other seed."""
        first = next(table.units([0]))
        kept = {
            row.unit.seed
            for row in self.config.store.rows()
            if replace(row.unit, name=first.name, seed=0) == first
        }
        return list(self._there(table.units(sorted(kept | set(seeds)))))

    def _there(self, units: Iterable[Unit]) -> Iterator[Row]:
        for unit in units:
            row = self.row(unit)
            if row is not None:
                yield row


def make_rows(
    units: Sequence[Unit],
    order: RowOrder,
    command: str,
    on_row: Callable[[], object] = lambda: None,
) -> list[Problem]:
    """Compute those of `units` that are not there yet.

    Parameters
    ----------
    order
        Knows the rows.
    command
        What was typed, for the record.
    on_row
        Called after each new row.

    Returns
    -------
    list of Problem
        Rows that could not be computed.

    Raises
    ------
    Cancelled
        When it is told to stop; what is complete is kept.
    AlcError
        When data cannot be had, or other jobs have all graphics cards.
    """
    config = order.config
    tasks = [task for task in map(order.task, units) if config.store.load(task.digest) is None]
    pace = Pace()
    for row in config.store.rows():
        pace.note(row.unit, row.seconds)
    if not tasks:
        return []
    with environments(config.device, config.preset, config.processes) as processes:
        session = ComputingSession.begin(config.out, command, len(processes))

        def keep(task: RowTask) -> None:
            session.note(task.digest)
            on_row()

        return run(tasks, processes, order.report, order.should_stop, pace=pace, on_row=keep)
