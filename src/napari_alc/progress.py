"""How long work tells its progress and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a running step.

    Parameters
    ----------
    step
        Name of the step, such as ``"train mp"``.
    done, total
        Units of work finished and planned; ``0 <= done <= total``.
    message
        Plain words on what is being done.
    values
        Measured figures, such as ``{"loss": 0.31}``.
    """

    step: str
    done: int
    total: int
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]
"""Receives every `Progress` of a step."""

ShouldStop = Callable[[], bool]
"""Asked between units of work; ``True`` makes the step raise `Cancelled`."""


def silent(progress: Progress) -> None:
    """Ignore a progress report."""


def never() -> bool:
    """Let the step run to its end."""
    return False
