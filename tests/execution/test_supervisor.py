"""The supervisor with children that are written here: order, sides, failures, what it writes."""

import errno
import io
import json
import sys
from pathlib import Path

import pytest

from napari_alc.execution import child_process, resources, supervisor
from napari_alc.execution.job_folder import JobFolder, JobRecord, cancel
from napari_alc.execution.job_steps import StepCommand
from napari_alc.execution.outcome import KILLED, OUT_OF_MEMORY, Ending
from napari_alc.execution.progress import JOB_SECONDS_LEFT, JOB_SHARE
from napari_alc.execution.supervisor import Thinning, run_job
from napari_alc.progress import Progress
from napari_alc.project.settings import ProjectSettings, write_settings

MP, MA = (StepCommand(("train", "study", "--model", model), True) for model in ("mp", "ma"))
PREDICT = StepCommand(("predict", "study"), True)

TELL = """
import json, os, pathlib, signal, sys, time
command, model = sys.argv[1], sys.argv[4] if "--model" in sys.argv else ""
cancel = pathlib.Path(sys.argv[-1])
here = pathlib.Path(os.environ["ALC_TEST_FOLDER"])
def tell(done, total=4):
    step = f"{command} {model}".strip()
    print(json.dumps({"step": step, "done": done, "total": total, "values": {"loss": 1.0}}))
    sys.stdout.flush()
def wait_for(name):
    while not (here / name).exists(): time.sleep(0.01)
(here / f"{command} {model}").write_text(os.environ.get("OMP_NUM_THREADS", ""))
"""
"""Waits are bounded by the children's own end: the supervisor leaves none behind."""


@pytest.fixture
def job_of(tmp_path, monkeypatch):
    """A job whose commands are all the same small program."""
    monkeypatch.setenv("ALC_TEST_FOLDER", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(resources, "cores", lambda: 4)
    write_settings(tmp_path, ProjectSettings(images="images", detector={"preset": "compact"}))

    def make(source, *stages):
        monkeypatch.setattr(child_process, "PROGRAM", (sys.executable, "-u", "-c", TELL + source))
        folder = tmp_path / "jobs" / "1"
        folder.mkdir(parents=True)
        job = JobFolder(folder)
        job.begin(JobRecord("Train", "cpu", stages, 0, 0.0, "now"))
        return job

    return make


def lines_of(job):
    return [json.loads(line) for line in job.progress_file.read_text().splitlines()]


def test_both_models_train_at_the_same_time_with_half_of_the_threads_each(job_of, tmp_path):
    other = "wait_for('train ma' if model == 'mp' else 'train mp') if model else None\ntell(4)"
    job = job_of(other, (MP, MA), (PREDICT,))
    assert run_job(job.path).succeeded
    assert (tmp_path / "train mp").read_text() == (tmp_path / "train ma").read_text() == "2"
    assert job.record.outcome.succeeded
    assert job.record.ended_at


def test_what_runs_alone_has_all_threads_to_itself(job_of, tmp_path):
    assert run_job(job_of("tell(4)", (MP, MA), (PREDICT,)).path).succeeded
    assert (tmp_path / "train mp").read_text() == "2"
    assert (tmp_path / "predict ").read_text() == ""


def test_on_one_core_one_model_trains_after_the_other(job_of, tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "cores", lambda: 1)
    source = "assert model == 'mp' or (here / 'done').exists()\ntell(4)\n(here / 'done').touch()"
    job = job_of(source, (MP, MA))
    assert run_job(job.path).succeeded
    assert (tmp_path / "train ma").read_text() == ""


def test_each_line_tells_its_model_and_how_far_the_whole_is(job_of):
    job = job_of("tell(2)\ntell(4)", (MP, MA), (PREDICT,))
    run_job(job.path)
    lines = lines_of(job)
    assert {line["model"] for line in lines} == {"mp", "ma", ""}
    shares = [line["values"][JOB_SHARE] for line in lines]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.9), "the second model has not looked at the images"
    assert lines[0]["values"]["loss"] == 1.0
    assert all(JOB_SECONDS_LEFT not in line["values"] for line in lines)


