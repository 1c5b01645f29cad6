"""What each iteration has brought so far: images, runs, and the noise found in the crowd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from napari_alc.evaluation.label_noise import LabelNoise, compare_labels
from napari_alc.labels import Labels, LabelSet
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import decided_labels, judged, unsure_labels
from napari_alc.project.project import Project
from napari_alc.project.storage.records import ModelName, ReviewStep, RunRecord


def noise_found(project: Project) -> Mapping[int, LabelNoise]:
    """Noise of the crowd's labels by iteration, judged by what the pathologists have finished.

    Only images that were reviewed whole count: there every object is labelled, but for boxes that
    somebody is unsure about, which count neither as right nor as wrong. The images of each
    X^i that its iteration added are judged by themselves.
    """
    finished = [task for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.is_done]
    truth, unsure = decided_labels(project, finished), unsure_labels(project, finished)
    with project.store.transaction() as unit:
        crowd = judged(unit.boxes.of_crowd_on_finished(), unsure)
    images: dict[int, set[int]] = defaultdict(set)
    for task in finished:
        images[task.iteration].add(task.image_id)
    categories = project.categories()

    def of_images(labels: Labels, ids: set[int]) -> LabelSet:
        return LabelSet((), categories, labels.of_images(ids))

    return {
        iteration: compare_labels(of_images(truth, ids), of_images(crowd, ids))
        for iteration, ids in sorted(images.items())
    }


def review_mark(project: Project) -> tuple[int, int]:
    """Changes whenever `noise_found` may have: last decision or flag, and finished images."""
    with project.store.transaction() as unit:
        # both numbers only grow, so that their sum tells a change of either
        newest = unit.decisions.newest() + unit.flags.newest()
        return newest, unit.tasks.count_finished_whole()


@dataclass(frozen=True)
class IterationHistory:
    """An iteration that has begun, with the runs of Mp and Ma; None for one that is not trained.

    Of the images in X^i, those of an audit count from the iteration that learns from them on.
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
