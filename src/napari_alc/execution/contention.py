"""Whether a job waits for the processor, which others use: jobs leave everybody the precedence."""

from __future__ import annotations

from contextlib import suppress

import psutil

BUSY = 0.9
"""Share of all cores from which a computer is busy: the rest is what no schedule can fill."""

OWN = 0.5
"""A job waits while it has less than this share of the work that the busy computer does."""


def is_crowded_out(own: float, whole: float, available: float) -> bool:
    """Whether others take the processor, by seconds of one core within the same time.

    Parameters
    ----------
    own, whole
        Work of the job, and of all programs together.
    available
        What all cores could have done.
    """
    return available > 0 and whole >= BUSY * available and own < OWN * whole


class Contention:
    """Compares a job's work with that of the computer, from look to look."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._own, self._whole, self._all = self._measured()

    def is_waiting(self) -> bool:
        """Whether the job has waited for the processor since the last look."""
        before = self._own, self._whole, self._all
        self._own, self._whole, self._all = self._measured()
        # A command that has ended takes its time along.
        own = max(0.0, self._own - before[0])
        return is_crowded_out(own, self._whole - before[1], self._all - before[2])

    def _measured(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        everything = sum(times) - guests  # Linux counts guests among the user's time too.
        return _seconds_of(self._pid), everything - idle, everything


def _seconds_of(pid: int) -> float:
    """Seconds of a core that a process and its children had; those that are gone have none."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                spent = one.cpu_times()
                total += spent.user + spent.system
    return total
