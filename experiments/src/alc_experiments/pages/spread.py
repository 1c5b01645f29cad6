"""Figures of several seeds: their mean, their spread, and differences of the same seed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from alc_experiments.figures import Seeded, read_figures
from napari_alc.errors import BadData
from napari_alc.wording import UNKNOWN

BySeed = Mapping[int, float]
"""Values by seed."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and sample standard deviation over seeds; None where there is one seed only."""

    mean: float
    deviation: float | None

    def words(self, digits: int, signed: bool = False) -> str:
        """Such as ``88.57 ± 0.50``, or ``+0.12`` of one seed."""
        mean = _number(self.mean, digits, signed)
        if self.deviation is None:
            return mean
        return f"{mean} ± {_number(self.deviation, digits, False)}"


def _number(value: float, digits: int, signed: bool) -> str:
    # Adding 0.0 turns a negative zero into a zero.
    rounded = round(value, digits) + 0.0
    text = f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"
    return text.replace("-", "−")


def spread_of(values: BySeed) -> Spread | None:
    """Mean and deviation; None of nothing."""
    if not values:
        return None
    numbers = list(values.values())
    deviation = statistics.stdev(numbers) if len(numbers) > 1 else None
    return Spread(statistics.fmean(numbers), deviation)


def words_of(values: BySeed, digits: int, signed: bool = False) -> str:
    """Mean ± deviation in words; a dash where nothing was measured."""
    spread = spread_of(values)
    return spread.words(digits, signed) if spread else UNKNOWN


def combined(make: Callable[..., float], *parts: BySeed) -> BySeed:
    """A function of several values of the same seed, for the seeds that have all of them."""
    shared = [seed for seed in parts[0] if all(seed in part for part in parts)]
    return {seed: make(*(part[seed] for part in parts)) for seed in shared}


def difference(of: BySeed, to: BySeed) -> BySeed:
    """Paired differences: seed by seed, so that what a seed does to both cancels out."""
    return combined(lambda one, other: one - other, of, to)


def total(*parts: BySeed) -> BySeed:
    """Sums, seed by seed."""
    return combined(lambda *values: sum(values), *parts)


@dataclass(frozen=True)
class Results:
    """What was measured for one table.

    Parameters
    ----------
    rows
        In the order of the file.
    """

    rows: tuple[Seeded, ...]

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """In the order in which the file names them."""
        return tuple(dict.fromkeys(row.figure.method for row in self.rows))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """In the order in which the file names them."""
        return tuple(dict.fromkeys(row.figure.metric for row in self.rows))

    @cached_property
    def images(self) -> tuple[int, ...]:
        """Numbers of clean images at which anything was measured, ascending."""
        found = {row.figure.images for row in self.rows}
        return tuple(sorted(count for count in found if count is not None))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Of all methods, ascending."""
        return tuple(sorted({row.seed for row in self.rows}))

    def values(self, method: str, metric: str, images: int | None = None) -> BySeed:
        """What was measured, by seed; empty where nothing was."""
        return self._index.get((method, metric, images), {})

    def seeds_of(self, method: str) -> tuple[int, ...]:
        """Seeds with which a method was measured, ascending."""
        return tuple(sorted({row.seed for row in self.rows if row.figure.method == method}))

    @cached_property
    def _index(self) -> Mapping[tuple[str, str, int | None], dict[int, float]]:
        index: dict[tuple[str, str, int | None], dict[int, float]] = {}
        for row in self.rows:
            of = row.figure
            index.setdefault((of.method, of.metric, of.images), {})[row.seed] = of.value
        return index


def read_results(path: Path) -> Results:
    """Read a table's CSV file.

    Raises
    ------
    BadData
        When the file is damaged, holds a figure twice, or holds none.
    """
    rows = read_figures(path)
    _require_once(path, rows)
    if not rows:
        raise BadData(path, "holds no figure", "Run alc-experiments compare again")
    return Results(tuple(rows))


def _require_once(path: Path, rows: Iterable[Seeded]) -> None:
    first: dict[tuple[str, str, int | None, int], int] = {}
    for line, row in enumerate(rows, start=2):
        of = row.figure
        before = first.setdefault((of.method, of.metric, of.images, row.seed), line)
        if before != line:
            raise BadData(
                path,
                f"line {line} gives {of.metric} of {of.method} with seed {row.seed} again, "
                f"after line {before}",
                "Run alc-experiments compare again",
            )
