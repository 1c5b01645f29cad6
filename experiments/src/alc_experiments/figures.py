"""What a comparison measures, and the CSV files that keep it: method, seed, metric, value."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_alc.errors import AlcError, BadData
from napari_alc.files import write_text

COLUMNS = ("method", "seed", "metric", "value")
IMAGES = "images"
"""Further column of what was measured at several numbers of clean images (Figure 6)."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Parameters
    ----------
    method
        As the paper's tables call it, such as ``"Ours (Random)"``.
    metric
        Such as ``"AP50"`` (percent).
    value
        Finite.
    images
        Clean images at which it was measured; None where there is one value only.

    Raises
    ------
    AlcError
        When the value is not finite.
    """

    method: str
    metric: str
    value: float
    images: int | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise AlcError(f"{self.metric} of {self.method} is {self.value}, no finite number.")


@dataclass(frozen=True, slots=True)
class Seeded:
    """A figure with the seed of the noise, the draws and the trainings that it came from."""

    figure: Figure
    seed: int


def write_figures(path: Path, figures: Iterable[Seeded]) -> None:
    """Write a CSV file; values keep every digit that they need."""
    rows = list(figures)
    with_images = any(row.figure.images is not None for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS[:1], IMAGES, *COLUMNS[1:]) if with_images else COLUMNS)
    for row in rows:
        of = row.figure
        middle = (of.images,) if with_images else ()
        writer.writerow((of.method, *middle, row.seed, of.metric, repr(float(of.value))))
    write_text(path, text.getvalue())


def read_figures(path: Path) -> list[Seeded]:
    """Read what `write_figures` wrote.

    Raises
    ------
    BadData
        When the file is absent, lacks a column, or holds what is no finite number.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            _require_columns(path, reader.fieldnames or ())
            return [_read_row(path, number, row) for number, row in enumerate(reader, start=2)]
    except OSError as error:
        raise BadData(
            path, f"cannot be read ({error.strerror})", "Run alc-experiments compare first"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(
            path, f"is no CSV file ({error})", "Run alc-experiments compare again"
        ) from error


def _require_columns(path: Path, names: Sequence[str]) -> None:
    lacking = [column for column in COLUMNS if column not in names]
    if lacking:
        raise BadData(
            path,
            f"lacks the column '{lacking[0]}'",
            "Give a file that alc-experiments compare wrote",
        )


def _read_row(path: Path, number: int, row: dict[str, str]) -> Seeded:
    try:
        images = int(row[IMAGES]) if row.get(IMAGES) else None
        figure = Figure(row["method"], row["metric"], float(row["value"]), images)
        return Seeded(figure, int(row["seed"]))
    except (ValueError, TypeError, AlcError):
        raise BadData(
            path,
            f"line {number} holds what is no finite number",
            "Run alc-experiments compare again",
        ) from None
