"""Training and prediction on a Dask cluster, as the process that submits them sees it.

Everything that lasts is written here: the workers send back detections, weights and checkpoints,
and neither the project's folder nor its store has to be seen by them (`execution.dask.messages`
tells what is sent, `execution.dask.worker` what a worker does with it).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_alc.execution.dask.messages import PredictRequest, SharedFile, Trained, TrainRequest
from napari_alc.execution.dask.scheduler import RemoteTask, TaskBatch
from napari_alc.execution.dask.worker import CHECKPOINT_FILE, predict_piece, samples_of, train_model
from napari_alc.files import atomic_write
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.storage.prediction_files import (
    MissingPiece,
    fingerprint,
    load_pieces,
    missing_pieces,
    save_piece,
)

if TYPE_CHECKING:
    from napari_alc.detection.data.samples import TrainingImage
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.settings import DetectorSettings
    from napari_alc.detection.training.validation import CleanImages
    from napari_alc.labels import Category
    from napari_alc.project.project import Project
    from napari_alc.project.steps.train import TrainingJob

WEIGHTS_FILE = "weights.pt"


class Cluster:
    """A Dask cluster that trains and predicts; `connection.connected` finds it.

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
        tally = _Tally("predict", done, len(images), report)
        errands = (_errand(piece, shared, maker, device, tally) for piece in missing)
        self._do(errands, "predict", report, should_stop, device)
        return load_pieces(folder, [image_id for image_id, _ in images])

    def learn(
        self,
        project: Project,
        courses: Sequence[TrainingJob],
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> None:
        """As `project.steps.train.learn`, for several models at the same time (`train`)."""
        lessons = [(_lesson_of(project, course, device), course.folder) for course in courses]
        self.train(lessons, report, should_stop)

    def train(
        self, lessons: Sequence[tuple[TrainRequest, Path]], report: Report, should_stop: ShouldStop
    ) -> None:
        """Train detectors at the same time, each on a worker, and write them to their folders.

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
        todo = [(lesson, folder) for lesson, folder in lessons if not _is_trained(lesson, folder)]
        errands = [_training(lesson, folder, report) for lesson, folder in todo]
        if errands:
            first = todo[0][0]
            self._do(errands, first.step, report, should_stop, first.device)

    def _do(
        self,
        errands: Iterable[RemoteTask],
        step: str,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> None:
        TaskBatch(self._client, self.address, errands, step, device).run(report, should_stop)


class _Tally:
    """The progress of a prediction from that of its pieces."""

    def __init__(self, step: str, done: int, total: int, report: Report) -> None:
        self._step, self._done, self._total = step, done, total
        self._report = report
        self._of_piece: dict[Path, int] = {}

    def hear(self, piece: MissingPiece, done: int) -> None:
        if self._of_piece.get(piece.path) == done:
            return
        self._of_piece[piece.path] = done
        done = self._done + sum(self._of_piece.values())
        message = f"image {done} of {self._total}"
        self._report(Progress(self._step, done, self._total, message))


def _errand(
    piece: MissingPiece, weights: SharedFile, maker: str, device: str, tally: _Tally
) -> RemoteTask:
    images = tuple((image_id, SharedFile.of(path)) for image_id, path in piece.images)

    def keep(found: Detections) -> bool:
        save_piece(piece.path, found, maker, piece.image_ids)
        tally.hear(piece, len(images))
        return True

    def hear(progress: Progress) -> None:
        tally.hear(piece, progress.done)

    return RemoteTask(predict_piece, PredictRequest(weights, maker, images, device), keep, hear)


def _lesson_of(project: Project, course: TrainingJob, device: str) -> TrainRequest:
    from napari_alc.detection.training.validation import CleanImages
    from napari_alc.project.steps.train import training_images

    clean = course.clean
    return lesson(
        training_images(course.labels, course.paths),
        course.labels.categories,
        course.settings,
        course.step,
        device,
        course.plan,
        CleanImages(clean, [project.path_of(image) for image in clean.images]) if clean else None,
        course.strategy,
    )


def lesson(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    step: str,
    device: str,
    plan: Plan | None = None,
    clean: CleanImages | None = None,
    strategy: str = "",
) -> TrainRequest:
    """A training as it is sent to a worker; the parameters are those of the local one."""
    return TrainRequest(
        images=tuple(SharedFile.of(image.path) for image in images),
        boxes=tuple(image.boxes for image in images),
        category_ids=tuple(image.category_ids for image in images),
        categories=tuple(categories),
        settings=settings,
        plan=plan,
        step=step,
        device=device,
        truth=clean.truth if clean else None,
        validation=tuple(SharedFile.of(path) for path in clean.paths) if clean else (),
        strategy=strategy,
    )


def _training(lesson: TrainRequest, folder: Path, report: Report) -> RemoteTask:
    def keep(trained: Trained) -> bool:
        # The weights come last: they tell that the training is complete.
        for name in sorted(trained.files, key=lambda name: name == WEIGHTS_FILE):
            with atomic_write(folder / Path(name).name) as stream:
                stream.write(trained.files[name])
        if trained.finished:
            (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        return trained.finished

    return RemoteTask(train_model, lesson, keep, report, folder / CHECKPOINT_FILE)


def _is_trained(lesson: TrainRequest, folder: Path) -> bool:
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.models.weights import saved_fingerprint
    from napari_alc.detection.training.training import training_fingerprint

    samples = samples_of(lesson, [Path(file.path) for file in lesson.images])
    variant = training_variant(lesson.strategy)
    made_of = samples, lesson.categories, lesson.settings, lesson.plan
    wanted = training_fingerprint(*made_of, variant=variant)
    return saved_fingerprint(folder / WEIGHTS_FILE) == wanted
