"""Jobs of a project: listing them, cancelling one, and the process that does one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_alc.commands.running import ProgressStyle, ProjectFolder, watched
from napari_alc.errors import AlcError
from napari_alc.execution.job_folder import JobFolder, current_job, last_jobs, outcome_of_job
from napari_alc.execution.job_folder import cancel as cancel_job
from napari_alc.execution.progress import JOB_SHARE, newest_progress
from napari_alc.execution.supervisor import run_job as do_job
from napari_alc.project.settings import read_settings


def jobs(
    project: ProjectFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a job.")] = False,
) -> None:
    """List the jobs that were started from napari, the newest first; they run without it too.

    Example: napari-alc jobs study
    """
    read_settings(project)
    found = last_jobs(project)
    for job in found:
        typer.echo(json.dumps(_described(job)) if as_json else _line(job))
    if not found and not as_json:
        typer.echo("No job was started so far.")


def cancel(project: ProjectFolder) -> None:
    """Stop the job that runs on a project; everything that it has finished is kept.

    Example: napari-alc cancel study
    """
    read_settings(project)
    job = current_job(project)
    if job is None:
        raise AlcError(f"{project}: no job runs on this project.")
    cancel_job(job)
    typer.echo(f"'{job.record.title}' stops at the next safe point.")


def run_job(folder: Annotated[Path, typer.Argument(help="The job's folder.")]) -> None:
    """Do a job; for napari, which starts it and says by the end of the input that it may begin."""
    sys.stdin.read()
    with watched(ProgressStyle.NONE) as watch:
        do_job(folder, watch.should_stop)


def _described(job: JobFolder) -> dict[str, object]:
    outcome = outcome_of_job(job)
    progress = newest_progress(job.progress_file)
    return {
        "id": job.id,
        **asdict(job.record),
        "state": "running" if outcome is None else outcome.ending.value,
        "progress": None if progress is None else asdict(progress),
    }


def _line(job: JobFolder) -> str:
    outcome, record = outcome_of_job(job), job.record
    if outcome is not None:
        return f"{record.begun_at}  {record.title}: {outcome.message or 'done'}"
    state = "stopping" if job.is_cancelled else "running"
    return f"{record.begun_at}  {record.title}: {state}{_share(job)} (process {record.pid})"


def _share(job: JobFolder) -> str:
    progress = newest_progress(job.progress_file)
    return "" if progress is None else f", {progress.values.get(JOB_SHARE, 0.0):.0%}"
