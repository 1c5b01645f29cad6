"""What commands share: checks of arguments, notes, progress, and stopping cleanly when asked."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from napari_alc.errors import BadData
from napari_alc.execution.yield_to_user import yielding_to_user
from napari_alc.progress import Progress, Report, ShouldStop, silent

SPEED_WINDOW = 120.0
"""Seconds over which the bar measures speed: long enough to bridge a change of step."""

SECONDS_BETWEEN_LINES = 20.0
"""Where progress goes to a file or a log."""


class ProgressStyle(StrEnum):
    """How a command shows its progress."""

    BAR = "bar"
    JSON = "json"
    NONE = "none"


ProgressOption = Annotated[
    ProgressStyle,
    typer.Option("--progress", help="bar: for people; json: one object a line; none: quiet."),
]
CancelFile = Annotated[
    Path | None,
    typer.Option(help="Stop cleanly, keeping everything finished, when this file appears."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
ProjectFolder = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Person = Annotated[
    str | None, typer.Option(help="Who does it; where left out, the name of the user account.")
]


@dataclass(frozen=True)
class Watch:
    """How a step reports, and how it learns that it should stop."""

    report: Report
    should_stop: ShouldStop


@contextmanager
def watched(style: ProgressStyle, cancel_file: Path | None = None) -> Iterator[Watch]:
    """Show progress, and turn Ctrl+C, a termination request or `cancel_file` into a clean stop.

    A command that a job has started yields to a person at a window meanwhile.
    """
    with _asked_to_stop(cancel_file) as asked:
        should_stop = yielding_to_user(asked)
        if style is ProgressStyle.BAR:
            with _bar() as report:
                yield Watch(report, should_stop)
        elif style is ProgressStyle.JSON:
            lines = _JsonLines()
            yield Watch(lines, lambda: lines.nobody_reads or should_stop())
        else:
            yield Watch(silent, should_stop)


@contextmanager
def _asked_to_stop(cancel_file: Path | None) -> Iterator[ShouldStop]:
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        if asked:  # Whoever asks twice does not want to wait for the checkpoint.
            raise KeyboardInterrupt
        asked.append(number)

    in_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if in_main else ()
    previous = [signal.signal(number, ask) for number in numbers]
    try:
        yield lambda: bool(asked) or (cancel_file is not None and cancel_file.exists())
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


class _JsonLines:
    """Progress for a program that reads it; should that have ended, the step stops too."""

    def __init__(self) -> None:
        self.nobody_reads = False

    def __call__(self, progress: Progress) -> None:
        if self.nobody_reads:
            return
        try:
            sys.stdout.write(json.dumps(asdict(progress)) + "\n")
            sys.stdout.flush()
        except OSError:  # A pipe without a reader; Windows has several names for that.
            self.nobody_reads = True
            # What is left to be written at the program's end must not fail there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _bar() -> Iterator[Report]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left · {task.description}", table_column=Column(no_wrap=True)),
    )
    bar = Bar(*columns, console=console, speed_estimate_period=SPEED_WINDOW)
    tasks: dict[str, TaskID] = {}

    def report(progress: Progress) -> None:
        if not tasks:  # Nothing is drawn before there is something to show.
            bar.start()
        key = progress.step
        if key not in tasks:
            tasks[key] = bar.add_task(key, total=progress.total)
        bar.update(
            tasks[key],
            completed=progress.done,
            total=progress.total,
            description=_without_time(progress),
        )

    try:
        yield report
    finally:
        if tasks:
            bar.stop()


class _Lines:
    """Progress where nothing can be drawn over: a line every now and then."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()
        self._step, self._first = "", 0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.step != self._step:
            self._step, self._first, self._began = progress.step, progress.done, now
        if now - self._said < SECONDS_BETWEEN_LINES:
            return
        self._said = now
        share = progress.done / max(progress.total, 1)
        text = f"{share:.0%}{self._left(progress, now)} · {_without_time(progress)}"
        typer.echo(text, err=True)

    def _left(self, progress: Progress, now: float) -> str:
        since = progress.done - self._first
        if since <= 0:
            return ""
        seconds = (progress.total - progress.done) * (now - self._began) / since
        return f", about {max(1, round(seconds / 60))} min left"


def _without_time(progress: Progress) -> str:
    """What is being done; the bar tells the time left of the whole."""
    return (progress.message or progress.step).partition(", about ")[0]


def fraction(value: float) -> float:
    """Refuse an option outside 0–1, NaN too (click's own range check lets it pass)."""
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{value} is not in the range 0–1.")
    return value


def tell(notes: Iterable[str]) -> None:
    """Print notes to standard error, a line each."""
    for note in notes:
        typer.echo(note, err=True)


def refuse_overwriting(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write a file that is also read, or written twice."""
    taken = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in taken:
            raise BadData(
                output, "is named twice among the files to read and write", "Choose another name"
            )
        taken.add(output.resolve())
