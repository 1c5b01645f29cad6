"""The files of results: a CSV file a table, and how each came about.

A table is always written anew from the rows that this code and these settings have made, so
that figures of different code never stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alc_experiments.dataset import Dataset
from alc_experiments.figures import Seeded, read_figures, write_figures
from alc_experiments.pages.run_notes import RUNS
from alc_experiments.runs.ordering import RowOrder
from alc_experiments.runs.sessions import sessions_of
from alc_experiments.runs.store import Row
from alc_experiments.runs.units import ResultTable
from napari_alc.files import write_text


@dataclass
class ResultFiles:
    """The files of some tables.

    Parameters
    ----------
    folder
        Of the files.
    commands
        The tables, each with what makes it, for the record.
    seeds
        That are asked for; rows of others are written too where they are there.
    order
        Knows the rows.
    """

    folder: Path
    commands: Mapping[ResultTable, str]
    seeds: Sequence[int]
    order: RowOrder

    def __post_init__(self) -> None:
        self._before = {table: pairs_in(self._path(table)) for table in self.commands}

    def write(self) -> None:
        """Write every table that has a row, and its entry in ``runs.json``."""
        for table, command in self.commands.items():
            rows = self.order.rows_of(table, self.seeds)
            if rows:
                figures = [Seeded(of, row.unit.seed) for row in rows for of in row.figures]
                write_figures(self._path(table), figures)
                about = {
                    "command": command,
                    "noise_factor": rows[0].unit.factor,
                    "plan": vars(self.order.data_of(rows[0].unit).plan),
                }
                write_note(self.folder / RUNS, table.name, rows, self.order, about)

    def in_words(self) -> Iterator[str]:
        """What is in the files now, and what is no longer."""
        for table, before in self._before.items():
            yield from change_in_words(self._path(table), before)

    def _path(self, table: ResultTable) -> Path:
        return self.folder / f"{table.name}.csv"


def pairs_in(path: Path) -> set[tuple[str, int]]:
    """Method and seed of what is in a file; nothing where it is absent."""
    rows = read_figures(path) if path.exists() else []
    return {(row.figure.method, row.seed) for row in rows}


def change_in_words(path: Path, before: set[tuple[str, int]]) -> Iterator[str]:
    """How much is in a file now, and how much of what was in it `before` is no longer."""
    pairs = pairs_in(path)
    yield f"{path}: {_rows(len(pairs))}." if pairs else f"{path}: no row is there yet."
    lost = len(before - pairs)
    if lost:
        yield f"{path}: no longer holds {_rows(lost)} made by other code or settings."


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def write_note(
    path: Path, name: str, rows: Sequence[Row], order: RowOrder, about: Mapping[str, object]
) -> None:
    """Write down how a file came about: command, versions, device, times and rows.

    Parameters
    ----------
    path
        Of ``runs.json``.
    name
        Of the file, without its ending.
    rows
        That are in it, at least one; ``seconds`` becomes the sum of their wall times.
    order
        Knows the sessions that computed them.
    about
        What is to be said beyond that.
    """
    notes = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    before = notes.get(name, {})
    notes[name] = {
        **about,
        "versions": rows[-1].versions,
        "device": "; ".join(dict.fromkeys(row.device for row in rows)),
        "seconds": round(sum(row.seconds for row in rows), 1),
        "data": rows[0].unit.data,
        "images": _images(order.data_of(rows[0].unit)),
        "detector": {k: v for k, v in rows[0].detector.items() if k != "seed"},
        "rows": [_row(row) for row in rows],
        "sessions": list(_sessions(before, rows, order)),
    }
    write_text(path, json.dumps(dict(sorted(notes.items())), indent=1) + "\n")


def _images(data: Dataset) -> dict[str, int]:
    """How many images there are, by what they are for, and how many categories."""
    validation = {"for validation": len(data.validation.images)} if data.validation else {}
    return {
        "to clean": len(data.truth.images),
        **validation,
        "to measure detectors on": len(data.test.images),
        "categories": len(data.truth.categories),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.unit.name,
        "seed": row.unit.seed,
        "seconds": round(row.seconds, 1),
        "digest": row.digest,
        "methods": list(dict.fromkeys(figure.method for figure in row.figures)),
    }


def _sessions(
    before: Mapping[str, Any], rows: Sequence[Row], order: RowOrder
) -> Iterator[Mapping[str, object]]:
    """Sessions that computed any of the rows: those of other computers, then those of this one."""
    digests = {row.digest for row in rows}
    here = list(sessions_of(order.config.out, digests))
    known = {session["began"] for session in here}
    if digests & {row.get("digest") for row in before.get("rows", ())}:
        yield from (one for one in before.get("sessions", ()) if one["began"] not in known)
    yield from here
