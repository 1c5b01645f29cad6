"""Whether a model pastes labelled objects while it learns, where the settings leave that open.

It helps with objects that lie anywhere and hurts with those that belong to a place, and more or
less so with the number of images; nobody knows beforehand. So the model is trained both ways for a
shorter time, and the way with the higher AP50 on images that it has not learned from is taken:
on the validation images, or where there are none on folds of the images labelled so far.

What came of it is kept beside the model, and holds for later iterations until there are
`HOLDS_UNTIL` times as many images.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal, Self

from napari_alc.boxes import areas
from napari_alc.detection.run_files import METRICS_FILE
from napari_alc.files import write_text
from napari_alc.labels import LabelSet
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.steps.executor import Executor
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage.records import RunRecord

if TYPE_CHECKING:
    from napari_alc.detection.training.validation import CleanImages

TRIAL_SHARE = 1 / 3
"""Length of a trial, as a share of the training's iterations."""

FOLDS = 2
LEAST_IMAGES = 4
"""With fewer labelled images, and no validation images, nothing is pasted."""

HOLDS_UNTIL = 2

PASTING_FILE = "pasting.json"
TRIALS = "pasting"
"""Folder of the trainings that decide, beside the model's own files; it goes when they have."""

PASTING = "pasting"
"""In the metrics of a run: the trial that decided how it was trained."""

WAYS: Sequence[Literal["off", "on"]] = ("off", "on")


@dataclass(frozen=True)
class PastingTrial:
    """What trainings without and with pasting came to.

    `off` and `on` are AP50 in percent on images that were `held_out`; `images` were labelled then,
    and learned from but for the fold.
    """

    images: int
    held_out: Literal["validation images", "folds"]
    off: float
    on: float

    @property
    def paste(self) -> Literal["off", "on"]:
        """The better way; without it where neither is."""
        return "on" if self.on > self.off else "off"

    @property
    def sentence(self) -> str:
        """What was decided, and why."""
        found = f"AP50 {self.on:.1f} % with it, {self.off:.1f} % without, on {self.held_out}"
        will = "are pasted" if self.paste == "on" else "are not pasted"
        return f"Labelled objects {will} into other images while it learns ({found})."

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The trial of the model whose files are in `folder`; None where there was none."""
        try:
            return cls(**json.loads((folder / PASTING_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Keep it beside the model's other files."""
        write_text(folder / PASTING_FILE, json.dumps(asdict(self), indent=1) + "\n")


def said_of(run: RunRecord | None) -> str:
    """What a trial decided for a run, in words; empty where there was none."""
    trial = run.metric(PASTING) if run else None
    return PastingTrial(**trial).sentence if trial else ""


@dataclass
class PastingDecider:
    """Decides on pasting for the jobs of a step, by trials where nobody knows yet.

    `report` is told of a model's trials and of its training as of one thing; `told` is what the
    trainings themselves report to.
    """

    project: Project
    executor: Executor
    report: Report
    should_stop: ShouldStop
    device: str
    _tried: dict[str, int] = field(default_factory=dict)
    """Iterations of the trials that came before a training, by its step."""

    def decided(self, job: TrainingJob) -> TrainingJob:
        """`job` as it will be trained: with or without pasting.

        The trials' trainings are ordinary ones, cancelled and resumed like any other.

        Raises
        ------
        AlcError, Cancelled
            As `Executor.train`.
        """
        if not job.settings.is_pasting_open:
            return job
        trials = due_trials(self.project, job)
        if trials:
            self._try_out(job, trials)
        known = trial_in_force(self.project, job)
        return _with(job, known.paste if known else "off")

    def told(self, progress: Progress) -> None:
        """Tell of a training, to which its trials belong."""
        before = self._tried.get(progress.step, 0)
        done, total = progress.done + before, progress.total + before
        self.report(replace(progress, done=done, total=total))

    def _try_out(self, job: TrainingJob, trials: Sequence[TrainingJob]) -> None:
        told = self._told_of_trials(job, trials)
        trained = list(self.executor.train(trials, told, self.should_stop, self.device))
        _trial_of(job, trained).write(job.folder)
        shutil.rmtree(job.folder / TRIALS, ignore_errors=True)

    def _told_of_trials(self, job: TrainingJob, trials: Sequence[TrainingJob]) -> Report:
        tried = sum(map(_iterations, trials))
        self._tried[job.step] = tried
        total = tried + _iterations(job)
        done: dict[str, int] = {}

        def told(progress: Progress) -> None:
            done[progress.step] = progress.done
            now = sum(done.values())
            message = f"trying out whether pasted objects help, iteration {now} of {tried}"
            self.report(Progress(job.step, now, total, message))

        return told


