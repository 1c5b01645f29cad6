"""Jobs in processes of their own: started, followed, left, found, cancelled, killed."""

import json
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
import torch
from ordinary_jobs import ORDINARY

from napari_alc.detection.models.weights import load_detector
from napari_alc.errors import BadData
from napari_alc.execution import job_folder
from napari_alc.execution.job_folder import (
    KEPT_JOBS,
    JobFolder,
    JobRecord,
    cancel,
    current_job,
    follow,
    last_jobs,
    outcome_of_job,
    unseen_job,
)
from napari_alc.execution.job_steps import StepCommand, commands
from napari_alc.execution.outcome import LEFT, LOST, SUCCESS, Ending
from napari_alc.execution.progress import JOB_SHARE
from napari_alc.project.status import Step, status
from napari_alc.project.steps.train import train as train_here
from patience import PATIENCE
from running_jobs import family, pretend
from tiny_projects import make_project

START_AND_END = """
import sys
from pathlib import Path
from napari_alc.execution import job_folder
from napari_alc.execution.job_folder import start_job
from napari_alc.execution.job_steps import commands
from napari_alc.project.status import Step
folder = Path(sys.argv[1])
job_folder.PROGRAM = (sys.executable, "-c", sys.argv[2])
job_folder.lower_priority_of_session = lambda _pid: None
print(start_job(folder, commands(Step.TRAIN, folder, "cpu"), "Train and predict", "cpu").path)
"""


def train(folder):
    return commands(Step.TRAIN, folder, "cpu")


def until_first_report(job):
    """Follow until the job has told something of each of its two trainings."""
    seen = set()
    outcome = follow(job, lambda progress: seen.add(progress.step), lambda: len(seen) == 2)
    assert outcome is LEFT
    return seen


@pytest.mark.usefixtures("quick_jobs")
def test_the_steps_lead_from_training_to_the_next_review(tmp_path, start):
    project = make_project(tmp_path)
    reports = []
    job = start(project.folder, train(project.folder), "Train and predict", "cpu")
    assert job.is_alive
    assert follow(job, reports.append).succeeded
    steps = {report.step for report in reports}
    assert steps == {"train mp", "train ma", "predict mp", "predict ma"}
    assert reports[-1].values[JOB_SHARE] == 1.0
    assert status(project).next_step is Step.SELECT
    assert not job.is_alive
    job = start(project.folder, commands(Step.SELECT, project.folder), "Select next images")
    assert follow(job, reports.append).succeeded
    assert status(project).next_step is Step.REVIEW
    assert "Selected 2 images." in job.log
    assert [found.record.title for found in last_jobs(project.folder)] == [
        "Select next images",
        "Train and predict",
    ]


@pytest.mark.usefixtures("quick_jobs")
def test_a_step_out_of_turn_fails_with_its_reason_which_is_in_the_log_too(tmp_path, start):
    project = make_project(tmp_path, reviewed=False)
    job = start(project.folder, commands(Step.SELECT, project.folder), "Select next images")
    outcome = follow(job, print)
    assert outcome.ending is Ending.FAILED
    assert "3 images wait for a pathologist" in outcome.message
    assert outcome.message in job.log


def test_a_job_outlives_who_started_it_and_is_found_cancelled_and_kept(tmp_path, start):
    project = make_project(tmp_path, iterations=100_000)
    start_and_end = [sys.executable, "-c", START_AND_END, str(project.folder), ORDINARY]
    process = subprocess.run(start_and_end, check=True, capture_output=True)
    job = current_job(project.folder)
    assert str(job.path) == process.stdout.decode().strip()
    assert unseen_job(project.folder) == job
    with pytest.raises(BadData, match=r"'Train and predict' is running already\. Wait"):
        start(project.folder, train(project.folder), "Another")
    assert until_first_report(job) == {"train mp", "train ma"}
    assert until_first_report(job), "a second one to follow sees all of it again"
    processes = family(job)
    cancel(job)
    assert follow(job, print).ending is Ending.CANCELLED
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert alive == []
    for model in ("mp", "ma"):
        assert (project.run_folder(0, model) / "checkpoint.pt").is_file()
    assert status(project).next_step is Step.TRAIN
    assert current_job(project.folder) is None


def test_a_killed_supervisor_is_told_and_its_children_stop_with_their_checkpoints(tmp_path, start):
    project = make_project(tmp_path, iterations=100_000)
    job = start(project.folder, train(project.folder), "Train and predict", "cpu")
    until_first_report(job)
    processes = family(job)
    processes[-1].kill()
    assert follow(job, print) == LOST
    assert job.record.outcome == LOST
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert alive == []
    for model in ("mp", "ma"):
        assert (project.run_folder(0, model) / "checkpoint.pt").is_file()
    assert current_job(project.folder) is None


