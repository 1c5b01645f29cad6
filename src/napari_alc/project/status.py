"""Where a project stands and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from napari_alc.detection.run_files import CHECKPOINT_FILE, WEIGHTS_FILE, detections_folder
from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.storage.prediction_files import (
    has_looked_at,
    images_looked_at,
    is_whole_archive,
)
from napari_alc.project.storage.records import EventKind, ReviewStep, RunRecord, Task
from napari_alc.project.strategy_measurements import is_measured
from napari_alc.wording import counted, form

NEWEST_DECISION = "newest_decision"
"""In the metrics of a run: the latest decision that its training labels hold."""


class Step(StrEnum):
    """A step of the method; the value is the command that does it."""

    REVIEW = "review"
    TRAIN = "train"
    PREDICT = "predict"
    SELECT = "select"
    CORRECT = "correct"
    EXPORT = "export"


@dataclass(frozen=True)
class Status:
    """Where a project stands; the sentence tells all of it in plain words.

    X^i is the newest, with `in_step1` images; those of an audit join the next one. Of all images
    that people got, some are done, the others are waiting. Where it is corrected, step 2 has begun.
    `stopped_by` ended the iterations before g of them were done; empty where nobody has. `excluded`
    images are left out of the dataset and count nowhere else. `unsure` boxes, of images that
    everybody may see, wait for somebody who knows; they hold nothing up before the export.
    """

    iteration: int
    next_step: Step
    images: int
    in_step1: int
    waiting: int
    done: int
    corrected: bool
    sentence: str
    stopped_by: str = ""
    excluded: int = 0
    unsure: int = 0


def status(project: Project) -> Status:
    """Where `project` stands and what comes next."""
    tasks = queue(project)
    step1 = [task for task in tasks if task.step is ReviewStep.WHOLE_IMAGE]
    iteration = max((task.iteration for task in step1 if not task.audit), default=0)
    corrected, stopper = is_corrected(project), stopped_by(project)
    next_step, lost = _next_step(project, tasks, iteration, corrected, bool(stopper))
    waiting = sum(not task.is_done for task in tasks)
    is_early = stopper and iteration < project.settings.method.iterations
    sentences = {**_SENTENCES, **(_STOPPED if is_early else {})}
    excluded, unsure = _set_aside(project, tasks)
    if unsure:
        sentences[Step.EXPORT] = _UNSETTLED
    return Status(
        iteration=iteration,
        next_step=next_step,
        images=_count_images(project),
        in_step1=sum(task.iteration <= iteration for task in step1),
        waiting=waiting,
        done=len(tasks) - waiting,
        corrected=corrected,
        sentence=(lost or sentences[next_step]).format(
            i=iteration,
            g=project.settings.method.iterations,
            waiting=f"{waiting} {form(waiting, 'image waits', 'images wait')}",
            stopper=stopper,
            unsure=counted(unsure, "box is", "boxes are"),
        ),
        stopped_by=stopper,
        excluded=excluded,
        unsure=unsure,
    )


def _set_aside(project: Project, tasks: Sequence[Task]) -> tuple[int, int]:
    """How many images are left out of the dataset, and how many boxes are marked as unsure."""
    ids = {task.id for task in tasks}
    with project.store.transaction() as unit:
        unsure = sum(task_id in ids for task_id, _ in unit.decisions.unsure())
        return len(unit.flags.excluded()), unsure


_UNSETTLED = (
    "Every image is finished, but {unsure} still marked as unsure: settle them, or say at the "
    "export what becomes of them."
)


_SENTENCES = {
    Step.REVIEW: "{waiting} for a pathologist.",
    Step.TRAIN: "Iteration {i} of {g}: train the two detectors on the images reviewed so far.",
    Step.PREDICT: "Iteration {i} of {g}: let both detectors look at the remaining images.",
    Step.SELECT: "Iteration {i} of {g}: select the next images for the pathologists.",
    Step.CORRECT: "All iterations are done: correct the remaining labels automatically.",
    Step.EXPORT: "Everything is settled: export the clean dataset.",
}

_STOPPED = {
    Step.CORRECT: "{stopper} stopped after iteration {i} of {g}: "
    "correct the remaining labels automatically."
}

LOST = {
    Step.TRAIN: "Iteration {i} of {g}: a trained detector is missing or damaged on the disk: "
    "train it again. The other one is kept where it is whole.",
    Step.PREDICT: "Iteration {i} of {g}: some of what the detectors saw is missing or damaged on "
    "the disk: let them look again. What is whole is kept.",
}
"""Where the files of a step that had been done are not whole any more."""


NOT_SEEN = (
    "Iteration {i} of {g}: the detectors have not seen all images that remain now: let them look "
    "again. What is whole is kept."
)
"""Where images were left out of the dataset, or taken in again, since they looked."""

LOOK_AGAIN = (
    "Iteration {i} of {g}: the way of choosing images was changed to one for which the detectors "
    "have to look again: predict again, after training again where it says so."
)


class _Work(NamedTuple):
    """A step, and the sentence that tells of it where its files were lost; else empty."""

    step: Step
    lost: str = ""


def _next_step(
    project: Project, tasks: tuple[Task, ...], iteration: int, corrected: bool, stopped: bool
) -> _Work:
    if any(not task.is_done for task in tasks):
        return _Work(Step.REVIEW)
    if corrected:
        return _Work(Step.EXPORT)
    work = _work_of_models(project, iteration)
    if work is not None:
        return work
    in_step1 = sum(task.step is ReviewStep.WHOLE_IMAGE for task in tasks)
    everything = in_step1 == _count_images(project)
    if stopped or iteration >= project.settings.method.iterations or everything:
        return _Work(Step.CORRECT)
    return _Work(Step.SELECT)


def _work_of_models(project: Project, iteration: int) -> _Work | None:
    """What the models of an iteration still have to do; None where they are through."""
    runs = [run_of(project, iteration, model) for model in MODELS]
    newest = newest_decision(project, iteration)
    if any(run is None or _is_outdated(run, newest) for run in runs):
        return _Work(Step.TRAIN)
    has_predicted = all(run.predicted_at is not None for run in runs if run is not None)
    folders = [project.run_folder(iteration, model) for model in MODELS]
    if has_predicted and _has_looked(project, iteration, folders):
        return None if is_measured(project, iteration) else _Work(Step.PREDICT, LOOK_AGAIN)
    if not all(is_whole_archive(folder / WEIGHTS_FILE) for folder in folders):
        return _Work(Step.TRAIN, LOST[Step.TRAIN])
    return _Work(Step.PREDICT, _why_again(project) if has_predicted else "")


def _why_again(project: Project) -> str:
    return NOT_SEEN if _has_flags(project) else LOST[Step.PREDICT]


def _has_flags(project: Project) -> bool:
    """Whether images were ever flagged: some may have been left out and taken in again."""
    with project.store.transaction() as unit:
        return unit.flags.newest() > 0


def _has_looked(project: Project, iteration: int, folders: Sequence[Path]) -> bool:
    """Whether what the models saw in X without X^i is there."""
    with project.store.transaction() as unit:
        remaining = unit.images.count() - unit.tasks.count_whole(iteration)
    places = [detections_folder(folder, "remaining") for folder in folders]
    if not all(images_looked_at(place) >= remaining for place in places):
        return False
    if not _has_flags(project):
        return True  # the count alone tells, and no id has to be asked for
    ids = [image.id for image in remaining_images(project, iteration)]
    return all(has_looked_at(place, ids) for place in places)


def _count_images(project: Project) -> int:
    with project.store.transaction() as unit:
        return unit.images.count()


def has_predicted(project: Project, iteration: int) -> bool:
    """Whether both models of an iteration have looked at X without X^i."""
    return _work_of_models(project, iteration) is None


def _is_outdated(run: RunRecord, newest: int) -> bool:
    """Whether a person decided something since the run's labels were read."""
    seen = run.metric(NEWEST_DECISION)
    return run.trained_at is None or (seen is not None and seen < newest)


