"""Give the rows in docs/results the digests of code that was changed without changing a bit.

    python benchmarks/restamp.py BEFORE --bccd BCCD [--out FOLDER]

Computes every row of every table on tiny data (`alc-experiments compare --quick`) with the code of
the commit BEFORE and with the code as it lies here, and compares all figures but times. Where none
differs, the digests in docs/results/runs.json become those of the code here, and nothing else.
FOLDER keeps what was computed, and the synthetic images. About ten minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alc_experiments.data import NOISE_FACTORS, DataSource
from alc_experiments.figures import read_figures
from alc_experiments.runs.adopting import adopt
from alc_experiments.runs.ordering import RowOrder, RunConfig
from alc_experiments.runs.units import METHODS, TABLES, Unit

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
NOTES = RESULTS / "runs.json"

TIMES = "seconds"
"""Metrics that begin so are times, which are never the same."""

Notes = Mapping[str, Any]


@dataclass(frozen=True)
class Differences:
    """Figures that two codes have computed, and those in which they differ."""

    figures: int
    differing: tuple[str, ...]


def code_of(commit: str, folder: Path) -> Path:
    """The source tree of a commit, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = ["git", "-C", str(ROOT), "archive", commit]
    packed = subprocess.run(archive, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


def quick_results(code: Path, out: Path) -> Path:
    """The files of every table on tiny data, computed by the code in `code`."""
    program = "from alc_experiments.command import main; main()"
    paths = os.pathsep.join(str(code / part) for part in ("src", "experiments/src"))
    command = [sys.executable, "-c", program, "compare", "--quick", "--out", str(out)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": paths})
    return out / "results"


def compared(before: Path, now: Path) -> Differences:
    """All figures of both folders of results, and those that are not the same to the last bit."""
    one, other = (dict(_values(folder)) for folder in (before, now))
    differing = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return Differences(len(one), tuple(differing))


def _values(folder: Path) -> Iterator[tuple[str, float]]:
    for path in sorted(folder.glob("*.csv")):
        for row in read_figures(path):
            figure = row.figure
            if figure.metric.startswith(TIMES):
                continue
            words = f"{path.stem}: {figure.method}, {figure.metric}, {figure.images}, {row.seed}"
            yield words, figure.value


def stamped(notes: Notes, order: RowOrder) -> dict[str, Any]:
    """The notes with the digest that each row has in the code here."""
    return {
        name: {
            **note,
            "rows": [
                {**row, "digest": order.task(unit).digest}
                for row, unit in zip(note["rows"], _units(name, note), strict=True)
            ],
        }
        for name, note in notes.items()
    }


def _units(name: str, note: Notes) -> Iterator[Unit]:
    """The unit of each row of a file of results."""
    if name in TABLES:
        for row in note["rows"]:
            module = TABLES[name].module
            yield Unit(module, row["name"], note["data"], row["seed"], note["noise_factor"])
        return
    # A calibration, in whose file methods bear the factor of the noise.
    with (RESULTS / f"{name}.csv").open(encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            method, _, factor = line["method"].partition(" × ")
            usual = NOISE_FACTORS[note["data"]]
            seed = int(line["seed"])
            yield Unit(METHODS, method, note["data"], seed, float(factor) if factor else usual)


def require_adopted(notes: Notes, source: DataSource) -> None:
    """Refuse digests with which the program would not take every row for its own."""
    rows = {row["digest"] for name in TABLES if name in notes for row in notes[name]["rows"]}
    with TemporaryDirectory() as out:
        taken = adopt(RESULTS, TABLES.values(), RowOrder(RunConfig(source, Path(out))))
    if taken != len(rows):
        raise SystemExit(f"Only {taken} of {len(rows)} rows are taken for the program's own.")
    print(f"{taken} rows are those that the code here would compute.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Restamp results that code here gives as well.")
    parser.add_argument("before", help="the commit whose results are compared")
    parser.add_argument("--bccd", type=Path, required=True, help="the folder of BCCD")
    parser.add_argument("--out", type=Path, default=Path("comparison"), help="keeps what it makes")
    options = parser.parse_args()
    codes = {"before": code_of(options.before, options.out / "code"), "here": ROOT}
    found = compared(*(quick_results(code, options.out / name) for name, code in codes.items()))
    print(f"{found.figures} figures, {len(found.differing)} differ.")
    if found.differing:
        raise SystemExit("\n".join(found.differing))
    source = DataSource(options.out / "data", options.bccd)
    notes = json.loads(NOTES.read_text(encoding="utf-8"))
    after = stamped(notes, RowOrder(RunConfig(source, options.out)))
    NOTES.write_text(json.dumps(after, indent=1) + "\n", encoding="utf-8")
    require_adopted(after, source)


if __name__ == "__main__":
    main()
