"""One iteration of a training: a batch, its loss and gradient, a step of the optimiser.

Where the device's memory does not hold a batch, it is halved, and the halves follow one another
within the iteration, each with its share of the learning rate (proportional to the images in the
step, Goyal et al. 2017). So the number of iterations, the order of the data and the course of
the learning rate stay as they were.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Iterator, Sequence

import torch
from torch import Tensor, nn

from napari_alc.detection.data.loading import read_ahead
from napari_alc.detection.training.optimisation import (
    LARGEST_GRADIENT,
    learning_rate_factor,
    set_learning_rate,
)
from napari_alc.detection.training.run import Run
from napari_alc.errors import AlcError

Target = dict[str, Tensor]
Batch = tuple[list[Tensor], list[Target]]

READERS = {"cpu": 1, "cuda": 4, "mps": 1}
"""Threads that make batches; on the CPU they share its cores with the network."""
AHEAD = 2
"""Batches of each reader that wait for the network."""


def coming_batches(run: Run) -> Generator[Batch]:
    """The batches of the iterations to come, made by threads while the network computes."""
    kind = run.precision.device.type

    def made(number: int) -> Batch:
        inputs, targets = run.batches.batch(number)
        if kind == "cuda":  # Only from pinned memory does a copy run beside the computation.
            inputs = [image.pin_memory() for image in inputs]
        return inputs, targets

    readers = READERS[kind]
    while run.iteration < run.total:
        # Read any further ahead, it would depend on the threads which boxes a batch holds.
        numbers = range(run.iteration, min(run.boxes_until or run.total, run.total))
        yield from read_ahead(numbers, made, readers, AHEAD * readers)


def advance(run: Run, batches: Iterator[Batch]) -> None:
    """Do the next iteration.

    Parameters
    ----------
    batches
        The next one is number ``run.iteration``, see `coming_batches`.

    Raises
    ------
    AlcError
        When the loss is no longer finite, or a single image is too large for the memory.
    """
    if run.variant:
        run.variant.before_iteration(run)
    inputs, targets = next(batches)
    summed, done = 0.0, 0
    while done < len(inputs):
        part = slice(done, done + run.batch_size)
        # torchvision draws anchors and proposals from the global generator. Seeded by iteration and
        # part of the batch, the draws do not hang on what was computed before.
        torch.manual_seed(_seed(run.settings.seed, run.iteration, done))
        loss = _step_if_it_fits(run, inputs[part], targets[part])
        if loss is None:
            _halve(run, inputs[part])
            continue
        count = len(inputs[part])
        summed, done = summed + loss * count, done + count
    run.losses.append(summed / done)
    run.iteration += 1


def _step_if_it_fits(run: Run, inputs: Sequence[Tensor], targets: Sequence[Target]) -> float | None:
    # The memory is free again only when the error, which holds the step's tensors, is gone.
    try:
        return _step(run, inputs, targets)
    except torch.OutOfMemoryError:
        return None


def _halve(run: Run, inputs: Sequence[Tensor]) -> None:
    run.optimiser.zero_grad()
    if run.precision.device.type == "cuda":
        torch.cuda.empty_cache()
    if len(inputs) == 1:
        height, width = inputs[0].shape[-2:]
        raise AlcError(
            f"The GPU's memory ({run.precision.device}) is too small for even one image at a time "
            f"({width}×{height} pixels as the detector sees it); lower the input size, take the "
            "compact preset, or compute on another device."
        )
    # Of the part that did not fit, which may be smaller than the batch size at the batch's end.
    run.batch_size = len(inputs) // 2
    run.halved.append((run.iteration, run.batch_size))


def _step(run: Run, inputs: Sequence[Tensor], targets: Sequence[Target]) -> float:
    device = run.precision.device
    network = run.detector.network
    _set_rate(run, len(inputs))
    with run.precision.autocast():
        losses = network(
            [image.to(device, non_blocking=True) for image in inputs],
            [{name: value.to(device) for name, value in target.items()} for target in targets],
        )
    loss = torch.stack(list(losses.values())).sum()
    run.optimiser.zero_grad()
    torch.autograd.backward(run.scaler.scale(loss))
    # Gradients in fp16 are scaled up; their norm can be cut only in their true size.
    if run.settings.is_small:
        run.scaler.unscale_(run.optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    run.scaler.step(run.optimiser)
    run.scaler.update()
    return _finite(run, loss)


def _finite(run: Run, loss: Tensor) -> float:
    """The loss as a number; a GPU is waited for only here, with all its work in its queue."""
    value = float(loss.detach())
    if not math.isfinite(value):
        raise AlcError(
            f"{run.step}: the loss is no longer a number at iteration {run.iteration + 1}; "
            f"lower the learning rate (now {run.peak_rate:g})."
        )
    return value


def _set_rate(run: Run, images: int) -> None:
    share = images / run.settings.images_a_batch
    factor = learning_rate_factor(run.settings.preset, run.iteration, run.total)
    set_learning_rate(run.optimiser, run.peak_rate * factor * share)


def _seed(seed: int, iteration: int, first_image: int) -> int:
    digest = hashlib.sha256(f"{seed} {iteration} {first_image}".encode()).digest()
    # A sum of the numbers would give neighbours in seed and iteration the same draws; 7 bytes fit
    # into the signed 64 bits that torch takes.
    return int.from_bytes(digest[:7], "little")
