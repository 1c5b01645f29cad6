"""Training a detector: reproducible, cancellable, and resumed where it was interrupted.

Every random draw depends on the seed and the number of the iteration alone: the data order and
augmentation through `samples.Batches`, torchvision's sampling of anchors through a reseeding of
torch's generator at each iteration. So weights, optimiser state and the iteration's number are
all that a checkpoint needs, and on the CPU a resumed training ends with the very same bits.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import torch
import torchvision
from torch import nn

from napari_alc.detection.augmentation import compact_augmentation, paper_augmentation
from napari_alc.detection.devices import choose_device, cpu_threads, enough_memory
from napari_alc.detection.models import build_network, read_tensors
from napari_alc.detection.optimisation import (
    LARGEST_GRADIENT,
    learning_rate_factor,
    make_optimiser,
    set_learning_rate,
)
from napari_alc.detection.plan import Plan, make_plan, object_sizes
from napari_alc.detection.samples import Batches, TrainingImage
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.weights import (
    Detector,
    categories_by_label,
    save_detector,
    saved_fingerprint,
    write_tensors,
)
from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.files import write_text
from napari_alc.formats.images import image_size
from napari_alc.labels import Category
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

WEIGHTS, CHECKPOINT, METRICS = "weights.pt", "checkpoint.pt", "metrics.json"
CHECKPOINT_SECONDS = 20.0
CHECKPOINT_SHARE = 0.05
"""Most of the time that saving checkpoints may take; large models are saved less often."""
REPORT_SECONDS = 0.2
CURVE_POINTS = 200


@dataclass
class Run:
    """A training under way."""

    detector: Detector
    batches: Batches
    optimiser: torch.optim.Optimizer
    device: torch.device
    total: int
    fingerprint: str
    step: str
    iteration: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    @property
    def settings(self) -> DetectorSettings:
        """What the detector is trained with."""
        return self.detector.settings

    @property
    def peak_rate(self) -> float:
        """Learning rate after the warm-up."""
        return self.settings.learning_rate or self.settings.recipe.learning_rate


def train(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    folder: Path,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    step: str = "train",
) -> Path:
    """Train a detector and write it to `folder`.

    Writes ``weights.pt``, ``metrics.json`` and, while it runs, ``checkpoint.pt``. A checkpoint
    of the same settings and data is resumed; where their weights are already there, nothing is
    done. Weights of an earlier training stay until the new ones are complete.

    Parameters
    ----------
    images
        The training set; images without boxes are negative examples.
    categories
        All categories, in the order in which the network numbers them.
    settings
        Preset and recipe.
    folder
        Made where it does not exist.
    report, should_stop
        See `napari_alc.progress`; reported values are ``loss`` and ``learning_rate``.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    step
        Name of the step in progress reports.

    Returns
    -------
    Path
        The weights file.

    Raises
    ------
    Cancelled
        When `should_stop` says so; the checkpoint is written first.
    AlcError
        When there is no box to learn from, the loss is no longer finite, the device or the
        initial weights are not there, or its memory is too small.
    """
    _require_learnable(images, categories)
    weights = folder / WEIGHTS
    fingerprint = training_fingerprint(images, categories, settings)
    if saved_fingerprint(weights) == fingerprint:
        return weights
    with enough_memory(), cpu_threads(settings.threads), torch.random.fork_rng():
        run = _start(images, tuple(categories), settings, choose_device(device), step, fingerprint)
        _resume(run, folder / CHECKPOINT)
        _iterate(run, folder / CHECKPOINT, report, should_stop)
    write_text(folder / METRICS, _metrics(run, images))
    save_detector(weights, run.detector, fingerprint)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return weights


def _require_learnable(images: Sequence[TrainingImage], categories: Sequence[Category]) -> None:
    if not any(len(object_sizes(image.boxes)) for image in images):
        raise AlcError(
            f"There is nothing to learn from: none of the {len(images)} training images has a box."
        )
    known = {category.id for category in categories}
    for image in images:
        unknown = set(image.category_ids.tolist()) - known
        if unknown:
            raise BadData(
                image.path,
                f"has a box of category {min(unknown)}, which is not among the categories",
                "Add the category or leave the box out",
            )


def training_fingerprint(
    images: Sequence[TrainingImage], categories: Sequence[Category], settings: DetectorSettings
) -> str:
    """A digest of all that decides the outcome of a training (image files by name and size)."""
    digest = hashlib.sha256()
    names = [[category.id, category.name] for category in categories]
    digest.update(orjson.dumps([settings.to_json(), names], option=orjson.OPT_SORT_KEYS))
    for image in images:
        size = image.path.stat().st_size if image.path.is_file() else -1
        digest.update(f"{image.path.name}\0{size}\0{len(image.boxes)}\0".encode())
        digest.update(image.boxes.tobytes())
        digest.update(image.category_ids.tobytes())
    return digest.hexdigest()


def _plan(images: Sequence[TrainingImage], settings: DetectorSettings) -> Plan:
    sizes = [image_size(image.path) for image in images]
    return make_plan(settings, sizes, [image.boxes for image in images])


def _start(
    images: Sequence[TrainingImage],
    categories: tuple[Category, ...],
    settings: DetectorSettings,
    device: torch.device,
    step: str,
    fingerprint: str,
) -> Run:
    plan = _plan(images, settings)
    torch.manual_seed(settings.seed)
    network = build_network(settings, plan, len(categories)).to(device).train()
    make = compact_augmentation if settings.preset == "compact" else paper_augmentation
    batches = Batches(
        images,
        categories_by_label(categories),
        plan,
        make(plan.window),
        settings.images_a_batch,
        settings.seed,
    )
    return Run(
        detector=Detector(network, settings, plan, categories),
        batches=batches,
        optimiser=make_optimiser(network, settings),
        device=device,
        total=settings.total_iterations(len(images)),
        fingerprint=fingerprint,
        step=step,
    )


def _save_checkpoint(run: Run, path: Path) -> None:
    content = {
        "fingerprint": run.fingerprint,
        "iteration": run.iteration,
        "seconds": run.seconds,
        "losses": run.losses,
        "model": run.detector.network.state_dict(),
        "optimiser": run.optimiser.state_dict(),
    }
    write_tensors(path, content)


def _resume(run: Run, path: Path) -> None:
    try:
        saved: dict[str, Any] = read_tensors(path)
    except BadData:  # None there, or unreadable: everything in it can be computed again.
        return
    if saved.get("fingerprint") != run.fingerprint:
        return
    run.detector.network.load_state_dict(saved["model"])
    run.optimiser.load_state_dict(saved["optimiser"])
    run.iteration = saved["iteration"]
    run.seconds = saved["seconds"]
    run.losses = saved["losses"]


def _iterate(run: Run, checkpoint: Path, report: Report, should_stop: ShouldStop) -> None:
    started = time.monotonic() - run.seconds
    next_save, next_report = run.seconds + CHECKPOINT_SECONDS, run.seconds
    while run.iteration < run.total:
        if should_stop():
            _save_checkpoint(run, checkpoint)
            raise Cancelled(run.step)
        rate = _advance(run)
        run.seconds = time.monotonic() - started
        if run.seconds >= next_report or run.iteration == run.total:
            report(_progress(run, rate))
            next_report = run.seconds + REPORT_SECONDS
        if run.seconds >= next_save:
            before = time.monotonic()
            _save_checkpoint(run, checkpoint)
            pause = (time.monotonic() - before) / CHECKPOINT_SHARE
            next_save = run.seconds + max(CHECKPOINT_SECONDS, pause)


def _advance(run: Run) -> float:
    network = run.detector.network
    rate = run.peak_rate * learning_rate_factor(run.settings.preset, run.iteration, run.total)
    set_learning_rate(run.optimiser, rate)
    images, targets = run.batches.batch(run.iteration)
    torch.manual_seed(_iteration_seed(run.settings.seed, run.iteration))
    losses = network(
        [image.to(run.device) for image in images],
        [{name: value.to(run.device) for name, value in target.items()} for target in targets],
    )
    loss = torch.stack(list(losses.values())).sum()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise AlcError(
            f"{run.step}: the loss is no longer a number at iteration {run.iteration + 1}; "
            f"lower the learning rate (now {run.peak_rate:g})."
        )
    run.optimiser.zero_grad()
    torch.autograd.backward(loss)
    if run.detector.settings.preset == "compact":
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    run.optimiser.step()
    run.losses.append(value)
    run.iteration += 1
    return rate


def _iteration_seed(seed: int, iteration: int) -> int:
    digest = hashlib.sha256(f"{seed} {iteration}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


def _progress(run: Run, rate: float) -> Progress:
    left = run.seconds / run.iteration * (run.total - run.iteration)
    recent = run.losses[-20:]
    return Progress(
        run.step,
        run.iteration,
        run.total,
        f"iteration {run.iteration} of {run.total}, about {left:.0f} s left",
        {"loss": sum(recent) / len(recent), "learning_rate": rate, "seconds_left": left},
    )


def _thinned(losses: Sequence[float]) -> list[list[float]]:
    stretch = math.ceil(len(losses) / CURVE_POINTS)
    starts = range(0, len(losses), stretch)
    parts = [(min(i + stretch, len(losses)), losses[i : i + stretch]) for i in starts]
    return [[end, sum(part) / len(part)] for end, part in parts]


def _metrics(run: Run, images: Sequence[TrainingImage]) -> str:
    content = {
        "settings": run.settings.to_json(),
        "plan": run.detector.plan.to_json(),
        "images": len(images),
        "boxes": sum(len(image.boxes) for image in images),
        "iterations": run.total,
        "seconds": round(run.seconds, 3),
        "parameters": sum(p.numel() for p in run.detector.network.parameters()),
        "device": str(run.device),
        "threads": run.settings.threads or torch.get_num_threads(),
        "loss": _thinned(run.losses),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
