"""Whoever computes for a project: this process, or others such as a cluster's workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_alc.labels import Detections
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage.prediction_files import predict_pieces

if TYPE_CHECKING:
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.models.weights import Detector
    from napari_alc.detection.training.training import Measure


class Executor(Protocol):
    """What training and prediction need of whoever computes."""

    def train(
        self, jobs: Iterable[TrainingJob], report: Report, should_stop: ShouldStop, device: str
    ) -> Iterator[TrainingJob]:
        """Train detectors, each into its job's folder, as the result is iterated over.

        Jobs may be made one by one as they are taken; each comes back when its detector is trained.
        The rest is as in `napari_alc.detection.training.training.train`.

        Raises
        ------
        Cancelled
            When `should_stop` says so; the checkpoints are kept.
        AlcError
            When a training cannot be done, or the connection to who computes is lost.
        """

    def predict_pieces(
        self,
        weights: Path,
        images: Sequence[tuple[int, Path]],
        folder: Path,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> Detections:
        """As `napari_alc.project.storage.prediction_files.predict_pieces`."""


@dataclass(frozen=True)
class LocalExecutor:
    """Computes in the calling process, one detector after the other, with the project's cache."""

    cache_folder: Path

    def train(
        self, jobs: Iterable[TrainingJob], report: Report, should_stop: ShouldStop, device: str
    ) -> Iterator[TrainingJob]:
        """As `Executor.train`."""
        for job in jobs:
            run_training(job, self.cache_folder, report, should_stop, device)
            yield job

    def predict_pieces(
        self,
        weights: Path,
        images: Sequence[tuple[int, Path]],
        folder: Path,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> Detections:
        """As `Executor.predict_pieces`."""
        return predict_pieces(
            weights, images, folder, report, should_stop, device, cache_folder=self.cache_folder
        )


def run_training(
    job: TrainingJob,
    cache_folder: Path,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> Path:
    """Train a detector, here and now; returns the weights' file."""
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.training.training import train

    cache = ImageCache(cache_folder)
    return train(
        job.images(),
        job.labels.categories,
        job.settings,
        job.folder,
        report,
        should_stop,
        device,
        job.step,
        plan=job.plan,
        measure=_measure(job, should_stop, cache),
        cache=cache,
        variant=training_variant(job.strategy),
    )


def _measure(job: TrainingJob, should_stop: ShouldStop, cache: ImageCache) -> Measure | None:
    from napari_alc.detection.training.validation import validation_ap50

    if job.clean is None:
        return None
    clean = job.clean

    def measure(detector: Detector) -> float:
        return validation_ap50(detector, clean, should_stop, job.step, cache)

    return measure
