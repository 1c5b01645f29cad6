"""Step 2 of an iteration: train Mp on the pathologists' labels and Ma on the consensus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, update

from napari_alc.boxes import areas
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.labels import Labels, LabelSet
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.label_sets import pathologist_labels, training_labels
from napari_alc.project.locks import locked
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import NEWEST_DECISION, Step, newest_decision, require, run_of
from napari_alc.project.steps.shared_plan import shared_plan
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import log_event, now
from napari_alc.project.storage.integrity import drop_damaged_training

if TYPE_CHECKING:
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.data.samples import TrainingImage
    from napari_alc.detection.models.weights import Detector
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.training.training import Measure
    from napari_alc.execution.dask.client import Cluster

METRICS_FILE = "metrics.json"

VALIDATION_AP50 = "validation_AP50"
"""Joins the metrics of a run when it has predicted."""

NOT_OF_TRAINING = (VALIDATION_AP50, NEWEST_DECISION)
"""Metrics of a run in the store that the training itself did not write."""


def train(
    project: Project,
    models: Sequence[str] = MODELS,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    cluster: Cluster | None = None,
) -> None:
    """Train the models of the present iteration; a model that is trained already is kept.

    Parameters
    ----------
    project
        Its run folders receive the models.
    models
        Names out of `MODELS`.
    report, should_stop, device
        As in `napari_alc.detection.training.training.train`.
    cluster
        Whose workers train, all models at the same time; None trains here, one by one.

    Raises
    ------
    AlcError
        When images still wait for a pathologist, or a training set holds no box.
    Cancelled
        When stopped; the checkpoint lets the next call go on from there.
    BadData
        When another process trains one of the models, or does another step.
    """
    with ExitStack() as held:
        for model in models:  # Another process may train the other model meanwhile.
            held.enter_context(locked(project.folder, "train", model))
        found = require(project, Step.TRAIN, Step.PREDICT, Step.SELECT, Step.CORRECT)
        if cluster is not None:
            courses = [prepare(project, found.iteration, model) for model in models]
            cluster.learn(project, courses, report, should_stop, device)
            for course in courses:
                record_run(project, course)
            return
        for model in models:
            course = prepare(project, found.iteration, model)
            run_training(project, course, report, should_stop, device)
            record_run(project, course)


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """All that decides the outcome of a training, and where its outcome goes.

    Parameters
    ----------
    labels
        What is learned; images without a label are negative examples.
    paths
        The file of each image.
    settings
        Of the detector.
    plan
        Sizes of the network and its input; None chooses them from `labels`.
    clean
        Clean labels of the validation images that are looked at meanwhile; None measures
        nothing.
    folder
        Where weights, metrics and checkpoint are written.
    step
        Name of the step in progress reports.
    iteration, model
        Whose training this is; -1 and empty for one that belongs to no iteration.
    newest
        Number of the latest decision that the labels hold.
    strategy
        Name of the selection strategy that will ask the detector; empty for none.
    """

    labels: LabelSet
    paths: tuple[Path, ...]
    settings: DetectorSettings
    plan: Plan | None
    clean: LabelSet | None
    folder: Path
    step: str
    iteration: int = -1
    model: str = ""
    newest: int = 0
    strategy: str = ""


def prepare(project: Project, iteration: int, model: str) -> TrainingJob:
    """What a model of an iteration learns, and from what.

    Raises
    ------
    AlcError
        When the training set holds no box.
    BadData
        When an image is missing or was replaced.
    """
    # Read before the labels: a decision made meanwhile counts as newer, and trains again.
    newest = newest_decision(project, iteration)
    labels = training_labels(project, iteration, model)
    if not (areas(labels.labels.boxes) > 0).any():
        raise AlcError(NO_BOXES[model])
    settings = detector_settings(project)
    folder = project.run_folder(iteration, model)
    drop_damaged_training(folder / "weights.pt", folder / METRICS_FILE)
    return TrainingJob(
        labels=labels,
        paths=tuple(project.path_of(image) for image in labels.images),
        settings=settings,
        plan=shared_plan(pathologist_labels(project, iteration), settings, folder.parent),
        clean=clean_images(project),
        folder=folder,
        step=f"train {model}",
        iteration=iteration,
        model=model,
        newest=newest,
        strategy=project.settings.method.strategy if model == "mp" else "",
    )


NO_BOXES = {
    "mp": "The pathologists found no object in the images reviewed so far, so there is nothing "
    "to learn from. Review more images first.",
    "ma": "No box of the crowd agrees with the pathologists' in the images reviewed so far, so "
    "Ma has nothing to learn from. Review more images first, or lower delta in project.toml.",
}
"""Why a model cannot be trained yet."""


def detector_settings(project: Project) -> DetectorSettings:
    """What the project says about its detectors."""
    values = {"seed": project.settings.method.seed, **project.settings.detector}
    return DetectorSettings.from_json(values)


def clean_images(project: Project) -> LabelSet | None:
    """The validation images that are looked at during a training; None where there are none."""
    from napari_alc.detection.training.validation import chosen_images

    truth = project.validation_labels()
    return chosen_images(truth) if len(truth.labels) else None


def run_training(
    project: Project,
    course: TrainingJob,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> Path:
    """Train a detector, here and now; returns the weights' file."""
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.training.training import train as train_detector

    cache = ImageCache(project.cache_folder)
    return train_detector(
        training_images(course.labels, course.paths),
        course.labels.categories,
        course.settings,
        course.folder,
        report,
        should_stop,
        device,
        course.step,
        plan=course.plan,
        measure=_measure(project, course, should_stop, cache),
        cache=cache,
        variant=training_variant(course.strategy),
    )


