from __future__ import annotations

import numpy as np
import pytest
from hand_made import A, B, C, D, by_image, label_set, make, rows_of, see

from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import (
    consensus_labels,
    pathologist_labels,
    remaining_images,
    training_labels,
)
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.select import select
from napari_alc.project.storage import schema

HALF_OF_A = (10, 10, 20, 30)
MOST_OF_A = (10, 10, 25, 30)


def ids(label_set):
    return [image.id for image in label_set.images]


@pytest.fixture
def project(tmp_path):
    """Image 1: one agreement; 2: found empty; 3: crowd and pathologist disagree; 4: to come."""
    crowd = {1: [MOST_OF_A, D], 2: [A], 3: [B], 4: [C]}
    return make(tmp_path, crowd, clean={1: [A, B], 2: [], 3: [C]})


def test_ma_learns_from_the_boxes_on_which_both_agree(project):
    clean, agreed = (training_labels(project, 0, model) for model in ("mp", "ma"))
    assert by_image(clean.labels) == {1: [A, B], 3: [C]}
    assert by_image(agreed.labels) == {1: [A]}
    assert set(agreed.labels.ids.tolist()) <= set(clean.labels.ids.tolist())


def test_images_without_consensus_are_left_out_for_ma_alone(project):
    assert ids(pathologist_labels(project, 0)) == [1, 2, 3]
    assert ids(consensus_labels(project, 0)) == [1]


def test_agreement_needs_more_than_the_share_delta(tmp_path):
    project = make(tmp_path, {1: [HALF_OF_A]}, clean={1: [A]})
    assert len(consensus_labels(project, 0).labels) == 0


@pytest.mark.parametrize("seed", range(4))
def test_consensus_is_a_part_of_the_pathologists_labels(tmp_path, seed):
    rng = np.random.default_rng(seed)

    def some(count):
        corners = rng.integers(0, 60, (count, 2))
        return np.hstack([corners, corners + rng.integers(2, 40, (count, 2))]).tolist()

    crowd = {i: some(6) for i in range(1, 5)}
    clean = {i: some(rng.integers(0, 6)) for i in range(1, 4)}
    project = make(tmp_path, crowd, clean=clean)
    whole, part = pathologist_labels(project, 0), consensus_labels(project, 0)
    assert set(part.labels.ids.tolist()) <= set(whole.labels.ids.tolist())
    assert set(ids(part)) == set(part.labels.image_ids.tolist())
    assert by_image(whole.labels) == by_image(label_set(clean, 4).labels)


def test_label_sets_of_earlier_iterations_stay_as_they_were(tmp_path):
    project = make(tmp_path, {1: [A], 2: [B], 3: [C]}, images=3, clean={1: [A]}, iterations=2)
    before = by_image(pathologist_labels(project, 0).labels)
    see(project, 0, [(2, C, 0.9)], [(2, D, 0.9)])
    select(project)
    review_everything(project, label_set({2: [B, C]}, 3).labels)
    assert by_image(pathologist_labels(project, 0).labels) == before
    assert by_image(pathologist_labels(project, 1).labels) == {1: [A], 2: sorted([B, C])}
    assert [image.id for image in remaining_images(project, 0)] == [2, 3]
    assert [image.id for image in remaining_images(project, 1)] == [3]


def test_what_the_crowd_drew_is_never_altered(tmp_path):
    crowd = {1: [A], 2: [B], 3: [C, D]}
    project = make(tmp_path, crowd, images=3, clean={1: []}, iterations=2)
    before = [row for row in rows_of(project, schema.box) if row["source"] == "crowd"]
    see(project, 0, [(2, B, 0.9)], [(3, D, 0.9)])
    select(project)
    review_everything(project, label_set({2: [A], 3: [A]}, 3).labels)
    assert all(task.is_done for task in queue(project))
    after = [row for row in rows_of(project, schema.box) if row["source"] == "crowd"]
    assert after == before
    assert by_image(project.crowd_labels().labels) == crowd
