"""What the detectors of an iteration learn from, with which settings, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.boxes import areas
from napari_alc.detection.run_files import METRICS_FILE, WEIGHTS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError
from napari_alc.labels import LabelSet
from napari_alc.project.label_sets import pathologist_labels, training_labels
from napari_alc.project.project import Project
from napari_alc.project.status import newest_decision
from napari_alc.project.steps.shared_plan import shared_plan
from napari_alc.project.storage.integrity import drop_damaged_training

if TYPE_CHECKING:
    from napari_alc.detection.data.samples import TrainingImage
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.training.validation import CleanImages


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """All that decides the outcome of a training, and where its outcome goes.

    Parameters
    ----------
    labels
        What is learned; images without a label are negative examples.
    paths
        The file of each image.
    plan
        Sizes of the network and its input; None chooses them from `labels`.
    clean
        The validation images that are looked at meanwhile; None measures nothing.
    folder
        Where weights, metrics and checkpoint are written.
    step
        Name of the step in progress reports.
    iteration, model
        Whose training this is; -1 and empty for one that belongs to no iteration.
    newest
        Number of the latest decision that the labels hold.
    strategy
        Name of the selection strategy that will ask the detector; empty for none.
    """

    labels: LabelSet
    paths: tuple[Path, ...]
    settings: DetectorSettings
    plan: Plan | None
    clean: CleanImages | None
    folder: Path
    step: str
    iteration: int = -1
    model: str = ""
    newest: int = 0
    strategy: str = ""

    def images(self) -> list[TrainingImage]:
        """What is learned, as a detector takes it."""
        from napari_alc.detection.data.samples import training_images

        return training_images(self.labels, self.paths)


def prepare(project: Project, iteration: int, model: str) -> TrainingJob:
    """What a model of an iteration learns, and from what.

    Raises
    ------
    AlcError
        When the training set holds no box.
    BadData
        When an image is missing or was replaced.
    """
    # Read before the labels: a decision made meanwhile counts as newer, and trains again.
    newest = newest_decision(project, iteration)
    labels = training_labels(project, iteration, model)
    if not (areas(labels.labels.boxes) > 0).any():
        raise AlcError(NO_BOXES[model])
    settings = project.settings.seeded_detector
    folder = project.run_folder(iteration, model)
    drop_damaged_training(folder / WEIGHTS_FILE, folder / METRICS_FILE)
    return TrainingJob(
        labels=labels,
        paths=tuple(project.path_of(image) for image in labels.images),
        settings=settings,
        plan=shared_plan(pathologist_labels(project, iteration), settings, folder.parent),
        clean=clean_images(project),
        folder=folder,
        step=f"train {model}",
        iteration=iteration,
        model=model,
        newest=newest,
        strategy=project.settings.method.strategy if model == "mp" else "",
    )


NO_BOXES = {
    "mp": "The pathologists found no object in the images reviewed so far, so there is nothing "
    "to learn from. Review more images first.",
    "ma": "No box of the crowd agrees with the pathologists' in the images reviewed so far, so "
    "Ma has nothing to learn from. Review more images first, or lower delta in project.toml.",
}
"""Why a model cannot be trained yet."""


def clean_images(project: Project) -> CleanImages | None:
    """The validation images that are looked at during a training; None where there are none.

    Raises
    ------
    BadData
        When an image is missing or was replaced.
    """
    from napari_alc.detection.training.validation import CleanImages, chosen_images

    truth = project.validation_labels()
    if not len(truth.labels):
        return None
    chosen = chosen_images(truth)
    return CleanImages(chosen, [project.path_of(image) for image in chosen.images])
