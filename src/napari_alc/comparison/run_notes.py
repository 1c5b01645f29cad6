"""How a table's figures came about: command, versions, device and time, from ``runs.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_alc.errors import BadData

RUNS = "runs.json"
"""Beside the CSV files: an object with an entry for each table."""


@dataclass(frozen=True)
class RunNote:
    """How one table was made.

    Parameters
    ----------
    command
        As it was typed; empty where it is not known.
    versions
        Of Python and the packages, by name.
    device
        What computed.
    seconds
        Wall time.
    """

    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    seconds: float | None = None

    @property
    def versions_in_words(self) -> str:
        """Such as ``python 3.11.9, torch 2.6.0``."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())

    @property
    def time_in_words(self) -> str:
        """Hours and minutes, or seconds below two minutes; empty where it is not known."""
        if self.seconds is None:
            return ""
        minutes = round(self.seconds / 60)
        if minutes < 2:
            return f"{self.seconds:.0f} s"
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def read_run_notes(folder: Path) -> Mapping[str, RunNote]:
    """The notes in a folder by the name of the table; empty where there are none.

    Raises
    ------
    BadData
        When the file is damaged.
    """
    path = folder / RUNS
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: _note(entry) for name, entry in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadData(path, f"cannot be used ({error})", "Run napari-alc compare again") from error


def _note(entry: Mapping[str, Any]) -> RunNote:
    return RunNote(
        str(entry["command"]),
        {str(name): str(version) for name, version in entry["versions"].items()},
        str(entry["device"]),
        float(entry["seconds"]),
    )
