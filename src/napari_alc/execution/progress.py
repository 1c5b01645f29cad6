"""How far a job of several commands is, and when it will be done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from napari_alc.execution.job_steps import Stage, StepCommand
from napari_alc.progress import Progress
from napari_alc.project.project import MODELS

WEIGHTS: Mapping[str, float] = {"train": 8.0, "predict": 2.0}
"""Share of a stage in the bar before its speed is known; 1 for every other command."""

STEADY_SECONDS = 2.0
"""A speed measured over a shorter time is not told."""


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
    """How far a job is, from the reports of its commands.

    Parameters
    ----------
    stages
        What the job runs.
    clock
        Tells seconds.
    """

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
