"""What kinds of noise the pathologists have found in the crowd's labels, iteration by iteration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import func, select

from napari_alc.evaluation.label_noise import LabelNoise, compare_labels
from napari_alc.labels import Labels, LabelSet
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.document import ReviewBox
from napari_alc.project.annotation.tasks import JOINT, WHOLE_IMAGE
from napari_alc.project.project import Project, labels_from_rows
from napari_alc.project.storage import schema


def noise_found(project: Project) -> Mapping[int, LabelNoise]:
    """Noise of the crowd's labels, judged by the pathologists' on the images they have finished.

    Only images that were reviewed whole count: there every object is labelled. The images of
    each X^i that its iteration added are judged by themselves.

    Returns
    -------
    Mapping
        From iteration to noise, in the order of the iterations.
    """
    finished = _finished(project)
    truth = _reviewed(project, finished)
    crowd = _drawn_by_crowd(project)
    images: dict[int, set[int]] = defaultdict(set)
    for image_id, iteration in finished.values():
        images[iteration].add(image_id)
    categories = project.categories()

    def of_images(labels: Labels, ids: set[int]) -> LabelSet:
        return LabelSet((), categories, labels.of_images(ids))

    return {
        iteration: compare_labels(of_images(truth, ids), of_images(crowd, ids))
        for iteration, ids in sorted(images.items())
    }


def review_mark(project: Project) -> tuple[int, int]:
    """Changes whenever `noise_found` may have changed: last decision and finished images."""
    t = schema.task.c
    last = project.store.value(select(func.max(schema.decision.c.id)))
    finished = project.store.count(
        schema.task, (t.step == WHOLE_IMAGE) & t.done_at.is_not(None) & (t.reader == JOINT)
    )
    return int(last or 0), finished


def _finished(project: Project) -> dict[int, tuple[int, int]]:
    """Image and iteration of every whole image that was finished, by task."""
    t = schema.task.c
    query = select(t.id, t.image_id, t.iteration).where(
        t.step == WHOLE_IMAGE, t.done_at.is_not(None), t.reader == JOINT
    )
    return {row[0]: (row[1], row[2]) for row in project.store.rows(query)}


def _reviewed(project: Project, finished: Mapping[int, tuple[int, int]]) -> Labels:
    boxes = [
        (finished[task_id][0], box)
        for task_id, box in current_boxes(project, finished)
        if box.is_label
    ]
    return labels_from_rows([_row(image_id, box) for image_id, box in boxes])


def _row(image_id: int, box: ReviewBox) -> tuple[float, ...]:
    return (image_id, box.category_id, *box.corners, box.id)


def _drawn_by_crowd(project: Project) -> Labels:
    """The crowd's boxes on the images that were finished whole."""
    b, t = schema.box.c, schema.task.c
    query = (
        select(b.image_id, b.category_id, b.x1, b.y1, b.x2, b.y2, b.id)
        .join(schema.task, t.image_id == b.image_id)
        .where(
            b.source == "crowd",
            t.step == WHOLE_IMAGE,
            t.done_at.is_not(None),
            t.reader == JOINT,
        )
        .order_by(b.id)
    )
    return labels_from_rows(project.store.rows(query))
