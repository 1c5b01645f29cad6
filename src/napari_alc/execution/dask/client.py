"""Training and prediction on a Dask cluster, as the process that submits them sees it.

Everything that lasts is written here: the workers send back detections, weights and checkpoints,
and neither the project's folder nor its store has to be seen by them (`execution.dask.messages`
tells what is sent, `execution.dask.worker` what a worker does with it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_alc.detection.run_files import CHECKPOINT_FILE, WEIGHTS_FILE
from napari_alc.execution.dask.messages import PredictRequest, SharedFile, Trained, TrainRequest
from napari_alc.execution.dask.scheduler import RemoteTask, TaskBatch
from napari_alc.execution.dask.worker import predict_images, train_model
from napari_alc.files import write_bytes
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage.prediction_files import (
    MissingPiece,
    fingerprint,
    load_pieces,
    missing_pieces,
    save_piece,
)


class Cluster:
    """A Dask cluster as an `Executor` of a project's steps; `connection.connected` finds it.

    Parameters
    ----------
    client
        A `distributed.Client`.
    address
        The scheduler's, as the user gave it.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.address = address

    def predict_pieces(
        self,
        weights: Path,
        images: Sequence[tuple[int, Path]],
        folder: Path,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> Detections:
        """As `project.storage.prediction_files.predict_pieces`, each piece on some worker.

        Raises
        ------
        Cancelled
            When `should_stop` says so; the pieces that came are kept.
        AlcError
            When the connection is lost, workers die again and again, or a piece fails; the
            pieces that came are kept.
        """
        maker = fingerprint(weights)
        missing = list(missing_pieces(maker, images, folder))
        shared = SharedFile.of(weights)
        done = len(images) - sum(len(piece.images) for piece in missing)
        progress = _PredictProgress(done, len(images), report)
        tasks = (_predict_task(piece, shared, maker, device, progress) for piece in missing)
        self._run(tasks, "predict", report, should_stop, device)
        return load_pieces(folder, [image_id for image_id, _ in images])

    def train(
        self, jobs: Iterable[TrainingJob], report: Report, should_stop: ShouldStop, device: str
    ) -> Iterator[TrainingJob]:
        """As `project.steps.executor.Executor.train`, all detectors at the same time.

        The folders get what `detection.training.training.train` writes; a checkpoint that is
        there is gone on from, and weights of the same training are kept as they are.

        Raises
        ------
        Cancelled
            When `should_stop` says so; the checkpoints are kept.
        AlcError
            When the connection is lost, workers die again and again, or a training fails; the
            newest checkpoint of each that was not finished is kept.
        """
        wanted = list(jobs)
        missing = [job for job in wanted if not _is_trained(job)]
        if missing:
            tasks = [_train_task(job, device, report) for job in missing]
            self._run(tasks, missing[0].step, report, should_stop, device)
        yield from wanted

    def _run(
        self,
        tasks: Iterable[RemoteTask],
        step: str,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> None:
        TaskBatch(self._client, self.address, tasks, step, device).run(report, should_stop)


@dataclass
class _PredictProgress:
    """The progress of a prediction from that of its pieces."""

    already_done: int
    total: int
    report: Report
    done_of_piece: dict[Path, int] = field(default_factory=dict)

    def update(self, piece: MissingPiece, done: int) -> None:
        if self.done_of_piece.get(piece.path) == done:
            return
        self.done_of_piece[piece.path] = done
        done = self.already_done + sum(self.done_of_piece.values())
        message = f"image {done} of {self.total}"
        self.report(Progress("predict", done, self.total, message))


def _predict_task(
    piece: MissingPiece, weights: SharedFile, maker: str, device: str, all_pieces: _PredictProgress
) -> RemoteTask:
    images = tuple((image_id, SharedFile.of(path)) for image_id, path in piece.images)

    def save(found: Detections) -> bool:
        save_piece(piece.path, found, maker, piece.image_ids)
        all_pieces.update(piece, len(images))
        return True

    def report(progress: Progress) -> None:
        all_pieces.update(piece, progress.done)

    request = PredictRequest(weights, maker, images, device)
    return RemoteTask(predict_images, request, save, report)


def train_request(job: TrainingJob, device: str) -> TrainRequest:
    """A training as it is sent to a worker.

    Raises
    ------
    BadData
        When the file of an image is not there.
    """
    images, clean = job.images(), job.clean
    return TrainRequest(
        images=tuple(SharedFile.of(image.path) for image in images),
        boxes=tuple(image.boxes for image in images),
        category_ids=tuple(image.category_ids for image in images),
        categories=tuple(job.labels.categories),
        settings=job.settings,
        plan=job.plan,
        step=job.step,
        device=device,
        truth=clean.truth if clean else None,
        validation=tuple(SharedFile.of(path) for path in clean.paths) if clean else (),
        strategy=job.strategy,
    )


def _train_task(job: TrainingJob, device: str, report: Report) -> RemoteTask:
    checkpoint = job.folder / CHECKPOINT_FILE

    def save(trained: Trained) -> bool:
        # The weights come last: they tell that the training is complete.
        for name in sorted(trained.files, key=lambda name: name == WEIGHTS_FILE):
            write_bytes(job.folder / Path(name).name, trained.files[name])
        if trained.finished:
            checkpoint.unlink(missing_ok=True)
        return trained.finished

    return RemoteTask(train_model, train_request(job, device), save, report, checkpoint)


def _is_trained(job: TrainingJob) -> bool:
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.models.weights import saved_fingerprint
    from napari_alc.detection.training.training import training_fingerprint

    wanted = training_fingerprint(
        job.images(),
        job.labels.categories,
        job.settings,
        job.plan,
        variant=training_variant(job.strategy),
    )
    return saved_fingerprint(job.folder / WEIGHTS_FILE) == wanted
