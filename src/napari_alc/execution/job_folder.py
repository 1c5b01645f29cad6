"""Jobs as folders: started, followed, found again and cancelled by whoever knows the project.

A job is the folder ``jobs/<id>`` of its project with ``job.json`` (what it runs, which process
does it), ``progress.jsonl``, ``log.txt``, at its end ``end.json`` (how it ended) and, once somebody
wants it to stop, ``cancel``. Its supervisor is a process of its own, so a job outlives the window
that began it. No file is written twice: Windows replaces none that somebody reads.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from napari_alc.errors import BadData
from napari_alc.execution.child_process import POLL_SECONDS, PROGRAM
from napari_alc.execution.job_steps import Stage, StepCommand
from napari_alc.execution.outcome import LEFT, NOT_WRITABLE, Ending, Outcome, lost
from napari_alc.execution.progress import newly_told
from napari_alc.execution.yield_to_user import FULL_SHARE, lower_priority_of_session
from napari_alc.files import write_text
from napari_alc.log import Plain
from napari_alc.progress import Report, ShouldStop, never
from napari_alc.project.locks import locked

JOBS_FOLDER = "jobs"

_logger = logging.getLogger(__name__)

KEPT_JOBS = 20
"""Folders of ended jobs that a project keeps."""

SAME_START = 60.0
"""Seconds by which the start of a process may differ from what was noted: clocks are set."""

LOG_BYTES = 200_000
"""Of a log, what is shown."""


@dataclass(frozen=True)
class JobRecord:
    """What is known of a job; what tells of its end is empty while it runs.

    Its supervisor is the process `pid` that began at `started` (seconds since 1970). The other
    times are in ISO 8601.
    """

    title: str
    device: str
    stages: tuple[Stage, ...]
    pid: int
    started: float
    begun_at: str
    ended_at: str = ""
    ending: str = ""
    message: str = ""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None as long as nothing is written about that."""
        return Outcome(Ending(self.ending), self.message) if self.ending else None


