from __future__ import annotations

from dataclasses import replace

import pytest
from hand_made import A, B, C, D, label_set, make, see

from napari_alc.cleaning.budget import Budget
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.forecast import budget

NEAR_A = (10, 10, 30, 27)
"""IoU 0.85 with A: good enough to be kept without an edit."""

FAR_A = (10, 10, 30, 18)
"""IoU 0.4 with A: has to be moved."""

AROUND_C_AND_D = (5, 45, 75, 75)


@pytest.fixture
def project(tmp_path):
    """All three images wait; the crowd drew a good, two wrong and one wide box."""
    crowd = {1: [NEAR_A, B], 2: [AROUND_C_AND_D], 3: [A]}
    return make(tmp_path, crowd, images=3, initial=3, iterations=0)


def test_the_first_images_count_boxes_and_edits(project):
    assert budget(project, 10) == Budget(crowd=4, clean=10)
    truth = {1: [A, C, D], 2: [C, D], 3: []}
    review_everything(project, label_set(truth, 3).labels)
    spent = budget(project, 10)
    # image 1: A kept, B deleted, C and D drawn; 2: moved onto one, the other drawn; 3: deleted
    assert (spent.step1_boxes, spent.step1_edits, spent.step2_boxes) == (5, 6, 0)


def test_a_displaced_box_costs_an_edit_and_a_good_one_does_not(tmp_path):
    for number, (drawn, edits) in enumerate([(NEAR_A, 0), (FAR_A, 1)]):
        project = make(tmp_path / str(number), {1: [drawn]}, images=1)
        review_everything(project, label_set({1: [A]}, 1).labels)
        spent = budget(project, 1)
        assert (spent.step1_boxes, spent.step1_edits) == (1, edits)


def test_the_second_step_counts_reviewed_and_drawn_boxes(tmp_path):
    crowd = {1: [A], 2: [AROUND_C_AND_D, B], 3: [A], 4: [B]}
    project = make(tmp_path, crowd, clean={1: [A, B]}, iterations=0)
    see(project, 0, [(3, A, 0.9)], [(4, C, 0.9)])
    correct_remaining(project)
    before = budget(project, 5)
    assert (before.step1_boxes, before.step2_boxes) == (2, 0)
    review_everything(project, label_set({2: [C, D], 4: [C]}, 4).labels)
    spent = budget(project, 5)
    # 2: two green reviewed, the first becomes C and D is drawn; 4: a green and a red reviewed
    assert spent.step2_boxes == 2 + 1 + 2
    assert spent.crowd == 5
    assert spent.total == pytest.approx(100 * (5 + 30 * 2 + 30 * 5) / (30 * 5))
    assert budget(project, 5, iteration=0).step2_boxes == 0


def test_prices_come_from_the_settings(project):
    dear = replace(
        project,
        settings=project.settings.changed(costs={"crowd": 2, "pathologist": 5, "readers": 1}),
    )
    assert budget(dear, 8).crowd_part == 100 * 2 * 4 / (5 * 8)


def test_a_drawing_that_was_taken_back_is_no_edit(tmp_path):
    project = make(tmp_path, {1: [B]}, images=1)
    task = queue(project)[0]
    document = open_document(project, task, "Dr. Who")
    document.add(A, 1)
    document.undo()
    document.delete([box.id for box in document.open_boxes])
    finish(project, task, "Dr. Who")
    assert budget(project, 1).step1_edits == 1
