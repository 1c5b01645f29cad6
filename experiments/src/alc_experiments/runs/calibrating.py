"""How much noise costs a detector how much: Noisy at several factors of the noise beside Clean.

Several runs with other factors or seeds add up in one file, as far as the same code and settings
made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from alc_experiments.data import NOISE_FACTORS
from alc_experiments.figures import Figure, Seeded, write_figures
from alc_experiments.pages.method_tables import CLEAN, NOISY, noisy_at
from alc_experiments.pages.run_notes import RUNS
from alc_experiments.pages.tables import CALIBRATION
from alc_experiments.runs.ordering import RowOrder
from alc_experiments.runs.results import write_note
from alc_experiments.runs.store import Row
from alc_experiments.runs.units import METHODS, Unit

InWords = Callable[[Sequence[float], Sequence[int]], str]
"""What to type for these factors and seeds."""


def units(data: str, factors: Iterable[float], seeds: Sequence[int]) -> list[Unit]:
    """The rows that a calibration needs."""
    clean = [Unit(METHODS, CLEAN, data, seed, NOISE_FACTORS[data]) for seed in seeds]
    return clean + [replace(one, name=NOISY, factor=factor) for factor in factors for one in clean]


def file_in(folder: Path, data: str) -> Path:
    """The file of a data set."""
    return folder / f"{CALIBRATION}{data}.csv"


def write(folder: Path, data: str, order: RowOrder, command: InWords) -> list[Seeded]:
    """Write the file of a data set and its entry in ``runs.json``, where any row is there.

    Parameters
    ----------
    folder
        Of the files.
    data
        Name of the data set.
    order
        Knows the rows.
    command
        Tells for the record what makes the file.

    Returns
    -------
    list of Seeded
        What the file holds: AP50 in percent, methods bearing the factor of the noise.
    """
    rows = _rows(data, order)
    figures = [_figure(row) for row in rows]
    if rows:
        path = file_in(folder, data)
        factors = sorted({row.unit.factor for row in rows if row.unit.name == NOISY})
        seeds = sorted({row.unit.seed for row in rows})
        write_figures(path, figures)
        write_note(folder / RUNS, path.stem, rows, order, {"command": command(factors, seeds)})
    return figures


def _rows(data: str, order: RowOrder) -> list[Row]:
    """All rows that this code and these settings have made, Clean first, then by factor."""
    kept = [row for row in order.config.store.rows() if _belongs(row.unit, data)]
    made = [row for row in kept if order.task(row.unit).digest == row.digest]
    return sorted(made, key=lambda row: (row.unit.name != CLEAN, row.unit.factor, row.unit.seed))


def _belongs(unit: Unit, data: str) -> bool:
    usual = unit.factor == NOISE_FACTORS[data]
    return (unit.module, unit.data) == (METHODS, data) and (
        unit.name == NOISY or (unit.name == CLEAN and usual)
    )


def _figure(row: Row) -> Seeded:
    unit = row.unit
    method = CLEAN if unit.name == CLEAN else noisy_at(unit.factor)
    value = next(figure.value for figure in row.figures if figure.metric == "AP50")
    return Seeded(Figure(method, "AP50", value), unit.seed)
