"""The ranking before a selection, and what people choose in it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from napari_alc.commands.checks import tell
from napari_alc.commands.running import ProjectFolder
from napari_alc.project.project import Project
from napari_alc.project.steps import overrides
from napari_alc.project.steps.overrides import Ranking
from napari_alc.project.storage.records import RankedImage

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="File name of the image.")]

Reason = Annotated[str, typer.Option(help="Why; it is kept with the choice and shown.")]

Person = Annotated[
    str | None, typer.Option(help="Who does it; where left out, the name of the user account.")
]

Back = Annotated[bool, typer.Option("--undo", help="Take an earlier choice back.")]


def ranking(
    project: ProjectFolder,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many images (k); else as the project says.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the remaining images, most urgent first, and what a review of the first k would cost.

    Example: napari-alc ranking study --top 20
    """
    with closing(Project.open(project)) as opened:
        found = overrides.ranked(opened)
        method = opened.settings.method
        k = top or method.per_iteration
        cost = overrides.cost_of(opened, found, k)
    chosen = frozenset(row.image_id for row in found.chosen(k))
    if as_json:
        about = {"iteration": found.iteration, "strategy": method.strategy, "k": k}
        rows = _records(found, chosen)
        typer.echo(json.dumps({**about, "cost": asdict(cost), "images": rows}))
        return
    for row in found.rows:
        typer.echo(_line(row, row.image_id in chosen))
    tell([f"{cost.images} of {len(found.rows)} images chosen: {cost.words}."])


def _records(found: Ranking, chosen: frozenset[int]) -> list[dict[str, object]]:
    return [
        {
            "image_id": row.image_id,
            "file_name": row.file_name,
            "rank": row.rank,
            "score": row.score,
            "red": row.red,
            "green": row.green,
            "pink": row.pink,
            "gray": row.gray,
            "chosen": row.image_id in chosen,
            **_override(row),
        }
        for row in found.rows
    ]


def _override(row: RankedImage) -> dict[str, str]:
    if row.override is None:
        return {"choice": "", "person": "", "reason": ""}
    found = row.override
    return {"choice": found.kind, "person": found.person, "reason": found.reason}


def _line(row: RankedImage, chosen: bool) -> str:
    counts = f"red {row.red}  green {row.green}  pink {row.pink}  gray {row.gray}"
    place = f"{'→' if chosen else ' '} {row.rank:6}  {row.score:8.3f}"
    return f"{place}  {counts}  {row.file_name}  {_why(row)}".rstrip()


def _why(row: RankedImage) -> str:
    if row.override is None:
        return ""
    verb = "taken out by" if row.is_excluded else "added by"
    return f"{verb} {row.override.person}: {row.override.reason}"


Choose = Callable[[Project, int, str, str], None]
"""Stores what a person chose about an image, and why."""


def _choosing(name: str, choose: Choose, about: str) -> Callable[..., None]:
    """A command for a kind of choice.

    Parameters
    ----------
    name
        Of the function, which the command is called after.
    about
        What the command says about itself.
    """

    def command(
        project: ProjectFolder,
        image: Image,
        reason: Reason = "",
        person: Person = None,
        undo: Back = False,
    ) -> None:
        who = person or getpass.getuser()
        with closing(Project.open(project)) as opened:
            image_id = overrides.image_named(opened, image)
            if undo:
                overrides.undo(opened, image_id, who)
            else:
                choose(opened, image_id, who, reason)
            cost = overrides.cost(opened, opened.settings.method.per_iteration)
        tell([f"{cost.images} images are chosen now: {cost.words}."])

    command.__name__, command.__doc__ = name, about
    return command


take_out = _choosing(
    "take_out",
    overrides.take_out,
    """Take an image out of the next selection; the next one in the ranking moves up.

    Example: napari-alc take-out study slide7.tif --reason "out of focus"
    """,
)

add_image = _choosing(
    "add_image",
    overrides.add,
    """Add an image to the next selection, whatever its rank.

    Example: napari-alc add-image study slide9.tif --reason "a rare lesion"
    """,
)
