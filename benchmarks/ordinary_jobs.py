"""Jobs that give way to nobody, where nothing is measured.

The program's jobs compute when nothing else does, so beside other work on the same cores they might
never begin.
"""

from __future__ import annotations

import json
import os
import sys

from napari_alc.execution import child_process, job_folder

ORDINARY = """
from napari_alc.cli import main
from napari_alc.execution import child_process
child_process.lower_priority = lambda _pid: None
main()
"""
"""The program, whose supervisor leaves the priority of its children as it is."""

ORDINARY_PROGRAM = (sys.executable, "-c", ORDINARY)


INSTEAD = "PROGRAM_OF_JOBS"
"""Variable with another command that stands for the program, as JSON; tests have a quick one."""


def let_jobs_be_ordinary() -> None:
    """From here on, for this process and what it starts."""
    program = json.loads(os.environ.get(INSTEAD, "null")) or ORDINARY_PROGRAM
    job_folder.PROGRAM = child_process.PROGRAM = tuple(program)
    job_folder.lower_priority_of_session = lambda _pid: None
    child_process.lower_priority = lambda _pid: None
