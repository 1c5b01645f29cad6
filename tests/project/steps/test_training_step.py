"""Training Mp and Ma of an iteration: one plan, curves, and two processes at the same time."""

from __future__ import annotations

import json
from dataclasses import replace

import psutil
import pytest
from hand_made import rows_of

from napari_alc.boxes import areas
from napari_alc.detection.models.weights import load_detector
from napari_alc.detection.plan import Plan, plan_for
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData
from napari_alc.project.label_sets import consensus_labels, pathologist_labels
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, run_of, status
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.predict import predict
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import record_run, train, train_on
from napari_alc.project.steps.training_inputs import prepare, shared_plan
from napari_alc.project.storage import schema
from tiny_projects import REVIEWED, draw, make_project
from waiting_processes import waiting_processes
from zygote import process_behind


def metrics_of(project, model):
    path = project.run_folder(0, model) / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8"))


def seen_by_a_crowd_that_misses_small_squares(base):
    truth = draw(base / "images")
    large = areas(truth.labels.boxes) > 650
    crowd = truth.with_labels(truth.labels.take(large))
    first = truth.of_images(range(1, REVIEWED + 1))
    sources = Sources(base / "images", crowd, base / "crowd.json", first, clean_use="initial")
    method = MethodSettings(initial=REVIEWED, per_iteration=2, iterations=1)
    detector = DetectorSettings(preset="compact", iterations=2, threads=1)
    return create_project(base / "study", sources, CreateOptions(method, detector))


def with_validation_images(base):
    truth = draw(base / "images")
    crowd, clean = truth.of_images([1, 2, 3, 4]), truth.of_images([5, 6])
    sources = Sources(base / "images", crowd, base / "crowd.json", clean)
    method = MethodSettings(initial=2, per_iteration=1, iterations=1)
    detector = DetectorSettings(preset="compact", iterations=5, threads=1, validate_every=2)
    project = create_project(base / "study", sources, CreateOptions(method, detector))
    review_everything(project, truth.labels)
    return project


def test_both_models_are_of_the_sizes_that_the_pathologists_labels_ask_for(tmp_path):
    project = seen_by_a_crowd_that_misses_small_squares(tmp_path)
    settings = project.settings.seeded_detector
    clean, agreed = pathologist_labels(project, 0), consensus_labels(project, 0)
    wanted = plan_for(clean, settings)
    assert wanted != plan_for(agreed, settings)
    train(project, ["ma"])
    train(project, ["mp"])
    kept = json.loads((project.folder / "runs" / "0" / "plan.json").read_text(encoding="utf-8"))
    assert Plan.from_json(kept["plan"]) == wanted
    for model in ("mp", "ma"):
        assert Plan.from_json(metrics_of(project, model)["plan"]) == wanted
        assert load_detector(project.run_folder(0, model) / "weights.pt").plan == wanted


def test_a_training_beside_the_iterations_is_planned_from_its_own_labels(tmp_path):
    project = seen_by_a_crowd_that_misses_small_squares(tmp_path)
    agreed = consensus_labels(project, 0)
    weights = train_on(project, agreed, tmp_path / "alone", "train alone")
    assert load_detector(weights).plan == plan_for(agreed, project.settings.seeded_detector)
    assert not (project.folder / "runs").exists()


def test_a_plan_holds_as_long_as_the_labels_and_settings_it_was_made_from(tmp_path):
    project = make_project(tmp_path)
    clean, settings = pathologist_labels(project, 0), project.settings.seeded_detector
    made = shared_plan(clean, settings, tmp_path)
    file = tmp_path / "plan.json"
    marked = replace(made, proposals=made.proposals + 1)
    content = json.loads(file.read_text(encoding="utf-8")) | {"plan": marked.to_json()}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert shared_plan(clean, settings, tmp_path) == marked
    assert shared_plan(clean, settings.changed(seed=5), tmp_path) == made
    file.write_text(json.dumps(content), encoding="utf-8")
    fewer = clean.with_labels(clean.labels.take(range(len(clean.labels) - 1)))
    assert shared_plan(fewer, settings, tmp_path) == plan_for(fewer, settings)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"made_from": "x"}'])
def test_a_damaged_plan_is_made_again(tmp_path, content):
    project = make_project(tmp_path)
    clean, settings = pathologist_labels(project, 0), project.settings.seeded_detector
    made = shared_plan(clean, settings, tmp_path)
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    assert shared_plan(clean, settings, tmp_path) == made
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["plan"]


