"""How far a job of several commands is, when it will be done, and how its processes tell that."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from napari_alc.execution.job_steps import Stage, StepCommand
from napari_alc.progress import Progress
from napari_alc.project.project import MODELS

WEIGHTS: Mapping[str, float] = {"train": 8.0, "predict": 2.0}
"""Share of a stage in the bar before its speed is known; 1 for every other command."""

STEADY_SECONDS = 2.0
"""A speed measured over a shorter time is not told."""

JOB_SHARE = "job_share"
"""Value of a job's progress: the share of the whole job that is done, in 0–1."""

JOB_SECONDS_LEFT = "job_seconds_left"
"""Value of a job's progress: seconds to the end of the whole job."""

TAIL_BYTES = 20_000
"""Of a progress file, what is read to find its last line."""


def parsed(line: str) -> Progress | None:
    """The progress that a line tells, or None for any other line."""
    try:
        record = json.loads(line)
        return Progress(
            step=str(record["step"]),
            done=int(record["done"]),
            total=int(record["total"]),
            message=str(record.get("message", "")),
            values={str(k): float(v) for k, v in record.get("values", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def newly_told(stream: BinaryIO) -> Iterator[Progress]:
    """What a progress file has got since the last call; a line half written waits for its rest."""
    while (line := stream.readline()).endswith(b"\n"):
        progress = parsed(line.decode("utf-8", errors="replace"))
        if progress is not None:
            yield progress
    stream.seek(-len(line), os.SEEK_CUR)


def newest_progress(path: Path) -> Progress | None:
    """The last report in a progress file; None where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((found for line in reversed(lines) if (found := parsed(line))), None)


@dataclass
class _StageClock:
    """A stage: the fraction done of each of its parts, at first and now, and since when."""

    weight: float
    parts: int
    first: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    since: float | None = None

    @property
    def share(self) -> float:
        return self._of_parts(self.done)

    @property
    def gained(self) -> float:
        """Share done since the first report: what an earlier job did has taken no time."""
        return self.share - self._of_parts(self.first)

    def _of_parts(self, fractions: Mapping[str, float]) -> float:
        return sum(fractions.values()) / max(self.parts, len(self.done))


class JobProgress:
    """How far a job is, from the reports of its commands."""

    def __init__(
        self, stages: Sequence[Stage], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._stages = [
            _StageClock(WEIGHTS.get(stage[0].name, 1.0), sum(map(_parts, stage)))
            for stage in stages
        ]
        self._at = 0

    def enter(self, stage: int) -> None:
        """Begin stage number `stage`; those before it are done."""
        self._at = stage

    def update(self, progress: Progress) -> None:
        """Take a report of the present stage; no part of it ever goes back."""
        stage = self._stages[self._at]
        share = progress.done / max(progress.total, 1)
        stage.first.setdefault(progress.step, share)
        stage.done[progress.step] = max(share, stage.done.get(progress.step, 0.0))
        if stage.since is None:
            stage.since = self._clock()

    @property
    def share(self) -> float:
        """Share of the whole that is done, in 0–1."""
        whole = sum(stage.weight for stage in self._stages)
        before = sum(stage.weight for stage in self._stages[: self._at])
        now = self._stages[self._at]
        return (before + now.weight * now.share) / whole

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at the speed so far; None while that is not known."""
        now = self._stages[self._at]
        if now.since is None:
            return None
        took = self._clock() - now.since
        if took < STEADY_SECONDS or now.gained <= 0:
            return None
        a_whole_stage = took / now.gained
        after = sum(stage.weight for stage in self._stages[self._at + 1 :])
        return a_whole_stage * (1 - now.share + after / now.weight)


def _parts(command: StepCommand) -> int:
    """How many parts a command reports under names of their own."""
    both = command.name in WEIGHTS and "--model" not in command.arguments
    return len(MODELS) if both else 1
