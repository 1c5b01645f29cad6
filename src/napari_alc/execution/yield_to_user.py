"""How a computation yields to the window: by the lowest priority, and by resting.

On Linux niceness is not enough. Each session of processes is a group of its own, and niceness
counts only within a group; a group without one takes as much as the window does ("The autogroup
feature" in sched(7)). And only a process that is scheduled as idle is put aside at once when
the window has something to do.

Nor is a low priority: what computes on another core still shares caches, memory and clock with
the window. So a window touches a file whenever a person does something, and a computation that a
job has started looks at it between two units of work. Unlike a process that was halted, a file
that has grown old cannot hold up anybody when its window dies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

from napari_alc.progress import ShouldStop

FULL_SHARE = "NAPARI_ALC_FULL_SHARE"
"""Set to 1 in a job's environment: it takes its share of the computer and yields to nobody."""

NICENESS = 19
"""The lowest."""

VARIABLE = "NAPARI_ALC_YIELD_TO_USER"
"""Tells a command which file to look at; without it, it yields to nobody."""

REST_SECONDS = 0.3
"""A computation goes on when nothing was done for so long: a frame takes up to 0.1 s."""

LONGEST_REST = 5.0
"""Seconds; then one unit of work is done, so that nobody can hold it up for ever."""

LOOK_SECONDS = 0.02
"""Between two looks of a computation that rests."""

NOTE_SECONDS = 0.05
"""Least time between two notes of a window."""


def takes_full_share() -> bool:
    """Whether this process, and what it starts, takes its share of the computer."""
    return os.environ.get(FULL_SHARE) == "1"


def low_priority_flags() -> int:
    """Flags of a new process on Windows; elsewhere it is told once it has started."""
    if sys.platform == "win32" and not takes_full_share():
        return subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0


def lower_priority(pid: int) -> None:
    """Let a child process yield to all others of its session.

    Code between fork and exec is unsafe in a program with threads, and a process may always
    lower the priority of its own child.
    """
    if takes_full_share():
        return
    # Refused where the system forbids it; gone where the child has ended.
    with suppress(PermissionError, ProcessLookupError):
        if sys.platform != "win32":
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def lower_priority_of_session(pid: int) -> None:
    """Let the session that a child process leads yield to all other sessions."""
    if sys.platform == "linux":
        # Absent where the system has no such groups; gone where the child has ended.
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))


def activity_file() -> Path:
    """The file that windows of this user touch."""
    return platformdirs.user_cache_path("napari-alc", appauthor=False) / "user-activity"


def yield_environment() -> dict[str, str]:
    """Variables of a command that is to yield; none where it takes its full share."""
    return {} if takes_full_share() else {VARIABLE: str(activity_file())}


class UserActivity:
    """A window's notes that its user is active."""

    def __init__(self) -> None:
        self._noted = -NOTE_SECONDS

    def note(self) -> None:
        """A person has just done something."""
        if time.monotonic() - self._noted < NOTE_SECONDS:
            return
        self._noted = time.monotonic()
        now = time.time()  # Told, because a file server has a clock of its own.
        with suppress(OSError):  # Computations do not rest then; nothing else is lost.
            file = activity_file()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            os.utime(file, (now, now))


def is_user_active(file: Path) -> bool:
    """Whether a window touched `file` less than `REST_SECONDS` ago."""
    try:
        return abs(time.time() - file.stat().st_mtime) < REST_SECONDS
    except OSError:
        return False


def yielding_to_user(should_stop: ShouldStop) -> ShouldStop:
    """`should_stop`, which answers only once no user is active; unchanged without `VARIABLE`."""
    name = os.environ.get(VARIABLE)
    if not name:
        return should_stop
    file = Path(name)

    def asked() -> bool:
        until = time.monotonic() + LONGEST_REST
        while not (is_to_stop := should_stop()):
            if not is_user_active(file) or time.monotonic() >= until:
                break
            time.sleep(LOOK_SECONDS)
        return is_to_stop

    return asked
