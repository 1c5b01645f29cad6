"""How long training and prediction take on this computer: measured by doing a little of both.

A training is begun on a few of the images and ended after some seconds, before it writes
anything; then its network looks at a few images. What is timed is the very code that will run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import torch

from napari_alc.cores import cores
from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.data.loading import seen_image
from napari_alc.detection.data.samples import TrainingImage
from napari_alc.detection.devices import choose_device
from napari_alc.detection.inference.prediction import detect, ready
from napari_alc.detection.models.weights import Detector
from napari_alc.detection.plan import Plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.training import train
from napari_alc.detection.training.validation import looking_once
from napari_alc.errors import Cancelled
from napari_alc.labels import Category
from napari_alc.progress import Progress
from napari_alc.wording import counted

TRAIN_SECONDS = 4.0
PASS_SECONDS = 1.2
"""Of each pass over the images to look at."""
SAMPLE = 8
"""Images are enough for a sample; more would not all be read in the time."""
LARGE = "resnet50"
"""Part of the names of presets that are slow on a CPU."""
ENDLESS = 100_000
"""Iterations that are never reached: the stopwatch ends the training."""


@dataclass(frozen=True)
class Estimate:
    """Measured times, in seconds.

    Parameters
    ----------
    device
        What computes, in words.
    start_seconds
        From the begin of a training to its first iteration.
    iteration_seconds
        Of one iteration, its images being decoded already.
    read_seconds
        To decode and scale an image.
    image_bytes
        Of an image in the cache.
    predict_seconds
        To predict on an image that has to be decoded.
    again_seconds
        To predict on an image in the cache.
    check_seconds
        The same during a training, with its number of threads.
    """

    device: str
    start_seconds: float
    iteration_seconds: float
    read_seconds: float
    image_bytes: float
    predict_seconds: float
    again_seconds: float
    check_seconds: float

    def training(self, iterations: int, images: int, checks: int = 0) -> float:
        """Seconds of a training on `images` images that looks at clean images `checks` times."""
        iterating = iterations * self.iteration_seconds
        reading = images * self.read_seconds
        return self.start_seconds + reading + iterating + checks * self.check_seconds

    def prediction(self, images: int, models: int, cache_bytes: int) -> float:
        """Seconds in which `models` models look at `images` images, one model after another."""
        in_cache = min(images, cache_bytes / self.image_bytes)
        first = images * self.predict_seconds
        each_other = in_cache * self.again_seconds + (images - in_cache) * self.predict_seconds
        return first + (models - 1) * each_other


def estimate(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    device: str,
    plan: Plan,
    paths: Sequence[Path],
    cache: ImageCache | None = None,
    threads: int | None = None,
) -> Estimate:
    """Measure how fast a detector trains and predicts.

    Parameters
    ----------
    images
        Some training images, at least one with a box; `SAMPLE` are enough.
    categories, settings, device, plan
        As `napari_alc.detection.training.training.train` takes them.
    paths
        Some images to look at.
    cache
        Of the project; receives the images.
    threads
        CPU threads of the training, where the settings leave them open; None leaves torch's own.

    Raises
    ------
    AlcError
        As `train`: when the device or the initial weights are not there, for example.
    """
    chosen = choose_device(device)
    read_seconds, image_bytes = _read([image.path for image in images], plan)
    began = time.monotonic()
    slim = _slim(settings, chosen, threads)
    stopwatch = _trained(images, categories, slim, device, plan, cache)
    paths = list(paths or [image.path for image in images])
    detector = ready(replace(stopwatch.detector, settings=settings), chosen)
    # Into the cache first, so that what is timed next is the network and no decoding.
    for path in paths:
        seen_image(path, plan, cache)
    # Once for nothing: the first pass plans convolutions and fills caches of the device.
    _time_predicting(detector, paths[:1], chosen, cache)
    lap = stopwatch.lap_seconds(slim.images_a_batch)
    return Estimate(
        device=device_in_words(chosen),
        start_seconds=stopwatch.started - began,
        iteration_seconds=lap * settings.images_a_batch / slim.images_a_batch,
        read_seconds=read_seconds,
        image_bytes=image_bytes,
        predict_seconds=_time_predicting(detector, paths, chosen, None),
        again_seconds=_time_predicting(detector, paths, chosen, cache),
        check_seconds=_time_predicting(
            looking_once(replace(detector, settings=slim)), paths, chosen, cache
        ),
    )


def device_in_words(device: torch.device) -> str:
    """Such as ``"NVIDIA H100 80GB HBM3"``, ``"Apple GPU"`` or ``"CPU, 2 cores"``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {counted(cores(), 'core')}"


