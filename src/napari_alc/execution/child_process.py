"""One command of the program as a child process: progress, log, cancel, end.

The child reports in JSON lines on standard output and in plain lines on standard error. Both
are drained by threads, so that it never waits for its reader. It runs at low priority, unless a
person waits for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from napari_alc.execution.outcome import CANCELLED, SUCCESS, Outcome, failure
from napari_alc.execution.progress import parsed
from napari_alc.execution.yield_to_user import low_priority_flags, lower_priority
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

PROGRAM = (sys.executable, "-m", "napari_alc")
"""The program itself, in the Python that runs this."""

POLL_SECONDS = 0.1
"""How often a silent child, or a job that is followed, is looked at."""

GRACE_SECONDS = 120.0
"""After this a child that was asked to stop is ended: an iteration and a checkpoint may last."""

LAST_GRACE_SECONDS = 5.0
"""After this a child that was told to end is killed."""

LOG_LINES = 2000
"""Lines of standard error that are kept."""

TakeLine = Callable[[str], object]
"""Receives lines of text one by one, as they come."""


def _ignore(line: str) -> None:
    """Let a line go."""


def run_child(
    arguments: Sequence[str],
    report: Report = silent,
    should_stop: ShouldStop = never,
    *,
    environment: Mapping[str, str] | None = None,
    cancel_file: Path | None = None,
    log: TakeLine = _ignore,
    output: TakeLine = _ignore,
    grace: float = GRACE_SECONDS,
    reports_progress: bool = True,
    is_awaited: bool = False,
) -> Outcome:
    """Run ``napari-alc ARGUMENTS`` in a child process to its end.

    Parameters
    ----------
    report
        Receives the child's progress, in the calling thread.
    should_stop
        Asked every `POLL_SECONDS`; ``True`` cancels the child.
    environment
        Variables beside those of this process.
    cancel_file
        Tells the child to stop when it appears; None makes one for this child alone.
    log
        Receives the lines of standard error.
    output
        Receives the lines of standard output that tell no progress.
    grace
        Seconds that a cancelled child has for its checkpoint.
    reports_progress
        Whether the command has the options ``--progress`` and ``--cancel-file``; one that has
        not is ended at once when it is cancelled.
    is_awaited
        Whether a person waits for what it does, so that it yields to nobody.
    """
    with _existing_or_new(cancel_file) as file:
        told = file if reports_progress else None
        if told is not None:
            arguments = [*arguments, "--progress", "json", "--cancel-file", str(told)]
        child = _Child(arguments, environment or {}, log, output, is_awaited)
        stop = _Stop(child.process, told, grace)
        try:
            while child.is_busy:
                child.hand_over(report, POLL_SECONDS)
                if stop.is_begun or should_stop():
                    stop.advance()
        finally:
            child.end()
        child.hand_over(report)
        return child.outcome(stop.is_begun)


@contextlib.contextmanager
def _existing_or_new(cancel_file: Path | None) -> Iterator[Path]:
    if cancel_file is not None:
        yield cancel_file
        return
    with TemporaryDirectory(prefix="napari-alc-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "cancel"


class _Child:
    """The process with the threads that drain it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: TakeLine,
        output: TakeLine,
        is_awaited: bool,
    ) -> None:
        self.process = _started(arguments, environment, is_awaited)
        self._log, self._output = log, output
        self._progress: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=LOG_LINES)
        self._threads = [
            threading.Thread(target=self._read_progress, args=[self.process.stdout], daemon=True),
            threading.Thread(target=self._read_log, args=[self.process.stderr], daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_busy(self) -> bool:
        return self.process.poll() is None

    def hand_over(self, report: Report, wait: float = 0.0) -> None:
        """Report what has come; where that is nothing, wait up to `wait` seconds for it."""
        with contextlib.suppress(queue.Empty):
            report(self._progress.get(timeout=wait))
            while True:
                report(self._progress.get_nowait())

    def end(self) -> None:
        """Leave no process behind, whatever happened, and read the rest of its log."""
        if self.is_busy:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            # A grandchild may hold the pipes open; its words are not waited for.
            thread.join(timeout=1.0)

    def outcome(self, was_asked_to_stop: bool) -> Outcome:
        """How it ended."""
        if self.process.returncode == 0:
            return SUCCESS
        if was_asked_to_stop:
            return CANCELLED
        return failure(self.process.returncode, self._last_words)

    def _read_progress(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                progress = parsed(line)
                if progress is not None:
                    self._progress.put(progress)
                else:
                    self._output(line.rstrip("\n"))

    def _read_log(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._last_words.append(line.rstrip("\n"))
                self._log(line.rstrip("\n"))


def _started(
    arguments: Sequence[str], environment: Mapping[str, str], is_awaited: bool
) -> subprocess.Popen[str]:
    flags = 0 if is_awaited else low_priority_flags()
    if sys.platform == "win32":
        flags |= subprocess.CREATE_NO_WINDOW
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **environment, "PYTHONIOENCODING": "utf-8"},
        creationflags=flags,
    )
    if not is_awaited:
        lower_priority(process.pid)
    return process


class _Stop:
    """Stopping a child step by step: asked, told, killed."""

    def __init__(
        self, process: subprocess.Popen[str], cancel_file: Path | None, grace: float
    ) -> None:
        self._process = process
        self._cancel_file = cancel_file
        self._grace = grace if cancel_file is not None else 0.0
        self._asked_at: float | None = None
        self._told = False

    @property
    def is_begun(self) -> bool:
        return self._asked_at is not None

    def advance(self) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            if self._cancel_file is not None:
                self._cancel_file.touch()
        waited = now - self._asked_at
        if waited >= self._grace and not self._told:
            self._told = True
            self._process.terminate()
        elif waited >= self._grace + LAST_GRACE_SECONDS:
            self._process.kill()
