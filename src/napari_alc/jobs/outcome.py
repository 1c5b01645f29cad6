"""How a job ended, in words for the person who started it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from napari_alc.errors import AlcError, Cancelled


class Ending(Enum):
    """The three ways in which a job can end."""

    SUCCESS = "success"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    ending
        One of the three ways.
    message
        One plain sentence; empty on success.
    """

    ending: Ending
    message: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether everything was done."""
        return self.ending is Ending.SUCCESS


SUCCESS = Outcome(Ending.SUCCESS)
CANCELLED = Outcome(Ending.CANCELLED, "Cancelled; everything finished before is kept.")

OUT_OF_MEMORY = (
    "The computer's memory ran out. Close other programs, or set a smaller 'input_size' or "
    "'batch_size' under [detector] in project.toml, then start the step again."
)

_MEMORY_WORDS = ("MemoryError", "out of memory", "can't allocate memory", "Unable to allocate")

_WINDOWS_CRASH = 0xC0000000
"""Exit statuses from here on are Windows' own: access violation, missing DLL and the like."""


def failure(status: int, log: Sequence[str]) -> Outcome:
    """What to say of a child that ended with `status` other than 0.

    Parameters
    ----------
    status
        Exit status; negative where a signal ended the child (POSIX).
    log
        The lines it wrote to standard error.
    """
    return Outcome(Ending.FAILED, _reason(status, [line for line in log if line.strip()]))


def _reason(status: int, lines: Sequence[str]) -> str:
    if any(word in line for line in lines for word in _MEMORY_WORDS):
        return OUT_OF_MEMORY
    if status == -getattr(signal, "SIGKILL", 9):
        return f"The system stopped the step. {OUT_OF_MEMORY}"
    if status < 0:
        return f"The step crashed ({_signal_name(-status)}). What it wrote is in the log."
    if status >= _WINDOWS_CRASH:
        return f"The step crashed (Windows code {status:#x}). What it wrote is in the log."
    if not lines:
        return f"The step ended without a reason (exit status {status})."
    last = lines[-1].strip().removeprefix("napari-alc: ")
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return f"The step met an error it does not know: {last}"
    return last


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def outcome_of(error: AlcError) -> Outcome:
    """The outcome of work in this process that ended with `error`."""
    ending = Ending.CANCELLED if isinstance(error, Cancelled) else Ending.FAILED
    return Outcome(ending, str(error))