def _batch(settings: DetectorSettings, device: torch.device) -> int:
    """Images in the batches that are measured.

    On a CPU a network of this size takes half a minute for the paper's batch of four; the time
    is in proportion to the images there.
    """
    is_large = LARGE in settings.preset and device.type != "cuda"
    return 1 if is_large else settings.images_a_batch


def _slim(
    settings: DetectorSettings, device: torch.device, threads: int | None
) -> DetectorSettings:
    """Settings of the training that is measured."""
    return settings.changed(
        iterations=ENDLESS,
        validate_every=1,
        batch_size=_batch(settings, device),
        threads=settings.threads or threads,
    )


class _EnoughSeen(Exception):
    """Ends a training that has shown how fast it is; it writes nothing then."""


@dataclass
class _Stopwatch:
    """Takes the time of each iteration; it is what measures a training's detector."""

    seconds: float
    started: float = math.nan
    laps: list[float] = field(default_factory=list)
    _detector: Detector | None = None
    _lap_began: float | None = None

    def should_stop(self) -> bool:
        """Called before each iteration, and before each measurement."""
        if self._lap_began is None:
            self._lap_began = time.monotonic()
            self.started = self._lap_began if not self.laps else self.started
        return False

    def __call__(self, detector: Detector) -> float:
        now = time.monotonic()
        self.laps.append(now - (self._lap_began or now))
        self._lap_began = None
        if now - self.started >= self.seconds:
            self._detector = replace(detector, network=deepcopy(detector.network))
            raise _EnoughSeen
        return 0.0

    @property
    def detector(self) -> Detector:
        """The one that was trained."""
        assert self._detector is not None, "a training without end was ended by somebody else"
        return self._detector

    def lap_seconds(self, images_a_batch: int) -> float:
        """Mean time of an iteration once every image of the sample was read."""
        # Until then images are decoded, which a training does once and not in each iteration.
        warming_up = 1 + math.ceil(SAMPLE / images_a_batch)
        return fmean(self.laps[warming_up:] or self.laps[-1:])


def _trained(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    device: str,
    plan: Plan,
    cache: ImageCache | None,
) -> _Stopwatch:
    stopwatch = _Stopwatch(TRAIN_SECONDS)
    with TemporaryDirectory(prefix="napari-alc-") as folder, suppress(_EnoughSeen):
        train(
            images,
            categories,
            settings,
            Path(folder),
            should_stop=stopwatch.should_stop,
            device=device,
            plan=plan,
            measure=stopwatch,
            cache=cache,
        )
    return stopwatch


def _read(paths: Sequence[Path], plan: Plan) -> tuple[float, float]:
    """Seconds to decode an image, and the bytes that it has then."""
    began, sizes = time.monotonic(), []
    for path in paths:
        sizes.append(seen_image(path, plan).pixels.nbytes)
        if time.monotonic() - began >= PASS_SECONDS:
            break
    return (time.monotonic() - began) / len(sizes), fmean(sizes)


def _time_predicting(
    detector: Detector, paths: Sequence[Path], device: torch.device, cache: ImageCache | None
) -> float:
    """Seconds to predict on an image."""
    began, seen = time.monotonic(), 0

    def report(progress: Progress) -> None:
        nonlocal seen
        seen = progress.done

    def should_stop() -> bool:
        return seen > 0 and time.monotonic() - began >= PASS_SECONDS

    with suppress(Cancelled):
        for _ in detect(detector, list(enumerate(paths)), device, report, should_stop, cache=cache):
            pass
    return (time.monotonic() - began) / seen
