"""What is said where a cluster cannot be used, and the parts that need none."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread
from types import SimpleNamespace

import pytest
from distributed import KilledWorker
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.errors import AlcError, BadData
from napari_alc.execution.dask import client as cluster
from napari_alc.execution.dask import worker as on_worker
from napari_alc.execution.dask.client import connected, require_same_versions
from napari_alc.execution.dask.messages import SharedFile
from napari_alc.execution.dask.scheduler import TaskBatch
from napari_alc.execution.dask.worker import in_groups
from napari_alc.progress import silent
from napari_alc.project.steps.train import train
from napari_alc.project.storage import prediction_files
from patience import PATIENCE
from tiny_projects import make_project


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "foo://x:1", "a b"])
def test_an_address_where_nobody_answers_is_told(address, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTING_SECONDS", 0.2)
    told = pytest.raises(AlcError, match=r"No Dask scheduler answers at .* Start one with")
    with told as caught, connected(address):
        pass
    assert repr(address) in str(caught.value)


def test_a_program_that_is_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTING_SECONDS", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        told = pytest.raises(AlcError, match=r"No Dask scheduler answers at .*no answer in time")
        with told, connected(f"tcp://127.0.0.1:{server.server_port}"):
            pass
        server.shutdown()
        thread.join()


def test_missing_certificates_are_told():
    told = pytest.raises(AlcError, match=r"tls://127\.0\.0\.1:1 asks for certificates")
    with told, connected("tls://127.0.0.1:1"):
        pass


def test_a_missing_extra_is_told(monkeypatch):
    def import_module(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    told = pytest.raises(AlcError, match="pip install dask distributed")
    with told, connected("127.0.0.1:1"):
        pass


def versions(**changed):
    packages = dict.fromkeys(cluster.PACKAGES, "1.0") | changed
    return {"packages": packages}


SAME = versions()
BUILT_FOR_A_GPU = versions(torch="1.0+cu130")


def test_the_same_versions_are_used_whatever_gpu_they_are_built_for():
    workers = {"tcp://b": SAME, "tcp://c": BUILT_FOR_A_GPU}
    require_same_versions({"client": SAME, "scheduler": SAME, "workers": workers}, "tcp://a")


@pytest.mark.parametrize(
    ("scheduler", "worker", "said"),
    [
        (versions(distributed="0.9"), SAME, "its scheduler has distributed 0.9, this computer 1.0"),
        (SAME, versions(torch="2.0"), "its worker tcp://b has torch 2.0, this computer 1.0"),
        (SAME, versions(**{"napari-alc": None}), "tcp://b has napari-alc not at all"),
    ],
)
def test_other_versions_are_refused(scheduler, worker, said):
    found = {"client": SAME, "scheduler": scheduler, "workers": {"tcp://b": worker}}
    with pytest.raises(AlcError, match=r"The cluster at tcp://a cannot be used") as caught:
        require_same_versions(found, "tcp://a")
    assert said in str(caught.value)


def test_workers_that_die_again_and_again_are_explained():
    error = KilledWorker("predict-1", SimpleNamespace(address="tcp://b"), 3)
    told = TaskBatch(None, "tcp://a", [], "predict", "cpu")._explained(error)
    assert str(told).startswith("predict: 4 workers of the cluster were lost one after the other")


class Announcing:
    """A client of a cluster whose workers announce some GPUs."""

    def __init__(self, *gpus):
        self.gpus = gpus
        self.asked = []

    def scheduler_info(self, n_workers):
        assert n_workers == -1
        resources = [{"GPU": count} if count else {} for count in self.gpus]
        return {"workers": {f"tcp://{i}": {"resources": r} for i, r in enumerate(resources)}}

    def submit(self, _work, *_arguments, resources, **_options):
        self.asked.append(resources)
        return SimpleNamespace(result=lambda: None)


@pytest.mark.parametrize(
    ("gpus", "device", "asked"),
    [
        ((0, 0), "auto", [None] * 4),
        ((0, 1), "auto", [{"GPU": 1}] * 2),
        ((1, 1), "cuda", [{"GPU": 1}] * 4),
        ((1, 1), "cpu", [None] * 4),
    ],
)
def test_a_gpu_is_asked_for_where_workers_announce_some(gpus, device, asked):
    client = Announcing(*gpus)
    task = SimpleNamespace(function=print, request=None)
    some = TaskBatch(client, "tcp://a", [task] * 9, "predict", device)
    with ThreadPoolExecutor() as some._threadpool:
        some._submit_more(silent)
    assert client.asked == asked


def test_waiting_for_a_worker_is_told():
    reports = []
    TaskBatch(Announcing(), "tcp://a", [], "predict", "cpu")._submit_more(reports.append)
    assert [report.message for report in reports] == [
        "waiting for a worker of the cluster at tcp://a"
    ]


def test_a_file_is_seen_where_path_and_size_are_the_same(tmp_path):
    path = tmp_path / "image.tif"
    path.write_bytes(b"12345")
    sent = SharedFile.of(path)
    assert sent.is_here
    path.write_bytes(b"54321")
    assert sent.is_here
    path.write_bytes(b"123456")
    assert not sent.is_here
    path.unlink()
    assert not sent.is_here
    path.mkdir()
    assert not SharedFile(str(path), "image.tif", path.stat().st_size).is_here
    assert not SharedFile("no\0path", "image.tif", 5).is_here


def test_a_file_that_is_not_there_cannot_be_sent(tmp_path):
    with pytest.raises(BadData, match="Bring the file back"):
        SharedFile.of(tmp_path / "image.tif")


@given(st.lists(st.integers(0, 5 * on_worker.BYTES_AT_ONCE // 4)))
def test_files_are_asked_for_in_groups_of_bounded_size(sizes):
    groups = list(in_groups(range(len(sizes)), sizes))
    assert [number for group in groups for number in group] == list(range(len(sizes)))
    for group in groups:
        held = sum(sizes[number] for number in group)
        assert len(group) == 1 or held <= on_worker.BYTES_AT_ONCE
    for group, following in pairwise(groups):
        more = sum(sizes[number] for number in (*group, following[0]))
        assert more > on_worker.BYTES_AT_ONCE


@contextmanager
def dask(*arguments):
    """A process of Dask's own commands."""
    call = [sys.executable, "-m", "dask", *map(str, arguments)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(call, stdout=quiet, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, words):
    assert any(words in line for line in process.stderr)


def test_a_scheduler_that_is_gone_midway_is_told_and_what_came_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_files, "IMAGES_A_PIECE", 1)
    project = make_project(tmp_path, iterations=1)
    train(project, ["mp"])
    images = [(image.id, project.path_of(image)) for image in project.images()]
    weights = project.run_folder(0, "mp") / "weights.pt"
    found = tmp_path / "found"
    where = tmp_path / "scheduler.json"
    with dask("scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", where) as scheduler:
        wait_for(scheduler, "Scheduler at")
        started = ("worker", "--scheduler-file", where, "--nthreads", 1, "--no-dashboard")
        with dask(*started, "--local-directory", tmp_path) as worker:
            wait_for(worker, "Registered to")
            address = json.loads(where.read_text())["address"]

            def end_the_scheduler():
                if list(found.glob("piece-*.npz")):
                    scheduler.kill()
                return False

            lost = pytest.raises(AlcError, match=r"scheduler at .* was lost. Everything that was")
            with lost as caught, connected(address) as connection:
                connection.predict_pieces(weights, images, found, silent, end_the_scheduler, "cpu")
            assert address in str(caught.value)
            worker.wait(timeout=PATIENCE)
    assert 1 <= len(list(found.glob("piece-*.npz"))) < len(images)
    project.close()
