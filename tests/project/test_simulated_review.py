from __future__ import annotations

import pytest
from hand_made import A, B, C, D, by_image, label_set, make, rows_of

from napari_alc.project import simulated_review
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.simulated_review import PERSON, review_everything
from napari_alc.project.storage import schema

SPECK = (80, 80, 81, 81)
SHIFTED_A = (14, 12, 34, 32)

SCENES = {
    "nothing to do": ([A, B], [A, B]),
    "moved": ([SHIFTED_A], [A]),
    "missed": ([], [A, B, C, D]),
    "found empty": ([A, B], []),
    "empty and right": ([], []),
    "a speck": ([A], [A, SPECK]),
    "twice the same": ([A, A], [A]),
    "two objects in one box": ([(5, 5, 75, 35)], [A, B]),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_whole_image_ends_with_the_clean_labels(tmp_path, scene):
    drawn, truth = SCENES[scene]
    project = make(tmp_path, {1: drawn}, images=1)
    review_everything(project, label_set({1: truth}, 1).labels)
    found = pathologist_labels(project, 0)
    assert by_image(found.labels) == ({1: sorted(truth)} if truth else {})
    assert len(found.images) == 1
    assert all(box.person == PERSON for _, box in current_boxes(project))
    assert by_image(project.crowd_labels().labels) == ({1: sorted(drawn)} if drawn else {})


def test_reviewing_again_changes_nothing(tmp_path):
    project = make(tmp_path, {1: [SHIFTED_A]}, images=1)
    truth = label_set({1: [A, B]}, 1).labels
    review_everything(project, truth)
    decisions = rows_of(project, schema.decision)
    review_everything(project, truth)
    assert rows_of(project, schema.decision) == decisions


@pytest.mark.parametrize("lost", ["settle", "finish"])
def test_a_review_that_crashed_is_completed(tmp_path, monkeypatch, lost):
    project = make(tmp_path, {1: [(5, 5, 75, 35)]}, images=1)
    truth = label_set({1: [A, B]}, 1).labels

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        where = ReviewDocument if lost == "settle" else simulated_review
        patch.setattr(where, lost, crash)
        with pytest.raises(KeyboardInterrupt):
            review_everything(project, truth)
    review_everything(project, truth)
    assert by_image(pathologist_labels(project, 0).labels) == {1: sorted([A, B])}
