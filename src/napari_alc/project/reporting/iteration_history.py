"""What each iteration has brought so far: its images, its runs and the noise found."""

from __future__ import annotations

from dataclasses import dataclass

from napari_alc.evaluation.label_noise import LabelNoise
from napari_alc.project.project import Project
from napari_alc.project.reporting.noise_history import noise_found
from napari_alc.project.storage.records import ModelName, RunRecord


@dataclass(frozen=True)
class IterationHistory:
    """An iteration that has begun.

    Parameters
    ----------
    images
        In X^i; images of an audit count from the iteration that learns from them on.
    runs
        Of Mp and Ma; None for one that is not trained.
    """

    iteration: int
    images: int
    runs: tuple[RunRecord | None, ...]


def iteration_history(project: Project) -> tuple[IterationHistory, ...]:
    """All iterations that have begun, in order."""
    with project.store.transaction() as unit:
        added = unit.tasks.whole_by_iteration()
        runs = {(run.iteration, run.model): run for run in unit.runs.all()}
    images = 0
    found = []
    for iteration, count in added.items():
        images += count
        of_models = tuple(runs.get((iteration, model)) for model in ModelName)
        found.append(IterationHistory(iteration, images, of_models))
    return tuple(found)


def noise_history(project: Project) -> dict[int, LabelNoise]:
    """`noise_found` of the iterations that have begun; images of an audit wait for the next."""
    with project.store.transaction() as unit:
        begun = unit.tasks.whole_by_iteration()
    return {i: noise for i, noise in noise_found(project).items() if i in begun}
