"""The program `alc-experiments`: `compare`, `compare calibrate` and `compare render`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, TypeVar

import typer

from alc_experiments.data import NOISE_FACTORS, DataSource
from alc_experiments.figures import Seeded
from alc_experiments.runs import calibrating
from alc_experiments.runs.adopting import adopt
from alc_experiments.runs.ordering import RowOrder, RunConfig, make_rows
from alc_experiments.runs.results import ResultFiles, change_in_words, pairs_in
from alc_experiments.runs.running import Problem
from alc_experiments.runs.units import TABLES, ResultTable, choose
from napari_alc.commands.making import DetectorSetting, detector_settings, require_preset
from napari_alc.commands.running import (
    CancelFile,
    Device,
    ProgressOption,
    ProgressStyle,
    tell,
    watched,
)
from napari_alc.errors import AlcError
from napari_alc.project.settings import LARGEST_SEED

Value = TypeVar("Value")

ALL, COMPACT = "all", "compact"
DATA = ("bccd", "tem", "tem2048")
"""Data sets of the tables."""

app = typer.Typer(
    name="alc-experiments",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
compare_app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")
app.add_typer(compare_app, name="compare")


@app.callback()
def program() -> None:
    """Compute the tables of the paper on active label cleaning."""


def _parts(texts: Sequence[str] | None) -> list[str]:
    """The parts of options that may be repeated, or hold several parts with commas between."""
    return [part.strip() for text in texts or () for part in text.split(",") if part.strip()]


def _several(kind: Callable[[str], Value], what: str) -> Callable[[list[str] | None], list[str]]:
    """A check of an option's parts."""

    def check(texts: list[str] | None) -> list[str]:
        parts = _parts(texts)
        for part in parts:
            try:
                kind(part)
            except ValueError:
                raise typer.BadParameter(f"'{part}' is no {what}.") from None
        return parts

    return check


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(text)
    return seed


def _factor(text: str) -> float:
    factor = float(text)
    if not 0 <= factor < float("inf"):
        raise ValueError(text)
    return factor


def _table(text: str) -> ResultTable:
    if text not in TABLES:
        raise ValueError(text)
    return TABLES[text]


def _data(text: str) -> str:
    if text not in (*DATA, ALL):
        raise typer.BadParameter(f"'{text}' is unknown; choose from {', '.join((*DATA, ALL))}.")
    return text


def _one_data(text: str) -> str:
    if text not in NOISE_FACTORS:
        raise typer.BadParameter(f"'{text}' is unknown; choose from {', '.join(NOISE_FACTORS)}.")
    return text


