"""Audits, the forecast, and ending the iterations early."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from napari_alc.commands.checks import tell
from napari_alc.commands.running import ProjectFolder
from napari_alc.project.project import Project
from napari_alc.project.steps import audit as audits
from napari_alc.project.steps import forecast as forecasts
from napari_alc.project.steps.audit import Audit, Share
from napari_alc.project.steps.forecast import Forecast, Scenario

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

Person = Annotated[
    str | None, typer.Option(help="Who does it; where left out, the name of the user account.")
]

KINDS = {
    "background": "Boxes of the crowd where there is no object",
    "location": "Boxes of the crowd in the wrong place, or of the wrong kind",
    "box_in_box": "Boxes of the crowd around several objects",
    "miss": "Objects without a box of the crowd",
}
"""The types of noise in words."""

LEFT = {
    "background": "Labels settled where there is no object",
    "location": "Labels settled in the wrong place, or of the wrong kind",
    "box_in_box": "Labels settled around several objects",
    "miss": "Objects without such a label that no red or green box shows",
}
"""What the automatic correction would leave, in words."""


def audit(
    project: ProjectFolder,
    images: Annotated[
        int | None, typer.Option(min=1, help="Draw this many random images for the pathologists.")
    ] = None,
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """Send random images to the pathologists, or tell what noise they found in them.

    Example: napari-alc audit study --images 10
    """
    with closing(Project.open(project)) as opened:
        if images is not None:
            drawn = audits.draw(opened, images, person or getpass.getuser())
            tell([f"{len(drawn)} images drawn; they wait for a pathologist."])
        found = audits.result(opened)
    if as_json:
        typer.echo(json.dumps(None if found is None else asdict(found)))
    elif images is None:
        tell(["No image was drawn for an audit yet."] if found is None else list(_lines(found)))


def _lines(found: Audit) -> Iterator[str]:
    yield f"{found.images} images of the audit are done, {found.waiting} wait for a pathologist."
    for kind, share in found.noise.items():
        yield f"{KINDS[kind]}: {_words(share)}."
    if found.corrected:
        yield "If the automatic correction came now instead:"
    for kind, share in found.corrected.items():
        yield f"{LEFT[kind]}: {_words(share)}."


def _words(share: Share) -> str:
    if not share.of:
        return "nothing to judge"
    return (
        f"{share.count} of {share.of}; of all images that remain {share.low:.1%} to "
        f"{share.high:.1%} (95 %)"
    )


def forecast(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Tell what was spent, what is still to come, and whether going on is worth it.

    Example: napari-alc forecast study
    """
    with closing(Project.open(project)) as opened:
        found = forecasts.forecast(opened)
        advice = forecasts.recommendation(opened)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "recommendation": advice}))
    else:
        tell([*_forecast_lines(found), advice])


def _forecast_lines(found: Forecast) -> Iterator[str]:
    yield f"So far: {found.budget_now:.1f} % of the budget, {found.minutes_now:.0f} minutes."
    if found.to_the_end is not None and found.stop_now is not None:
        yield f"With all iterations: {_way_words(found.to_the_end)}."
        yield f"Stopping now: {_way_words(found.stop_now)}."
    if why := forecasts.surprise(found):
        yield why


def _way_words(way: Scenario) -> str:
    words = f"about {way.boxes:,} more boxes in {way.images:,} images, budget {way.budget:.1f} %"
    return words if way.minutes is None else f"{words}, {way.minutes:.0f} more minutes"


def stop(
    project: ProjectFolder,
    person: Person = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """End the iterations with the present one; it can be taken back until the correction.

    Example: napari-alc stop study --person Ada
    """
    with closing(Project.open(project)) as opened:
        (forecasts.go_on if undo else forecasts.stop_here)(opened, person or getpass.getuser())
    tell(["The iterations go on." if undo else "After this iteration comes the correction."])
