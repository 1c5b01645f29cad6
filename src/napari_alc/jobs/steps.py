"""The steps of the method as jobs: which commands do them, run one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_alc.jobs.child import Log, run_child
from napari_alc.jobs.outcome import CANCELLED, SUCCESS, Outcome
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.status import Step


@dataclass(frozen=True)
class Command:
    """A command of the program.

    Parameters
    ----------
    arguments
        Its name and arguments.
    reports_progress
        Whether it tells its progress and can be cancelled through a file.
    """

    arguments: tuple[str, ...]
    reports_progress: bool = False


_COMMANDS: Mapping[Step, tuple[str, ...]] = {
    Step.TRAIN: ("train", "predict"),
    Step.PREDICT: ("predict",),
    Step.SELECT: ("select",),
    Step.CORRECT: ("correct",),
    Step.EXPORT: ("export",),
}

_WITH_PROGRESS = ("train", "predict")


def commands(step: Step, project: Path, device: str = "auto") -> tuple[Command, ...]:
    """The commands that do `step` of the project in a folder; prediction follows training.

    Raises
    ------
    KeyError
        For `Step.REVIEW`, which a person does.
    """
    return tuple(
        Command((name, str(project), "--device", device), True)
        if name in _WITH_PROGRESS
        else Command((name, str(project)))
        for name in _COMMANDS[step]
    )


def run_commands(
    todo: Sequence[Command],
    report: Report = silent,
    should_stop: ShouldStop = never,
    log: Log | None = None,
) -> Outcome:
    """Run commands in child processes, each when the one before it succeeded."""
    for command in todo:
        if should_stop():
            return CANCELLED
        outcome = run_child(
            command.arguments,
            report,
            should_stop,
            log,
            reports_progress=command.reports_progress,
        )
        if not outcome.succeeded:
            return outcome
    return SUCCESS
