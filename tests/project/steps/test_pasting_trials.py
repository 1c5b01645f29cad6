"""Short trainings that decide whether a model pastes objects while it learns."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from napari_alc.detection.run_files import METRICS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import Cancelled
from napari_alc.progress import Progress
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import run_of
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.pasting import PastingDecider, PastingTrial, due_trials, said_of
from napari_alc.project.steps.train import train
from napari_alc.project.steps.training_inputs import prepare
from tiny_projects import draw

QUICK = DetectorSettings(recipe=2, looks=2, iterations=3, threads=1)


def project_with(base, initial=4, validation=0, detector=QUICK):
    truth = draw(base / "images")
    crowd = truth.of_images(range(1, 7 - validation))
    clean = truth.of_images(range(7 - validation, 7)) if validation else None
    sources = Sources(base / "images", crowd, base / "crowd.json", clean)
    method = MethodSettings(initial=initial, per_iteration=1, iterations=1)
    project = create_project(base / "study", sources, CreateOptions(method, detector))
    review_everything(project, truth.labels)
    return project


class Pretended:
    """An executor whose trainings come to AP50s that are given by the way and the part."""

    def __init__(self, found):
        self.found = found
        self.jobs = []

    def train(self, jobs, report, *_):
        for job in jobs:
            self.jobs.append(job)
            report(Progress(job.step, job.settings.iterations, job.settings.iterations, "done"))
            job.folder.mkdir(parents=True)
            ap50 = self.found[job.settings.paste][int(job.folder.name[-1])]
            content = {"validation": [[job.settings.iterations, ap50]]}
            (job.folder / METRICS_FILE).write_text(json.dumps(content), encoding="utf-8")
            yield job


def decider(project, executor, report=lambda _: None):
    return PastingDecider(project, executor, report, lambda: False, "cpu")


def test_with_validation_images_both_ways_are_tried_on_all_labels(tmp_path):
    project = project_with(tmp_path, validation=2)
    job = prepare(project, 0, "mp")
    off, on = due_trials(project, job)
    assert (off.settings.paste, on.settings.paste) == ("off", "on")
    for trial in (off, on):
        assert trial.labels == job.labels
        assert [image.id for image in trial.clean.truth.images] == [5, 6]
        assert trial.clean.looks_fully
        assert (trial.settings.iterations, trial.plan) == (1, job.plan)


def test_without_validation_images_each_half_is_measured_on_the_other(tmp_path):
    project = project_with(tmp_path)
    trials = due_trials(project, prepare(project, 0, "mp"))
    shared = [
        (
            trial.settings.paste,
            {image.id for image in trial.labels.images},
            {image.id for image in trial.clean.truth.images},
        )
        for trial in trials
    ]
    assert [way for way, _, _ in shared] == ["off", "on", "off", "on"]
    for _, learned, measured in shared:
        assert len(learned) == len(measured) == 2
        assert not learned & measured
    assert shared[0][1] == shared[2][2]


@pytest.mark.parametrize(
    ("found", "paste"),
    [
        ({"off": [50.0, 60.0], "on": [58.0, 54.0]}, "on"),
        ({"off": [50.0, 60.0], "on": [51.0, 58.0]}, "off"),
        ({"off": [50.0, 60.0], "on": [60.0, 50.0]}, "off"),
    ],
)
def test_the_better_way_of_all_parts_is_taken_and_told(tmp_path, found, paste):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    decided = decider(project, Pretended(found)).decided(job)
    assert decided.settings == job.settings.changed(paste=paste)
    trial = PastingTrial.read(job.folder)
    assert (trial.images, trial.held_out) == (4, "folds")
    assert (trial.off, trial.on) == (sum(found["off"]) / 2, sum(found["on"]) / 2)
    assert f"{trial.on:.1f} % with it, {trial.off:.1f} % without" in trial.sentence
    assert not (job.folder / "pasting").exists()


def test_a_decision_holds_until_there_are_twice_as_many_images(tmp_path):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    executor = Pretended({"off": [1.0, 1.0], "on": [2.0, 2.0]})
    decide = decider(project, executor)
    decide.decided(job)
    tried = len(executor.jobs)
    later = replace(job, iteration=1, folder=project.run_folder(1, "mp"))
    assert decide.decided(later).settings.paste == "on"
    assert len(executor.jobs) == tried
    PastingTrial(2, "folds", 1.0, 2.0).write(job.folder)
    assert due_trials(project, later)
    other = replace(job, model="ma", folder=project.run_folder(0, "ma"))
    assert due_trials(project, other)


def test_nothing_is_pasted_where_too_few_images_are_labelled_to_find_out(tmp_path):
    project = project_with(tmp_path, initial=3)
    job = prepare(project, 0, "mp")
    executor = Pretended({})
    assert decider(project, executor).decided(job).settings.paste == "off"
    assert executor.jobs == []
    assert PastingTrial.read(job.folder) is None


@pytest.mark.parametrize(
    "detector", [QUICK.changed(paste="on"), QUICK.changed(paste="off"), QUICK.changed(recipe=1)]
)
def test_what_is_set_is_not_tried_out(tmp_path, detector):
    project = project_with(tmp_path, detector=detector)
    job = prepare(project, 0, "mp")
    assert decider(project, Pretended({})).decided(job) is job


def test_trials_and_training_are_told_of_as_one(tmp_path):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    told = []
    decide = decider(project, Pretended({"off": [1.0, 1.0], "on": [2.0, 2.0]}), told.append)
    decide.decided(job)
    decide.told(Progress("train mp", 2, 3, "iteration 2 of 3", {"loss": 1.0}))
    decide.told(Progress("train ma", 2, 3))
    assert [(one.step, one.done, one.total) for one in told] == [
        *(("train mp", number, 7) for number in (1, 2, 3, 4)),
        ("train mp", 6, 7),
        ("train ma", 2, 3),
    ]
    assert "whether pasted objects help, iteration 4 of 4" in told[3].message
    assert told[4].values == {"loss": 1.0}


def test_a_stopped_trial_decides_nothing_and_goes_on_later(tmp_path):
    project = project_with(tmp_path, validation=2)
    looked = []

    def stop():
        looked.append(1)
        return len(looked) > 2

    with pytest.raises(Cancelled):
        train(project, ["mp"], should_stop=stop, device="cpu")
    assert PastingTrial.read(project.run_folder(0, "mp")) is None
    train(project, ["mp"], device="cpu")
    run = run_of(project, 0, "mp")
    trial = PastingTrial.read(project.run_folder(0, "mp"))
    assert run.metric("pasting")["off"] == trial.off
    assert said_of(run) == trial.sentence
    assert run.metrics["settings"]["paste"] == trial.paste
    assert run.metrics["iterations"] == 3
    newest = run.trained_at
    train(project, ["mp"], device="cpu")
    assert run_of(project, 0, "mp").trained_at == newest