def test_a_failure_stops_the_other_model_and_is_what_is_told(job_of):
    source = (
        "if model == 'mp':\n    wait_for('train ma')\n    sys.exit('napari-alc: x.tif is gone.')\n"
        "while not cancel.exists(): time.sleep(0.01)\nsys.exit('napari-alc: cancelled')"
    )
    job = job_of(source, (MP, MA), (PREDICT,))
    outcome = run_job(job.path)
    assert (outcome.ending, outcome.message) == (Ending.FAILED, "x.tif is gone.")
    assert not (job.path.parent.parent / "predict ").exists()


def test_a_killed_training_is_told_and_the_other_one_stops(job_of):
    source = (
        "if model == 'ma':\n    wait_for('train mp')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "while not cancel.exists(): time.sleep(0.01)\nsys.exit('napari-alc: cancelled')"
    )
    assert run_job(job_of(source, (MP, MA)).path).message == KILLED


def test_where_memory_does_not_suffice_for_both_the_other_follows_alone(job_of, tmp_path, capfd):
    source = (
        "if model == 'ma' and not (here / 'tried').exists():\n"
        "    (here / 'tried').touch()\n    wait_for('train mp')\n    raise MemoryError\n"
        "if model == 'mp': wait_for('tried')\n"
        "with (here / 'finished').open('a') as file: file.write(model + ' ')"
    )
    assert run_job(job_of(source, (MP, MA)).path).succeeded
    assert (tmp_path / "finished").read_text() == "mp ma "
    assert supervisor.NOT_ENOUGH_FOR_BOTH in capfd.readouterr().err


def test_memory_that_never_suffices_is_told(job_of):
    assert run_job(job_of("raise MemoryError", (MP, MA)).path).message == OUT_OF_MEMORY


def test_a_cancelled_job_runs_nothing_more(job_of, tmp_path):
    job = job_of("tell(4)", (MP,), (PREDICT,))
    cancel(job)
    assert run_job(job.path).ending is Ending.CANCELLED
    assert not (tmp_path / "train mp").exists()


def test_the_file_cancel_reaches_the_children(job_of):
    source = "cancel.touch()\nwhile not cancel.exists(): pass\nsys.exit('napari-alc: cancelled')"
    job = job_of(source, (PREDICT,))
    assert run_job(job.path).ending is Ending.CANCELLED


def test_the_log_tells_which_command_wrote_what(job_of, capfd):
    job = job_of("print('hello', file=sys.stderr); print('out')", (MP,), (PREDICT,))
    run_job(job.path)
    assert {"[mp] hello", "[mp] out", "[predict] hello"} <= set(capfd.readouterr().err.splitlines())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_takes_the_progress_and_the_log_but_not_the_work(job_of, monkeypatch):
    class FullLog(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", FullLog())
    job = job_of("tell(2)\nprint('hello', file=sys.stderr)\ntell(4)", (MP, MA), (PREDICT,))
    job.progress_file.symlink_to("/dev/full")
    assert run_job(job.path).succeeded
    assert job.record.outcome.succeeded


def test_a_project_without_settings_is_told(job_of, tmp_path):
    job = job_of("", (PREDICT,))
    (tmp_path / "project.toml").unlink()
    assert "there is no napari-alc project here" in run_job(job.path).message


def test_of_many_lines_a_few_a_second_are_kept_and_all_that_are_new_in_kind():
    thinning = Thinning()

    def report(done, message="iteration 1 of 9", **values):
        return Progress("train mp", done, 9, message, {"loss": 1.0, **values})

    assert thinning.keeps(report(1), 0.0)
    assert not thinning.keeps(report(2, "iteration 2 of 9"), 0.1)
    assert thinning.keeps(report(3), supervisor.LEAST_PAUSE)
    assert thinning.keeps(report(4, validation_AP50=50.0), 0.21)
    assert thinning.keeps(report(5), 0.22)
    assert thinning.keeps(report(6, "The card's memory is too small, so batches hold 2"), 0.23)
    assert thinning.keeps(report(9), 0.24)
    assert thinning.keeps(Progress("train ma", 1, 9), 0.24)


def test_an_hour_of_training_is_not_told_twice_a_second():
    thinning = Thinning()
    kept = [thinning.keeps(Progress("train mp", 1, 9), t / 10) for t in range(36_000)]
    assert sum(kept) < 4000
