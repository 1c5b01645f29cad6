"""A simulated pathologist at work in a project: decisions made from the clean labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_alc.boxes import corners_of
from napari_alc.labels import Labels
from napari_alc.project.annotation.decisions import draw_boxes, finish, open_document
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import (
    BoxSource,
    BoxState,
    ReviewBox,
    ReviewStep,
    Task,
    labels_of,
)
from napari_alc.simulation.pathologist import good_enough, review_boxes, same_objects

PERSON = "simulated pathologist"


def review_everything(project: Project, truth: Labels) -> None:
    """Finish every open task as a pathologist who knows `truth` would."""
    by_image = truth.by_image()
    for task in queue(project):
        if not task.is_done:
            review_task(project, task, by_image.get(task.image_id, Labels.empty()))


@dataclass(frozen=True)
class _Verdict:
    """What becomes of the boxes offered, and rows of the truth that are left to be drawn."""

    settled: list[ReviewBox]
    missing: list[int]


def review_task(project: Project, task: Task, truth: Labels) -> None:
    """Settle one image; its labels become the clean ones (step 1) or as method.md says."""
    document = open_document(project, task, PERSON)
    judge = _label_whole_image if task.step == ReviewStep.WHOLE_IMAGE else _settle_open_boxes
    verdict = judge(document, truth)
    drawn = [
        (int(truth.category_ids[row]), corners_of(truth.boxes[row])) for row in verdict.missing
    ]
    # Drawn first: after a crash in between, the boxes still open bring the reviewer back.
    draw_boxes(project, task, drawn, PERSON)
    document.settle(verdict.settled)
    finish(project, task, PERSON)


def _label_whole_image(document: ReviewDocument, truth: Labels) -> _Verdict:
    boxes = list(document.shown)
    partner = same_objects(_as_labels(boxes, document.image.id), truth).tolist()
    settled = [
        _as_truth(box, truth, row) if row >= 0 else replace(box, state=BoxState.DELETED)
        for box, row in zip(boxes, partner, strict=True)
    ]
    return _Verdict(settled, sorted(set(range(len(truth))) - set(partner)))


def _settle_open_boxes(document: ReviewDocument, truth: Labels) -> _Verdict:
    boxes = list(document.open_boxes)
    image_id = document.image.id
    reviewed = review_boxes(
        _as_labels(boxes, image_id), _as_labels(list(document.labels), image_id), truth
    )
    settled = [
        _as_truth(box, truth, int(rows[0])) if len(rows) else replace(box, state=BoxState.DELETED)
        for box, rows in zip(boxes, reviewed.replacements, strict=True)
    ]
    return _Verdict(settled, reviewed.drawn.tolist())


def _as_truth(box: ReviewBox, truth: Labels, row: int) -> ReviewBox:
    found = truth.take([row])
    good = good_enough(_as_labels([box], int(found.image_ids[0])), found).all()
    state = BoxState.KEPT if good else BoxState.CHANGED
    return replace(
        box,
        corners=corners_of(truth.boxes[row]),
        category_id=int(found.category_ids[0]),
        state=BoxState.ADDED if box.source == BoxSource.PERSON else state,
    )


def _as_labels(boxes: list[ReviewBox], image_id: int) -> Labels:
    return labels_of((image_id, box) for box in boxes)
