"""Trains and predicts on a Dask cluster, kills workers meanwhile, and compares with this computer.

    python benchmarks/cluster.py [--json] [--workers 3] [--images 48] [--iterations 150] [--seed 0]

Images of deposits are drawn, a quarter of them with their clean labels (D_p), all with noisy ones
of a crowd. The two steps of an iteration are done twice: here, and on a local cluster whose
workers are processes with one thread each. There the worker that trains Mp is killed when half
of the training is done, and a worker that predicts when a third of the images is done. One thread
computes each model, so every bit has to be the same: weights, records (but for the seconds),
tau, detections.

The last line printed is one JSON object: `workers`, `killed` (processes), `same_as_local`, and
the seconds of each step in both ways (the workers load torch in their first). `--json` prints
nothing else. Exit status 1 when anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch
from distributed import Client, LocalCluster

from napari_alc.detection.models.presets import read_tensors
from napari_alc.detection.settings import DetectorSettings
from napari_alc.execution.dask.client import Cluster, connected
from napari_alc.progress import Progress, never
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.status import run_of
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.predict import detections_of, predict, tau_of
from napari_alc.project.steps.train import train
from napari_alc.project.storage import prediction_files
from napari_alc.simulation.crowd import NoiseRates, add_noise
from napari_alc.simulation.tem import make_tem_images

SIDE = 512
IMAGES_A_PIECE = 4
"""Less than the program's own, so that a few images make many pieces."""

COLUMNS = ("image_ids", "category_ids", "boxes", "scores")


def make_project(folder: Path, images: int, iterations: int, seed: int) -> Path:
    truth = make_tem_images(folder / "images", images, SIDE, seed)
    reviewed = images // 4
    sources = Sources(
        images=folder / "images",
        crowd=add_noise(truth, NoiseRates(), seed).label_set,
        crowd_path=folder / "crowd.json",
        clean=truth.of_images(range(1, reviewed + 1)),
        clean_use="initial",
    )
    method = MethodSettings(initial=reviewed, per_iteration=reviewed, iterations=1, seed=seed)
    detector = DetectorSettings(preset="compact", iterations=iterations, threads=1)
    made = folder / "study"
    create_project(made, sources, CreateOptions(method, detector)).close()
    return made


@dataclass
class Killer:
    """Ends workers by the progress of their work."""

    client: Client
    show: bool
    steps: set[str] = field(default_factory=set)

    def report(self, progress: Progress) -> None:
        share = {"train mp": 1 / 2, "predict mp": 1 / 3}.get(progress.step, 2)
        if progress.step not in self.steps and progress.done >= share * progress.total:
            self._kill(progress)

    def _kill(self, progress: Progress) -> None:
        kind = "train" if progress.step.startswith("train") else "predict"
        busy = [
            worker
            for worker, keys in self.client.processing().items()
            if any(str(key).startswith(kind) for key in keys)
        ]
        if not busy:
            return
        self.steps.add(progress.step)
        process = psutil.Process(self.client.run(os.getpid, workers=busy[:1])[busy[0]])
        process.kill()
        process.wait(timeout=60)
        if self.show:
            done = f"{progress.done} of {progress.total}"
            print(f"{progress.step}: killed process {process.pid} at {done}")


@contextmanager
def local_cluster(workers: int) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
    ) as cluster:
        yield cluster


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 2)


def both_steps(
    folder: Path, report: Callable[[Progress], None], cluster: Cluster | None = None
) -> tuple[float, float]:
    """Seconds of training and prediction."""
    with closing(Project.open(folder)) as project:
        training = timed(lambda: train(project, MODELS, report, never, "cpu", cluster))
        prediction = timed(lambda: predict(project, report, never, "cpu", cluster))
    return training, prediction


def differences(here: Path, there: Path) -> list[str]:
    """In words what the two projects do not have in common."""
    found = []
    with closing(Project.open(here)) as ours, closing(Project.open(there)) as theirs:
        if tau_of(ours, 0) != tau_of(theirs, 0):
            found.append("tau")
        for model in MODELS:
            if _weights(ours, model) != _weights(theirs, model):
                found.append(f"weights of {model}")
            if _record(ours, model) != _record(theirs, model):
                found.append(f"record of {model}")
            if not _same_detections(ours, theirs, model):
                found.append(f"detections of {model}")
    return found


def _weights(project: Project, model: str) -> dict[str, bytes]:
    tensors = read_tensors(project.run_folder(0, model) / "weights.pt")["model"]
    assert isinstance(tensors, dict)
    return {name: _bytes(tensor) for name, tensor in tensors.items()}


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def _record(project: Project, model: str) -> dict[str, object]:
    metrics = run_of(project, 0, model).metrics
    return {name: value for name, value in metrics.items() if name != "seconds"}


def _same_detections(ours: Project, theirs: Project, model: str) -> bool:
    ids = [image.id for image in remaining_images(ours, 0)]
    a, b = (detections_of(project, 0, model, ids) for project in (ours, theirs))
    return len(a) > 0 and all(np.array_equal(getattr(a, c), getattr(b, c)) for c in COLUMNS)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    size = (options.images, options.iterations, options.seed)
    here, there = (make_project(folder / name, *size) for name in ("here", "there"))
    train_here, predict_here = both_steps(here, lambda _: None)
    with (
        local_cluster(options.workers) as local,
        Client(local.scheduler_address, set_as_default=False) as client,
        connected(local.scheduler_address) as cluster,
    ):
        killer = Killer(client, not options.json)
        train_there, predict_there = both_steps(there, killer.report, cluster)
    differ = differences(here, there)
    return {
        "workers": options.workers,
        "killed": len(killer.steps),
        "same_as_local": not differ,
        "differences": differ,
        "train_local_s": train_here,
        "train_cluster_s": train_there,
        "predict_local_s": predict_here,
        "predict_cluster_s": predict_there,
        **{name: getattr(options, name) for name in ("images", "iterations", "seed")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="A cluster with killed workers beside one core.")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prediction_files.IMAGES_A_PIECE = IMAGES_A_PIECE
    with tempfile.TemporaryDirectory() as folder:
        answer = measure(options, Path(folder))
    print(json.dumps(answer))
    sys.exit(not answer["same_as_local"])


if __name__ == "__main__":
    main()
