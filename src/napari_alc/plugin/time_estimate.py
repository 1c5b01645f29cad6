"""How long the next step will take on this computer: measured by a child process, told in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_alc.errors import AlcError
from napari_alc.jobs.child import Surroundings, run_child
from napari_alc.jobs.outcome import Outcome
from napari_alc.plugin.progress_words import duration
from napari_alc.progress import Report, ShouldStop


@dataclass(frozen=True)
class StepTime:
    """What was measured.

    Parameters
    ----------
    device
        What computes, in words.
    train_seconds, predict_seconds
        Of both trainings, and of looking at the remaining images with both detectors.
    """

    device: str
    train_seconds: float
    predict_seconds: float

    @property
    def words(self) -> str:
        """The times as a person says them."""
        return (
            f"{duration(self.train_seconds).capitalize()} for both trainings, "
            f"{duration(self.predict_seconds)} to predict."
        )


class Estimating:
    """A job for `Background`: measures, and keeps what it found.

    Parameters
    ----------
    folder
        The project's folder.
    device
        Where to compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.device = device
        self.found: StepTime | None = None

    def __call__(self, report: Report, should_stop: ShouldStop) -> Outcome:
        """Measure in a child process."""
        lines: list[str] = []
        outcome = run_child(
            ("estimate", str(self.folder), "--device", self.device, "--json"),
            report,
            should_stop,
            Surroundings(output=lines),
            reports_progress=False,
        )
        if outcome.succeeded:
            self.found = read_estimate(lines)
        return outcome


def read_estimate(lines: Sequence[str]) -> StepTime:
    """The estimate that the command has printed as its last line.

    Raises
    ------
    AlcError
        When there is none.
    """
    try:
        record = json.loads(lines[-1])
        return StepTime(
            str(record["device"]),
            float(record["train_seconds"]),
            float(record["predict_seconds"]),
        )
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise AlcError("The time could not be estimated: the program gave no figures.") from error
