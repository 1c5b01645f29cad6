"""The commands jobs, cancel and run-job."""

import json
import subprocess
import sys

import psutil
import pytest

from napari_alc.execution.job_folder import JobFolder, follow, start_job
from napari_alc.execution.job_steps import commands
from napari_alc.execution.outcome import Ending
from napari_alc.project.status import Step, status
from patience import PATIENCE
from running_jobs import end_all, family
from tiny_projects import make_project


@pytest.fixture
def long(tmp_path, quick_jobs):  # noqa: ARG001
    """A project whose training lasts for hours, under way; over when the test ends."""
    project = make_project(tmp_path, iterations=100_000)
    todo = commands(Step.TRAIN, project.folder, "cpu")
    job = start_job(project.folder, todo, "Train and predict", "cpu")
    yield project.folder, job
    end_all([job])
    project.close()


def test_a_job_is_listed_cancelled_and_listed_as_cancelled(long, program):
    folder, job = long
    assert f"Train and predict: running (process {job.record.pid})" in program("jobs", folder).out
    described = json.loads(program("jobs", folder, "--json").out)
    assert (described["id"], described["state"]) == (job.id, "running")
    assert program("cancel", folder).out == "'Train and predict' stops at the next safe point.\n"
    assert follow(job, print).ending is Ending.CANCELLED
    assert "Train and predict: Cancelled; everything" in program("jobs", folder).out
    assert "no job runs on this project" in program("cancel", folder).complaint


def test_a_project_without_jobs(tmp_path, program):
    project = make_project(tmp_path)
    project.close()
    assert program("jobs", project.folder).out == "No job was started so far.\n"
    assert program("jobs", project.folder, "--json").out == ""


@pytest.mark.parametrize("command", ["jobs", "cancel"])
def test_a_folder_without_a_project_is_told(tmp_path, command, program):
    assert "there is no napari-alc project here" in program(command, tmp_path).complaint


def test_the_process_of_a_job_is_no_command_for_people(program):
    shown = program("--help").out
    assert "jobs" in shown
    assert "run-job" not in shown


def test_a_step_stops_with_its_checkpoint_when_nobody_reads_its_progress_any_more(
    tmp_path, loaded_program
):
    project = make_project(tmp_path, iterations=100_000)
    arguments = ["train", project.folder, "--model", "mp", "--device", "cpu", "--progress", "json"]
    process = subprocess.Popen(
        [*loaded_program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert json.loads(process.stdout.readline())["step"] == "train mp"
    process.stdout.close()
    words = process.stderr.read()
    assert process.wait(timeout=PATIENCE) == 1
    assert words.startswith("napari-alc: ")
    assert "cancelled" in words
    assert (project.run_folder(0, "mp") / "checkpoint.pt").is_file()
    assert status(project).next_step is Step.TRAIN


def test_a_supervisor_that_is_asked_to_end_stops_its_children_and_says_so(long):
    _, job = long
    seen = []
    follow(job, seen.append, lambda: bool(seen))
    processes = family(job)
    assert len(processes) >= 3
    processes[-1].terminate()
    assert follow(job, print).ending is Ending.CANCELLED
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    assert job.record.outcome.ending is Ending.CANCELLED


def test_a_folder_without_a_job_is_told(tmp_path):
    command = [sys.executable, "-m", "napari_alc", "run-job", str(tmp_path)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"napari-alc: {JobFolder(tmp_path).record_file}: cannot be")
