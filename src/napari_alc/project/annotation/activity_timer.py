"""The time that a person actually spends on each box, idle time left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from napari_alc.project.storage.records import Spent

IDLE_SECONDS = 30.0
"""Of a pause between two signs of work this much counts: one may look and think that long."""


class Stopwatch:
    """Counts the seconds that a person works, by task and box.

    Parameters
    ----------
    clock
        Tells seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[tuple[int, int | None], float] = {}
        self._here: tuple[int, int | None] | None = None
        self._paused = False
        self._since = clock()
        self._counted = 0.0

    def set_current(self, task_id: int | None, box_id: int | None = None) -> None:
        """Count for this box from now on; for nothing where `task_id` is None."""
        self.touch()
        self._here = None if task_id is None else (task_id, box_id)

    def touch(self) -> None:
        """Note that the person did something."""
        self._count()
        self._since, self._counted = self._clock(), 0.0

    def pause(self) -> None:
        """Count nothing until `resume`."""
        self._count()
        self._paused = True

    def resume(self) -> None:
        """Count again, beginning now."""
        self.touch()
        self._paused = False

    def counted(self) -> tuple[Spent, ...]:
        """What was counted since it was last taken."""
        self._count()
        return tuple(Spent(*key, seconds) for key, seconds in self._seconds.items() if seconds > 0)

    def forget(self, spent: Sequence[Spent]) -> None:
        """Take off what has been stored."""
        for item in spent:
            self._seconds[item.task_id, item.box_id] -= item.seconds

    def _count(self) -> None:
        """Add what has passed of the present pause, no more than may count of it."""
        passed = min(self._clock() - self._since, IDLE_SECONDS)
        if self._here is not None and not self._paused:
            known = self._seconds.get(self._here, 0.0)
            self._seconds[self._here] = known + passed - self._counted
        self._counted = passed
