"""The label sets of the method as queries: D_p, D_a, and the clean labels with their origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari_alc.cleaning.loop import agreed_labels
from napari_alc.labels import ImageRecord, Labels, LabelSet
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import ReviewBox, ReviewStep, Task, labels_of


@dataclass(frozen=True)
class Origin:
    """Where a clean label comes from.

    Parameters
    ----------
    source
        Who drew the box first: ``crowd``, ``mp``, ``ma`` or ``person``.
    region
        Its region; empty where no model had seen the image.
    iteration
        Of the X^i or of the models that the label comes from.
    decision
        ``kept``, ``changed`` or ``added`` by a person, or ``automatic``.
    person
        Who decided; empty for automatic labels.
    score
        Confidence of the model in 0–1, None for crowd and person.
    """

    source: str
    region: str
    iteration: int
    decision: str
    person: str
    score: float | None


@dataclass(frozen=True)
class CleanLabels:
    """Clean labels, one `Origin` for each."""

    label_set: LabelSet
    origins: tuple[Origin, ...]

    def counts(self, name: str) -> dict[str, int]:
        """How many labels have each value of a field of `Origin`; empty ones as ``none``."""
        found = Counter(getattr(origin, name) for origin in self.origins)
        return {value or "none": count for value, count in sorted(found.items())}


@dataclass(frozen=True)
class Snapshot:
    """A moment in a project's history, by the newest decision and task there were.

    Both are only added, so that the labels of that moment can be asked for at any time.
    """

    decision: int
    task: int


def snapshot_now(project: Project) -> Snapshot:
    """The moment of the newest decision."""
    with project.store.transaction() as unit:
        return Snapshot(unit.decisions.newest(), unit.tasks.newest())


def images_of_step1(project: Project, iteration: int) -> tuple[ImageRecord, ...]:
    """X^i: the images handed to pathologists whole, up to and including `iteration`."""
    ids = {task.image_id for task in _step1_tasks(project, iteration)}
    return tuple(image for image in project.images() if image.id in ids)


def remaining_images(project: Project, iteration: int) -> tuple[ImageRecord, ...]:
    """X without X^i: the images that only the crowd has labelled."""
    seen = {image.id for image in images_of_step1(project, iteration)}
    return tuple(image for image in project.images() if image.id not in seen)


def pathologist_labels(project: Project, iteration: int) -> LabelSet:
    """D_p^i: what the pathologists labelled in X^i; images found empty are listed too."""
    return labels_of_tasks(project, _step1_tasks(project, iteration))


def _step1_tasks(project: Project, iteration: int) -> list[Task]:
    return [task for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.iteration <= iteration]


def labels_of_tasks(project: Project, tasks: Sequence[Task]) -> LabelSet:
    """What people left in the images of `tasks`; images found empty are listed too."""
    ids = {task.image_id for task in tasks}
    images = tuple(image for image in project.images() if image.id in ids)
    return LabelSet(images, project.categories(), labels_of(_left(project, tasks)))


def consensus_labels(project: Project, iteration: int) -> LabelSet:
    """D_a^i (Eq. 1)."""
    clean = pathologist_labels(project, iteration)
    return agreed_labels(clean, project.crowd_labels(), project.settings.method.delta)


def training_labels(project: Project, iteration: int, model: str) -> LabelSet:
    """What `model` of `iteration` learns from: D_p for ``mp``, D_a for ``ma``."""
    make = pathologist_labels if model == "mp" else consensus_labels
    return make(project, iteration)


def clean_labels(project: Project, until: Snapshot | None = None) -> CleanLabels:
    """The pathologists' labels of X^g, the automatic labels and the reviewed ones.

    With `until`, a moment after the correction, the labels as they were then.
    """
    tasks = [task for task in queue(project) if until is None or task.id <= until.task]
    decided = _left(project, tasks, None if until is None else until.decision)
    by_image = {task.image_id: task for task in tasks}
    origins = [_origin(box, by_image[image_id].iteration) for image_id, box in decided]
    with project.store.transaction() as unit:
        automatic = unit.boxes.automatic_labels()
    for label in automatic:
        if label.image_id not in by_image:  # nobody had to look at it
            decided.append((label.image_id, label.box))
            origins.append(_origin(label.box, label.iteration))
    label_set = LabelSet(project.images(), project.categories(), labels_of(decided))
    return CleanLabels(label_set, tuple(origins))


def decided_labels(project: Project, tasks: Iterable[Task]) -> Labels:
    """What people left in the images of some consensus tasks, as labels."""
    image_of = {task.id: task.image_id for task in tasks}
    boxes = current_boxes(project, image_of)
    return labels_of((image_of[task_id], box) for task_id, box in boxes if box.is_label)


def _left(
    project: Project, tasks: Iterable[Task], until: int | None = None
) -> list[tuple[int, ReviewBox]]:
    """Pairs of image id and box for the boxes of `tasks` that are labels."""
    image_of = {task.id: task.image_id for task in tasks}
    return [
        (image_of[task_id], box)
        for task_id, box in current_boxes(project, until=until)
        if task_id in image_of and box.is_label
    ]


def _origin(box: ReviewBox, iteration: int) -> Origin:
    decision = box.state if box.person else "automatic"
    return Origin(box.source, box.region, iteration, decision, box.person, box.score)
