"""Steps 2 and 3 of an iteration: train Mp and Ma, let both predict on X without X^i."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, delete, insert, update

from napari_alc.errors import AlcError, BadData
from napari_alc.labels import Detections, ImageRecord, Labels, LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project import schema
from napari_alc.project.detections import load_pieces, predict_pieces
from napari_alc.project.label_sets import remaining_images, training_labels
from napari_alc.project.locking import one_at_a_time
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import (
    NEWEST_DECISION,
    Step,
    newest_decision,
    require,
    run_of,
)
from napari_alc.project.store import log_event, now

DEFAULT_TAU = 0.5
"""Score threshold where no validation image tells a better one."""

VALIDATION_AP50 = "validation_AP50"
"""Joins the metrics of a run when it has predicted."""

NOT_OF_TRAINING = (VALIDATION_AP50, NEWEST_DECISION)
"""Metrics of a run in the store that the training itself did not write."""


@one_at_a_time("train")
def train(
    project: Project,
    models: Sequence[str] = MODELS,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> None:
    """Train the models of the present iteration; a model that is trained already is kept.

    Raises
    ------
    AlcError
        When images still wait for a pathologist, or a training set holds no box.
    Cancelled
        When stopped; the checkpoint lets the next call go on from there.
    """
    iteration = require(project, Step.TRAIN, Step.PREDICT, Step.SELECT, Step.CORRECT).iteration
    for model in models:
        _train_one(project, iteration, model, report, should_stop, device)


def _train_one(
    project: Project,
    iteration: int,
    model: str,
    report: Report,
    should_stop: ShouldStop,
    device: str,
) -> None:
    # Read before the labels: a decision made meanwhile counts as newer, and trains again.
    newest = newest_decision(project, iteration)
    labels = training_labels(project, iteration, model)
    if not len(labels.labels):
        raise AlcError(_NO_BOXES[model])
    folder = project.run_folder(iteration, model)
    train_on(project, labels, folder, f"train {model}", report, should_stop, device)
    metrics = _metrics_in(folder)
    if _is_recorded(project, iteration, model, metrics):
        _note_decision(project, iteration, model, newest)
        return
    with project.store.begin() as connection:
        known = {**metrics, NEWEST_DECISION: newest}
        _store_run(connection, project, iteration, model, labels, known)


_NO_BOXES = {
    "mp": "The pathologists found no object in the images reviewed so far, so there is nothing "
    "to learn from. Review more images first.",
    "ma": "No box of the crowd agrees with the pathologists' in the images reviewed so far, so "
    "Ma has nothing to learn from. Review more images first, or lower delta in project.toml.",
}


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
    from napari_alc.detection.samples import TrainingImage
    from napari_alc.detection.settings import DetectorSettings
    from napari_alc.detection.training import train as train_detector

    settings = DetectorSettings.from_json(
        {"seed": project.settings.method.seed, **project.settings.detector}
    )
    by_image = labels.labels.by_image()
    samples = []
    for image in labels.images:
        rows = by_image.get(image.id, Labels.empty())
        path = images_folder / image.file_name if images_folder else project.path_of(image)
        samples.append(TrainingImage(path, rows.boxes, rows.category_ids))
    return train_detector(
        samples, labels.categories, settings, folder, report, should_stop, device, step
    )


def _metrics_in(folder: Path) -> dict[str, object]:
    """What the training wrote about itself; no two trainings took the same time."""
    path = folder / "metrics.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadData(
            path,
            f"the record of the training cannot be read ({error})",
            f"Delete {folder / 'weights.pt'} and train again",
        ) from error


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
    connection: Connection,
    project: Project,
    iteration: int,
    model: str,
    labels: LabelSet,
    metrics: Mapping[str, object],
) -> None:
    c = schema.run.c
    connection.execute(delete(schema.run).where(c.iteration == iteration, c.model == model))
    row = {
        "iteration": iteration,
        "model": model,
        "settings": dict(project.settings.detector),
        "images": len(labels.images),
        "boxes": len(labels.labels),
        "trained_at": now(),
        "metrics": dict(metrics),
    }
    connection.execute(insert(schema.run), [row])
    details = {"model": model, "images": row["images"], "boxes": row["boxes"]}
    log_event(connection, Step.TRAIN, iteration, details)


@one_at_a_time("predict")
def predict(
    project: Project,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> float:
    """Let both models look at X without X^i and at the validation images; returns tau.

    Pieces that are there already are kept, so a call after a crash goes on.

    Raises
    ------
    AlcError
        When the models are not trained yet.
    """
    iteration = require(project, Step.PREDICT, Step.SELECT, Step.CORRECT).iteration
    remaining = remaining_images(project, iteration)
    validation = project.validation_labels().images
    for model in MODELS:
        for name, images in (("remaining", remaining), ("validation", validation)):
            predict_images(project, iteration, model, name, images, report, should_stop, device)
    tau = _tau(project, iteration)
    metrics = {model: _measured(project, iteration, model) for model in MODELS}
    c = schema.run.c
    with project.store.begin() as connection:
        for model in MODELS:
            connection.execute(
                update(schema.run)
                .where(c.iteration == iteration, c.model == model)
                .values(predicted_at=now(), threshold=tau, metrics=metrics[model])
            )
        log_event(connection, Step.PREDICT, iteration, {"images": len(remaining), "tau": tau})
    return tau


def predict_images(
    project: Project,
    iteration: int,
    model: str,
    name: str,
    images: Sequence[ImageRecord],
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> Detections:
    """What a model sees in `images`, kept under `name` in its run's folder."""
    folder = project.run_folder(iteration, model)
    paths = [(image.id, project.path_of(image)) for image in images]

    def named(progress: Progress) -> None:
        report(Progress(f"predict {model}", progress.done, progress.total, progress.message))

    return predict_pieces(
        folder / "weights.pt", paths, folder / "detections" / name, named, should_stop, device
    )


def detections_of(
    project: Project,
    iteration: int,
    model: str,
    image_ids: Iterable[int],
    name: str = "remaining",
) -> Detections:
    """The stored detections of a model, with scores from the detector's floor upwards.

    Raises
    ------
    BadData
        When a file is damaged, or one of the images was not looked at.
    """
    return load_pieces(project.run_folder(iteration, model) / "detections" / name, image_ids)


def tau_of(project: Project, iteration: int) -> float:
    """The score threshold that holds in `iteration`."""
    run = run_of(project, iteration, "mp")
    return float(run.threshold) if run is not None and run.threshold is not None else DEFAULT_TAU


def _tau(project: Project, iteration: int) -> float:
    from napari_alc.evaluation.threshold import best_threshold

    if project.settings.method.tau >= 0:
        return project.settings.method.tau
    truth = project.validation_labels()
    if not len(truth.labels):
        return DEFAULT_TAU
    detections = detections_of(project, iteration, "mp", truth.image_ids, "validation")
    return best_threshold(truth, detections, DEFAULT_TAU)


def _measured(project: Project, iteration: int, model: str) -> dict[str, object]:
    """The metrics of a run, with its AP50 on the validation images where there are any."""
    from napari_alc.evaluation.average_precision import average_precision
    from napari_alc.evaluation.matching import detection_limit

    run = run_of(project, iteration, model)
    metrics = dict(run.metrics) if run is not None and run.metrics else {}
    truth = project.validation_labels()
    if len(truth.labels):
        found = detections_of(project, iteration, model, truth.image_ids, "validation")
        metrics[VALIDATION_AP50] = average_precision(truth, found, detection_limit(found)).ap50
    return metrics
