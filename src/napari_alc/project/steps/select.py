"""Steps 4 and 5: the LSM on X without X^i, the ranking, and the next images for people."""

from __future__ import annotations

import numpy as np

from napari_alc.cleaning.selection import scores
from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import write_tasks
from napari_alc.project.locks import one_at_a_time
from napari_alc.project.project import Project
from napari_alc.project.status import Step, require
from napari_alc.project.steps.assign_regions import Sorter, whole_image_proposals
from napari_alc.project.steps.overrides import chosen_images, keep_ranking
from napari_alc.project.storage.records import Batch, EventKind, ReviewStep


@one_at_a_time("select")
def select(project: Project, k: int | None = None) -> tuple[int, ...]:
    """Hand the first k images of the ranking to the pathologists; returns their ids.

    Images that a person took out of the ranking are passed over, those that a person added come
    first (see `napari_alc.project.steps.overrides`). Without `k`, the project's settings say how
    many.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing; or when
        every image was taken out.
    """
    iteration = require(project, Step.SELECT).iteration
    keep_ranking(project, iteration)
    chosen = chosen_images(project, iteration, k or project.settings.method.per_iteration)
    if not chosen:
        raise AlcError(
            "No image is left to be selected: take back that images were taken out, or stop here."
        )
    batch = Batch(ReviewStep.WHOLE_IMAGE, iteration + 1, iteration)
    hand_out(project, chosen, batch, EventKind.SELECT)
    return chosen


def hand_out(
    project: Project, image_ids: tuple[int, ...], batch: Batch, event: EventKind, person: str = ""
) -> None:
    """Hand whole images to the pathologists, most urgent first, with what the models see in them.

    It stands under `event`, and in the name of `person`, in the project's history.
    """
    if batch.models is None:
        raise ValueError("no model has seen these images")
    images = Sorter(project, batch.models).sort(image_ids)
    with project.store.transaction() as unit:
        box_ids = unit.boxes.add_sorted(images.rows, images.crowd, batch.models)
        inconsistency = scores(images.rows, np.array(image_ids, dtype=np.int64)).tolist()
        proposals = whole_image_proposals(images.rows, box_ids)
        write_tasks(unit, image_ids, batch, inconsistency, proposals)
        details: dict[str, object] = {"images": list(image_ids)}
        unit.events.add(event, batch.models, details | ({"person": person} if person else {}))