@pytest.mark.usefixtures("quick_jobs")
def test_a_cancelled_job_that_goes_on_gives_the_weights_of_a_training_that_never_stopped(
    tmp_path, start
):
    whole, parted = (make_project(tmp_path / name, iterations=40) for name in ("one", "other"))
    train_here(whole, ["mp"], device="cpu")
    todo = [train(parted.folder)[0][:1]]
    job, seen = start(parted.folder, todo, "Train", "cpu"), []
    follow(job, seen.append, lambda: bool(seen))
    cancel(job)
    assert follow(job, print).ending is Ending.CANCELLED
    assert follow(start(parted.folder, todo, "Train", "cpu"), print).succeeded
    one, other = (load_detector(p.run_folder(0, "mp") / "weights.pt") for p in (whole, parted))
    tensors, others = one.network.state_dict(), other.network.state_dict()
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def record(**changes):
    known = JobRecord("Train", "cpu", ((StepCommand(("train", "study"), True),),), 1, 0.0, "now")
    return replace(known, **changes)


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "jobs" / "1"
    folder.mkdir(parents=True)
    job = JobFolder(folder)
    job.begin(record())
    return job


def test_a_record_comes_back_as_it_was_written(job):
    assert job.record == record()


def test_the_number_of_a_process_that_began_at_another_time_is_no_job(job):
    here = psutil.Process()
    job.begin(record(pid=here.pid, started=here.create_time()))
    assert job.is_alive
    assert outcome_of_job(job) is None
    job.begin(record(pid=here.pid, started=here.create_time() - 3600))
    assert not job.is_alive
    assert outcome_of_job(job) == LOST


def test_a_job_whose_end_cannot_be_written_down_is_told_with_what_to_do(job, monkeypatch):
    def full(path, _text):
        raise BadData(path, "could not be written (No space left on device)", "Free space")

    monkeypatch.setattr(job_folder, "write_text", full)
    outcome = follow(job, print)
    assert outcome.ending is Ending.FAILED
    assert f"{job.end_file} could not be written (No space left on device)." in outcome.message
    assert "If the disk is full, free space on it" in outcome.message


def test_a_supervisor_that_broke_down_is_told_by_its_last_words(job):
    job.log_file.write_text(
        "[mp] fine\nTraceback (most recent call last):\nImportError: no numpy\n"
    )
    message = outcome_of_job(job).message
    assert "an error it does not know: ImportError: no numpy." in message


def test_the_words_of_a_command_are_not_those_of_the_supervisor(job):
    job.log_file.write_text("[mp] Traceback (most recent call last):\n[mp] ImportError: odd\n")
    assert outcome_of_job(job) == LOST


def test_a_damaged_record_is_named_and_hides_no_other_job(job, tmp_path):
    job.record_file.write_text("{")
    assert current_job(tmp_path) is None
    with pytest.raises(BadData, match=r"job\.json: cannot be read .*Delete the folder"):
        _ = job.record


def test_half_a_line_waits_for_its_rest(job):
    line = json.dumps({"step": "train mp", "done": 1, "total": 2}).encode() + b"\n"
    here = psutil.Process()
    job.begin(record(pid=here.pid, started=here.create_time()))
    job.progress_file.write_bytes(line + line[:10])
    seen = []

    def take(progress):
        seen.append(progress.done)
        if len(seen) == 1:
            with job.progress_file.open("ab") as stream:
                stream.write(line[10:] + b"nonsense\n")
        else:
            job.end(SUCCESS)

    assert follow(job, take).succeeded
    assert seen == [1, 1]


def test_what_was_told_is_not_told_again(job, tmp_path):
    assert unseen_job(tmp_path) == job
    job.seen_file.touch()
    assert unseen_job(tmp_path) is None


def test_old_jobs_are_forgotten(tmp_path, start, monkeypatch):
    pretend(monkeypatch)
    project = make_project(tmp_path, reviewed=False)
    for number in range(KEPT_JOBS + 3):
        old = JobFolder(project.folder / "jobs" / f"1999-{number:03}")
        old.path.mkdir(parents=True)
        old.begin(record(ending="success"))
    newest = start(project.folder, commands(Step.SELECT, project.folder), "Select")
    kept = last_jobs(project.folder)
    assert kept[0] == newest
    assert len(kept) == KEPT_JOBS + 1
    assert kept[-1].id == "1999-003"
