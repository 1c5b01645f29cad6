"""The steps of the method on a project, from `status`, `estimate` and `train` to `correct`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_alc.commands.running import (
    AsJson,
    CancelFile,
    Device,
    ProgressOption,
    ProgressStyle,
    ProjectFolder,
    tell,
    watched,
)
from napari_alc.execution.dask.client import Cluster, connected
from napari_alc.execution.job_steps import HERE
from napari_alc.execution.resources import fits_side_by_side, gpus_of, threads_each
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import Status, Step, run_of
from napari_alc.project.status import status as status_of
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.estimate_time import TimeEstimate
from napari_alc.project.steps.estimate_time import estimate as measured
from napari_alc.project.steps.pasting_trials import said_of
from napari_alc.project.steps.predict import predict as predict_remaining
from napari_alc.project.steps.select import select as select_images
from napari_alc.project.steps.train import train as train_models
from napari_alc.project.storage.records import ReviewStep
from napari_alc.wording import counted, duration, form, listed

ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Compute on the workers of the Dask scheduler at this address; 'none' computes here. "
        "Where it is left out, the address in project.toml.",
    ),
]


class WhichModel(StrEnum):
    """Which model to train."""

    MP = "mp"
    MA = "ma"
    BOTH = "both"


def status(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Tell where a project stands and what comes next.

    Example: napari-alc status study
    """
    with closing(Project.open(project)) as opened:
        found, spent = status_of(opened), time_spent(opened)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "minutes": spent.total / 60}))
    else:
        typer.echo(found.sentence)
        typer.echo(
            f"{found.in_step1} of {found.images} images went to pathologists whole; "
            f"{found.done} images are finished, {found.waiting} wait. "
            f"Next: {found.next_step.value}."
        )
        for words in _set_aside(found):
            typer.echo(words)
        if spent.total:
            whole, opened_boxes = (spent.by_step.get(step, 0.0) / 60 for step in ReviewStep)
            typer.echo(
                f"Pathologists have worked {spent.total / 60:.1f} minutes so far: {whole:.1f} on "
                f"whole images, {opened_boxes:.1f} on red and green boxes."
            )


def _set_aside(found: Status) -> Iterator[str]:
    yield from _left_out(found)
    if found.unsure:
        boxes = counted(found.unsure, "box is", "boxes are")
        yield f"{boxes} marked as unsure; 'napari-alc unsure' lists them."


def _left_out(found: Status) -> Iterator[str]:
    if found.excluded:
        yield f"{counted(found.excluded, 'image is', 'images are')} left out of the dataset."


def train(
    project: ProjectFolder,
    model: Annotated[WhichModel, typer.Option(help="Which model to train.")] = WhichModel.BOTH,
    device: Device = "auto",
    cluster: ClusterOption = None,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Train Mp and Ma on the images reviewed so far; goes on from a checkpoint.

    Example: napari-alc train study
    """
    models = MODELS if model is WhichModel.BOTH else (model.value,)
    with (
        closing(Project.open(project)) as opened,
        watched(progress, cancel_file) as watch,
        _cluster(opened, cluster) as there,
    ):
        train_models(opened, models, watch.report, watch.should_stop, device, there)
        trained = listed([name.capitalize() for name in models])
        tell([f"{trained} {form(len(models), 'is', 'are')} trained."])
        tell(_pasting(opened, models))
        found = status_of(opened)
        tell(_left_out(found))
        # while the other model is still being trained, there is nothing new to tell
        tell([found.sentence] if found.next_step is not Step.TRAIN else [])


def _pasting(project: Project, models: Sequence[str]) -> Iterator[str]:
    """What trials decided on pasting."""
    iteration = status_of(project).iteration
    for model in models:
        words = said_of(run_of(project, iteration, model))
        if words:
            yield f"{model.capitalize()}: {words}"


def predict(
    project: ProjectFolder,
    device: Device = "auto",
    cluster: ClusterOption = None,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Let both models look at the images that only the crowd has labelled.

    Example: napari-alc predict study
    """
    with _opened(project) as opened:
        with watched(progress, cancel_file) as watch, _cluster(opened, cluster) as there:
            tau = predict_remaining(opened, watch.report, watch.should_stop, device, there)
        tell([f"Confidence limit (tau): {tau:.3f}."])


def select(
    project: ProjectFolder,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many images (k); else as the project says.")
    ] = None,
) -> None:
    """Rank the remaining images and hand the most inconsistent ones to the pathologists.

    Images that were taken out of the ranking stay behind, those that were added come too.

    Example: napari-alc select study
    """
    with _opened(project) as opened:
        chosen = select_images(opened, top)
        tell([f"Selected {len(chosen)} {form(len(chosen), 'image')}."])


def correct(project: ProjectFolder) -> None:
    """Correct the remaining labels; red and green boxes stay for the pathologists.

    Example: napari-alc correct study
    """
    with _opened(project) as opened:
        done = correct_remaining(opened)
        tell(
            [
                f"{done.automatic} labels were settled automatically, {done.replaced} boxes of the "
                f"crowd replaced, {done.removed} removed because they hold a found object; "
                f"{done.review} boxes in {done.images_to_review} images are left for a pathologist."
            ]
        )


@contextmanager
def _opened(folder: Path) -> Iterator[Project]:
    """A project for one step; what comes next is told when that ended well."""
    with closing(Project.open(folder)) as project:
        yield project
        found = status_of(project)
        tell([*_left_out(found), found.sentence])


@contextmanager
def _cluster(project: Project, address: str | None) -> Iterator[Cluster | None]:
    """The cluster that computes; None where this computer does."""
    chosen = project.settings.cluster.address if address is None else address
    if chosen in ("", HERE):
        yield None
        return
    with connected(chosen) as cluster:
        yield cluster


def estimate(project: ProjectFolder, device: Device = "auto", as_json: AsJson = False) -> None:
    """Tell how long both trainings and predictions of the iteration will take here.

    Measured for some seconds on the project's own images and labels.

    Example: napari-alc estimate study
    """
    with closing(Project.open(project)) as opened:
        preset = opened.settings.detector.preset
        side_by_side, threads = _sharing(device, preset)
        found = measured(opened, device, side_by_side, threads)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "sentence": sentence(found)}))
    else:
        typer.echo(sentence(found))


def _sharing(device: str, preset: str) -> tuple[bool, int | None]:
    """Whether a job trains both models at the same time, and with how many CPU threads each."""
    gpus = gpus_of(device)
    if gpus:
        return len(gpus) >= len(MODELS), None
    if not fits_side_by_side(len(MODELS), preset):
        return False, None
    return True, threads_each(len(MODELS))


def sentence(found: TimeEstimate) -> str:
    """The estimate in plain words."""
    how = "side by side" if found.side_by_side else "one after the other"
    trials = " with and without pasted objects" if found.tries_pasting else ""
    words = (
        f"On this computer ({found.device}), training both detectors{trials} {how} takes "
        f"{duration(found.train_seconds)}"
    )
    if not found.images:
        return f"{words}; no image is left for them to look at."
    looks = f", {found.looks} times each," if found.looks > 1 else ""
    return (
        f"{words}, and letting both look at "
        f"{found.images} {form(found.images, 'image')}{looks} {duration(found.predict_seconds)}."
    )
