"""Audits, the forecast, and ending the iterations early."""

from __future__ import annotations

import getpass
import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from napari_alc.commands.checks import tell
from napari_alc.commands.running import ProjectFolder
from napari_alc.project import audit as audits
from napari_alc.project import forecast as forecasts
from napari_alc.project.audit import JUDGED, KINDS, Audit
from napari_alc.project.project import Project

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def audit(
    project: ProjectFolder,
    images: Annotated[
        int | None, typer.Option(min=1, help="Draw this many random images for the pathologists.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send random images to the pathologists, or tell what noise they found in them.

    Example: napari-alc audit study --images 10
    """
    with closing(Project.open(project)) as opened:
        if images is not None:
            drawn = audits.draw(opened, images)
            tell([f"{len(drawn)} images drawn; they wait for a pathologist."])
        found = audits.result(opened)
    if as_json:
        typer.echo(json.dumps(_record(found)))
    elif images is None:
        tell(["No image was drawn for an audit yet."] if found is None else _lines(found))


def _lines(found: Audit) -> list[str]:
    lines = [f"{found.done} of {found.drawn} images done, of {found.remaining} that remain."]
    for judged, noise in found.noise.items():
        lines.append(f"{JUDGED[judged]}:")
        lines += [f"  {KINDS[row.kind]}: {row.words}" for row in noise]
    return lines


def _record(found: Audit | None) -> dict[str, object]:
    if found is None:
        return {"drawn": 0}
    noise = {
        judged: {
            row.kind: {"found": row.found, "of": row.of, "share": row.share, "95%": row.interval}
            for row in rows
        }
        for judged, rows in found.noise.items()
    }
    counts = {name: getattr(found, name) for name in ("iteration", "drawn", "done", "remaining")}
    return {**counts, "noise": noise}


def forecast(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Tell what is still to come, what it would cost, and whether it is worth it.

    Example: napari-alc forecast study
    """
    with closing(Project.open(project)) as opened:
        found = forecasts.forecast(opened)
        advice = forecasts.recommendation(opened)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "recommendation": advice}))
    else:
        tell([*found.sentences, advice])


def stop(
    project: ProjectFolder,
    person: Annotated[
        str | None, typer.Option(help="Who stops; where left out, the name of the user account.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """End the iterations with the present one; it can be taken back until the correction.

    Example: napari-alc stop study --person Ada
    """
    with closing(Project.open(project)) as opened:
        (forecasts.go_on if undo else forecasts.stop_here)(opened, person or getpass.getuser())
    tell(["The iterations go on." if undo else "After this iteration comes the correction."])