def trial_in_force(project: Project, job: TrainingJob) -> PastingTrial | None:
    """The newest trial of the same model that still holds; None where there is none."""
    folders = (project.run_folder(i, job.model) for i in range(job.iteration, -1, -1))
    trial = next((found for folder in folders if (found := PastingTrial.read(folder))), None)
    if trial is None or len(job.labels.images) >= HOLDS_UNTIL * trial.images:
        return None
    return trial


def _with(job: TrainingJob, paste: Literal["off", "on"]) -> TrainingJob:
    return replace(job, settings=job.settings.changed(paste=paste))


def due_trials(project: Project, job: TrainingJob) -> list[TrainingJob]:
    """The trainings that have to come before `job`, both ways on each part of its labels.

    None where the settings or an earlier trial decide, or where there are too few images.
    """
    if not job.settings.is_pasting_open or trial_in_force(project, job):
        return []
    parts = enumerate(_parts(project, job.labels, job.iteration))
    return [_trial(project, job, way, *part) for part in parts for way in WAYS]


def _trial(
    project: Project,
    job: TrainingJob,
    way: Literal["off", "on"],
    part: int,
    given: tuple[LabelSet, CleanImages],
) -> TrainingJob:
    learned, held_out = given
    iterations = max(1, round(TRIAL_SHARE * _iterations(job)))
    # Measured once, at its end.
    settings = job.settings.changed(paste=way, iterations=iterations, validate_every=iterations)
    return replace(
        job,
        labels=learned,
        paths=tuple(project.path_of(image) for image in learned.images),
        settings=settings,
        clean=held_out,
        folder=job.folder / TRIALS / f"{way}{part}",
        step=f"{job.step}, {way}, {part}",
        strategy="",
    )


def _iterations(job: TrainingJob) -> int:
    return job.settings.total_iterations(len(job.labels.images))


def _parts(
    project: Project, labels: LabelSet, iteration: int
) -> Iterator[tuple[LabelSet, CleanImages]]:
    """What is learned, and the images that tell how well."""
    validation = project.validation_labels()
    if len(validation.labels):
        yield labels, _clean(project, validation)
        return
    # Whatever the model learns, it is measured on what people said.
    truth = pathologist_labels(project, iteration)
    ids = [image.id for image in labels.images]
    folds = [ids[number::FOLDS] for number in range(FOLDS)]
    learned = [labels.of_images(set(ids) - set(fold)) for fold in folds]
    held_out = [truth.of_images(fold) for fold in folds]
    if len(ids) >= LEAST_IMAGES and all(map(_has_objects, [*learned, *held_out])):
        for one, other in zip(learned, held_out, strict=True):
            yield one, _clean(project, other)


def _has_objects(labels: LabelSet) -> bool:
    return bool((areas(labels.labels.boxes) > 0).any())


def _clean(project: Project, truth: LabelSet) -> CleanImages:
    from napari_alc.detection.training.validation import CleanImages

    paths = [project.path_of(image) for image in truth.images]
    return CleanImages(truth, paths, looks_fully=True)


def _trial_of(job: TrainingJob, trained: Sequence[TrainingJob]) -> PastingTrial:
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for one in trained:
        found[str(one.settings.paste)].append(_measured(one.folder))
    means = {way: round(fmean(values), 2) for way, values in found.items()}
    held_out: Literal["validation images", "folds"]
    held_out = "validation images" if len(trained) == len(WAYS) else "folds"
    return PastingTrial(len(job.labels.images), held_out, means["off"], means["on"])


def _measured(folder: Path) -> float:
    """AP50 in percent on the held-out images, from the record of a trial."""
    metrics: Mapping[str, list[tuple[int, float]]] = json.loads(
        (folder / METRICS_FILE).read_text(encoding="utf-8")
    )
    return metrics["validation"][-1][1]
