"""How a table's figures came about: command, versions, device and time, from ``runs.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData
from napari_alc.simulation.crowd import NoiseRates

RUNS = "runs.json"
"""Beside the CSV files: an object with an entry for each table."""

NOISE: Mapping[str, str] = {
    "background": "on the background",
    "miss": "missed",
    "location": "displaced",
    "box_in_box": "in a box around several objects",
}
"""What each of the `NoiseRates` counts."""


@dataclass(frozen=True)
class RunSession:
    """One run of the command.

    Parameters
    ----------
    seconds
        Wall time, for this table and others that were computed with it.
    processes
        Rows computed at a time.
    """

    seconds: float
    processes: int

    @property
    def words(self) -> str:
        """Such as ``41 min, 2 rows at a time``."""
        rows = "one row" if self.processes == 1 else f"{self.processes} rows"
        return f"{duration(self.seconds)}, {rows} at a time"


@dataclass(frozen=True)
class RunNote:
    """How one table was made; what is not known is empty.

    Parameters
    ----------
    command
        As it was typed.
    versions
        Of Python and the packages, by name.
    device
        What computed.
    seconds
        Sum of the rows' wall times.
    data
        Name of the data set.
    noise_factor
        By which the usual rates of noise were multiplied.
    plan
        Of the campaign: ``initial``, ``per_iteration`` and ``iterations``.
    detector
        All its settings but the seed.
    images
        How many there are, by what they are for; with their categories.
    sessions
        Runs of the command that computed rows of the table.
    """

    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    seconds: float | None = None
    data: str = ""
    noise_factor: float | None = None
    plan: Mapping[str, int] = field(default_factory=dict)
    detector: Mapping[str, object] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    sessions: tuple[RunSession, ...] = ()

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """Of an entry of ``runs.json``, which says at least command, versions, device, seconds."""
        factor = entry.get("noise_factor")
        return cls(
            str(entry["command"]),
            {str(name): str(version) for name, version in entry["versions"].items()},
            str(entry["device"]),
            float(entry["seconds"]),
            str(entry.get("data", "")),
            None if factor is None else float(factor),
            {str(name): int(count) for name, count in entry.get("plan", {}).items()},
            dict(entry.get("detector", {})),
            {str(name): int(count) for name, count in entry.get("images", {}).items()},
            tuple(
                RunSession(float(one["seconds"]), int(one["processes"]))
                for one in entry.get("sessions", ())
            ),
        )

    @property
    def facts(self) -> Mapping[str, str]:
        """What is known, in words, by what it is about."""
        facts = {
            "Images": self._images,
            "Noise": self._noise,
            "Images of step 1": self._plan,
            "Detector": self._detector,
            "Command": f"`{self.command}`" if self.command else "",
            "Versions": self.versions_in_words,
            "Device": self.device,
            "Computing time": self.time_in_words,
            "Wall time of the runs of the command": self._sessions,
        }
        return {name: fact for name, fact in facts.items() if fact}

    @property
    def _images(self) -> str:
        one = {"categories": "category"}
        return ", ".join(
            f"{count} {one.get(name, name) if count == 1 else name}"
            for name, count in self.images.items()
        )

    @property
    def _noise(self) -> str:
        if self.noise_factor is None:
            return ""
        rates = asdict(NoiseRates())
        each = (f"{self.noise_factor * rates[name]:.3g} {words}" for name, words in NOISE.items())
        return f"usual rates × {self.noise_factor:g}: for each true box {', '.join(each)}"

    @property
    def _plan(self) -> str:
        if not self.plan:
            return ""
        first, more, times = (self.plan[n] for n in ("initial", "per_iteration", "iterations"))
        return f"{first} at first, then {more} in each of {times} iterations"

    @property
    def _detector(self) -> str:
        """Its name, length of its trainings, and the settings that are not the defaults."""
        if not self.detector:
            return ""
        settings = DetectorSettings.parse(self.detector)
        usual = {**DetectorSettings().deciding, "preset": settings.preset}
        del usual["iterations"], usual["epochs"]
        changed = [
            f"{name} {value}"
            for name, value in self.detector.items()
            if name in usual and value != usual[name]
        ]
        words = f"{settings.preset}, {_length(settings)} a training"
        return f"{words} ({', '.join(changed)})" if changed else words

    @property
    def versions_in_words(self) -> str:
        """Such as ``python 3.11.9, torch 2.6.0``."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())

    @property
    def time_in_words(self) -> str:
        """Sum over the rows; empty where it is not known."""
        return "" if self.seconds is None else f"{duration(self.seconds)}, summed over the rows"

    @property
    def _sessions(self) -> str:
        words = "; ".join(session.words for session in self.sessions)
        return f"{words} (other tables included)" if words else ""


def _length(settings: DetectorSettings) -> str:
    schedule = settings.schedule
    iterations = settings.iterations or (None if settings.epochs else schedule.iterations)
    if iterations:
        return f"{iterations} iterations"
    if settings.epochs:
        return f"{settings.epochs} epochs"
    return f"{schedule.epochs} epochs, at least {schedule.least_iterations} iterations"


def duration(seconds: float) -> str:
    """Hours and minutes; seconds below two minutes."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
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
        return {name: RunNote.from_json(entry) for name, entry in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadData(
            path, f"cannot be used ({error})", "Run alc-experiments compare again"
        ) from error
