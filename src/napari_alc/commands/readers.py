"""Several readers: sharing images among them, and how far they agree."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer

from napari_alc.commands.running import ProjectFolder, tell
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import agreement as agreement_of
from napari_alc.project.readers.sharing import share as share_images
from napari_alc.project.reporting.report_tables import agreement_table
from napari_alc.wording import sharing_words


def share(
    project: ProjectFolder,
    readers: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME…", help="Two or more names, as readers give them in napari."),
    ] = None,
    end: Annotated[
        bool, typer.Option("--end", help="Share no more; readings nobody has begun go back.")
    ] = False,
) -> None:
    """Have every image that nobody has begun read by several people, blind to each other.

    Example: napari-alc share study Ada Bob Cy
    """
    if end == bool(readers):
        raise typer.BadParameter("Give the names of at least two readers, or --end alone.")
    with closing(Project.open(project)) as opened:
        images = share_images(opened, readers or ())
    tell([sharing_words(readers or (), images)])


def agreement(project: ProjectFolder) -> None:
    """Print how far each two readers agree, as JSON; kappa is null where it is not defined.

    Example: napari-alc agreement study
    """
    with closing(Project.open(project)) as opened:
        pairs = [pair.record() for pair in agreement_of(opened)]
    tell([agreement_table(pairs)] if pairs else ["No image has been read by two readers yet."])
    typer.echo(json.dumps({"pairs": pairs}))
