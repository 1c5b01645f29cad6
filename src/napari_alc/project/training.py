"""Step 2 of an iteration: train Mp on the pathologists' labels and Ma on the consensus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, delete, insert, update

from napari_alc.errors import AlcError, BadData
from napari_alc.labels import Labels, LabelSet
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project import schema
from napari_alc.project.label_sets import training_labels
from napari_alc.project.locking import locked
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import (
    NEWEST_DECISION,
    Step,
    newest_decision,
    require,
    run_of,
)
from napari_alc.project.store import log_event, now

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
) -> None:
    """Train the models of the present iteration; a model that is trained already is kept.

    Raises
    ------
    AlcError
        When images still wait for a pathologist, or a training set holds no box.
    Cancelled
        When stopped; the checkpoint lets the next call go on from there.
    """
    with ExitStack() as held:
        for model in models:  # Another process may train the other model meanwhile.
            held.enter_context(locked(project.folder, "train", model))
        found = require(project, Step.TRAIN, Step.PREDICT, Step.SELECT, Step.CORRECT)
        for model in models:
            _train_one(project, found.iteration, model, report, should_stop, device)


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
