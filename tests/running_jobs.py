"""Looking after jobs that tests start: they are processes that outlive who starts them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
import pytest
from ordinary_jobs import ORDINARY_PROGRAM

from napari_alc.execution import child_process, job_folder
from napari_alc.execution.job_folder import JobFolder, cancel
from napari_alc.execution.outcome import CANCELLED
from napari_alc.execution.progress import JOB_SHARE
from patience import PATIENCE
from zygote import process_behind

PRETENDED = f"""
import json, pathlib, sys, threading
job, pause = pathlib.Path(sys.argv[2]), threading.Event()
line = dict(step="train mp", total=10**6, values={{"loss": 1.0, {JOB_SHARE!r}: 0.1}})
sys.stdin.read()  # until the record names this process
with (job / "progress.jsonl").open("a") as progress:
    done = 0
    while not (job / "cancel").exists():
        done += 1
        told = line | dict(done=done, message=f"iteration {{done}}")
        print(json.dumps(told), file=progress, flush=True)
        pause.wait(0.05)
end = dict(ended_at="now", ending={CANCELLED.ending.value!r}, message={CANCELLED.message!r})
(job / "end").write_text(json.dumps(end))
(job / "end").rename(job / "end.json")
"""
"""Does what a supervisor does whose training never ends, until it is cancelled; trains nothing."""


def at_ordinary_priority(
    monkeypatch: pytest.MonkeyPatch, program: Sequence[str] = ORDINARY_PROGRAM
) -> None:
    """Jobs give way to nobody: beside other tests on the same cores they might never begin."""
    monkeypatch.setattr(job_folder, "PROGRAM", program)
    monkeypatch.setattr(child_process, "PROGRAM", program)
    monkeypatch.setattr(job_folder, "lower_priority_of_session", lambda _pid: None)
    monkeypatch.setattr(child_process, "lower_priority", lambda _pid: None)


def use_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let this process, and those that it starts, have their cache in `folder`."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))


def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are started from here only say that they train."""
    monkeypatch.setattr(job_folder, "PROGRAM", (sys.executable, "-c", PRETENDED))


def family(job: JobFolder) -> list[psutil.Process]:
    """The children of a job's supervisor and itself, last; empty when it has ended."""
    try:
        supervisor = _at_work(job.record.pid)
        children = supervisor.children(recursive=True)
        return [*children, *(_at_work(child.pid) for child in children), supervisor]
    except psutil.NoSuchProcess:
        return []


def _at_work(pid: int) -> psutil.Process:
    return psutil.Process(process_behind(job_folder.PROGRAM, pid))


def end_all(jobs: Iterable[JobFolder]) -> None:
    """Cancel jobs and wait until their processes are gone."""
    found = list(jobs)
    processes = [process for job in found for process in family(job)]
    for job in found:
        cancel(job)
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    for process in alive:
        process.kill()
    assert not alive