def _measure(
    project: Project, course: TrainingJob, should_stop: ShouldStop, cache: ImageCache
) -> Measure | None:
    from napari_alc.detection.training.validation import CleanImages, validation_ap50

    if course.clean is None:
        return None
    images = CleanImages(course.clean, [project.path_of(image) for image in course.clean.images])

    def measure(detector: Detector) -> float:
        return validation_ap50(detector, images, should_stop, course.step, cache)

    return measure


def training_images(labels: LabelSet, paths: Sequence[Path]) -> list[TrainingImage]:
    """The images of `labels` with their boxes, as a detector takes them."""
    from napari_alc.detection.data.samples import TrainingImage

    by_image = labels.labels.by_image()
    rows = [by_image.get(image.id, Labels.empty()) for image in labels.images]
    return [
        TrainingImage(path, of_image.boxes, of_image.category_ids)
        for path, of_image in zip(paths, rows, strict=True)
    ]


def train_on(
    project: Project,
    labels: LabelSet,
    folder: Path,
    step: str,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    images_folder: Path | None = None,
) -> Path:
    """Train the project's detector on any labels; returns the weights' file."""
    paths = tuple(
        images_folder / image.file_name if images_folder else project.path_of(image)
        for image in labels.images
    )
    settings = detector_settings(project)
    course = TrainingJob(labels, paths, settings, None, clean_images(project), folder, step)
    return run_training(project, course, report, should_stop, device)


def record_run(project: Project, course: TrainingJob) -> None:
    """Let the store know of a training that has come to its end."""
    metrics = _metrics_in(course.folder)
    if _is_recorded(project, course.iteration, course.model, metrics):
        _note_decision(project, course.iteration, course.model, course.newest)
        return
    with project.store.begin() as connection:
        _store_run(connection, project, course, {**metrics, NEWEST_DECISION: course.newest})


def _metrics_in(folder: Path) -> dict[str, Any]:
    """What the training wrote about itself; no two trainings took the same time."""
    try:
        return dict(json.loads((folder / METRICS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: Exception) -> BadData:
    return BadData(
        folder / METRICS_FILE,
        f"the record of the training cannot be read ({error})",
        f"Delete {folder / 'weights.pt'} and train again",
    )


def _is_recorded(
    project: Project, iteration: int, model: str, metrics: Mapping[str, object]
) -> bool:
    """Whether the store knows of this very training; after a crash it may know an older one."""
    run = run_of(project, iteration, model)
    if run is None or run.trained_at is None:
        return False
    known = {name: value for name, value in run.metrics.items() if name not in NOT_OF_TRAINING}
    return known == metrics


def _note_decision(project: Project, iteration: int, model: str, newest: int) -> None:
    """Store that a run has seen every decision up to `newest`; its labels are the same."""
    run = run_of(project, iteration, model)
    if run is None or run.metrics.get(NEWEST_DECISION) == newest:
        return
    c = schema.run.c
    with project.store.begin() as connection:
        connection.execute(
            update(schema.run)
            .where(c.iteration == iteration, c.model == model)
            .values(metrics={**run.metrics, NEWEST_DECISION: newest})
        )


def _store_run(
    connection: Connection, project: Project, course: TrainingJob, metrics: Mapping[str, object]
) -> None:
    c = schema.run.c
    of_model = (c.iteration == course.iteration, c.model == course.model)
    connection.execute(delete(schema.run).where(*of_model))
    row = {
        "iteration": course.iteration,
        "model": course.model,
        "settings": dict(project.settings.detector),
        "images": len(course.labels.images),
        "boxes": len(course.labels.labels),
        "trained_at": now(),
        "metrics": dict(metrics),
    }
    connection.execute(insert(schema.run), [row])
    details = {"model": course.model, "images": row["images"], "boxes": row["boxes"]}
    log_event(connection, Step.TRAIN, course.iteration, details)


@dataclass(frozen=True)
class TrainingRecord:
    """What a training that has ended says about itself.

    Parameters
    ----------
    loss
        Iteration and mean loss up to it, at most some hundred points.
    validation
        Iteration and AP50 in percent on the validation images.
    seconds
        How long it took.
    device, precision
        Where and in which numbers it was computed.
    batch_size
        Images in a step at its end.
    halved
        Iteration and new batch size of each time that the memory did not suffice.
    """

    loss: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]
    seconds: float
    device: str
    precision: str
    batch_size: int
    halved: tuple[tuple[int, int], ...]


def training_curves(project: Project, iteration: int, model: str) -> TrainingRecord | None:
    """The curves of a model that is trained; None for one that is not, or not yet.

    Raises
    ------
    BadData
        When the record is there and cannot be read.
    """
    folder = project.run_folder(iteration, model)
    if not (folder / METRICS_FILE).exists():
        return None
    metrics = _metrics_in(folder)
    try:
        return _record(metrics)
    except (TypeError, ValueError) as error:
        raise _unreadable(folder, error) from error


def _record(metrics: Mapping[str, Any]) -> TrainingRecord:
    """Trainings of earlier versions said less about themselves."""
    return TrainingRecord(
        loss=tuple((int(at), float(loss)) for at, loss in metrics.get("loss", ())),
        validation=tuple((int(at), float(ap50)) for at, ap50 in metrics.get("validation", ())),
        seconds=float(metrics.get("seconds", 0)),
        device=str(metrics.get("device", "")),
        precision=str(metrics.get("precision", "fp32")),
        batch_size=int(metrics.get("batch_size", 0)),
        halved=tuple((int(at), int(size)) for at, size in metrics.get("halved", ())),
    )
