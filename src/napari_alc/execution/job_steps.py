"""The steps of the method as jobs: which commands do them, one after the other or side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_alc.project.project import MODELS
from napari_alc.project.status import Step

HERE = "none"
"""Instead of a cluster's address: compute on this computer, whatever the project says."""

WITH_DEVICE = ("train", "predict")
"""Commands that compute on a device, tell their progress and can be cancelled through a file."""


@dataclass(frozen=True)
class StepCommand:
    """A command of the program; one that reports progress can be cancelled through a file."""

    arguments: tuple[str, ...]
    reports_progress: bool = False

    @property
    def name(self) -> str:
        """What it does."""
        return self.arguments[0]

    @property
    def computes_here(self) -> bool:
        """Whether it needs this computer's cores or graphics card."""
        if self.name not in WITH_DEVICE:
            return False
        return "--cluster" not in self.arguments or self.arguments[-1] == HERE


Stage = tuple[StepCommand, ...]
"""Commands that may run side by side; the next stage waits for all of them."""

_COMMANDS: Mapping[Step, tuple[str, ...]] = {
    Step.TRAIN: ("train", "predict"),
    Step.PREDICT: ("predict",),
    Step.SELECT: ("select",),
    Step.CORRECT: ("correct",),
    Step.EXPORT: ("export",),
}


def commands(
    step: Step, project: Path, device: str = "auto", cluster: str = ""
) -> tuple[Stage, ...]:
    """The stages that do `step` of the project in a folder; prediction follows training.

    `cluster` is the address of a Dask scheduler that computes instead of this computer, or empty.

    Raises
    ------
    KeyError
        For `Step.REVIEW`, which a person does.
    """
    return tuple(_stage(name, project, device, cluster) for name in _COMMANDS[step])


def _stage(name: str, project: Path, device: str, cluster: str) -> Stage:
    if name not in WITH_DEVICE:
        return (StepCommand((name, str(project))),)
    arguments = (name, str(project), "--device", device)
    there = ("--cluster", cluster or HERE)  # Always told: project.toml may name another one.
    if name == "train" and there[1] == HERE:  # A cluster shares the models out by itself.
        return tuple(StepCommand((*arguments, "--model", model, *there), True) for model in MODELS)
    return (StepCommand((*arguments, *there), reports_progress=True),)
