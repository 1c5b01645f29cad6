"""The program `napari-alc`: registers the commands and turns errors into one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated

import typer

from napari_alc import log
from napari_alc.commands.choosing import add_image, audit, forecast, ranking, stop, take_out
from napari_alc.commands.exporting import export, report
from napari_alc.commands.gui import gui
from napari_alc.commands.jobs import cancel, jobs, run_job
from napari_alc.commands.label_cleaning import clean, consensus, regions
from napari_alc.commands.making import create
from napari_alc.commands.measuring import add_noise, compare_labels, convert, evaluate
from napari_alc.commands.readers import agreement, share
from napari_alc.commands.remarks import flag, unsure
from napari_alc.commands.simulating import demo, draw_sample, simulate
from napari_alc.commands.steps import correct, estimate, predict, select, status, train
from napari_alc.errors import AlcError

app = typer.Typer(
    name="napari-alc",
    help="Active label cleaning: find the boxes worth an expert's minute, correct the rest.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

COMMANDS: Sequence[Callable[..., None]] = (
    gui,
    demo,
    create,
    status,
    estimate,
    train,
    predict,
    ranking,
    take_out,
    add_image,
    select,
    audit,
    forecast,
    stop,
    correct,
    export,
    report,
    jobs,
    cancel,
    unsure,
    flag,
    share,
    agreement,
    simulate,
    regions,
    consensus,
    clean,
    add_noise,
    evaluate,
    compare_labels,
    convert,
)
"""Every command, in the order that `--help` shows; its name is the function's with hyphens."""


@app.callback()
def program(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Write the log to standard error too.")
    ] = False,
) -> None:
    """Active label cleaning for object detection."""
    log.start(verbose)


def _recorded(command: Callable[..., None]) -> Callable[..., None]:
    """A command that the log tells of."""

    @wraps(command)
    def run(*args: object, **options: object) -> None:
        with log.recorded(command.__name__):
            command(*args, **options)

    return run


for command in COMMANDS:
    app.command(command.__name__.replace("_", "-"))(_recorded(command))

# Of the window, which starts them itself.
app.command("run-job", hidden=True)(_recorded(run_job))
app.command("draw-sample", hidden=True)(_recorded(draw_sample))


def main() -> None:
    """Run one command; exit status 0, 1 for data that cannot be used, 2 for usage."""
    try:
        app()
    except AlcError as error:
        print(f"napari-alc: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
