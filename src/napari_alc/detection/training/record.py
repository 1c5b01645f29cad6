"""What a training says about itself: while it runs, and in ``metrics.json`` when it has ended."""

from __future__ import annotations

import math
from collections.abc import Sequence

import orjson
import torch
import torchvision

from napari_alc.detection.training.run import Run
from napari_alc.progress import Progress

CURVE_POINTS = 200
RECENT = 20
"""Iterations whose mean is reported as the loss."""


ANEW = " (begun anew: settings or labels have changed since it was stopped)"


def progress_of(run: Run, measured: bool = False) -> Progress:
    """How far a training is; with the AP50 on the validation images when it was just `measured`."""
    # The mean since the beginning: checkpoints and measurements are in it, in their share.
    left = run.seconds / run.iteration * (run.total - run.iteration)
    recent = run.losses[-RECENT:]
    values = {
        "loss": sum(recent) / len(recent),
        "learning_rate": run.learning_rate,
        "seconds_left": left,
    }
    if measured:
        values["validation_AP50"] = run.validation[-1][1]
    anew = ANEW if run.is_anew else ""
    message = f"iteration {run.iteration} of {run.total}{anew}, about {left:.0f} s left"
    return Progress(run.step, run.iteration, run.total, message + _shrunk(run), values)


def _shrunk(run: Run) -> str:
    """That the batch was made smaller, as long as it is."""
    if not run.halved:
        return ""
    return (
        f"; the GPU's memory holds no more than {run.batch_size} of the "
        f"{run.settings.images_a_batch} images of a batch at once, so they are learned from in "
        "turns, with a smaller learning rate"
    )


def thinned(losses: Sequence[float]) -> list[list[float]]:
    """At most `CURVE_POINTS` means of neighbouring losses, each with its last iteration."""
    stretch = math.ceil(len(losses) / CURVE_POINTS)
    starts = range(0, len(losses), stretch)
    parts = [(min(i + stretch, len(losses)), losses[i : i + stretch]) for i in starts]
    return [[end, sum(part) / len(part)] for end, part in parts]


def record_of(run: Run) -> str:
    """The contents of ``metrics.json``."""
    images = run.batches.images
    content = {
        "settings": run.settings.in_force,
        "plan": run.detector.plan.to_json(),
        "images": len(images),
        "boxes": sum(len(image.boxes) for image in images),
        "iterations": run.total,
        "batch_size": run.batch_size,
        "halved": run.halved,
        "seconds": round(run.seconds, 3),
        "parameters": sum(p.numel() for p in run.detector.network.parameters()),
        "device": str(run.precision.device),
        "precision": run.precision.name,
        "threads": run.settings.threads or torch.get_num_threads(),
        "loss": thinned(run.losses),
        "validation": run.validation,
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
