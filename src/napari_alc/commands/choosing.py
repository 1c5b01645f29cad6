"""Between two iterations: the ranking and what people choose in it, audits, and when to stop."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from napari_alc.commands.running import AsJson, Person, ProjectFolder, tell
from napari_alc.project.project import Project
from napari_alc.project.steps import audit as audits
from napari_alc.project.steps import forecast as forecasts
from napari_alc.project.steps import overrides
from napari_alc.project.steps.audit import Audit, Share
from napari_alc.project.steps.forecast import Forecast, Scenario
from napari_alc.project.steps.overrides import Ranking
from napari_alc.project.storage.records import RankedImage

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="File name of the image.")]

Reason = Annotated[str, typer.Option(help="Why; it is kept with the choice and shown.")]

Back = Annotated[bool, typer.Option("--undo", help="Take an earlier choice back.")]


def ranking(
    project: ProjectFolder,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many images (k); else as the project says.")
    ] = None,
    as_json: AsJson = False,
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


SHOWN = ("image_id", "file_name", "rank", "score", "red", "green", "pink", "gray")
"""What the JSON object tells of an image, besides what was chosen."""


def _records(found: Ranking, chosen: frozenset[int]) -> list[dict[str, object]]:
    return [
        {
            **{name: getattr(row, name) for name in SHOWN},
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
    """A command for a kind of choice, with the `name` of a function; `about` is its help."""

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
            k = opened.settings.method.per_iteration
            cost = overrides.cost_of(opened, overrides.ranked(opened), k)
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
