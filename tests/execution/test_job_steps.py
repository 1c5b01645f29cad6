"""Which commands do the steps."""

from pathlib import Path

import pytest

from napari_alc.execution.job_steps import commands
from napari_alc.project.status import Step

STUDY = Path("study")

HERE_ALONE = ("--cluster", "none")
"""Tells a command to leave the cluster in project.toml alone, should somebody write it there."""


def test_both_models_are_trained_side_by_side_and_predict_afterwards():
    train, predict = commands(Step.TRAIN, STUDY, "cpu")
    assert [command.arguments for command in train] == [
        ("train", "study", "--device", "cpu", "--model", "mp", *HERE_ALONE),
        ("train", "study", "--device", "cpu", "--model", "ma", *HERE_ALONE),
    ]
    assert [command.arguments for command in predict] == [
        ("predict", "study", "--device", "cpu", *HERE_ALONE)
    ]
    assert all(command.reports_progress and command.computes_here for command in (*train, *predict))


def test_a_cluster_shares_the_models_out_itself():
    stages = commands(Step.TRAIN, STUDY, cluster="tcp://host:8786")
    assert [stage[0].arguments[-2:] for stage in stages] == [("--cluster", "tcp://host:8786")] * 2
    assert [len(stage) for stage in stages] == [1, 1]
    assert not any(stage[0].computes_here for stage in stages)


@pytest.mark.parametrize("step", [Step.SELECT, Step.CORRECT, Step.EXPORT])
def test_other_steps_are_one_command_that_computes_little(step):
    ((command,),) = commands(step, STUDY)
    assert command.arguments == (step.value, "study")
    assert not command.computes_here


def test_no_command_does_the_review():
    with pytest.raises(KeyError):
        commands(Step.REVIEW, STUDY)
