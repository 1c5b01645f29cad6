"""Short trainings that decide whether a model pastes objects while it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from training_runs import same_bits

from napari_alc.detection.models.weights import load_detector
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import Cancelled
from napari_alc.labels import Detections
from napari_alc.progress import Progress
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import run_of
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.executor import LocalExecutor, run_training
from napari_alc.project.steps.pasting_trials import PastingDecider, PastingTrial, due_trial, said_of
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
    """An executor whose trainings without and with pasting find none, some or all objects."""

    def __init__(self, **found):
        self.found = found
        self.jobs = []

    def train(self, jobs, report, *_):
        for job in jobs:
            self.jobs.append(job)
            total = job.settings.iterations
            message = f"iteration {total} of {total}, about 0 s left"
            report(Progress(job.step, total, total, message, {"loss": 0.5, "seconds_left": 0.0}))
            job.folder.mkdir(parents=True)
            (job.folder / "weights.pt").write_text(job.settings.paste)
            yield job

    def predict_pieces(self, weights, images, _folder, report, *_):
        report(Progress("predict", len(images), len(images)))
        truth = self.truth.of_images(number for number, _ in images)
        seen = truth.take(np.arange(0, len(truth), 3 - self.found[weights.read_text()]))
        seen = seen if self.found[weights.read_text()] else seen.take([])
        return Detections(seen.image_ids, seen.category_ids, seen.boxes, np.ones(len(seen)))


def decider(project, executor, report=lambda _: None):
    if isinstance(executor, Pretended):
        executor.truth = draw(project.folder.parent / "again").labels
    return PastingDecider(project, executor, report, lambda: False, "cpu")


@pytest.mark.parametrize(
    ("held_out", "off", "on", "paste"),
    [
        ("validation images", 83.2, 83.3, "on"),
        ("validation images", 83.3, 83.3, "off"),
        ("half of the images", 83.2, 83.3, "off"),
        ("half of the images", 82.1, 82.8, "on"),
        ("half of the images", 91.9, 87.4, "off"),
    ],
)
def test_a_half_of_few_images_must_tell_clearly_that_pasting_helps(held_out, off, on, paste):
    assert PastingTrial(12, held_out, off, on).paste == paste


def test_with_validation_images_both_ways_learn_from_all_labels(tmp_path):
    project = project_with(tmp_path, validation=2)
    job = prepare(project, 0, "mp")
    due = due_trial(project, job)
    assert [trial.settings.paste for trial in due.jobs] == ["off", "on"]
    assert [image.id for image in due.truth.images] == [5, 6]
    assert due.becomes_the_model
    for trial in due.jobs:
        assert trial.labels == job.labels
        assert trial.settings.changed(paste=None) == job.settings
        assert trial.plan == job.plan


def test_without_validation_images_one_half_is_learned_from_and_the_other_measured_on(tmp_path):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    due = due_trial(project, job)
    ids = {image.id for image in job.labels.images}
    measured = {image.id for image in due.truth.images}
    assert not due.becomes_the_model
    assert len(measured) == 2
    for trial in due.jobs:
        assert {image.id for image in trial.labels.images} == ids - measured
        assert trial.settings.iterations == job.settings.iterations


@pytest.mark.parametrize(
    ("off", "on", "paste"), [(1, 2, "on"), (2, 1, "off"), (2, 2, "off"), (0, 0, "off")]
)
@pytest.mark.parametrize("validation", [0, 2])
def test_the_better_way_is_taken_and_told(tmp_path, off, on, paste, validation):
    project = project_with(tmp_path, validation=validation)
    job = prepare(project, 0, "mp")
    decided = decider(project, Pretended(off=off, on=on)).decided(job)
    assert decided.settings == job.settings.changed(paste=paste)
    trial = PastingTrial.read(job.folder)
    assert trial.images == 4
    assert (trial.on > trial.off, trial.on < trial.off) == (on > off, on < off)
    where = "validation images" if validation else "half of the images"
    assert trial.sentence.endswith(
        f"({'AP50'} {trial.on:.1f} % with it, {trial.off:.1f} % without, on {where})."
    )
    assert not (job.folder / "pasting").exists()


def test_a_decision_holds_until_there_are_twice_as_many_images(tmp_path):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    executor = Pretended(off=1, on=2)
    decide = decider(project, executor)
    decide.decided(job)
    tried = len(executor.jobs)
    later = replace(job, iteration=1, folder=project.run_folder(1, "mp"))
    assert decide.decided(later).settings.paste == "on"
    assert len(executor.jobs) == tried
    PastingTrial(2, "half of the images", 1.0, 2.0).write(job.folder)
    assert due_trial(project, later)
    assert due_trial(project, replace(job, model="ma", folder=project.run_folder(0, "ma")))


def test_nothing_is_pasted_where_too_few_images_are_labelled_to_find_out(tmp_path):
    project = project_with(tmp_path, initial=3)
    job = prepare(project, 0, "mp")
    executor = Pretended()
    assert decider(project, executor).decided(job).settings.paste == "off"
    assert executor.jobs == []
    assert PastingTrial.read(job.folder) is None


@pytest.mark.parametrize(
    "detector", [QUICK.changed(paste="on"), QUICK.changed(paste="off"), QUICK.changed(recipe=1)]
)
def test_what_is_set_is_not_tried_out(tmp_path, detector):
    project = project_with(tmp_path, detector=detector)
    job = prepare(project, 0, "mp")
    assert decider(project, Pretended()).decided(job) is job


def test_trials_and_training_are_told_of_as_one(tmp_path):
    project = project_with(tmp_path)
    job = prepare(project, 0, "mp")
    told = []
    decide = decider(project, Pretended(off=1, on=2), told.append)
    decide.decided(job)
    decide.told(Progress("train mp", 2, 3, "iteration 2 of 3", {"loss": 1.0}))
    decide.told(Progress("train ma", 2, 3))
    steps = [(one.step, one.done, one.total) for one in told]
    assert steps == [
        ("train mp", 3, 9),
        ("train mp", 6, 9),
        *[("train mp", 6, 9)] * 2,
        ("train mp", 8, 9),
        ("train ma", 2, 3),
    ]
    assert [one.message for one in told[:2]] == [
        "without pasted objects, iteration 3 of 3",
        "with pasted objects, iteration 3 of 3",
    ]
    assert told[0].values == {"loss": 0.5}
    assert told[2].message == "looking at held-out images, 2 of 2"
    assert told[4].values == {"loss": 1.0}


def test_of_trials_that_become_the_model_nothing_is_left_to_tell(tmp_path):
    project = project_with(tmp_path, validation=2)
    told = []
    decider(project, Pretended(off=1, on=2), told.append).decided(prepare(project, 0, "mp"))
    assert (told[-1].done, told[-1].total) == (6, 6)


def test_a_stopped_trial_decides_nothing_and_the_better_detector_becomes_the_model(tmp_path):
    project = project_with(tmp_path, validation=2)
    folder = project.run_folder(0, "mp")
    told = []
    with pytest.raises(Cancelled):  # in the second of both trials
        train(project, ["mp"], told.append, lambda: told and told[-1].done > 3, device="cpu")
    assert PastingTrial.read(folder) is None
    assert (folder / "pasting" / "off" / "weights.pt").exists()
    began = []
    original = LocalExecutor.train

    def noted(self, jobs, *args):
        for job in jobs:
            began.append(job.folder.relative_to(folder).as_posix())
            yield from original(self, [job], *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalExecutor, "train", noted)
        train(project, ["mp"], device="cpu")
    assert began == ["pasting/off", "pasting/on", "."]
    run, trial = run_of(project, 0, "mp"), PastingTrial.read(folder)
    assert said_of(run) == trial.sentence
    assert run.metrics["settings"]["paste"] == trial.paste
    assert load_detector(folder / "weights.pt").settings.paste == trial.paste
    assert sorted(path.name for path in folder.iterdir()) == [
        "metrics.json",
        "pasting.json",
        "weights.pt",
    ]
    alone = decider(project, None).decided(prepare(project, 0, "mp"))
    again = run_training(replace(alone, folder=tmp_path / "alone"), project.cache_folder)
    assert same_bits(again, folder / "weights.pt")


def test_a_trained_model_is_not_tried_out_again(tmp_path):
    project = project_with(tmp_path, validation=2)
    train(project, ["mp"], device="cpu")
    first = run_of(project, 0, "mp").trained_at
    train(project, ["mp"], device="cpu")
    assert run_of(project, 0, "mp").trained_at == first
