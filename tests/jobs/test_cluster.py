"""Prediction on a real Dask cluster of several processes, of which some are killed."""

from __future__ import annotations

import numpy as np
import pytest
from distributed import Client
from local_cluster import blind, kill, see_again, started_cluster
from typer.testing import CliRunner

from napari_alc import cli
from napari_alc.errors import BadData, Cancelled
from napari_alc.jobs.cluster import connected
from napari_alc.progress import never, silent
from napari_alc.project import detections
from napari_alc.project.detections import load_pieces, predict_pieces
from napari_alc.project.errands import Round
from napari_alc.project.on_worker import deliver
from napari_alc.project.training import train
from tiny_projects import IMAGES, make_project

COLUMNS = ("image_ids", "category_ids", "boxes", "scores")


@pytest.fixture(scope="module")
def cluster():
    with started_cluster(2) as started:
        yield started


@pytest.fixture
def client(cluster):
    cluster.wait_for_workers(2, timeout=60)
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
    monkeypatch.setattr(detections, "IMAGES_A_PIECE", 1)
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
    send = Round._at

    def watched(self, worker, function, *arguments):
        if function is deliver:
            sent.append((worker, len(arguments[1])))
        return send(self, worker, function, *arguments)

    monkeypatch.setattr(Round, "_at", watched)
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


def test_a_worker_killed_midway_costs_its_piece_only(client, connection, looking, monkeypatch):
    client.run(blind)
    killed = []
    send = Round._at

    def kill_first(self, worker, function, *arguments):
        if function is deliver and not killed:  # It waits for a file in the middle of a piece.
            killed.append(worker)
            kill(client, worker)
        return send(self, worker, function, *arguments)

    monkeypatch.setattr(Round, "_at", kill_first)
    assert_same(looking.on(connection), looking.locally())
    assert killed


def test_a_cancelled_prediction_keeps_what_came_and_goes_on(connection, looking):
    def after_two():
        return len(looking.pieces) >= 2

    with pytest.raises(Cancelled, match="predict was cancelled"):
        looking.on(connection, after_two)
    kept = [path.stat().st_mtime_ns for path in looking.pieces]
    assert 2 <= len(kept) <= IMAGES
    assert_same(looking.on(connection), looking.locally())
    assert set(kept) <= {path.stat().st_mtime_ns for path in looking.pieces}


def test_the_command_predicts_on_the_cluster(client, project):
    call = ["predict", str(project.folder), "--progress", "none"]
    there = ["--cluster", client.scheduler.address]
    ended = CliRunner().invoke(cli.app, [*call, *there], catch_exceptions=False)
    assert ended.exit_code == 0
    folder = project.run_folder(0, "ma") / "detections" / "remaining"
    assert len(load_pieces(folder, [4, 5, 6])) > 0
