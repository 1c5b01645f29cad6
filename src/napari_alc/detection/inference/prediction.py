"""Running a trained detector over image files; memory stays bounded whatever their number.

Images are read and scaled by threads ahead of the network, which looks at several of them, or of
their tiles, at once; where the plan says so it looks several times. Neither the threads nor the
cache nor the number of images at once changes what is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from napari_alc.boxes import areas, clip
from napari_alc.detection.data.cache import Bytes, ImageCache
from napari_alc.detection.data.loading import SeenImage, read_ahead, seen_image
from napari_alc.detection.data.tiles import Found, Tile, merged, tile_grid
from napari_alc.detection.devices import choose_device, cpu_threads, enough_memory
from napari_alc.detection.inference.folding import folded
from napari_alc.detection.inference.looks import fused, turned, turned_back
from napari_alc.detection.models.weights import Detector, load_detector
from napari_alc.detection.plan import Plan
from napari_alc.detection.precision import choose_precision
from napari_alc.errors import Cancelled
from napari_alc.formats.images import image_size
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop, never, silent

BATCH_PIXELS = {"cpu": 1 << 20, "mps": 1 << 20, "cuda": 1 << 22}
"""Input pixels a batch, unless the caller fixes its size (one image may be larger)."""
MOST_IN_BATCH = 16
MOST_READERS = 8
PIXELS_DECODED = 1 << 26
"""Pixels of image files, as large as the first, that are decoded at once: about half a gigabyte
where they have 16 bits."""
PIXELS_AHEAD, MOST_AHEAD = 1 << 25, 32
"""Input pixels, and images, that are read ahead of the network."""


@dataclass(frozen=True, eq=False)
class Part:
    """What the network looks at: an image, or a tile of it, as it is or turned.

    Parameters
    ----------
    position
        Of the image among all images.
    seen
        The whole image.
    tiles
        All tiles of the image.
    tile
        Which of them this is.
    look
        How it is turned, from 0.
    is_last
        Whether this completes its image.
    """

    position: int
    image_id: int
    seen: SeenImage
    tiles: Sequence[Tile]
    tile: Tile
    look: int
    is_last: bool

    @property
    def pixels(self) -> Bytes:
        """uint8, (H, W) or (H, W, 3), in input pixels."""
        return turned(self.tile.cut_from(self.seen.pixels), self.look)

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height in input pixels."""
        return self.tile.width, self.tile.height


