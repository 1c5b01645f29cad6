"""How long the next trainings and predictions will take: `estimate`."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from napari_alc.commands.running import Device, ProjectFolder
from napari_alc.execution.gpus import gpus_of
from napari_alc.execution.resources import fits_side_by_side, threads_each
from napari_alc.project.project import MODELS, Project
from napari_alc.project.steps.estimate_time import TimeEstimate
from napari_alc.project.steps.estimate_time import estimate as measured
from napari_alc.wording import duration, form


def estimate(
    project: ProjectFolder,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
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
    words = (
        f"On this computer ({found.device}), training both detectors {how} takes "
        f"{duration(found.train_seconds)}"
    )
    if not found.images:
        return f"{words}; no image is left for them to look at."
    return (
        f"{words}, and letting both look at {found.images} {form(found.images, 'image')} "
        f"{duration(found.predict_seconds)}."
    )
