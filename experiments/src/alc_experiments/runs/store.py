"""Rows that were computed, each in a file that bears the digest of all that decides it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from alc_experiments.figures import Figure
from alc_experiments.runs.units import Unit
from napari_alc.errors import BadData
from napari_alc.files import write_text


@dataclass(frozen=True)
class Row:
    """What was measured of a method with one seed, and how.

    Parameters
    ----------
    digest
        See `alc_experiments.runs.units.row_digest`.
    unit
        What was computed.
    figures
        As its function returned them.
    seconds
        Wall time, runs that were cut off included; what other rows had trained before did not
        take any.
    device
        What computed, in words.
    versions
        Of Python and the libraries, by name.
    detector
        Every setting of the detector.
    """

    digest: str
    unit: Unit
    figures: tuple[Figure, ...]
    seconds: float
    device: str
    versions: Mapping[str, str]
    detector: Mapping[str, object]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        figures = tuple(Figure(**figure) for figure in values["figures"])
        return cls(**{**values, "unit": Unit(**values["unit"]), "figures": figures})


@dataclass(frozen=True)
class RowStore:
    """The folder of rows; processes may share it, since files are written whole.

    Parameters
    ----------
    folder
        Made with the first row.
    """

    folder: Path

    def load(self, digest: str) -> Row | None:
        """A row; None where it was not computed yet.

        Raises
        ------
        BadData
            When its file is damaged.
        """
        path = self._path(digest)
        return _read(path) if path.exists() else None

    def save(self, row: Row) -> None:
        """Keep a row that is complete."""
        write_text(self._path(row.digest), json.dumps(row.to_json(), indent=1) + "\n")
        self._clock(row.digest).unlink(missing_ok=True)

    def rows(self) -> Iterator[Row]:
        """Every row there is, of whatever code and settings."""
        for path in sorted(self.folder.glob("*.json")):
            yield _read(path)

    def seconds_spent(self, digest: str) -> float:
        """Seconds already spent on a row that is not complete."""
        path = self._clock(digest)
        return float(path.read_text(encoding="utf-8")) if path.exists() else 0.0

    def note_seconds(self, digest: str, seconds: float) -> None:
        """Keep how long a row has taken so far, should it be cut off."""
        write_text(self._clock(digest), f"{seconds:.3f}\n")

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _clock(self, digest: str) -> Path:
        return self.folder / f"{digest}.seconds"


def _read(path: Path) -> Row:
    try:
        return Row.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(
            path, "is no row of a comparison", "Delete it; the row is computed again"
        ) from error
