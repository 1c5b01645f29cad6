"""Looking after jobs that tests start: they are processes that outlive who starts them."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from napari_alc.execution.job_folder import JobFolder, cancel

LONG = 120
"""Seconds for a training to begin or to stop while other tests use the same cores."""


def family(job: JobFolder) -> list[psutil.Process]:
    """The children of a job's supervisor and itself, last; empty when it has ended."""
    try:
        supervisor = psutil.Process(job.record.pid)
        return [*supervisor.children(recursive=True), supervisor]
    except psutil.NoSuchProcess:
        return []


def end_all(jobs: Iterable[JobFolder]) -> None:
    """Cancel jobs and wait until their processes are gone."""
    found = list(jobs)
    processes = [process for job in found for process in family(job)]
    for job in found:
        cancel(job)
    _, alive = psutil.wait_procs(processes, timeout=LONG)
    for process in alive:
        process.kill()
    assert not alive
