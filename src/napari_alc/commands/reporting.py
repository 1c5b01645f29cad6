"""A report on a project for people: the command `report`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from napari_alc.commands.checks import tell
from napari_alc.commands.making import read_told
from napari_alc.commands.running import (
    CancelFile,
    ProgressOption,
    ProgressStyle,
    ProjectFolder,
    watched,
)
from napari_alc.formats.alignment import aligned, require_images
from napari_alc.labels import LabelSet
from napari_alc.project.project import Project
from napari_alc.project.reporting.html_report import write_report


def report(
    project: ProjectFolder,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; exports/report in the project if left.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="True labels of the project's images, if they are known.")
    ] = None,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Write a report with tables and pictures: one HTML file, and the pictures as PNG beside it.

    It tells what is known so far. Example: napari-alc report study --output study-report
    """
    with closing(Project.open(project)) as opened, watched(progress, cancel_file) as watch:
        known = None if truth is None else _truth(opened, truth)
        path = write_report(opened, output, known, watch.report, watch.should_stop)
    tell([f"The report is {path}."])


def _truth(project: Project, path: Path) -> LabelSet:
    """True labels with the ids of the project."""
    crowd = project.crowd_labels()
    truth = aligned(crowd, read_told(path, project.images_folder), path)
    require_images(truth, crowd, project.folder, "the true labels")
    return truth.of_images(image.id for image in crowd.images)