@dataclass(frozen=True)
class JobFolder:
    """A job by its folder."""

    path: Path

    @property
    def id(self) -> str:
        """Its name within the project."""
        return self.path.name

    @property
    def record_file(self) -> Path:
        """What the job runs, and which process does it."""
        return self.path / "job.json"

    @property
    def end_file(self) -> Path:
        """How it ended; not there before."""
        return self.path / "end.json"

    @property
    def progress_file(self) -> Path:
        """Its progress, one JSON object a line."""
        return self.path / "progress.jsonl"

    @property
    def log_file(self) -> Path:
        """What its commands wrote."""
        return self.path / "log.txt"

    @property
    def cancel_file(self) -> Path:
        """Stops the job when it appears."""
        return self.path / "cancel"

    @property
    def seen_file(self) -> Path:
        """There once somebody was told how the job ended."""
        return self.path / "seen"

    @property
    def record(self) -> JobRecord:
        """What is known of the job.

        Raises
        ------
        BadData
            When the record cannot be read.
        """
        try:
            begun = json.loads(self.record_file.read_text(encoding="utf-8"))
            ended = self.end_file.exists()
            end = json.loads(self.end_file.read_text(encoding="utf-8")) if ended else {}
            return _record({**begun, **end})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadData(
                self.record_file, f"cannot be read ({error})", f"Delete the folder {self.path}"
            ) from error

    @property
    def is_alive(self) -> bool:
        """Whether its supervisor is at work."""
        record = self.record
        return record.outcome is None and _is_running(record.pid, record.started)

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked it to stop."""
        return self.cancel_file.exists()

    @property
    def log(self) -> str:
        """The end of its log."""
        try:
            with self.log_file.open("rb") as stream:
                stream.seek(max(0, self.log_file.stat().st_size - LOG_BYTES))
                return stream.read().decode("utf-8", errors="replace")
        except OSError:
            return ""

    def begin(self, record: JobRecord) -> None:
        """Write what the job runs, and which process does it."""
        write_text(self.record_file, json.dumps(asdict(record), indent=1) + "\n")

    def end(self, outcome: Outcome) -> None:
        """Write how the job ended."""
        end = {"ended_at": _now(), "ending": outcome.ending.value, "message": outcome.message}
        write_text(self.end_file, json.dumps(end, indent=1) + "\n")


def start_job(
    project_folder: Path,
    todo: Sequence[Stage],
    title: str,
    device: str = "auto",
    full_share: bool = False,
) -> JobFolder:
    """Run commands on a project in a process of its own, which outlives this one.

    `title` and `device` are for those who look at the job. One with its `full_share` of the
    computer leaves nobody the precedence.

    Raises
    ------
    BadData
        When a job or another step runs on the project, or its folder cannot be written.
    """
    with locked(project_folder, f"start of '{title}'"):
        running = current_job(project_folder)
        if running is not None:
            raise BadData(
                project_folder,
                f"'{running.record.title}' is running already",
                "Wait for its end, or cancel it",
            )
        _forget_old_jobs(project_folder)
        job = _new_folder(project_folder)
        record = JobRecord(title, device, tuple(todo), 0, 0.0, _now())
        _start_supervisor(job, record, full_share)
    _logger.info("job %s started: %s", Plain(job.id), title)
    return job


def last_jobs(project_folder: Path) -> tuple[JobFolder, ...]:
    """The jobs of a project, the newest first."""
    folders = (project_folder / JOBS_FOLDER).glob("*/job.json")
    return tuple(JobFolder(file.parent) for file in sorted(folders, reverse=True))


def current_job(project_folder: Path) -> JobFolder | None:
    """The job that runs on a project."""
    jobs = last_jobs(project_folder)
    return next((job for job in jobs if _is_readable(job) and job.is_alive), None)


def unseen_job(project_folder: Path) -> JobFolder | None:
    """The newest job of a project, if it runs or nobody was told yet how it ended."""
    readable = (job for job in last_jobs(project_folder) if _is_readable(job))
    newest = next(readable, None)
    return None if newest is None or newest.seen_file.exists() else newest


def cancel(job: JobFolder) -> None:
    """Ask a job to stop; its commands keep everything that they have finished."""
    _logger.info("job %s asked to stop", Plain(job.id))
    try:
        job.cancel_file.touch()
    except OSError as error:
        raise BadData(
            job.cancel_file, f"cannot be written ({error.strerror})", "Make the folder writable"
        ) from error


def outcome_of_job(job: JobFolder) -> Outcome | None:
    """How a job ended; None while it runs. A job that died is recorded as such."""
    found = job.record.outcome
    if found is not None or job.is_alive:
        return found
    found = job.record.outcome  # Again: its last act may have been to write how it ended.
    return _recorded_as_lost(job) if found is None else found


def _recorded_as_lost(job: JobFolder) -> Outcome:
    found = lost(job.log.splitlines())
    _logger.warning("job %s lost: %s", Plain(job.id), found.message)
    try:
        cancel(job)  # Should a child of it be alive, it stops too.
        job.end(found)
    except BadData as error:
        words = NOT_WRITABLE.replace("{words}", f"{error.where} {error.problem}")
        return Outcome(Ending.FAILED, words)
    return found


def follow(job: JobFolder, report: Report, should_stop: ShouldStop = never) -> Outcome:
    """Report a job's progress, from its first line on, until it ends; in the calling thread.

    Values of the progress are `JOB_SHARE` and, where it is known, `JOB_SECONDS_LEFT`.
    `should_stop` is asked every `POLL_SECONDS`; it ends the following, not the job.
    """
    job.progress_file.touch()
    with job.progress_file.open("rb") as stream:
        while True:
            ended = outcome_of_job(job)
            for progress in newly_told(stream):
                report(progress)
            if ended is not None:
                return ended
            if should_stop():
                return LEFT
            time.sleep(POLL_SECONDS)


def _new_folder(project_folder: Path) -> JobFolder:
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    path = project_folder / JOBS_FOLDER / name
    try:
        path.mkdir(parents=True)
        JobFolder(path).progress_file.touch()
    except OSError as error:
        raise BadData(path, f"cannot be made ({error.strerror})", "Free space") from error
    return JobFolder(path)


def _start_supervisor(job: JobFolder, record: JobRecord, full_share: bool) -> None:
    """Start the process that does the job; it waits until the record names it."""
    with job.log_file.open("ab") as log:
        process = subprocess.Popen(
            [*PROGRAM, "run-job", str(job.path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", FULL_SHARE: str(int(full_share))},
            start_new_session=True,
            creationflags=_detached(),
        )
    if not full_share:
        lower_priority_of_session(process.pid)
    assert process.stdin is not None
    with process.stdin:  # Its end lets the supervisor go on.
        started = psutil.Process(process.pid).create_time()
        job.begin(replace(record, pid=process.pid, started=started))
    _reap_later(process)


def _detached() -> int:
    """Flags for Windows: a process without console that outlives its parent."""
    if sys.platform == "win32":
        return subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Take the end of a child: until its parent does, the system lists it as a zombie."""
    threading.Thread(target=process.wait, daemon=True, name="end of a job").start()


def _is_running(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < SAME_START
        return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_readable(job: JobFolder) -> bool:
    """A damaged record hides neither its project nor its other jobs."""
    try:
        return bool(job.record)
    except BadData:
        return False


def _forget_old_jobs(project_folder: Path) -> None:
    for job in last_jobs(project_folder)[KEPT_JOBS:]:
        shutil.rmtree(job.path, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(" ", "seconds")


def _record(content: dict[str, Any]) -> JobRecord:
    stages = tuple(
        tuple(StepCommand(tuple(c["arguments"]), bool(c["reports_progress"])) for c in stage)
        for stage in content.pop("stages")
    )
    return JobRecord(stages=stages, **content)
