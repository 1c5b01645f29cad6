"""Running a trained detector over image files, in pieces so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_alc.boxes import areas, clip
from napari_alc.detection.cache import Bytes, read_eight_bit, scaled
from napari_alc.detection.devices import choose_device, cpu_threads, enough_memory
from napari_alc.detection.samples import as_input
from napari_alc.detection.weights import Detector, load_detector
from napari_alc.errors import Cancelled
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

BATCH_PIXELS = 1 << 20
"""Input pixels a batch, unless the caller fixes its size (one image may be larger)."""
MOST_IN_BATCH = 16

Waiting = tuple[int, Bytes, tuple[int, int]]
"""Image id, scaled image, and original width and height."""


def predict(
    weights: Path,
    images: Sequence[tuple[int, Path]],
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    batch_size: int | None = None,
    step: str = "predict",
) -> Iterator[Detections]:
    """Detect objects in `images`.

    Parameters
    ----------
    weights
        A file that `train` wrote.
    images
        Image ids and files.
    report, should_stop, device, step
        As in `train`.
    batch_size
        Images computed at once; None takes as many as hold `BATCH_PIXELS`. Only images of one
        size are put together, so that the result does not depend on it.

    Yields
    ------
    Detections
        Those of the next images, in the given order; boxes have an area and lie in the original
        image, in its pixels; scores at or above the detector's floor, at most its number an image.

    Raises
    ------
    BadData
        When the weights or an image cannot be read.
    Cancelled
        When `should_stop` says so; what was yielded stands.
    AlcError
        When the device is absent or its memory too small.
    """
    detector = load_detector(weights)
    chosen = choose_device(device)
    detector.network.to(chosen).eval()
    yield from detect(detector, images, chosen, report, should_stop, batch_size, step)


def detect(
    detector: Detector,
    images: Sequence[tuple[int, Path]],
    device: torch.device,
    report: Report = silent,
    should_stop: ShouldStop = never,
    batch_size: int | None = None,
    step: str = "predict",
) -> Iterator[Detections]:
    """Detect objects as `predict` does, with a network in memory.

    Parameters
    ----------
    detector
        Its network lies on `device`, in evaluation mode; it is left as it is.
    """
    done = 0
    for batch in _batches(detector, images, batch_size):
        if should_stop():
            raise Cancelled(step)
        with enough_memory(), cpu_threads(detector.settings.threads), torch.inference_mode():
            found = _detect(detector, batch, device)
        done += len(batch)
        report(Progress(step, done, len(images), f"image {done} of {len(images)}"))
        yield found


def _batches(
    detector: Detector, images: Sequence[tuple[int, Path]], batch_size: int | None
) -> Iterator[list[Waiting]]:
    batch: list[Waiting] = []
    for image_id, path in images:
        image = read_eight_bit(path)
        height, width = image.shape[:2]
        seen = scaled(image, *detector.plan.input_shape(width, height))
        if batch and (batch[0][1].shape[:2] != seen.shape[:2] or _full(batch, batch_size)):
            yield batch
            batch = []
        batch.append((image_id, seen, (width, height)))
    if batch:
        yield batch


def _full(batch: list[Waiting], batch_size: int | None) -> bool:
    height, width = batch[0][1].shape[:2]
    return len(batch) >= (
        batch_size or max(1, min(MOST_IN_BATCH, BATCH_PIXELS // (height * width)))
    )


def _detect(detector: Detector, batch: list[Waiting], device: torch.device) -> Detections:
    outputs = detector.network([as_input(image).to(device) for _, image, _ in batch])
    parts = [
        _in_image(detector, output, waiting) for output, waiting in zip(outputs, batch, strict=True)
    ]
    return parts[0].joined(*parts[1:])


def _in_image(detector: Detector, output: dict[str, Tensor], waiting: Waiting) -> Detections:
    image_id, image, (width, height) = waiting
    ratio = np.array([width / image.shape[1], height / image.shape[0]] * 2)
    boxes = output["boxes"].double().cpu().numpy() * ratio
    ids = np.array([0] + [category.id for category in detector.categories])
    labels = output["labels"].cpu().numpy()
    found = Detections(
        image_ids=np.full(len(labels), image_id),
        category_ids=ids[labels],
        boxes=clip(boxes, width, height),
        scores=output["scores"].double().cpu().numpy(),
    )
    return found.take(areas(found.boxes) > 0)
