from __future__ import annotations

import pytest
from hand_made import A, B, C, D, by_image, label_set, make, rows_of, see

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.tasks import queue, region_counts
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps import correct
from napari_alc.project.steps.correct import Corrected, correct_remaining
from napari_alc.project.storage import schema
from napari_alc.project.storage.boxes import BoxRepository
from napari_alc.project.storage.records import ReviewStep
from napari_alc.project.storage.runs import EventRepository

AROUND_B_AND_D = (45, 5, 75, 75)
ONLY_MA = (11, 10, 30, 30)

CROWD = {1: [A], 2: [A, AROUND_B_AND_D], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, B, 0.8), (2, D, 0.8), (4, B, 0.3)]
MA = [(2, A, 0.8), (3, ONLY_MA, 0.9), (4, D, 0.7)]
"""Image 2: gray, two pink, a box-in-box; 3: gray without Mp; 4: green and red."""


@pytest.fixture
def project(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, iterations=0)
    see(project, 0, MP, MA)
    return project


def test_what_is_corrected_and_what_is_left(project):
    assert status(project).next_step is Step.CORRECT
    assert correct_remaining(project) == Corrected(
        automatic=4, review=2, removed=1, replaced=2, images_to_review=1
    )
    [task] = queue(project, ReviewStep.OPEN_BOXES)
    assert (task.image_id, task.score) == (4, 0.7)
    assert region_counts(project) == {(task.id, "red"): 1, (task.id, "green"): 1}
    assert by_image(clean_labels(project).label_set.labels) == {
        1: [A],
        2: sorted([A, B, D]),
        3: [ONLY_MA],
    }


def test_reviewed_boxes_join_the_automatic_ones(project):
    correct_remaining(project)
    review_everything(project, label_set({4: [B, D]}, 4).labels)
    assert status(project).next_step is Step.EXPORT
    assert by_image(clean_labels(project).label_set.labels)[4] == [D]
    assert by_image(project.crowd_labels().labels) == CROWD


def test_an_image_found_empty_has_no_label(project):
    correct_remaining(project)
    review_everything(project, label_set({}, 4).labels)
    clean = clean_labels(project).label_set
    assert 4 not in clean.labels.image_ids
    assert 4 in [image.id for image in clean.images]


def test_automatic_labels_of_a_reviewed_image_are_counted_once(tmp_path):
    project = make(tmp_path, {1: [A], 2: [A, C]}, 2, {1: [A]}, iterations=0)
    see(project, 0, [(2, A, 0.9)], [])
    correct_remaining(project)
    [task] = queue(project, ReviewStep.OPEN_BOXES)
    states = sorted(box.state for task_id, box in current_boxes(project) if task_id == task.id)
    assert states == ["kept", "open"]
    review_everything(project, label_set({2: [A]}, 2).labels)
    found = clean_labels(project)
    assert by_image(found.label_set.labels) == {1: [A], 2: [A]}
    assert [origin.decision for origin in found.origins] == ["added", "automatic"]


def test_nothing_is_left_where_all_images_were_reviewed(tmp_path):
    project = make(tmp_path, {1: [A], 2: [B]}, 2, {1: [A], 2: []}, iterations=3)
    see(project, 0, [], [])
    assert status(project).next_step is Step.CORRECT
    assert correct_remaining(project) == Corrected(0, 0, 0, 0, 0)
    assert status(project).next_step is Step.EXPORT
    assert by_image(clean_labels(project).label_set.labels) == {1: [A]}


def test_the_iterations_may_end_early(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, iterations=4)
    see(project, 0, MP, MA)
    assert status(project).next_step is Step.SELECT
    assert correct_remaining(project).automatic == 4
    with pytest.raises(AlcError, match="1 image waits"):
        correct_remaining(project)


@pytest.mark.parametrize(
    "step",
    [
        (BoxRepository, "add_sorted"),
        (BoxRepository, "add_outcomes"),
        (correct, "write_tasks"),
        (EventRepository, "add"),
    ],
)
def test_a_correction_that_is_interrupted_can_be_made_again(project, monkeypatch, step):
    def crash(*_arguments):
        raise KeyboardInterrupt

    tables = (schema.box, schema.region, schema.correction, schema.task, schema.event)
    before = [rows_of(project, table) for table in tables]
    with monkeypatch.context() as patch:
        patch.setattr(*step, crash)
        with pytest.raises(KeyboardInterrupt):
            correct_remaining(project)
    assert [rows_of(project, table) for table in tables] == before
    assert correct_remaining(project).automatic == 4