Seeds = Annotated[
    list[str] | None,
    typer.Option(
        callback=_several(_seed, "seed"),
        help="Of noise, draws and trainings; several with commas between. Default: 0,1,2.",
    ),
]
Bccd = Annotated[
    Path | None,
    typer.Option(
        help="Folder of BCCD, with Annotations, ImageSets and JPEGImages; by default bccd in "
        "the folder that the variable NAPARI_ALC_DATA names."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of everything that is kept between runs.")]
ResultsFolder = Annotated[
    Path | None, typer.Option(help="Folder of the CSV files; by default results in --out.")
]


def _preset(name: str) -> str:
    try:
        require_preset(name)
    except AlcError as error:
        raise typer.BadParameter(str(error)) from None
    return name


Preset = Annotated[
    str,
    typer.Option(
        callback=_preset,
        help="compact, resnet50 (the paper's; for a graphics card), or the name of a torchvision "
        "detection builder.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Rows at a time; by default one a core, or one a graphics card where used."
    ),
]


@compare_app.callback()
def compare(
    context: typer.Context,
    data: Annotated[
        str, typer.Option(callback=_data, help=f"Tables on which data: {', '.join(DATA)} or all.")
    ] = ALL,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            callback=_several(_table, f"table; choose from {', '.join(TABLES)}"),
            help=f"Which tables, with commas between: {', '.join(TABLES)}. Default: all.",
        ),
    ] = None,
    seeds: Seeds = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(help="Compute these rows only, such as Ours,Noisy. Default: all."),
    ] = None,
    bccd: Bccd = None,
    out: Out = Path("comparison"),
    results: ResultsFolder = None,
    detector: Preset = COMPACT,
    set_: DetectorSetting = None,
    workers: Workers = None,
    device: Device = "auto",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Every row once on tiny data: does everything still run?"),
    ] = False,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Compute the paper's tables: its method and all others on the same data and detector.

    Rows are computed once; started again after it was stopped or killed, it goes on.

    Example: alc-experiments compare --tables table2,figure6 --bccd BCCD --results docs/results
    """
    if context.invoked_subcommand:
        return
    chosen = _tables(_parts(tables), data, quick)
    wanted = [0] if quick else [int(seed) for seed in _parts(seeds)] or [0, 1, 2]
    config = _config(bccd, out, detector, set_ or (), workers, device, quick)
    folder = (None if quick else results) or out / "results"
    units = choose(chosen, wanted, _parts(methods))
    commands = {table: _command([table], wanted, config, results, quick) for table in chosen}
    with watched(progress, cancel_file) as watch:
        order = RowOrder(config, watch.report, watch.should_stop)
        files = ResultFiles(folder, commands, wanted, order)
        adopted = adopt(folder, chosen, order)
        whole = _command(chosen, wanted, config, results, quick)
        problems = make_rows(units, order, whole, on_row=files.write)
    files.write()
    if adopted:
        tell([f"{folder}: {adopted} rows were there already and were not computed again."])
    tell(files.in_words())
    _require_none(problems)


def _tables(names: Sequence[str], data: str, quick: bool) -> list[ResultTable]:
    chosen = [TABLES[name] for name in names] if names else list(TABLES.values())
    if quick:
        return [table.quick() for table in chosen]
    fitting = [table for table in chosen if data in (ALL, table.data)]
    if not fitting:
        raise AlcError(f"None of these tables is made from {data}.")
    return fitting


def _config(
    bccd: Path | None,
    out: Path,
    preset: str,
    changes: Sequence[str],
    workers: int | None,
    device: str,
    quick: bool,
) -> RunConfig:
    values = detector_settings(preset, changes).given
    if values["preset"] == COMPACT:
        del values["preset"]
    elif not quick:
        # The data's own numbers are for compact.
        values = {"iterations": None, "threads": None, "input_size": None, **values}
    source = DataSource(out / "data", bccd or _beside())
    return RunConfig(source, out, device, tuple(values.items()), workers)


def _beside() -> Path | None:
    folder = os.environ.get("NAPARI_ALC_DATA")
    return Path(folder) / "bccd" if folder else None


def _command(
    tables: Sequence[ResultTable],
    seeds: Sequence[int],
    config: RunConfig,
    results: Path | None,
    quick: bool,
) -> str:
    """What to type to get the same, without the names of this computer's folders."""
    words = ["alc-experiments", "compare"]
    words += ["--quick"] if quick else ["--seeds", ",".join(map(str, seeds))]
    if len(tables) < len(TABLES):
        words += ["--tables", ",".join(table.name for table in tables)]
    needs_bccd = any(table.data == "bccd" for table in tables)
    return shlex.join([*words, *_folder_words(needs_bccd, results), *_detector_words(config)])


def _folder_words(needs_bccd: bool, results: Path | None) -> list[str]:
    words = ["--bccd", "BCCD"] if needs_bccd else []
    if results and not results.is_absolute():
        words += ["--results", results.as_posix()]
    return words


def _detector_words(config: RunConfig) -> list[str]:
    words = ["--detector", config.preset] if config.preset != COMPACT else []
    for name, value in config.detector:
        if name != "preset" and value is not None:
            words += ["--set", f"{name}={value}"]
    return words + (["--device", config.device] if config.device != "auto" else [])


