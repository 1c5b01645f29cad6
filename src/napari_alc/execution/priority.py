"""How a computation yields to the window: the lowest priority for its process and session.

On Linux niceness is not enough. Each session of processes is a group of its own, and niceness
counts only within a group; a group without one takes as much as the window does ("The autogroup
feature" in sched(7)). And only a process that is scheduled as idle is put aside at once when
the window has something to do.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

NICENESS = 19
"""The lowest."""


def low_priority_flags() -> int:
    """Flags of a new process on Windows; elsewhere it is told once it has started."""
    if sys.platform == "win32":
        return subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0


def lower_priority(pid: int) -> None:
    """Let a child process yield to all others of its session.

    Code between fork and exec is unsafe in a program with threads, and a process may always
    lower the priority of its own child.
    """
    # Refused where the system forbids it; gone where the child has ended.
    with contextlib.suppress(PermissionError, ProcessLookupError):
        if sys.platform != "win32":
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def lower_priority_of_session(pid: int) -> None:
    """Let the session that a child process leads yield to all other sessions."""
    if sys.platform == "linux":
        # Absent where the system has no such groups; gone where the child has ended.
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