def predict(
    weights: Path,
    images: Sequence[tuple[int, Path]],
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    batch_size: int | None = None,
    step: str = "predict",
    *,
    cache: ImageCache | None = None,
    together: int | None = None,
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
        Images, or tiles, computed at once; None takes as many as hold `BATCH_PIXELS`. Only those
        of one size are put together, so that the result does not depend on it.
    cache
        The project's images on disk, for those that will be looked at again.
    together
        Only images among the same so many of the list may be computed at once, so that, to the
        last bit, the result for these is the same without the others.

    Yields
    ------
    Detections
        Those of the next image, in the given order; boxes have an area and lie in the original
        image, in its pixels; scores at or above the detector's floor, at most its number.

    Raises
    ------
    BadData
        When the weights or an image cannot be read.
    Cancelled
        When `should_stop` says so; what was yielded stands.
    AlcError
        When the device is absent or its memory too small for one image.
    """
    chosen = choose_device(device)
    detector = ready(load_detector(weights), chosen)
    yield from detect(
        detector,
        images,
        chosen,
        report,
        should_stop,
        batch_size,
        step,
        cache=cache,
        together=together,
    )


def ready(detector: Detector, device: torch.device) -> Detector:
    """`detector`, fresh from its file, on `device` and as fast as it can be for prediction."""
    network = detector.network.eval()
    # Before it is moved: whether folding is exact is checked on the CPU.
    if isinstance(backbone := network.backbone, nn.Module):
        network.backbone = folded(backbone)
    network.to(device)
    if device.type != "mps":
        network.to(memory_format=torch.channels_last)
    return replace(detector, network=network)


def detect(
    detector: Detector,
    images: Sequence[tuple[int, Path]],
    device: torch.device,
    report: Report = silent,
    should_stop: ShouldStop = never,
    batch_size: int | None = None,
    step: str = "predict",
    *,
    cache: ImageCache | None = None,
    together: int | None = None,
) -> Iterator[Detections]:
    """Detect objects as `predict` does, with a network in memory.

    Parameters
    ----------
    detector
        Its network lies on `device`, in evaluation mode; it is left as it is.
    """
    done = 0
    waiting: list[Found] = []
    parts = _parts(detector.plan, images, cache)
    pixels = BATCH_PIXELS[device.type]
    for batch in _batches(parts, batch_size, pixels, together or len(images)):
        if should_stop():
            raise Cancelled(step)
        with enough_memory(), cpu_threads(detector.settings.threads), torch.inference_mode():
            outputs = _compute(detector, batch, device)
        done += sum(part.is_last for part in batch)
        report(Progress(step, done, len(images), f"image {done} of {len(images)}"))
        for part, output in zip(batch, outputs, strict=True):
            # Parts of one image come one after the other, even where a batch ends between them.
            waiting.append(_as_it_is(output, part))
            if part.is_last:
                yield _in_image(detector, part, waiting)
                waiting = []


def _parts(
    plan: Plan, images: Sequence[tuple[int, Path]], cache: ImageCache | None
) -> Iterator[Part]:
    """Everything to look at, image by image, read ahead by threads."""

    def read(path: Path) -> SeenImage:
        # A pass over all images would push those in training out of the cache.
        return seen_image(path, plan, cache, make_room=False)

    # Bounded in pixels, not in images: a few slides of 9000 x 9000 pixels fill the memory too.
    ahead = max(1, min(MOST_AHEAD, PIXELS_AHEAD // plan.longer**2))
    found = read_ahead((path for _, path in images), read, _readers(images), ahead)
    for position, ((image_id, _), seen) in enumerate(zip(images, found, strict=True)):
        height, width = seen.pixels.shape[:2]
        tiles = tile_grid(width, height, plan.tile, plan.overlap)
        every = list(product(range(plan.looks), tiles))
        for number, (look, tile) in enumerate(every, start=1):
            yield Part(position, image_id, seen, tiles, tile, look, number == len(every))


def _readers(images: Sequence[tuple[int, Path]]) -> int:
    """Threads that read: fewer where images are large."""
    pixels = [width * height for width, height in (image_size(path) for _, path in images[:1])]
    at_once = max(1, PIXELS_DECODED // max(pixels, default=1))
    return min(os.cpu_count() or 1, MOST_READERS, at_once)


def _batches(
    parts: Iterator[Part], batch_size: int | None, pixels: int, together: int
) -> Iterator[list[Part]]:
    batch: list[Part] = []
    for part in parts:
        # Images of other sizes would be padded to one, which changes what is found at borders.
        if batch and not (
            batch[0].shape == part.shape
            and batch[0].position // together == part.position // together
            and len(batch) < (batch_size or _room(part.shape, pixels))
        ):
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch


def _room(shape: tuple[int, int], pixels: int) -> int:
    return max(1, min(MOST_IN_BATCH, pixels // (shape[0] * shape[1])))


def _compute(detector: Detector, batch: Sequence[Part], device: torch.device) -> list[Found]:
    """What the network finds in each part; halves of the batch where memory is too small."""
    precision = choose_precision(detector.settings.precision, device)
    try:
        with precision.autocast():
            outputs = detector.network([_as_input(part.pixels, device) for part in batch])
        return [_found(output) for output in outputs]
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    # Not within the handler, which would hold the failed attempt's tensors while the halves run.
    middle = len(batch) // 2
    halves = (batch[:middle], batch[middle:])
    return [found for half in halves for found in _compute(detector, half, device)]


def _as_input(pixels: Bytes, device: torch.device) -> Tensor:
    """`samples.as_input`, with the work done on the device."""
    # A copy, as the cache's memory is read-only. Bytes go to the device, a quarter of what floats
    # would be.
    image = torch.from_numpy(np.array(pixels))
    if device.type == "cuda":
        image = image.pin_memory()
    image = image.to(device, non_blocking=True).float().div_(255)
    return image.expand(3, -1, -1) if image.ndim == 2 else image.permute(2, 0, 1)


def _found(output: dict[str, Tensor]) -> Found:
    boxes, scores = (output[name].double().cpu().numpy() for name in ("boxes", "scores"))
    return Found(boxes, output["labels"].cpu().numpy(), scores)


def _as_it_is(found: Found, part: Part) -> Found:
    """What was found, in pixels of the part before it was turned."""
    return replace(found, boxes=turned_back(found.boxes, part.look, *part.shape))


def _in_image(detector: Detector, part: Part, found: Sequence[Found]) -> Detections:
    """All that was found in the tiles of one image, at every look, in its own pixels."""
    most, count = detector.plan.max_detections, len(part.tiles)
    looks = [found[start : start + count] for start in range(0, len(found), count)]
    seen = [merged(part.tiles, look, most) for look in looks]
    whole = fused(seen, detector.settings.floor, most)
    width, height = part.seen.size
    seen_height, seen_width = part.seen.pixels.shape[:2]
    ratio = np.array([width / seen_width, height / seen_height] * 2)
    # Label 0 is background, which no detection has.
    ids = np.array([0] + [category.id for category in detector.categories])
    detections = Detections(
        image_ids=np.full(len(whole.labels), part.image_id),
        category_ids=ids[whole.labels],
        boxes=clip(whole.boxes * ratio, width, height),
        scores=whole.scores,
    )
    # Clipping at the image's border can leave a line.
    return detections.take(areas(detections.boxes) > 0)
