"""What the pathologists have found to be wrong with the crowd's labels."""

import numpy as np
import pytest

from napari_alc.labels import numbered
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import add_tasks, queue
from napari_alc.project.reporting.history import noise_found, review_mark
from napari_alc.project.simulated_review import review_task
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage.records import Batch
from tiny_projects import SQUARE, draw


def spoiled(truth):
    """Image 1: one box missed, one moved. Image 2: a box on nothing. Image 3 stays."""
    rows = truth.labels
    image_ids, boxes = rows.image_ids.tolist(), rows.boxes.copy()
    first, second = [row for row, image in enumerate(image_ids) if image == 1][:2]
    boxes[second] += 9
    kept = [row for row in range(len(image_ids)) if row != first]
    image_ids = [image_ids[row] for row in kept] + [2]
    boxes = np.vstack([boxes[kept], [[88, 88, 95, 95]]])
    return truth.with_labels(numbered(image_ids, [SQUARE.id] * len(boxes), boxes))


@pytest.fixture
def truth(tmp_path):
    return draw(tmp_path / "images")


@pytest.fixture
def project(tmp_path, truth):
    """Images 1 to 3 are labelled by pathologists already."""
    sources = Sources(
        images=tmp_path / "images",
        crowd=spoiled(truth),
        crowd_path=tmp_path / "crowd.json",
        clean=truth.of_images({1, 2, 3}),
        clean_use="initial",
    )
    project = create_project(tmp_path / "study", sources, CreateOptions())
    yield project
    project.close()


def open_task(project):
    (task,) = (task for task in queue(project) if not task.is_done)
    return task


def test_each_kind_of_noise_is_counted(project):
    (found,) = noise_found(project).values()
    assert (found.miss, found.location, found.background, found.box_in_box) == (2, 1, 1, 0)


def test_an_image_counts_once_it_is_finished_and_for_its_own_iteration(project, truth):
    add_tasks(project, [5], Batch(step=1, iteration=1, models=None))
    assert list(noise_found(project)) == [0]
    review_task(project, open_task(project), truth.labels.of_images([5]))
    found = noise_found(project)
    assert list(found) == [0, 1]
    assert found[1].miss == found[1].location == found[1].background == 0
    assert found[1].clean == sum(truth.labels.image_ids == 5)


def test_the_mark_changes_with_every_decision_and_finished_image(project):
    add_tasks(project, [5], Batch(step=1, iteration=1, models=None))
    seen = {review_mark(project)}
    task = open_task(project)
    document = open_document(project, task, "Ada")
    document.keep(list(document.boxes))
    seen.add(review_mark(project))
    finish(project, task, "Ada")
    seen.add(review_mark(project))
    assert len(seen) == 3


def test_what_somebody_is_unsure_about_is_neither_right_nor_wrong(project):
    (before,) = noise_found(project).values()
    [task, *_] = queue(project)
    document = open_document(project, task, "Ada")
    crowd = [tuple(box) for box in project.crowd_labels().of_images([1]).labels.boxes.tolist()]
    right = next(box for box in document.labels if box.corners in crowd)
    document.mark_unsure([right.id])
    finish(project, task, "Ada")
    (after,) = noise_found(project).values()
    assert after.clean == before.clean - 1
    assert (after.background, after.miss) == (before.background, before.miss)
