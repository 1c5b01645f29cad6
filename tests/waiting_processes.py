"""Processes that are at work on something, and wait until they are told to go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

READY = "at work"
"""A script prints this line when it has begun, and then reads its standard input."""


class Waiting:
    """Starts them, one after the other."""

    def __init__(self, python: Sequence[str]) -> None:
        self._python = python
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, script: str, *arguments: object) -> subprocess.Popen[str]:
        """Run a script up to where it says that it is at work."""
        process = subprocess.Popen(
            [*self._python, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{READY}\n"
        return process


@contextmanager
def waiting_processes(python: Sequence[str] = (sys.executable,)) -> Iterator[Waiting]:
    """None of them outlives the block."""
    waiting = Waiting(python)
    try:
        yield waiting
    finally:
        for process in waiting.processes:
            process.kill()
            process.communicate()
