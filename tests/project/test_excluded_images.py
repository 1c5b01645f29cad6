"""Images that are left out of the dataset: in training, selection, statistics and back again."""

from __future__ import annotations

from zipfile import ZipFile

import pytest
from hand_made import A, B, C, D, by_image, label_set, make, see

from napari_alc.detection.run_files import WEIGHTS_FILE
from napari_alc.errors import AlcError
from napari_alc.project.annotation.remarks import flag_image, unflag_image
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import (
    clean_labels,
    consensus_labels,
    pathologist_labels,
    remaining_images,
    training_labels,
)
from napari_alc.project.project import MODELS
from napari_alc.project.reporting.history import noise_found, review_mark
from napari_alc.project.reporting.report_data import findings
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps import audit
from napari_alc.project.steps.correct import correct_remaining, plan_correction
from napari_alc.project.steps.forecast import budget, forecast
from napari_alc.project.steps.overrides import ranked
from napari_alc.project.steps.select import select
from napari_alc.project.steps.training_inputs import NO_BOXES, prepare
from napari_alc.project.storage.records import FlagKind

TRUTH = label_set({i: [A] for i in range(1, 5)}, 4).labels


@pytest.fixture
def project(tmp_path):
    """Images 1 and 2 were reviewed; both models have seen 3 and 4, of which 4 is worse."""
    project = make(
        tmp_path, {1: [A, B], 2: [A], 3: [A], 4: [C]}, clean={1: [A], 2: [A, D]}, initial=2
    )
    see(project, 0, [(3, A, 0.9), (4, A, 0.9)], [(3, A, 0.9), (4, B, 0.9)])
    yield project
    project.close()


def exclude(project, image_id):
    flag_image(project, image_id, FlagKind.EXCLUDE, "Ada", "torn")


def include(project, image_id):
    unflag_image(project, image_id, FlagKind.EXCLUDE, "Ada")


def ids(images):
    return [image.id for image in images]


def test_no_detector_learns_from_an_excluded_image(project):
    exclude(project, 2)
    for labels in (pathologist_labels(project, 0), consensus_labels(project, 0)):
        assert ids(labels.images) == [1]
        assert by_image(labels.labels) == {1: [A]}
    exclude(project, 1)
    assert training_labels(project, 0, "mp").images == ()
    with pytest.raises(AlcError, match="nothing to learn from") as refused:
        prepare(project, 0, "mp")
    assert str(refused.value) == NO_BOXES["mp"]
    include(project, 1)
    include(project, 2)
    assert by_image(pathologist_labels(project, 0).labels) == {1: [A], 2: sorted([A, D])}


def test_an_excluded_image_is_not_ranked_selected_or_audited(project):
    assert ids_of_ranking(project) == [4, 3]
    exclude(project, 4)
    assert ids_of_ranking(project) == [3]
    assert ids(remaining_images(project, 0)) == [3]
    exclude(project, 3)
    with pytest.raises(AlcError, match=r"not the time|No image is left"):
        audit.draw(project, 1, "Ada")
    include(project, 3)
    assert select(project) == (3,)
    include(project, 4)
    assert status(project).images == 4


def ids_of_ranking(project):
    return [row.image_id for row in ranked(project).rows]


def test_taking_an_exclusion_back_ranks_the_image_again(project):
    exclude(project, 4)
    assert ids_of_ranking(project) == [3]
    include(project, 4)
    assert ids_of_ranking(project) == [4, 3]


def test_an_image_that_is_taken_in_again_is_looked_at_first(project):
    exclude(project, 4)
    see(project, 0, [(3, A, 0.9)], [(3, A, 0.9)])
    assert status(project).next_step is Step.SELECT
    for model in MODELS:
        with ZipFile(project.run_folder(0, model) / WEIGHTS_FILE, "w") as weights:
            weights.writestr("all", "of it")
    include(project, 4)
    exclude(project, 3)
    found = status(project)
    assert found.next_step is Step.PREDICT
    assert "have not seen all images that remain now" in found.sentence
    include(project, 3)
    exclude(project, 4)
    assert status(project).next_step is Step.SELECT


def test_the_correction_leaves_an_excluded_image_out(project):
    review = status(project)
    assert review.next_step is Step.SELECT
    exclude(project, 4)
    assert plan_correction(project).images.image_ids.tolist() == [3]
    correct_remaining(project)
    assert by_image(clean_labels(project).label_set.labels)[3] == [A]
    assert ids(clean_labels(project).label_set.images) == [1, 2, 3]


def test_an_excluded_image_of_step_2_waits_for_nobody_and_is_not_in_the_labels(project):
    correct_remaining(project)
    assert status(project).waiting == 1
    exclude(project, 4)
    found = status(project)
    assert (found.next_step, found.waiting, found.excluded, found.images) == (Step.EXPORT, 0, 1, 3)
    clean = clean_labels(project)
    assert ids(clean.label_set.images) == [1, 2, 3]
    assert [one.image.id for one in clean.flagged] == [4]
    include(project, 4)
    assert status(project).next_step is Step.REVIEW


def test_excluding_every_image_of_an_iteration_asks_for_others(project):
    assert select(project) == (4,)
    exclude(project, 4)
    found = status(project)
    assert (found.next_step, found.iteration, found.images) == (Step.SELECT, 0, 3)
    assert select(project) == (3,)


def test_statistics_do_not_count_an_excluded_image(project):
    before = budget(project, 4)
    noise, mark = noise_found(project)[0], review_mark(project)
    assert (before.crowd, before.step1_boxes) == (5, 3)
    exclude(project, 2)
    after = budget(project, 4)
    assert (after.crowd, after.step1_boxes) == (4, 1)
    assert noise_found(project)[0].figures()["miss"] == noise.figures()["miss"] - 1
    assert review_mark(project) != mark
    figures = findings(project).record["state"]["figures"]
    assert figures["images left out of the dataset"] == "1"
    assert figures["images"] == "3"
    assert figures["boxes of the crowd on them"] == "2"


def test_a_project_whose_images_are_all_excluded_is_told_of(project):
    for image_id in range(1, 5):
        exclude(project, image_id)
    found = status(project)
    assert (found.images, found.excluded, found.waiting) == (0, 4, 0)
    assert queue(project) == ()
    assert forecast(project).budget_now >= 0


def test_images_with_other_flags_stay_in_the_dataset(project):
    for kind in (FlagKind.BAD_PICTURE, FlagKind.WRONG_TISSUE):
        flag_image(project, 4, kind, "Ada")
    assert ids_of_ranking(project) == [4, 3]
    review_everything(project, TRUTH)
    assert status(project).excluded == 0
