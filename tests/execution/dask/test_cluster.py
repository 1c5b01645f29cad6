"""Prediction and training on a real Dask cluster of processes, of which some are killed."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from distributed import Client
from local_cluster import blind, do_something, kill, save_often, see_again, started_cluster
from typer.testing import CliRunner

from napari_alc import cli
from napari_alc.detection.models.presets import read_tensors
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.validation import CleanImages
from napari_alc.errors import BadData, Cancelled
from napari_alc.execution.dask import scheduler
from napari_alc.execution.dask.client import connected, train_request
from napari_alc.execution.dask.messages import TOPIC
from napari_alc.execution.dask.scheduler import TaskBatch
from napari_alc.execution.dask.worker import deliver, train_model
from napari_alc.progress import never, silent
from napari_alc.project.label_sets import training_labels
from napari_alc.project.project import MODELS, Project
from napari_alc.project.settings import change_settings
from napari_alc.project.status import run_of
from napari_alc.project.steps import pasting_trials
from napari_alc.project.steps.executor import run_training
from napari_alc.project.steps.pasting_trials import PastingTrial
from napari_alc.project.steps.predict import detections_of
from napari_alc.project.steps.train import train
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage import prediction_files
from napari_alc.project.storage.prediction_files import predict_pieces
from patience import PATIENCE
from tiny_projects import IMAGES, REVIEWED, make_project

COLUMNS = ("image_ids", "category_ids", "boxes", "scores")


@pytest.fixture(scope="module")
def cluster():
    with started_cluster(2) as started:
        yield started


@pytest.fixture
def client(cluster):
    cluster.wait_for_workers(2, timeout=PATIENCE)
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.run(see_again)
        yield client


@pytest.fixture
def connection(client):
    with connected(client.scheduler.address) as connection:
        yield connection


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = make_project(tmp_path_factory.mktemp("project"), iterations=2)
    train(made)
    yield made
    made.close()


class Looking:
    """One model of a project looking at all its images, in pieces of one image each."""

    def __init__(self, project, folder):
        self.weights = project.run_folder(0, "mp") / "weights.pt"
        self.images = [(image.id, project.path_of(image)) for image in project.images()]
        self.folder = folder
        self.reports = []

    def locally(self):
        where = self.folder / "local"
        return predict_pieces(self.weights, self.images, where, silent, never, "cpu")

    def on(self, connection, should_stop=never):
        return connection.predict_pieces(
            self.weights, self.images, self.folder, self.reports.append, should_stop, "cpu"
        )

    @property
    def pieces(self):
        return sorted(self.folder.glob("piece-*.npz"))


@pytest.fixture
def looking(project, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_files, "IMAGES_A_PIECE", 1)
    return Looking(project, tmp_path / "found")


def assert_same(found, expected):
    assert len(expected) > 0
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_pieces_computed_by_workers_equal_the_local_ones(connection, looking):
    assert_same(looking.on(connection), looking.locally())
    done = [(report.done, report.total) for report in looking.reports]
    assert done == sorted(set(done))
    assert done[-1] == (IMAGES, IMAGES)
    assert len(looking.pieces) == IMAGES


def test_pieces_that_are_there_are_not_computed_again(connection, looking):
    looking.on(connection)
    looking.pieces[2].unlink()
    before = {path: path.stat().st_mtime_ns for path in looking.pieces}
    looking.reports.clear()
    looking.on(connection)
    assert {path: path.stat().st_mtime_ns for path in looking.pieces}.items() > before.items()
    assert {report.done for report in looking.reports} == {IMAGES}


@pytest.fixture
def answers(monkeypatch):
    """Who was sent how many files."""
    sent = []
    send = TaskBatch._run_on

    def watched(self, worker, function, *arguments):
        if function is deliver:
            sent.append((worker, len(arguments[1])))
        return send(self, worker, function, *arguments)

    monkeypatch.setattr(TaskBatch, "_run_on", watched)
    return sent


def test_a_worker_that_sees_the_files_is_sent_none(connection, looking, answers):
    looking.on(connection)
    assert answers == []


def test_a_worker_that_does_not_see_the_files_is_sent_them(client, connection, looking, answers):
    client.run(blind)
    assert_same(looking.on(connection), looking.locally())
    workers = {worker for worker, _ in answers}
    assert len(workers) == 2
    # An image for each piece, and the weights for each worker.
    assert sum(count for _, count in answers) == IMAGES + len(workers)


def test_a_file_that_a_worker_cannot_read_is_named_as_here(client, connection, looking, tmp_path):
    client.run(blind)
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"no image")
    looking.images[3] = (4, broken)
    with pytest.raises(BadData) as caught:
        looking.on(connection)
    assert caught.value.where == broken
    del looking.images[3]
    looking.on(connection)


def test_a_cancelled_prediction_keeps_what_came_and_goes_on(connection, looking):
    def after_two():
        return len(looking.pieces) >= 2

    with pytest.raises(Cancelled, match="predict was cancelled"):
        looking.on(connection, after_two)
    kept = [path.stat().st_mtime_ns for path in looking.pieces]
    assert 2 <= len(kept) <= IMAGES
    assert_same(looking.on(connection), looking.locally())
    assert set(kept) <= {path.stat().st_mtime_ns for path in looking.pieces}


def run_command(*arguments):
    call = [*map(str, arguments), "--progress", "json"]
    ended = CliRunner().invoke(cli.app, call, catch_exceptions=False)
    assert ended.exit_code == 0
    return [json.loads(line) for line in ended.stdout.splitlines()]


def outcome(folder):
    """What the store and the run folders hold after training and prediction."""
    with closing(Project.open(folder)) as project:
        runs = [run_of(project, 0, model) for model in MODELS]
        found = [detections_of(project, 0, model, [4, 5, 6]) for model in MODELS]
    timeless = [{k: v for k, v in run.metrics.items() if k != "seconds"} for run in runs]
    return timeless, [run.threshold for run in runs], found


def test_the_commands_do_on_a_cluster_what_they_do_here(client, tmp_path):
    there, here = (make_project(tmp_path / name, iterations=3).folder for name in ("there", "here"))
    address = client.scheduler.address
    steps = {line["step"] for line in run_command("train", there, "--cluster", address)}
    assert steps == {"train mp", "train ma"}
    change_settings(there, cluster=address)
    steps = {line["step"] for line in run_command("predict", there)}
    assert steps == {"predict mp", "predict ma"}
    run_command("train", here)
    run_command("predict", here, "--cluster", "none")
    (metrics, taus, found), (expected, same_taus, same) = outcome(there), outcome(here)
    assert metrics == expected
    assert taus == same_taus
    for ours, theirs in zip(found, same, strict=True):
        assert_same(ours, theirs)


class Learning:
    """Both models of a project being trained for a given number of iterations."""

    def __init__(self, project, folder, iterations, **settings):
        self.settings = DetectorSettings(iterations=iterations, threads=1, **settings)
        self.folders = {model: folder / model for model in MODELS}
        self.reports = []
        self.jobs = [self._job(project, model) for model in MODELS]

    def _job(self, project, model):
        labels = training_labels(project, 0, model)
        paths = tuple(project.path_of(image) for image in labels.images)
        folder = self.folders[model]
        return TrainingJob(labels, paths, self.settings, None, None, folder, f"train {model}")

    def on(self, connection, should_stop=never):
        trained = connection.train(self.jobs, self.reports.append, should_stop, "cpu")
        assert list(trained) == self.jobs

    def assert_same_as_local(self, folder):
        for model, job in zip(MODELS, self.jobs, strict=True):
            local = run_training(replace(job, folder=folder / model), folder, device="cpu")
            expected = read_tensors(local)
            found = read_tensors(self.folders[model] / "weights.pt")
            assert found["fingerprint"] == expected["fingerprint"]
            assert found["model"].keys() == expected["model"].keys()
            for name, tensor in expected["model"].items():
                assert torch.equal(found["model"][name], tensor)

    def reported(self, model):
        return [report for report in self.reports if report.step == f"train {model}"]


@pytest.fixture
def began(monkeypatch):
    """Which workers began a task, in order."""
    workers = []
    handle = TaskBatch._on_message

    def watched(self, token, one, message):
        if message["kind"] == "began":
            workers.append(message["worker"])
        handle(self, token, one, message)

    monkeypatch.setattr(TaskBatch, "_on_message", watched)
    return workers


def test_both_models_are_trained_on_different_workers_as_here(connection, project, tmp_path, began):
    learning = Learning(project, tmp_path / "there", 6)
    learning.on(connection)
    assert len(began) == len(set(began)) == 2
    learning.assert_same_as_local(tmp_path / "here")
    for model, folder in learning.folders.items():
        assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "weights.pt"]
        assert learning.reported(model)[-1].done == 6
        assert learning.reported(model)[-1].values["loss"] > 0
    learning.on(connection)
    assert len(began) == 2


def test_trials_of_pasting_are_made_by_the_workers_as_here(connection, tmp_path, monkeypatch):
    monkeypatch.setattr(pasting_trials, "LEAST_IMAGES", REVIEWED)
    found = []
    for name, executor in (("there", connection), ("here", None)):
        with closing(make_project(tmp_path / name, iterations=20)) as project:
            project.change(detector={"recipe": 2, "looks": 2})
            train(project, ["mp"], device="cpu", executor=executor)
            found.append(PastingTrial.read(project.run_folder(0, "mp")))
            assert not (project.run_folder(0, "mp") / "pasting").exists()
    assert found[0] == found[1]
    assert found[0].held_out == "half of the images"


def test_a_training_measures_the_validation_images_it_is_sent(
    client, connection, project, tmp_path
):
    client.run(blind)
    truth = project.crowd_labels().of_images([4, 5])
    clean = CleanImages(truth, [project.path_of(image) for image in truth.images])
    learning = Learning(project, tmp_path, 4, validate_every=2)
    learning.jobs = [replace(learning.jobs[0], clean=clean)]
    learning.on(connection)
    measured = json.loads((tmp_path / "mp" / "metrics.json").read_text())["validation"]
    assert [iteration for iteration, _ in measured] == [2, 4]
    assert [r for r in learning.reports if "validation_AP50" in r.values]


def test_a_cancelled_training_keeps_its_checkpoints_and_frees_the_workers(
    client, connection, project, tmp_path
):
    learning = Learning(project, tmp_path / "there", 100_000)

    def both_are_training():
        return all(learning.reported(model) for model in MODELS)

    with pytest.raises(Cancelled, match="train mp was cancelled"):
        learning.on(connection, both_are_training)
    do_something(client)
    for folder in learning.folders.values():
        assert [path.name for path in folder.iterdir()] == ["checkpoint.pt"]
        assert read_tensors(folder / "checkpoint.pt")["iteration"] > 0


def test_a_worker_stops_by_itself_when_nobody_waits_any_more(client, cluster, project, tmp_path):
    task = train_request(Learning(project, tmp_path, 100_000).jobs[0], "cpu")
    with Client(cluster.scheduler_address, set_as_default=False) as other:
        other.submit(train_model, "forgotten", task, key="left alone")
        began = SimpleQueue()
        client.subscribe_topic(TOPIC, lambda event: began.put(event[1]))
        while began.get(timeout=PATIENCE)["kind"] != "began":
            pass
    do_something(client)


def test_initial_weights_that_a_worker_does_not_see_are_named(connection, project, tmp_path):
    given = tmp_path / "elsewhere.pt"
    learning = Learning(project, tmp_path / "there", 2, weights=str(given))
    with pytest.raises(BadData, match="does not see this file of initial weights") as caught:
        learning.on(connection)
    assert caught.value.where == given


# Last of all: a new worker has to load torch again.


def test_a_worker_killed_midway_costs_its_piece_only(client, connection, looking, monkeypatch):
    client.run(blind)
    killed = []
    send = TaskBatch._run_on

    def kill_first(self, worker, function, *arguments):
        if function is deliver and not killed:  # It waits for a file in the middle of a piece.
            killed.append(worker)
            kill(client, worker)
        return send(self, worker, function, *arguments)

    monkeypatch.setattr(TaskBatch, "_run_on", kill_first)
    assert_same(looking.on(connection), looking.locally())
    assert killed


def test_a_worker_killed_midway_costs_what_came_after_its_checkpoint(
    client, connection, project, tmp_path, monkeypatch
):
    client.run(save_often)
    learning = Learning(project, tmp_path / "there", 30)
    kept = []
    write = scheduler.write_bytes

    def kill_then(path, content):
        write(path, content)
        if not kept and path.parent.name == "mp":
            kept.append(read_tensors(path)["iteration"])
            [worker] = [w for w, keys in client.processing().items() if is_of_mp(keys)]
            kill(client, worker)

    mp_tokens = []
    submit = TaskBatch._submit

    def noted(self, task, workers):
        known = set(self._running)
        submit(self, task, workers)
        if task.request.step == "train mp":
            mp_tokens.extend(set(self._running) - known)

    def is_of_mp(keys):
        return any(token in str(key) for key in keys for token in mp_tokens)

    monkeypatch.setattr(scheduler, "write_bytes", kill_then)
    monkeypatch.setattr(TaskBatch, "_submit", noted)
    learning.on(connection)
    learning.assert_same_as_local(tmp_path / "here")
    words = [report.message for report in learning.reported("mp")]
    lost = words.index("a worker was lost; another one goes on from what is kept")
    assert learning.reported("mp")[lost + 1].done > kept[0] > 0
    assert len(mp_tokens) == 1