def _require_none(problems: Sequence[Problem]) -> None:
    """Tell which rows could not be computed, and end with status 1 where there are any."""
    tell(f"{problem.unit.words}: {problem.words}" for problem in problems)
    if problems:
        raise AlcError(
            f"{len(problems)} of the rows could not be computed; the others are kept, and the same "
            "command tries again."
        )


@compare_app.command()
def calibrate(
    data: Annotated[
        str, typer.Option(callback=_one_data, help=f"Data set: {', '.join(NOISE_FACTORS)}.")
    ] = "bccd",
    factors: Annotated[
        list[str] | None,
        typer.Option(
            callback=_several(_factor, "factor"),
            help="By which the rates of noise are multiplied, with commas between.",
        ),
    ] = None,
    seeds: Seeds = None,
    bccd: Bccd = None,
    out: Out = Path("comparison"),
    results: ResultsFolder = None,
    detector: Preset = COMPACT,
    set_: DetectorSetting = None,
    workers: Workers = None,
    device: Device = "auto",
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Find how much noise makes the gap between noisy and clean training as wide as the paper's.

    Prints the gap in points of AP50 for each factor, and writes calibration_DATA.csv, which holds
    the factors of earlier runs in --out too.

    Example: alc-experiments compare calibrate --data bccd --factors 0.5,1,1.5 --bccd BCCD
    """
    config = _config(bccd, out, detector, set_ or (), workers, device, quick=False)
    tried = [float(factor) for factor in _parts(factors)] or [1.0]
    wanted = [int(seed) for seed in _parts(seeds)] or [0, 1, 2]
    folder = results or out / "results"
    path = calibrating.file_in(folder, data)
    before = pairs_in(path)
    in_words = partial(_calibrate_command, data, config, results)
    with watched(progress, cancel_file) as watch:
        order = RowOrder(config, watch.report, watch.should_stop)
        problems = make_rows(
            calibrating.units(data, tried, wanted),
            order,
            in_words(tried, wanted),
            on_row=lambda: calibrating.write(folder, data, order, in_words),
        )
    measured = calibrating.write(folder, data, order, in_words)
    tell(change_in_words(path, before))
    _require_none(problems)
    _print_gaps(measured, aside=progress is ProgressStyle.JSON)


def _calibrate_command(
    data: str,
    config: RunConfig,
    results: Path | None,
    factors: Sequence[float],
    seeds: Sequence[int],
) -> str:
    """What to type to get the same, without the names of this computer's folders."""
    words = ["alc-experiments", "compare", "calibrate", "--data", data]
    words += ["--factors", ",".join(f"{factor:g}" for factor in factors)]
    words += ["--seeds", ",".join(map(str, seeds))]
    return shlex.join([*words, *_folder_words(data == "bccd", results), *_detector_words(config)])


def _print_gaps(rows: Sequence[Seeded], aside: bool) -> None:
    clean = {row.seed: row.figure.value for row in rows if row.figure.method == "Clean"}
    for method in dict.fromkeys(row.figure.method for row in rows):
        values = {row.seed: row.figure.value for row in rows if row.figure.method == method}
        gaps = [clean[seed] - value for seed, value in values.items()]
        gap = "" if method == "Clean" else f", {_spread(gaps)} below Clean"
        typer.echo(f"{method}: AP50 {_spread(list(values.values()))}{gap}", err=aside)


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f} ± {stdev(values) if len(values) > 1 else 0.0:.2f}"


@compare_app.command()
def render(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder of the CSV files.")
    ] = Path("docs/results"),
) -> None:
    """Make the Markdown tables and the plot of Figure 6 from the CSV files.

    Example: alc-experiments compare render docs/results
    """
    from alc_experiments.pages import render as rendering

    tell(f"{path}: written." for path in rendering.render(folder))


def main() -> None:
    """Run one command; exit status 0, 1 for data that cannot be used, 2 for usage."""
    try:
        app()
    except AlcError as error:
        typer.echo(f"alc-experiments: {error}", err=True)
        sys.exit(1)
