"""How long the rows that are left will take, judged by those that are done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from alc_experiments.runs.units import Unit

TRAININGS: Mapping[str, int] = {
    "Noisy": 1,
    "Clean": 1,
    "OA-MIL": 1,
    "Mao": 3,
    "ALC": 25,
    "Peers": 2,
    "table3": 2,
    "table4": 5,
    "automatic": 7,
    "readings": 65,
    "own noise": 2,
    "completed": 1,
}
"""About how many plain trainings a row is worth, where it has not been timed yet.

As measured on BCCD; without those that it shares with the campaign of Ours."""

USUAL_TRAININGS = 10
"""Of all other rows: two models in each of five iterations."""

FIRST_GUESS = 45.0
"""Seconds a training until any row was timed."""

NEARLY = 0.95
"""A row that takes longer than was expected is taken to be done to this share."""


class Pace:
    """Seconds that rows have taken."""

    def __init__(self) -> None:
        self._seconds: dict[Unit, float] = {}

    def note(self, unit: Unit, seconds: float) -> None:
        """Learn from a row that is done."""
        self._seconds[unit] = seconds

    def expected(self, unit: Unit) -> float:
        """Seconds of a row: the mean of its kind, else by the number of its trainings."""
        alike = [s for other, s in self._seconds.items() if _kind(other) == _kind(unit)]
        if alike:
            return fmean(alike)
        same_data = {o: s for o, s in self._seconds.items() if o.data == unit.data}
        timed = same_data or self._seconds
        worth = sum(_trainings(other) for other in timed)
        each = sum(timed.values()) / worth if worth else FIRST_GUESS
        return _trainings(unit) * each

    def done_and_total(
        self, done: Iterable[Unit], running: Mapping[Unit, float], waiting: Iterable[Unit]
    ) -> tuple[float, float]:
        """Seconds of work that are behind, and of all the work.

        Parameters
        ----------
        done, waiting
            Rows that are finished (or failed), and those not begun.
        running
            Rows under way, with the seconds since they were begun.
        """
        behind = sum(self.expected(unit) for unit in done)
        ahead = sum(self.expected(unit) for unit in waiting)
        for unit, elapsed in running.items():
            whole = max(self.expected(unit), elapsed / NEARLY)
            behind += elapsed
            ahead += whole - elapsed
        return behind, behind + ahead


def _kind(unit: Unit) -> tuple[str, str, str]:
    return unit.module, unit.name, unit.data


def _trainings(unit: Unit) -> int:
    return TRAININGS.get(unit.name, USUAL_TRAININGS)
