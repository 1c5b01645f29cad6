"""The real commands on a real, tiny project."""

from pathlib import Path

import pytest

from napari_alc.jobs import steps
from napari_alc.jobs.child import new_log
from napari_alc.jobs.outcome import Ending
from napari_alc.jobs.steps import Command, commands, run_commands
from napari_alc.project.status import Step, status
from tiny_projects import make_project


def todo(step, folder):
    return commands(step, folder, "cpu")


def test_training_is_followed_by_prediction():
    names = [command.arguments[0] for command in todo(Step.TRAIN, Path("study"))]
    assert names == ["train", "predict"]


def test_no_command_does_the_review():
    with pytest.raises(KeyError):
        commands(Step.REVIEW, Path("study"))


def test_the_steps_lead_from_training_to_the_next_review(tmp_path):
    project = make_project(tmp_path)
    reports = []
    assert run_commands(todo(Step.TRAIN, project.folder), reports.append).succeeded
    seen = list(dict.fromkeys(report.step for report in reports))
    assert seen == ["train mp", "train ma", "predict mp", "predict ma"]
    assert status(project).next_step is Step.SELECT
    assert run_commands(todo(Step.SELECT, project.folder)).succeeded
    assert status(project).next_step is Step.REVIEW


def test_a_cancelled_training_keeps_its_checkpoint(tmp_path):
    project = make_project(tmp_path, iterations=100_000)
    reports = []
    outcome = run_commands(
        todo(Step.TRAIN, project.folder), reports.append, lambda: len(reports) > 0
    )
    assert outcome.ending is Ending.CANCELLED
    assert (project.run_folder(0, "mp") / "checkpoint.pt").is_file()
    assert status(project).next_step is Step.TRAIN


def test_a_step_out_of_turn_fails_with_its_reason(tmp_path):
    project = make_project(tmp_path, reviewed=False)
    log = new_log()
    outcome = run_commands(todo(Step.SELECT, project.folder), log=log)
    assert outcome.ending is Ending.FAILED
    assert "3 images wait for a pathologist" in outcome.message
    assert any(outcome.message in line for line in log)


def test_commands_after_a_failed_one_are_not_run(monkeypatch):
    run = []

    def fail(arguments, *_args, **_options):
        run.append(arguments)
        return steps.CANCELLED

    monkeypatch.setattr(steps, "run_child", fail)
    run_commands([Command(("train",)), Command(("predict",))])
    assert run == [("train",)]


def test_a_request_to_stop_between_commands_is_heard():
    assert run_commands([Command(("train",))], should_stop=lambda: True) is steps.CANCELLED
