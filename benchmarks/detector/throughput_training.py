"""Training beside a plain torchvision loop, in turns; see `throughput.py`.

The reference is what a competent user writes after torchvision's own example: a Dataset that
decodes and scales each image with PIL whenever it is drawn, a DataLoader, torchvision's pooling
and matching, an optimiser with torch's defaults, 32 bits. Network, anchors, input size, batch,
augmentation, optimiser and learning rates are the same as ours. It runs with the DataLoader's
default (no worker) and with two workers; our speed is compared with the faster one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.ops import box_iou

from napari_alc.boxes import clip
from napari_alc.detection.data.augmentation import Sample, compact_augmentation, paper_augmentation
from napari_alc.detection.data.samples import Batches, TrainingImage
from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.weights import Detector, categories_by_label, save_detector
from napari_alc.detection.plan import Plan, make_plan
from napari_alc.detection.precision import Precision, choose_precision
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.optimisation import (
    LARGEST_GRADIENT,
    MOMENTUM,
    learning_rate_factor,
    make_optimiser,
)
from napari_alc.detection.training.training import train
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.formats.images import image_size
from napari_alc.labels import Category, Detections, LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

WORKERS = (0, 2)
PART_BATCHES = 20
"""Batches over which the parts of a step are timed."""


@dataclass(frozen=True)
class Task:
    """What both sides train on, and the images that their AP50 is measured on."""

    images: Sequence[TrainingImage]
    categories: tuple[Category, ...]
    settings: DetectorSettings
    device: torch.device
    test: LabelSet
    test_paths: Sequence[tuple[int, Path]]

    @property
    def plan(self) -> Plan:
        sizes = [image_size(image.path) for image in self.images]
        return make_plan(self.settings, sizes, [image.boxes for image in self.images])

    @property
    def iterations(self) -> int:
        return self.settings.total_iterations(len(self.images))

    @property
    def rate(self) -> float:
        return self.settings.learning_rate or self.settings.schedule.learning_rate


class PlainImages(Dataset):
    """Decodes, scales and augments an image each time it is drawn."""

    def __init__(self, task: Task) -> None:
        self.images, self.plan = task.images, task.plan
        self.labels = categories_by_label(task.categories)
        self.preset = task.settings.preset
        self.rng = np.random.default_rng(task.settings.seed)

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> Sample:
        source = self.images[index]
        image = Image.open(source.path).convert("RGB")
        shape = self.plan.input_shape(*image.size)
        ratio = np.array([shape[0] / image.width, shape[1] / image.height] * 2)
        boxes = clip(source.boxes, *image.size) * ratio
        labels = np.array([self.labels[int(i)] for i in source.category_ids], dtype=np.int64)
        pixels = np.asarray(image.resize(shape, Image.Resampling.BILINEAR))
        return Sample(pixels, boxes, labels)

    def finished(self, sample: Sample) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        make = compact_augmentation if self.preset == "compact" else paper_augmentation
        sample = make(self.plan.window)(sample, self.rng)
        pixels = np.ascontiguousarray(sample.image.transpose(2, 0, 1))
        sides = sample.boxes[:, 2:] - sample.boxes[:, :2]
        usable = (sides >= 1).all(axis=1)
        target = {
            "boxes": torch.from_numpy(sample.boxes[usable]).float(),
            "labels": torch.from_numpy(sample.labels[usable]),
        }
        return torch.from_numpy(pixels).float() / 255, target

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.finished(self.read(index))


def other_draws(worker: int) -> None:
    """Let each worker of a DataLoader draw other numbers."""
    info = torch.utils.data.get_worker_info()
    info.dataset.rng = np.random.default_rng([info.seed, worker])


def collate(batch: list) -> tuple:
    return tuple(zip(*batch, strict=True))


def plain_network(task: Task) -> nn.Module:
    """The network with torchvision's own pooling and matching."""
    torch.manual_seed(task.settings.seed)
    network = build_network(task.settings, task.plan, len(task.categories))
    if hasattr(network, "rpn"):
        network.rpn.box_similarity = box_iou
    if task.settings.preset == "compact":
        network.roi_heads.box_roi_pool = network.roi_heads.box_roi_pool.by_torchvision
    return network.to(task.device).train()


