"""Rows that another computer has measured: taken from the files of results, not computed again.

``runs.json`` keeps with every row the digest of all that decides it. Where the same code,
libraries, data and settings would give a row the same digest here, its figures in the CSV file
are the row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from alc_experiments.figures import Seeded, read_figures
from alc_experiments.pages.run_notes import RUNS
from alc_experiments.runs.ordering import RowOrder
from alc_experiments.runs.store import Row
from alc_experiments.runs.units import ResultTable, Unit
from napari_alc.errors import BadData


def adopt(folder: Path, tables: Iterable[ResultTable], order: RowOrder) -> int:
    """Keep the rows in the files of results that would be computed just so.

    Parameters
    ----------
    folder
        With CSV files and ``runs.json``; may be absent.
    tables
        Whose rows are looked for.
    order
        Knows which row is which.

    Returns
    -------
    int
        How many rows were not there before.

    Raises
    ------
    BadData
        When a file is damaged.
    """
    notes = _notes(folder / RUNS)
    found = [
        row
        for table in tables
        if notes.get(table.name, {}).get("data") == table.data
        for row in _rows(folder / f"{table.name}.csv", table, notes[table.name], order)
        if order.row(row.unit) is None
    ]
    for row in found:
        order.config.store.save(row)
    return len(found)


def _notes(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadData(path, f"cannot be used ({error})", "Restore or delete it") from error


def _rows(
    path: Path, table: ResultTable, note: Mapping[str, Any], order: RowOrder
) -> Iterator[Row]:
    """The rows of a table whose digest is the one they would have here."""
    figures = read_figures(path) if path.exists() else []
    for entry in note["rows"]:
        is_kept = {"digest", "methods"} <= entry.keys()
        if not is_kept or entry["name"] not in table.names:
            continue
        unit = Unit(table.module, entry["name"], table.data, entry["seed"], note["noise_factor"])
        if order.task(unit).digest == entry["digest"]:
            yield _row(unit, entry, note, figures)


def _row(
    unit: Unit, entry: Mapping[str, Any], note: Mapping[str, Any], figures: Iterable[Seeded]
) -> Row:
    own = tuple(
        seeded.figure
        for seeded in figures
        if seeded.seed == unit.seed and seeded.figure.method in entry["methods"]
    )
    return Row(
        digest=entry["digest"],
        unit=unit,
        figures=own,
        seconds=entry["seconds"],
        device=note["device"],
        versions=note["versions"],
        detector={**note["detector"], "seed": unit.seed},
    )
