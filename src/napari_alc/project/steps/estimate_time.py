"""How long the trainings and predictions of an iteration will take on this computer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_alc.boxes import areas
from napari_alc.detection.settings import DetectorSettings, Looks
from napari_alc.errors import AlcError
from napari_alc.labels import ImageRecord, LabelSet
from napari_alc.project.label_sets import remaining_images, training_labels
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import Step, status
from napari_alc.project.steps.pasting_trials import due_trial, iterations_of
from napari_alc.project.steps.training_inputs import NO_BOXES, TrainingJob, clean_images

if TYPE_CHECKING:
    from napari_alc.detection.estimate import Estimate
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.training.validation import CleanImages

Item = TypeVar("Item")


@dataclass(frozen=True)
class TimeEstimate:
    """How long an iteration will take: both trainings, and both models looking at the images.

    The device is told in words. `iterations` are batches of Mp's training and of Ma's, which may be
    at the same time (`side_by_side`); `images` are the remaining and the validation images, each
    looked at `looks` times. Where it `tries_pasting`, models are trained without and with it.
    """

    device: str
    train_seconds: float
    predict_seconds: float
    iterations: tuple[int, ...]
    images: int
    side_by_side: bool
    looks: Looks = 1
    tries_pasting: bool = False


def estimate(
    project: Project, device: str = "auto", side_by_side: bool = False, threads: int | None = None
) -> TimeEstimate:
    """Measure for some seconds how long the iteration's trainings and predictions will take.

    Measured are the project's own images with the labels that there are so far. Nothing is written
    but decoded images in its cache. `threads` are those of each training; None leaves torch's own
    number.

    Raises
    ------
    AlcError
        When there is nothing to learn from yet, or nothing left to train, or the training could
        not begin (see `napari_alc.detection.training.training.train`).
    """
    iteration = _iteration(project)
    labels = {model: training_labels(project, iteration, model) for model in MODELS}
    for model, of_model in labels.items():
        if not (areas(of_model.labels.boxes) > 0).any():
            raise AlcError(NO_BOXES[model])
    looked_at = (*remaining_images(project, iteration), *project.validation_labels().images)
    settings = project.settings.seeded_detector
    started = _start_seconds()
    plan = _plan(project, labels["mp"], settings)
    found = _measured(project, labels["mp"], settings, plan, looked_at, device, threads)
    counts = [len(of_model.images) for of_model in labels.values()]
    iterations = tuple(settings.total_iterations(count) for count in counts)
    clean = clean_images(project)
    checks = [_checks(clean, settings, total) for total in iterations]
    tried = [_trial_seconds(project, iteration, *each, clean, found) for each in labels.items()]
    learning = [found.training(*each) for each in zip(iterations, counts, checks, strict=True)]
    seconds = [before + then for before, then in zip(tried, learning, strict=True)]
    predicting = found.prediction(len(looked_at), len(MODELS), _cache_bytes(project))
    return TimeEstimate(
        device=found.device,
        train_seconds=started + (max(seconds) if side_by_side else sum(seconds)),
        predict_seconds=started + predicting,
        iterations=iterations,
        images=len(looked_at),
        side_by_side=side_by_side,
        looks=plan.looks,
        tries_pasting=any(tried),
    )


def _trial_seconds(
    project: Project,
    iteration: int,
    model: str,
    labels: LabelSet,
    clean: CleanImages | None,
    found: Estimate,
) -> float:
    """Seconds that deciding on pasting adds to a training; 0 where it is decided."""
    folder = project.run_folder(iteration, model)
    settings = project.settings.seeded_detector
    job = TrainingJob(labels, (), settings, None, clean, folder, "", iteration, model)
    due = due_trial(project, job)
    if due is None:
        return 0.0
    trainings = list(due.jobs)[1:] if due.becomes_the_model else due.jobs
    looked_at = len(due.jobs) * len(due.truth.images)
    return looked_at * found.again_seconds + sum(
        found.training(iterations_of(one), 0, _checks(one.clean, settings, iterations_of(one)))
        for one in trainings
    )


def _iteration(project: Project) -> int:
    found = status(project)
    if found.corrected or found.next_step in (Step.CORRECT, Step.EXPORT):
        raise AlcError(f"No training is left whose time could be estimated. {found.sentence}")
    return found.iteration


def _start_seconds() -> float:
    """What it takes to load torch, where this is the first to do so, as each step has to."""
    began = time.monotonic()
    import_module("napari_alc.detection.estimate")
    return time.monotonic() - began


def _plan(project: Project, labels: LabelSet, settings: DetectorSettings) -> Plan:
    from napari_alc.detection.plan import plan_for

    return plan_for(labels, settings, len(project.images()))


def _measured(
    project: Project,
    labels: LabelSet,
    settings: DetectorSettings,
    plan: Plan,
    looked_at: Sequence[ImageRecord],
    device: str,
    threads: int | None,
) -> Estimate:
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.data.samples import training_images
    from napari_alc.detection.estimate import SAMPLE
    from napari_alc.detection.estimate import estimate as measure

    with_boxes = [image.id for image in labels.images if image.id in labels.labels.by_image()]
    learned = labels.of_images(_spread(with_boxes, SAMPLE))
    return measure(
        training_images(learned, [project.path_of(image) for image in learned.images]),
        labels.categories,
        settings,
        device,
        plan,
        [project.path_of(image) for image in _spread(looked_at, SAMPLE)],
        ImageCache(project.cache_folder),
        threads,
    )


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, spread evenly."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


def _checks(clean: CleanImages | None, settings: DetectorSettings, iterations: int) -> int:
    """Clean images looked at during a training, each as often as it is."""
    if clean is None:
        return 0
    every = settings.validation_interval(iterations)
    return len(clean.paths) * -(-iterations // every)


def _cache_bytes(project: Project) -> int:
    from napari_alc.detection.data.cache import default_limit

    return default_limit(project.cache_folder)
