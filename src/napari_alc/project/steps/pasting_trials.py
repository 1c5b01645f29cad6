"""Whether a model pastes labelled objects while it learns, where the settings leave that open.

It helps with objects that lie anywhere and hurts with those that belong to a place, and more or
less so with the number of images; nobody knows beforehand. So the model is trained both ways, and
the way with the higher AP50 on images that it has not learned from is taken. With validation
images the better of the two detectors is the model, so that nothing has to be trained again.
Without, both ways learn from one half of the labelled images and are measured on the other.

Shorter trainings would not tell: pasting looks better in them than it is in the end.

What came of it is kept beside the model, and holds for later iterations until there are
`HOLDS_UNTIL` times as many images.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from napari_alc.boxes import areas
from napari_alc.detection.run_files import WEIGHTS_FILE
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.files import write_text
from napari_alc.labels import LabelSet
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.steps.executor import Executor
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage.records import RunRecord

LEAST_IMAGES = 4
"""With fewer labelled images, and no validation images, nothing is pasted."""

HOLDS_UNTIL = 2

LEAST_GAIN = 0.5
"""Points of AP50 by which pasting must be better on a half of few images: less is chance there,
and where it is wrong it costs more than it gains where it is right (docs/benchmarks.md)."""

PASTING_FILE = "pasting.json"
TRIALS = "pasting"
"""Folder of the trainings that decide, beside the model's own files; it goes when they have."""
DETECTIONS = "detections"

PASTING = "pasting"
"""In the metrics of a run: the trial that decided how it was trained."""

Way = Literal["off", "on"]
WAYS: Sequence[Way] = ("off", "on")
WORDS: Mapping[str, str] = {"off": "without", "on": "with"}
CURVES = ("loss", "validation_AP50")
"""Values of a trial's progress that are shown as it goes."""
HeldOut = Literal["validation images", "half of the images"]


@dataclass(frozen=True)
class PastingTrial:
    """What trainings without and with pasting came to.

    `off` and `on` are AP50 in percent on images that were `held_out`; `images` were labelled then.
    """

    images: int
    held_out: HeldOut
    off: float
    on: float

    @property
    def paste(self) -> Way:
        """The better way; without it where neither is, or half of the images hardly tells."""
        least = 0.0 if self.held_out == "validation images" else LEAST_GAIN
        return "on" if self.on - self.off > least else "off"

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


@dataclass(frozen=True)
class DueTrial:
    """Trainings that have to come before a model's own, without and with pasting.

    They are measured on the images of `truth`.
    """

    jobs: Sequence[TrainingJob]
    truth: LabelSet
    held_out: HeldOut

    @property
    def becomes_the_model(self) -> bool:
        """Whether they learn from all that the model learns from."""
        return self.held_out == "validation images"

    @property
    def iterations(self) -> int:
        """Of all of them together."""
        return sum(map(iterations_of, self.jobs))


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
            As `Executor.train` and `Executor.predict_pieces`.
        """
        if not job.settings.is_pasting_open:
            return job
        due = due_trial(self.project, job)
        if due:
            self._try_out(job, due)
        known = trial_in_force(self.project, job)
        return _with(job, known.paste if known else "off")

    def told(self, progress: Progress) -> None:
        """Tell of a training, to which its trials belong."""
        before = self._tried.get(progress.step, 0)
        done, total = progress.done + before, progress.total + before
        self.report(replace(progress, done=done, total=total))

    def _try_out(self, job: TrainingJob, due: DueTrial) -> None:
        told = self._told_of_trials(job, due)
        trained = list(self.executor.train(due.jobs, told, self.should_stop, self.device))
        off, on = (self._measured(one, due.truth, told) for one in trained)
        trial = PastingTrial(len(job.labels.images), due.held_out, off, on)
        trial.write(job.folder)
        if due.becomes_the_model:
            _take_over(trained[WAYS.index(trial.paste)].folder, job.folder)
        shutil.rmtree(job.folder / TRIALS, ignore_errors=True)

    def _measured(self, job: TrainingJob, truth: LabelSet, told: Report) -> float:
        """AP50 in percent, looked at as in a prediction."""
        asked = [(image.id, self.project.path_of(image)) for image in truth.images]
        found = self.executor.predict_pieces(
            job.folder / WEIGHTS_FILE,
            asked,
            job.folder / DETECTIONS,
            told,
            self.should_stop,
            self.device,
        )
        return round(average_precision(truth, found, detection_limit(found)).ap50, 2)

    def _told_of_trials(self, job: TrainingJob, due: DueTrial) -> Report:
        total = due.iterations
        if not due.becomes_the_model:
            self._tried[job.step] = due.iterations
            total += iterations_of(job)
        ways = {one.step: str(one.settings.paste) for one in due.jobs}
        done = dict.fromkeys(ways, 0)

        def told(progress: Progress) -> None:
            message = f"looking at held-out images, {progress.done} of {progress.total}"
            if progress.step in ways:
                done[progress.step] = progress.done
                of_training = progress.message.partition(", about ")[0]
                message = f"{WORDS[ways[progress.step]]} pasted objects, {of_training}"
            values = {name: progress.values[name] for name in CURVES if name in progress.values}
            self.report(Progress(job.step, sum(done.values()), total, message, values))

        return told


def _take_over(trained: Path, folder: Path) -> None:
    """Let a trial's detector be the model's."""
    # The weights come last: whoever finds them finds the record too.
    files = [path for path in trained.iterdir() if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == WEIGHTS_FILE):
        path.replace(folder / path.name)


def trial_in_force(project: Project, job: TrainingJob) -> PastingTrial | None:
    """The newest trial of the same model that still holds; None where there is none."""
    folders = (project.run_folder(i, job.model) for i in range(job.iteration, -1, -1))
    trial = next((found for folder in folders if (found := PastingTrial.read(folder))), None)
    if trial is None or len(job.labels.images) >= HOLDS_UNTIL * trial.images:
        return None
    return trial


def _with(job: TrainingJob, paste: Way) -> TrainingJob:
    return replace(job, settings=job.settings.changed(paste=paste))


def due_trial(project: Project, job: TrainingJob) -> DueTrial | None:
    """What has to come before `job`.

    None where the settings or an earlier trial decide, or where there are too few images.
    """
    if not job.settings.is_pasting_open or trial_in_force(project, job):
        return None
    validation = project.validation_labels()
    if _has_objects(validation):
        return DueTrial([_trial(job, way) for way in WAYS], validation, "validation images")
    ids = [image.id for image in job.labels.images]
    learned = job.labels.of_images(ids[1::2])
    # Whatever the model learns, it is measured on what people said.
    truth = pathologist_labels(project, job.iteration).of_images(ids[::2])
    if len(ids) < LEAST_IMAGES or not (_has_objects(learned) and _has_objects(truth)):
        return None
    paths = tuple(project.path_of(image) for image in learned.images)
    half = replace(job, labels=learned, paths=paths, clean=None, strategy="")
    return DueTrial([_trial(half, way) for way in WAYS], truth, "half of the images")


def _trial(job: TrainingJob, way: Way) -> TrainingJob:
    folder = job.folder / TRIALS / way
    return replace(_with(job, way), folder=folder, step=f"{job.step}, {way}")


def iterations_of(job: TrainingJob) -> int:
    """Batches of a training."""
    return job.settings.total_iterations(len(job.labels.images))


def _has_objects(labels: LabelSet) -> bool:
    return bool((areas(labels.labels.boxes) > 0).any())
