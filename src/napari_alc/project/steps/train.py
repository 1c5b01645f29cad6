"""Step 2 of an iteration: train Mp on the pathologists' labels and Ma on the consensus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari_alc.detection.run_files import METRICS_FILE, WEIGHTS_FILE
from napari_alc.errors import BadData
from napari_alc.labels import LabelSet
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.locks import locked
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import NEWEST_DECISION, Step, require
from napari_alc.project.steps.executor import Executor, LocalExecutor, run_training
from napari_alc.project.steps.pasting_trials import PASTING, PastingDecider, trial_in_force
from napari_alc.project.steps.training_inputs import TrainingJob, clean_images, prepare
from napari_alc.project.storage.records import EventKind, ModelName, RunRecord
from napari_alc.project.storage.repository import now

VALIDATION_AP50 = "validation_AP50"
"""Joins the metrics of a run when it has predicted."""

NOT_OF_TRAINING = (VALIDATION_AP50, NEWEST_DECISION, PASTING)
"""Metrics of a run in the store that the training itself did not write."""


def train(
    project: Project,
    models: Sequence[str] = MODELS,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    executor: Executor | None = None,
) -> None:
    """Train the models of the present iteration; a model that is trained already is kept.

    Without an executor, this process trains, one model after the other. The rest is as in
    `napari_alc.detection.training.training.train`.

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
        # Made one by one: a model trained here is recorded before the next one is prepared.
        jobs = (prepare(project, found.iteration, model) for model in models)
        who = executor or LocalExecutor(project.cache_folder)
        pasting = PastingDecider(project, who, report, should_stop, device)
        for job in who.train(map(pasting.decided, jobs), pasting.told, should_stop, device):
            record_run(project, job)


def train_on(
    project: Project,
    labels: LabelSet,
    folder: Path,
    step: str,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> Path:
    """Train the project's detector on any labels of its images; returns the weights' file."""
    paths = tuple(project.path_of(image) for image in labels.images)
    settings = project.settings.seeded_detector
    job = TrainingJob(labels, paths, settings, None, clean_images(project), folder, step)
    return run_training(job, project.cache_folder, report, should_stop, device)


def record_run(project: Project, job: TrainingJob) -> None:
    """Let the store know of a training that has come to its end."""
    metrics = _metrics_in(job.folder)
    trial = trial_in_force(project, job) if project.settings.detector.is_pasting_open else None
    added = {NEWEST_DECISION: job.newest, **({PASTING: asdict(trial)} if trial else {})}
    with project.store.transaction() as unit:
        known = unit.runs.run(job.iteration, job.model)
        if known is None or not _is_of(known, metrics):
            run = _run_of(project, job, {**metrics, **added})
            unit.runs.replace(run)
            details = {"model": run.model, "images": run.images, "boxes": run.boxes}
            unit.events.add(EventKind.TRAIN, run.iteration, details)
        elif known.metric(NEWEST_DECISION) != job.newest:
            # The same training has seen later decisions: its labels are still the same.
            newer = {**(known.metrics or {}), NEWEST_DECISION: job.newest}
            unit.runs.set_metrics(job.iteration, job.model, newer)


def _metrics_in(folder: Path) -> dict[str, Any]:
    """What the training wrote about itself; no two trainings took the same time."""
    try:
        return dict(json.loads((folder / METRICS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadData(
            folder / METRICS_FILE,
            f"the record of the training cannot be read ({error})",
            f"Delete {folder / WEIGHTS_FILE} and train again",
        ) from error


def _is_of(run: RunRecord, metrics: Mapping[str, object]) -> bool:
    """Whether the store knows of this very training; after a crash it may know an older one."""
    if run.trained_at is None or run.metrics is None:
        return False
    known = {name: value for name, value in run.metrics.items() if name not in NOT_OF_TRAINING}
    return known == metrics


def _run_of(project: Project, job: TrainingJob, metrics: Mapping[str, object]) -> RunRecord:
    return RunRecord(
        iteration=job.iteration,
        model=ModelName(job.model),
        settings=project.settings.detector.given,
        images=len(job.labels.images),
        boxes=len(job.labels.labels),
        trained_at=now(),
        metrics=metrics,
    )
