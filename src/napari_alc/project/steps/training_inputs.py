"""What the detectors of an iteration learn from, with which settings and sizes, and where to.

The sizes of both detectors are chosen once, from the pathologists' labels D_p. So Mp and Ma see the
images alike and differ in their labels only. The plan is kept in ``runs/<i>/plan.json``, where it
can be seen, and holds as long as the labels and settings that it was made from; whichever model is
trained first writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.boxes import areas
from napari_alc.detection.run_files import METRICS_FILE, WEIGHTS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.files import write_text
from napari_alc.labels import LabelSet
from napari_alc.project.label_sets import pathologist_labels, training_labels
from napari_alc.project.project import Project
from napari_alc.project.status import newest_decision
from napari_alc.project.storage.prediction_files import drop_damaged_training

if TYPE_CHECKING:
    from napari_alc.detection.data.samples import TrainingImage
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.training.validation import CleanImages


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """All that decides the outcome of a training, and where its outcome goes.

    Images of `labels` without a label are negative examples; `paths` are their files. A `plan` of
    None chooses the sizes of network and input from the labels. The validation images of `clean`
    are looked at meanwhile; None measures nothing. The `folder` takes weights, metrics and
    checkpoint; `step` names it in progress reports.

    A training that belongs to no iteration has -1 and no model. The labels hold decisions up to the
    number `newest`. `strategy` names the selection strategy that will ask the detector; empty for
    none. Whether people who know agree with the boxes (`are_trusted`) decides what may be pasted.
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
    are_trusted: bool = False

    def images(self) -> list[TrainingImage]:
        """What is learned, as a detector takes it."""
        from napari_alc.detection.data.samples import training_images

        return training_images(self.labels, self.paths, are_trusted=self.are_trusted)


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
        plan=shared_plan(
            pathologist_labels(project, iteration), settings, folder.parent, len(project.images())
        ),
        clean=clean_images(project),
        folder=folder,
        step=f"train {model}",
        iteration=iteration,
        model=model,
        newest=newest,
        strategy=project.settings.method.strategy if model == "mp" else "",
        are_trusted=True,
    )


NO_BOXES = {
    "mp": "The pathologists found no object in the images reviewed so far, so there is nothing "
    "to learn from. Review more images first.",
    "ma": "No box of the crowd agrees with the pathologists' in the images reviewed so far, so "
    "the shared model (Ma) has nothing to learn from. Review more images first, or lower delta in "
    "project.toml.",
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


PLAN_FILE = "plan.json"


def shared_plan(clean: LabelSet, settings: DetectorSettings, folder: Path, to_see: int = 0) -> Plan:
    """The plan for detectors that learn from `clean`, made where `folder` holds none for it.

    At least one box of `clean`, D_p, has an area. The folder is that of the iteration's runs. Both
    detectors will look at up to `to_see` images.

    Raises
    ------
    BadData
        When the folder cannot be written.
    """
    from napari_alc.detection.plan import plan_for

    made_from = _digest(clean, settings)
    path = folder / PLAN_FILE
    kept = _kept(path, made_from)
    if kept is not None:
        return kept
    plan = plan_for(clean, settings, to_see)
    content = {"made_from": made_from, "plan": plan.to_json()}
    try:
        write_text(path, json.dumps(content, indent=1) + "\n")
    except BadData:
        # Windows refuses to replace a file that the training of the other model has open.
        if _kept(path, made_from) is None:
            raise
    return plan


def _digest(clean: LabelSet, settings: DetectorSettings) -> str:
    digest = blake2b(json.dumps(settings.deciding, sort_keys=True).encode(), digest_size=16)
    for image in clean.images:
        digest.update(f"{image.id} {image.width} {image.height}\0".encode())
    digest.update(clean.labels.image_ids.tobytes())
    digest.update(clean.labels.boxes.tobytes())
    return digest.hexdigest()


def _kept(path: Path, made_from: str) -> Plan | None:
    """The plan in a file; None where it is of other labels, or cannot be used."""
    from napari_alc.detection.plan import Plan

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Plan.from_json(content["plan"]) if content["made_from"] == made_from else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
