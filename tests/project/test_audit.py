from __future__ import annotations

import pytest
from hand_made import A, B, C, D, label_set, make, see

from napari_alc.errors import AlcError
from napari_alc.evaluation.intervals import wilson
from napari_alc.project.audit import CROWD, JUDGED, KINDS, UNSEEN, draw, result
from napari_alc.project.choices import ranked, take_out
from napari_alc.project.correction import correct_remaining
from napari_alc.project.label_sets import clean_labels, pathologist_labels
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.sorting import select
from napari_alc.project.status import Step, status
from napari_alc.project.tasks import queue

IMAGES = range(2, 7)
CROWD_BOXES = {1: [A], **{i: [A, B] for i in IMAGES}}
"""The crowd's B is no object, and it misses C and D."""

TRUTH = label_set({1: [A], **{i: [A, C, D] for i in IMAGES}}, 6).labels

MP = [(i, box, 0.9) for i in IMAGES for box in (A, C)]
MA = [(i, A, 0.8) for i in IMAGES]
"""Mp finds C; nobody finds D."""


@pytest.fixture
def project(tmp_path):
    project = make(tmp_path, CROWD_BOXES, images=6, clean={1: [A]}, per_iteration=2, iterations=2)
    see(project, 0, MP, MA)
    return project


def counts(noise):
    return {row.kind: (row.found, row.of) for row in noise}


def test_images_of_an_audit_wait_for_a_person_and_then_the_iteration_goes_on(project):
    drawn = draw(project, 3)
    waiting = {task.image_id for task in queue(project) if not task.is_done}
    assert waiting == set(drawn)
    assert len(drawn) == 3
    found = status(project)
    assert (found.next_step, found.iteration, found.in_step1) == (Step.REVIEW, 0, 1)
    review_everything(project, TRUTH)
    assert status(project).next_step is Step.SELECT


def test_noise_is_told_by_type_with_its_interval(project):
    draw(project, 4)
    review_everything(project, TRUTH)
    found = result(project)
    assert (found.drawn, found.done, found.remaining, found.iteration) == (4, 4, 5, 0)
    nothing = {"location": (0, 8), "box_in_box": (0, 8)}
    assert counts(found.noise[CROWD]) == {"background": (4, 8), "miss": (8, 12), **nothing}
    assert found.of(CROWD, "background").interval == wilson(4, 8)
    assert found.of(CROWD, "miss").interval == wilson(8, 12)
    assert found.of(CROWD, "background").words == "50.0% (21.5% – 78.5%)"


def test_what_the_correction_would_show_to_a_person_is_not_left_unseen(project):
    draw(project, 4)
    review_everything(project, TRUTH)
    nothing = dict.fromkeys(("background", "location", "box_in_box"), (0, 8))
    assert counts(result(project).noise[UNSEEN]) == {"miss": (4, 12), **nothing}


def test_only_finished_images_count(project):
    draw(project, 2)
    found = result(project)
    assert (found.drawn, found.done, found.is_done) == (2, 0, False)
    assert {row.words for rows in found.noise.values() for row in rows} == {"–"}
    assert set(found.noise) == set(JUDGED)
    assert [row.kind for row in found.noise[CROWD]] == list(KINDS)


def test_no_audit_has_no_result(project):
    assert result(project) is None


def test_labels_paid_for_join_the_next_iteration_only(project):
    drawn = draw(project, 2)
    review_everything(project, TRUTH)
    assert {image.id for image in pathologist_labels(project, 0).images} == {1}
    chosen = select(project)
    assert not set(chosen) & set(drawn)
    review_everything(project, TRUTH)
    joined = {image.id for image in pathologist_labels(project, 1).images}
    assert joined == {1, *drawn, *chosen}
    assert status(project).iteration == 1


def test_an_audit_after_the_last_iteration_joins_the_clean_labels(tmp_path):
    project = make(tmp_path, CROWD_BOXES, images=6, clean={1: [A]}, iterations=0)
    see(project, 0, MP, MA)
    assert status(project).next_step is Step.CORRECT
    drawn = draw(project, 2)
    review_everything(project, TRUTH)
    assert status(project).next_step is Step.CORRECT
    correct_remaining(project)
    assert not {task.image_id for task in queue(project, 2)} & set(drawn)
    review_everything(project, TRUTH)
    assert status(project).next_step is Step.EXPORT
    labels = clean_labels(project).label_set.labels.by_image()
    assert {len(labels[image_id]) for image_id in drawn} == {3}
    assert {len(labels[image_id]) for image_id in IMAGES if image_id not in drawn} == {2}


def test_audited_images_leave_the_ranking(project):
    [drawn] = draw(project, 1)
    assert {row.image_id for row in ranked(project).rows} == set(IMAGES) - {drawn}
    with pytest.raises(AlcError, match="a pathologist has it"):
        take_out(project, drawn, "Ada", "test")


def test_a_further_draw_enlarges_the_sample(project):
    first = draw(project, 2)
    review_everything(project, TRUTH)
    second = draw(project, 3)
    assert not set(first) & set(second)
    review_everything(project, TRUTH)
    assert result(project).done == 5


def test_the_draw_depends_on_the_seed_alone(tmp_path):
    draws = set()
    for seed in range(4):
        for copy in "ab":
            project = make(tmp_path / f"{seed}{copy}", CROWD_BOXES, 6, {1: [A]}, seed=seed)
            see(project, 0, MP, MA)
            draws.add((seed, draw(project, 2)))
    assert len(draws) == 4
    assert len({drawn for _, drawn in draws}) > 1


@pytest.mark.parametrize("wrong", [0, -1, 6])
def test_more_images_than_remain_cannot_be_drawn(project, wrong):
    with pytest.raises(AlcError, match=f"takes 1 to 5 images.*{wrong} were asked for"):
        draw(project, wrong)
    assert len(queue(project)) == 1


def test_nothing_is_drawn_while_images_wait(project):
    select(project)
    with pytest.raises(AlcError, match="2 images wait"):
        draw(project, 1)
