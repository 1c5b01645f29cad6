"""How a job ended, in words for the person who started it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from napari_alc.errors import AlcError, Cancelled


class Ending(Enum):
    """The ways in which a job can end."""

    SUCCESS = "success"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LEFT = "left"
    """It goes on; only nobody follows it any more."""


class Cause(Enum):
    """Why a step failed, as far as others act on it."""

    MEMORY = "memory"
    GPU_MEMORY = "GPU memory"
    OTHER = ""


@dataclass(frozen=True)
class Outcome:
    """How a job ended, in plain words where it was no success; the cause is that of a failure."""

    ending: Ending
    message: str = ""
    cause: Cause = Cause.OTHER

    @property
    def succeeded(self) -> bool:
        """Whether everything was done."""
        return self.ending is Ending.SUCCESS


SUCCESS = Outcome(Ending.SUCCESS)
CANCELLED = Outcome(Ending.CANCELLED, "Cancelled; everything finished before is kept.")
LEFT = Outcome(Ending.LEFT, "The job goes on without this window.")

GOES_ON = "Everything finished before is kept: start the step again and it goes on from there."

LOST = Outcome(
    Ending.FAILED,
    "The job ended without saying why: the computer was switched off, its process was ended, or "
    f"its disk was full. What it wrote is in the log. {GOES_ON}",
)
"""Of a job whose processes are gone without having said anything."""

NOT_WRITABLE = (
    "The job's folder cannot be written any more: {words}. If the disk is full, free space on it; "
    "else make the folder writable for you. " + GOES_ON
)
"""Of a job whose end cannot be recorded."""

LESS_MEMORY = (
    "If that does not help, set fewer images a batch or a smaller input size: on the page Iterate "
    "under Settings, Detector, Advanced (in project.toml: batch_size and input_size under "
    "[detector]). The training that was cut off then begins anew."
)

OUT_OF_MEMORY = f"The computer's memory ran out. Close other programs. {GOES_ON} {LESS_MEMORY}"

OUT_OF_GPU_MEMORY = (
    "The graphics card's memory ran out. Close other programs that use the card. "
    f"{GOES_ON} {LESS_MEMORY}"
)

GPU_ERROR = (
    "The graphics card or its driver met an error: {words}. Start the step again. If it comes "
    "back, restart the computer and bring the card's driver up to date, or choose the CPU as the "
    "device. " + GOES_ON
)

DISK_FULL = (
    "The disk is full: {words}. Free space on the disk of the project, then start the step again. "
    + GOES_ON
)

KILLED = (
    "The step was ended by force, by the system or by somebody. Mostly that is because the "
    f"computer's memory ran out: close other programs. {GOES_ON} {LESS_MEMORY}"
)

ASKED_TO_END = f"The step was asked from outside to end (the computer shuts down?). {GOES_ON}"

CRASHED = (
    "The step crashed ({words}). What it wrote is in the log. Start the step again; if it "
    "crashes once more, please send the log to the makers of napari-alc. " + GOES_ON
)

UNKNOWN = (
    "The step met an error it does not know: {words}. What it wrote is in the log; please send "
    "it to the makers of napari-alc."
)

SILENT = "The step ended without a reason (exit status {words}). What it wrote is in the log."

_GPU_MEMORY = (
    "CUDA out of memory",
    "OutOfMemoryError",
    "MPS backend out of memory",
    "ALLOC_FAILED",
)
_GPU = ("CUDA error", "CUDA driver", "cuDNN error", "CUDNN_STATUS", "CUBLAS_STATUS", "CUDA kernel")
_DISK = (
    "No space left on device",
    "not enough space on the disk",
    "database or disk is full",
    "Disk quota exceeded",
)
_MEMORY = (
    "MemoryError",
    "out of memory",
    "not enough memory",
    "allocate memory",
    "Unable to allocate",
    "bad_alloc",
)

_TRACEBACK = "Traceback (most recent call last)"
_PROGRAM = "napari-alc: "

_WINDOWS_CRASH = 0xC0000000
"""Exit statuses from here on are Windows' own: access violation, missing DLL and the like."""

_WINDOWS_NO_MEMORY = 0xC0000017
_WINDOWS_ENDED = 0xC000013A
"""Its window was closed, or the person logged off."""


def failure(status: int, log: Sequence[str]) -> Outcome:
    """What to say of a child that ended with `status` other than 0, and of what it logged.

    The exit status is negative where a signal ended the child (POSIX).
    """
    lines = [line.strip() for line in log if line.strip()]
    if found := _of_status(status):
        return found
    if lines and lines[-1].startswith(_PROGRAM):
        return _of_own_words(lines[-1].removeprefix(_PROGRAM))
    return _of_words(lines) or _of_crash(status, lines)


def lost(log: Sequence[str]) -> Outcome:
    """What to say of a job whose supervisor is gone, which has written `log`."""
    if any(line.startswith(_TRACEBACK) for line in log):  # Its commands' words have a mark before.
        return failure(1, log)
    return LOST


def _of_own_words(line: str) -> Outcome:
    """Of a child that met what the program knows: its words are plain already."""
    if _line_with([line], _DISK):
        return _failed(DISK_FULL, line.partition(". Free space")[0])
    return _failed(line)


def _failed(text: str, words: str = "", cause: Cause = Cause.OTHER) -> Outcome:
    """The failure that `text` tells, with `words` as a part of one of its sentences."""
    return Outcome(Ending.FAILED, text.replace("{words}", words.rstrip(".")), cause)


def _of_status(status: int) -> Outcome | None:
    """Of a child that the system ended."""
    if status in (-getattr(signal, "SIGKILL", 9), _WINDOWS_NO_MEMORY):
        return _failed(KILLED)
    if status in (-signal.SIGTERM, -getattr(signal, "SIGHUP", 1), _WINDOWS_ENDED):
        return _failed(ASKED_TO_END)
    return None


def _of_words(lines: Sequence[str]) -> Outcome | None:
    """Of a child that said what it lacked; graphics cards first, whose words hold the others'."""
    if _line_with(lines, _GPU_MEMORY):
        return _failed(OUT_OF_GPU_MEMORY, cause=Cause.GPU_MEMORY)
    if line := _line_with(lines, _GPU):
        return _failed(GPU_ERROR, line)
    if line := _line_with(lines, _DISK):
        return _failed(DISK_FULL, line)
    if _line_with(lines, _MEMORY):
        return _failed(OUT_OF_MEMORY, cause=Cause.MEMORY)
    return None


def _of_crash(status: int, lines: Sequence[str]) -> Outcome:
    if status < 0:
        return _failed(CRASHED, _signal_name(-status))
    if status >= _WINDOWS_CRASH:
        return _failed(CRASHED, f"Windows code {status:#x}")
    if not lines:
        return _failed(SILENT, str(status))
    if any(line.startswith(_TRACEBACK) for line in lines):
        return _failed(UNKNOWN, lines[-1])
    return _failed(lines[-1])


def _line_with(lines: Sequence[str], words: Sequence[str]) -> str:
    """The last line that holds one of `words`; empty where there is none."""
    found = (line for line in reversed(lines) if any(word in line for word in words))
    return next(found, "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def outcome_of(error: AlcError) -> Outcome:
    """The outcome of work in this process that ended with `error`."""
    ending = Ending.CANCELLED if isinstance(error, Cancelled) else Ending.FAILED
    return Outcome(ending, str(error))