def test_validation_images_are_looked_at_during_the_training(tmp_path):
    project = with_validation_images(tmp_path)
    reports = []
    train(project, ["mp"], reports.append)
    record = metrics_of(project, "mp")
    assert [iteration for iteration, _ in record["validation"]] == [2, 4, 5]
    told = [
        (report.done, report.values["validation_AP50"])
        for report in reports
        if "validation_AP50" in report.values
    ]
    assert told == [tuple(point) for point in record["validation"]]
    assert [iteration for iteration, _ in record["loss"]] == [1, 2, 3, 4, 5]
    assert record["seconds"] > 0
    assert (record["device"], record["precision"], record["batch_size"]) == ("cpu", "fp32", 2)
    assert record["halved"] == []


def test_the_last_measurement_is_that_of_the_prediction(tmp_path):
    project = with_validation_images(tmp_path)
    train(project)
    predict(project)
    for model in ("mp", "ma"):
        metrics = run_of(project, 0, model).metrics
        assert metrics["validation"] == metrics_of(project, model)["validation"]
        last = metrics["validation"][-1]
        assert metrics["validation_AP50"] == pytest.approx(last[1], abs=0.01)


def test_without_validation_images_there_is_no_curve_of_them(tmp_path):
    project = make_project(tmp_path, iterations=2)
    train(project, ["mp"])
    assert metrics_of(project, "mp")["validation"] == []
    assert len(metrics_of(project, "mp")["loss"]) == 2


@pytest.mark.parametrize("content", ["", "[1]"])
def test_a_damaged_record_is_named(tmp_path, content):
    project = make_project(tmp_path)
    job = prepare(project, 0, "mp")
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "metrics.json").write_text(content, encoding="utf-8")
    with pytest.raises(BadData, match=r"metrics\.json: the record .* cannot be read"):
        record_run(project, job)


def test_training_keeps_its_images_in_the_projects_cache(tmp_path):
    project = make_project(tmp_path, iterations=2)
    train(project)
    assert len(list(project.cache_folder.rglob("*.pixels"))) == REVIEWED


TRAIN_AND_WAIT = """
import sys
from pathlib import Path
from napari_alc.project.project import Project
from napari_alc.project.steps.train import train

told = []

def report(progress):
    if not told:
        told.append(progress)
        print("at work", flush=True)
        sys.stdin.readline()

project = Project.open(Path(sys.argv[1]))
train(project, [sys.argv[2]], report, device="cpu")
"""


@pytest.fixture
def start(loaded_python):
    """Starts trainings that are at work when this returns and go on when they are told to."""
    with waiting_processes(loaded_python) as waiting:
        yield lambda project, model: waiting.start(TRAIN_AND_WAIT, project.folder, model)


@pytest.fixture
def at_work(loaded_python):
    """The process that trains, of one that was started."""
    return lambda process: psutil.Process(process_behind(loaded_python, process.pid))


def go_on(process):
    process.communicate("go\n")
    assert process.returncode == 0


def tensors(project, model):
    network = load_detector(project.run_folder(0, model) / "weights.pt").network
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def test_two_processes_train_the_two_models_at_the_same_time(tmp_path, start, at_work):
    project = make_project(tmp_path, iterations=3)
    alone = make_project(tmp_path / "alone", iterations=3)
    train(alone)
    mp, ma = start(project, "mp"), start(project, "ma")
    for step in (predict, select, correct_remaining, train, lambda p: train(p, ["ma"])):
        with pytest.raises(BadData, match=rf"'train ma', process {at_work(ma).pid}"):
            step(project)
    go_on(ma)
    assert status(project).next_step is Step.TRAIN
    with pytest.raises(BadData, match=rf"'train mp', process {at_work(mp).pid}"):
        predict(project)
    go_on(mp)
    assert status(project).next_step is Step.PREDICT
    assert sorted(row["model"] for row in rows_of(project, schema.run)) == ["ma", "mp"]
    for model in ("mp", "ma"):
        assert tensors(project, model) == tensors(alone, model)
    predict(project)
    assert status(project).next_step is Step.SELECT


def test_a_training_that_is_killed_does_not_harm_the_other(tmp_path, start, at_work):
    project = make_project(tmp_path, iterations=3)
    mp, ma = start(project, "mp"), start(project, "ma")
    at_work(mp).kill()
    mp.wait()
    go_on(ma)
    assert [row["model"] for row in rows_of(project, schema.run)] == ["ma"]
    assert status(project).next_step is Step.TRAIN
    of_ma = tensors(project, "ma")
    train(project)
    assert status(project).next_step is Step.PREDICT
    assert tensors(project, "ma") == of_ma
