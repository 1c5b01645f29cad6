"""The process that does a job: runs its commands, and writes what they tell into its folder."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import RawIOBase
from pathlib import Path

from napari_alc.errors import AlcError
from napari_alc.execution.child_process import run_child
from napari_alc.execution.job_folder import JobFolder, JobRecord
from napari_alc.execution.job_steps import Stage, StepCommand
from napari_alc.execution.outcome import CANCELLED, SUCCESS, Cause, Ending, Outcome, outcome_of
from napari_alc.execution.progress import JOB_SECONDS_LEFT, JOB_SHARE, JobProgress
from napari_alc.execution.resources import Slot, slots
from napari_alc.log import Plain
from napari_alc.progress import Progress, ShouldStop, never
from napari_alc.project.project import MODELS
from napari_alc.project.settings import read_settings

_logger = logging.getLogger(__name__)

LEAST_PAUSE, MOST_PAUSE = 0.2, 5.0
"""Seconds between two lines of one step; more the longer it lasts, so that files stay small."""

LINES_A_STEP = 1000
"""About how many lines a step writes until `MOST_PAUSE` is reached."""

NOT_ENOUGH_FOR_BOTH = "There was not enough memory for both at once; the rest follows one by one."


def run_job(folder: Path, should_stop: ShouldStop = never) -> Outcome:
    """Do the job in `folder` to its end, or until it is told to stop, and record how it ended.

    Raises
    ------
    BadData
        When there is no job in `folder`.
    """
    job = JobFolder(folder)
    record = job.record
    with job.progress_file.open("ab", buffering=0) as stream:
        outcome = _Run(job, record, stream, should_stop).outcome()
    job.end(outcome)
    _record(f"job {job.id}", outcome)
    return outcome


def _record(what: str, outcome: Outcome) -> None:
    _logger.info("%s ended: %s. %s", Plain(what), outcome.ending.value, outcome.message)


class _Run:
    """One job while it runs."""

    def __init__(
        self, job: JobFolder, record: JobRecord, stream: RawIOBase, should_stop: ShouldStop
    ) -> None:
        self._job, self._record = job, record
        self._should_stop = should_stop
        self._progress = JobProgress(record.stages)
        self._writer = _ProgressWriter(stream, self._progress)

    def outcome(self) -> Outcome:
        record, project = self._record, self._job.path.parent.parent
        try:
            preset = read_settings(project).detector.preset
            title = f"{record.title} of {project}"
            with slots(record.stages, record.device, preset, title) as own:
                return self._run(own)
        except AlcError as error:
            _log(f"napari-alc: {error}")
            return outcome_of(error)

    def _run(self, own: Sequence[Slot]) -> Outcome:
        for number, stage in enumerate(self._record.stages):
            self._progress.enter(number)
            outcome = self._run_stage(stage, own)
            if not outcome.succeeded:
                return outcome
        return SUCCESS

    def _run_stage(self, stage: Stage, own: Sequence[Slot]) -> Outcome:
        if 1 < len(stage) <= len(own):
            outcomes = self._side_by_side(stage, own)
            short = [o.cause in (Cause.MEMORY, Cause.GPU_MEMORY) for o in outcomes]
            if not any(short):
                return _worst(outcomes)
            _log(f"napari-alc: {NOT_ENOUGH_FOR_BOTH}")
            stage = tuple(c for c, o in zip(stage, outcomes, strict=True) if not o.succeeded)
        for command in stage:
            outcome = self._run_command(command, own[0].environment, threading.Event())
            if not outcome.succeeded:
                return outcome
        return SUCCESS

    def _side_by_side(self, stage: Stage, own: Sequence[Slot]) -> list[Outcome]:
        failed = threading.Event()
        with ThreadPoolExecutor(len(stage)) as pool:
            running = [
                pool.submit(self._run_command, command, slot.shared, failed)
                for command, slot in zip(stage, own, strict=False)
            ]
            return [one.result() for one in running]

    def _run_command(
        self, command: StepCommand, environment: Mapping[str, str], failed: threading.Event
    ) -> Outcome:
        """Run a command; one that fails, unless for memory, stops those beside it."""

        def should_stop() -> bool:
            return failed.is_set() or self._job.is_cancelled or self._should_stop()

        if should_stop():
            return CANCELLED
        log = _log_of(command)
        outcome = run_child(
            command.arguments,
            self._writer.write,
            should_stop,
            environment=environment,
            cancel_file=self._job.cancel_file,
            log=log,
            output=log,
            reports_progress=command.reports_progress,
        )
        if outcome.ending is Ending.FAILED and outcome.cause is Cause.OTHER:
            failed.set()
        _record(command.name, outcome)
        return outcome


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    """What is told of commands side by side: a failure before a cancellation it has caused."""
    order = (Ending.FAILED, Ending.CANCELLED, Ending.SUCCESS)
    return min(outcomes, key=lambda outcome: order.index(outcome.ending))


def _log(line: str) -> None:
    """Write a line to the job's log, unless its disk is full."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _log_of(command: StepCommand) -> Callable[[str], None]:
    """Writes a command's words to the job's log, which is this process's standard error."""
    _, _, model = " ".join(command.arguments).partition("--model ")
    mark = model.partition(" ")[0] or command.name
    return lambda line: _log(f"[{mark}] {line}")


class _ProgressWriter:
    """Writes the progress of a job's commands; may be called by several threads."""

    def __init__(self, stream: RawIOBase, job_progress: JobProgress) -> None:
        self._stream, self._job_progress = stream, job_progress
        self._lock = threading.Lock()
        self._thinning = Thinning()

    def write(self, progress: Progress) -> None:
        """Write a report, unless too little time has gone by since the one before."""
        with self._lock:
            self._job_progress.update(progress)
            if self._thinning.keeps(progress, time.monotonic()):
                line = json.dumps(self._line(progress)) + "\n"
                with suppress(OSError):  # On a full disk the work matters more than its bar.
                    self._stream.write(line.encode())

    def _line(self, progress: Progress) -> dict[str, object]:
        values = {**progress.values, JOB_SHARE: round(self._job_progress.share, 5)}
        left = self._job_progress.seconds_left
        if left is not None:
            values[JOB_SECONDS_LEFT] = round(left, 1)
        last_word = progress.step.rpartition(" ")[2]
        return {
            "step": progress.step,
            "model": last_word if last_word in MODELS else "",
            "done": progress.done,
            "total": progress.total,
            "message": progress.message,
            "values": values,
        }


class Thinning:
    """Chooses which reports are kept: all that are new in kind, of the others a few a second."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._kinds: dict[str, object] = {}

    def keeps(self, progress: Progress, now: float) -> bool:
        """Whether the report that came at `now` (seconds) is kept."""
        step = progress.step
        began = self._began.setdefault(step, now)
        kind = re.sub(r"[\d.,]+", "", progress.message), tuple(progress.values)
        pause = min(max((now - began) / LINES_A_STEP, LEAST_PAUSE), MOST_PAUSE)
        is_last = progress.done >= progress.total
        if kind == self._kinds.get(step) and not is_last and now - self._said[step] < pause:
            return False
        self._said[step], self._kinds[step] = now, kind
        return True
