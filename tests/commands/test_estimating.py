"""The command `estimate` and what it measures on a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_alc.commands import steps
from napari_alc.commands.steps import sentence
from napari_alc.detection import estimate as measuring
from napari_alc.detection.estimate import Estimate
from napari_alc.detection.training.validation import CleanImages
from napari_alc.project.steps.estimate_time import TimeEstimate, estimate
from tiny_projects import IMAGES, REVIEWED, make_project, pretend_predicted

TIMES = Estimate("CPU, 2 cores", 1.0, 0.5, 0.0, 1, 0.1, 0.1, check_seconds=0.2)


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, iterations=8)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(measuring, "TRAIN_SECONDS", 0.5)
    monkeypatch.setattr(measuring, "PASS_SECONDS", 0.2)


@pytest.fixture
def measured(monkeypatch):
    """What is asked to be measured, without doing it."""
    asked = []

    def stand_in(images, _categories, _settings, device, plan, paths, _cache, threads):
        asked.append((images, plan, paths, device, threads))
        return TIMES

    monkeypatch.setattr(measuring, "estimate", stand_in)
    monkeypatch.setattr("napari_alc.project.steps.estimate_time._start_seconds", lambda: 3.0)
    return asked


@pytest.mark.usefixtures("short")
def test_one_json_object_holds_the_estimate(project, program):
    ended = program("estimate", project.folder, "--device", "cpu", "--json")
    found = json.loads(ended.out)
    assert set(found) == {
        "device",
        "train_seconds",
        "predict_seconds",
        "iterations",
        "images",
        "side_by_side",
        "looks",
        "tries_pasting",
        "sentence",
    }
    assert found["device"].startswith("CPU, ")
    assert found["train_seconds"] > 0
    assert found["predict_seconds"] > 0
    assert found["iterations"] == [8, 8]
    assert found["images"] == IMAGES - REVIEWED
    assert found["device"] in found["sentence"]


@pytest.mark.usefixtures("short")
def test_measuring_touches_no_run(project, program):
    program("estimate", project.folder, "--device", "cpu")
    assert not (project.folder / "runs").exists()
    assert [file.suffix for file in project.cache_folder.rglob("*.*")].count(".pixels") == IMAGES


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(("fits", "how"), [(True, "side by side"), (False, "one after the other")])
def test_people_get_a_sentence(project, program, monkeypatch, fits, how):
    monkeypatch.setattr(steps, "fits_side_by_side", lambda *_: fits)
    ended = program("estimate", project.folder, "--device", "cpu")
    assert ended.status == 0
    assert f"On this computer (CPU, 2 cores), training both detectors {how} takes" in ended.out
    assert f"letting both look at {IMAGES - REVIEWED} images a few seconds." in ended.out


def test_trainings_side_by_side_take_as_long_as_the_longer_one(project, measured):
    alone, beside = (estimate(project, "cpu", together, 1) for together in (False, True))
    assert (alone.train_seconds, beside.train_seconds) == (3 + 2 * 5, 3 + 5)
    assert alone.predict_seconds == pytest.approx(3 + 3 * 0.2)
    assert measured[0][3:] == ("cpu", 1)


def test_images_with_boxes_are_learned_and_remaining_ones_looked_at(project, measured):
    estimate(project)
    [(images, plan, paths, _, _)] = measured
    assert [len(image.boxes) for image in images] == [3, 2, 3]
    assert [path.name for path in paths] == [f"squares_{number}.tif" for number in (4, 5, 6)]
    assert plan.longer == 96


@pytest.mark.usefixtures("measured")
def test_measurements_on_validation_images_are_counted(project, monkeypatch):
    plain = estimate(project).train_seconds
    three = CleanImages(project.crowd_labels().of_images([1, 2, 3]), [Path("unread")] * 3)
    monkeypatch.setattr("napari_alc.project.steps.estimate_time.clean_images", lambda _: three)
    assert estimate(project).train_seconds == pytest.approx(plain + 2 * 3 * 8 * 0.2)


@pytest.mark.usefixtures("measured")
def test_trials_of_pasting_are_counted_and_told_where_they_are_due(project, monkeypatch):
    project.change(detector={"recipe": 2, "looks": 2, "paste": "off"})
    plain = estimate(project)
    project.change(detector={"paste": "auto"})
    assert estimate(project) == plain
    monkeypatch.setattr("napari_alc.project.steps.pasting_trials.LEAST_IMAGES", REVIEWED)
    found = estimate(project)
    # Of each model two trainings more, and two of the images are looked at after each.
    trials = 2 * (1 + 8 * 0.5) + 2 * 2 * 0.1
    assert found.train_seconds == pytest.approx(plain.train_seconds + 2 * trials)
    assert (found.tries_pasting, found.looks) == (True, 2)
    words = sentence(found)
    assert "training both detectors with and without pasted objects one after the other" in words
    assert "letting both look at 3 images, 2 times each, a few seconds." in words


@pytest.mark.usefixtures("measured")
def test_with_validation_images_one_of_the_trials_is_the_model(project, monkeypatch):
    project.change(detector={"recipe": 2, "paste": "off"})
    truth = project.crowd_labels().of_images([4, 5, 6])
    monkeypatch.setattr(type(project), "validation_labels", lambda _: truth)
    plain = estimate(project).train_seconds
    project.change(detector={"paste": "auto"})
    trial = (1 + 8 * 0.5 + 3 * 8 * 0.2) + 2 * 3 * 0.1
    assert estimate(project).train_seconds == pytest.approx(plain + 2 * trial)


def test_where_nothing_is_reviewed_the_reason_is_told(tmp_path, program):
    project = make_project(tmp_path, reviewed=False)
    ended = program("estimate", project.folder, "--json")
    assert ended.out == ""
    assert "so there is nothing to learn from" in ended.complaint


def test_after_the_last_training_the_reason_is_told(tmp_path, program):
    project = make_project(tmp_path)
    project.change(method={"iterations": 0})
    pretend_predicted(project)
    ended = program("estimate", project.folder)
    assert ended.complaint.startswith("No training is left whose time could be estimated.")


def test_an_iteration_without_remaining_images_says_so():
    found = TimeEstimate("CPU, 2 cores", 200.0, 0.0, (8, 8), 0, False)
    assert sentence(found) == (
        "On this computer (CPU, 2 cores), training both detectors one after the other takes "
        "about 3 min; no image is left for them to look at."
    )


def test_several_cards_share_the_trainings_and_one_does_not(monkeypatch):
    monkeypatch.setattr(steps, "gpus_of", lambda _: ("card",))
    assert steps._sharing("cuda", "resnet50") == (False, None)
    monkeypatch.setattr(steps, "gpus_of", lambda _: ("card", "other"))
    assert steps._sharing("cuda", "resnet50") == (True, None)
