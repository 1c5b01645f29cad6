"""Errors that end a step in one plain line instead of a traceback."""

from __future__ import annotations

from pathlib import Path

from napari_alc.wording import Refusal


class AlcError(Exception):
    """Something a user can understand and mend; its text is one plain line."""


class Refused(AlcError):
    """What was asked for cannot be done as things stand; nothing was changed.

    Parameters
    ----------
    reason
        Why.
    about
        What stands in place of the braces of its sentence.
    """

    def __init__(self, reason: Refusal, *about: object) -> None:
        self.reason = reason
        super().__init__(reason, *about)

    def __str__(self) -> str:
        return self.reason.value.format(*self.args[1:])


class BadData(AlcError):
    """A file or record cannot be used.

    Parameters
    ----------
    where
        The file (or folder) at fault.
    problem
        What is wrong, naming the record.
    remedy
        What the user can do about it.
    """

    def __init__(self, where: Path | str, problem: str, remedy: str) -> None:
        self.where = Path(where)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{where}: {problem}. {remedy}")

    def __reduce__(self) -> tuple[type[BadData], tuple[str, str, str]]:
        # As text, so that another computer with another kind of paths can read it.
        return type(self), (str(self.where), self.problem, self.remedy)


def unreadable(path: Path, error: OSError) -> BadData:
    """The error about a file that the operating system does not give out."""
    reason = error.strerror or str(error)
    return BadData(path, f"cannot be read ({reason})", "Check the path")


class Cancelled(AlcError):
    """The user stopped a long step; the last good state is kept."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(f"{step} was cancelled; everything finished before is kept.")

    def __reduce__(self) -> tuple[type[Cancelled], tuple[str]]:
        return type(self), (self.step,)
