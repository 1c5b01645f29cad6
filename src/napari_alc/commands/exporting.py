"""The clean dataset as files, and the report on a project: `export` and `report`."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_alc.commands.making import read_told
from napari_alc.commands.running import (
    CancelFile,
    ProgressOption,
    ProgressStyle,
    ProjectFolder,
    tell,
    watched,
)
from napari_alc.formats.reading import aligned, require_images
from napari_alc.labels import LabelSet
from napari_alc.project.export.export import Again, export_again, export_and_tell
from napari_alc.project.label_sets import UnsureRule
from napari_alc.project.project import Project
from napari_alc.project.reporting.html_report import write_report
from napari_alc.wording import shortened

MOST_NAMED = 5
"""Files that a line names; of more it tells how many."""


class Format(StrEnum):
    """A format of the clean dataset."""

    COCO = "coco"
    VOC = "voc"
    YOLO = "yolo"


def export(
    project: ProjectFolder,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write, or a COCO file (.json); exports in the project if left."
        ),
    ] = None,
    format_: Annotated[
        list[Format] | None,
        typer.Option("--format", help="coco, voc or yolo; may be repeated. COCO if left."),
    ] = None,
    again: Annotated[
        Path | None,
        typer.Option(help="The datasheet (.json) of an export: make that one again and compare."),
    ] = None,
    unsure: Annotated[
        UnsureRule | None,
        typer.Option(
            help="What becomes of boxes that somebody is unsure about: keep writes them as they "
            "stand, drop leaves them out. Needed where there are any."
        ),
    ] = None,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Write the clean dataset with a datasheet; every box tells where it came from.

    Example: napari-alc export study --format coco --format yolo --output dataset
    """
    if again is not None and (output is not None or format_ or unsure):
        raise typer.BadParameter("--again takes place, formats and --unsure from the datasheet.")
    with closing(Project.open(project)) as opened, watched(progress, cancel_file) as watch:
        if again is None:
            formats = tuple(chosen.value for chosen in format_ or (Format.COCO,))
            made = export_and_tell(opened, output, formats, watch.report, watch.should_stop, unsure)
            notes = [*made.notes, f"The clean dataset is {made.path}."]
        else:
            notes = _found(export_again(opened, again, watch.report, watch.should_stop))
    tell(notes)


def _found(again: Again) -> list[str]:
    notes = ["The project gives the same files as the datasheet says, bit for bit."]
    if again.mended:
        mended = shortened(again.mended, MOST_NAMED)
        notes.append(f"Missing or different, and put right: {mended}.")
    else:
        notes.append(f"All {again.files:,} files are there and unchanged.")
    if again.other_images:
        others = shortened(again.other_images, MOST_NAMED)
        notes.append(f"Missing, or other images than those of the export: {others}.")
    return notes


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