def plain_optimiser(network: nn.Module, task: Task) -> torch.optim.Optimizer:
    """Ours with torch's defaults instead of one fused pass."""
    groups = [
        {"params": group["params"], "weight_decay": group["weight_decay"]}
        for group in make_optimiser(network, task.settings).param_groups
    ]
    if task.settings.preset == "compact":
        return torch.optim.AdamW(groups, lr=task.rate)
    return torch.optim.SGD(groups, lr=task.rate, momentum=MOMENTUM)


class PlainTraining:
    """A whole training by the reference, done in as many turns as wanted."""

    def __init__(self, task: Task, workers: int) -> None:
        self.task, self.workers = task, workers
        self.network = plain_network(task)
        self.optimiser = plain_optimiser(self.network, task)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser,
            lambda step: learning_rate_factor(task.settings.preset, step, task.iterations),
        )
        self.batches = self._batches()
        self.seconds: list[float] = []

    def _batches(self) -> Iterator[tuple]:
        loader = DataLoader(
            PlainImages(self.task),
            self.task.settings.images_a_batch,
            shuffle=True,
            drop_last=True,
            num_workers=self.workers,
            collate_fn=collate,
            worker_init_fn=other_draws,
            pin_memory=self.task.device.type == "cuda",
            persistent_workers=self.workers > 0,
            generator=torch.Generator().manual_seed(self.task.settings.seed),
        )
        while True:
            yield from loader

    def turn(self, iterations: int) -> None:
        before = clock(self.task.device)
        for _ in range(iterations):
            self._step(*next(self.batches))
        self.seconds.append(clock(self.task.device) - before)

    def _step(self, images: Sequence, targets: Sequence) -> None:
        device = self.task.device
        images = [image.to(device) for image in images]
        targets = [{k: v.to(device) for k, v in target.items()} for target in targets]
        loss = sum(self.network(images, targets).values())
        if not math.isfinite(loss.item()):
            raise ArithmeticError("The reference's loss is no number any more.")
        self.optimiser.zero_grad()
        loss.backward()
        if self.task.settings.preset == "compact":
            nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.schedule.step()


@dataclass
class Turns:
    """Asked by our training before each iteration, lets the references catch up every so often."""

    references: Sequence[PlainTraining]
    every: int
    device: torch.device
    seconds: list[float] = field(default_factory=list)
    asked: int = 0
    started: float | None = None

    def __call__(self) -> bool:
        if self.asked % self.every == 0:
            self.end()
            for reference in self.references:
                reference.turn(self.every)
            self.started = clock(self.device)
        self.asked += 1
        return False

    def end(self) -> None:
        if self.started is not None:
            self.seconds.append(clock(self.device) - self.started)
        self.started = None

    def told(self, progress: Progress) -> None:
        if progress.done == progress.total:
            self.end()


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def ap50_of(weights: Path, task: Task) -> float:
    found = Detections.empty().joined(*predict(weights, task.test_paths, device=str(task.device)))
    return round(average_precision(task.test, found).ap50, 2)


def our_training(
    task: Task, folder: Path, report: Report = silent, should_stop: ShouldStop = never
) -> Path:
    device = str(task.device)
    return train(task.images, task.categories, task.settings, folder, report, should_stop, device)


def measure_training(
    task: Task, turns: int, folder: Path, workers: Sequence[int] = WORKERS
) -> dict[str, object]:
    """Train by ours, into `folder`, and by the references in turns; speeds, ratio, AP50, parts."""
    every = task.iterations // turns
    references = [PlainTraining(task, count) for count in workers]
    ours = Turns(references, every, task.device)
    ap50 = {"ours": ap50_of(our_training(task, folder, ours.told, ours), task)}
    for reference in references:
        path = folder / f"plain_{reference.workers}.pt"
        detector = Detector(reference.network, task.settings, task.plan, task.categories)
        save_detector(path, detector, "reference")
        ap50[f"reference_{reference.workers}_workers"] = ap50_of(path, task)
    images = every * task.settings.images_a_batch
    return summary(images, ours.seconds, references) | {"ap50": ap50, "parts_ms": parts_of(task)}