def newest_decision(project: Project, iteration: int) -> int:
    """Number of the latest decision on the images of X^i; 0 where there is none."""
    with project.store.transaction() as unit:
        return unit.decisions.newest_whole(iteration)


def run_of(project: Project, iteration: int, model: str) -> RunRecord | None:
    """A model's run, or None where it was never begun."""
    with project.store.transaction() as unit:
        return unit.runs.run(iteration, model)


def has_stopped_training(project: Project) -> bool:
    """Whether a training of the newest iteration was begun and has not come to its end."""
    iteration = status(project).iteration
    folders = (project.run_folder(iteration, model) for model in MODELS)
    return any((folder / CHECKPOINT_FILE).is_file() for folder in folders)


def is_corrected(project: Project) -> bool:
    """Whether the remaining labels were corrected (step 2 has begun)."""
    with project.store.transaction() as unit:
        return unit.events.has(EventKind.CORRECT)


def stopped_by(project: Project) -> str:
    """Who ended the iterations early; empty where nobody has, or it was taken back."""
    with project.store.transaction() as unit:
        return unit.events.stopped_by()


def require(project: Project, *allowed: Step) -> Status:
    """The status, if one of `allowed` is what comes next.

    Raises
    ------
    AlcError
        When something else has to be done first, or it was done already.
    """
    found = status(project)
    if found.next_step not in allowed:
        raise AlcError(
            f"This is not the time to {allowed[0].value}: {found.sentence} "
            f"Next comes '{found.next_step.value}'."
        )
    return found