def summary(
    images: int, ours: Sequence[float], references: Sequence[PlainTraining]
) -> dict[str, object]:
    """Images a second over all turns, and of how many times the faster reference ours is."""
    speeds = {"ours": images * len(ours) / sum(ours)}
    for reference in references:
        name = f"reference_{reference.workers}_workers"
        speeds[name] = images * len(reference.seconds) / sum(reference.seconds)
    fastest = min(references, key=lambda reference: sum(reference.seconds))
    by_turn = [theirs / mine for theirs, mine in zip(fastest.seconds, ours, strict=True)]
    return {
        "train_ratio": round(sum(fastest.seconds) / sum(ours), 3),
        "train_ratio_by_turn": [round(ratio, 3) for ratio in by_turn],
        "images_per_second": {name: round(speed, 2) for name, speed in speeds.items()},
    }


class Parts:
    """Milliseconds a batch that each part of a training step takes."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.times: dict[str, list[float]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        before = clock(self.device)
        yield
        self.times.setdefault(name, []).append(1e3 * (clock(self.device) - before))

    def medians(self) -> dict[str, float]:
        return {name: round(float(np.median(times)), 2) for name, times in self.times.items()}


def parts_of(task: Task) -> dict[str, dict[str, float]]:
    """Time by part, and on CUDA the peak memory, of both sides one after the other."""
    precision = choose_precision(task.settings.precision, task.device)
    torch.manual_seed(task.settings.seed)
    network = build_network(task.settings, task.plan, len(task.categories))
    network = precision.place(network).train()
    ours = timed_parts(task, network, make_optimiser(network, task.settings), precision, False)
    network = plain_network(task)
    plain = timed_parts(
        task, network, plain_optimiser(network, task), Precision("fp32", task.device), True
    )
    return {"ours": ours, "reference": plain}


def timed_parts(
    task: Task,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    precision: Precision,
    plain: bool,
) -> dict[str, float]:
    if task.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(task.device)
    parts, scaler = Parts(task.device), precision.scaler()
    dataset, batches = PlainImages(task), our_batches(task)
    for number in range(PART_BATCHES):
        positions = batches.positions(number % 4)
        with parts.part("read"):
            samples = [dataset.read(i) if plain else batches.sample(i) for i in positions]
        with parts.part("augment"):
            made = collate([dataset.finished(s) for s in samples]) if plain else None
            images, targets = made or batches.batch(number % 4)
        timed_step(parts, network, optimiser, precision, scaler, images, targets)
    found = parts.medians()
    if task.device.type == "cuda":
        found["peak_memory_mb"] = round(torch.cuda.max_memory_allocated(task.device) / 2**20)
    return found


def our_batches(task: Task) -> Batches:
    make = compact_augmentation if task.settings.preset == "compact" else paper_augmentation
    labels, plan = categories_by_label(task.categories), task.plan
    count = task.settings.images_a_batch
    return Batches(task.images, labels, plan, make(plan.window), count, task.settings.seed)


def timed_step(
    parts: Parts,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    precision: Precision,
    scaler: torch.amp.GradScaler,
    images: Sequence,
    targets: Sequence,
) -> None:
    device = precision.device
    with parts.part("forward"):
        images = [image.to(device) for image in images]
        targets = [{k: v.to(device) for k, v in target.items()} for target in targets]
        with precision.autocast():
            losses = network(images, targets)
    with parts.part("backward"):
        optimiser.zero_grad()
        scaler.scale(torch.stack(list(losses.values())).sum()).backward()
    with parts.part("update"):
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        scaler.step(optimiser)
        scaler.update()
