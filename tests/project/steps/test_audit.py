from __future__ import annotations

import shutil

import pytest
from hand_made import A, B, C, D, label_set, make, rows_of, see

from napari_alc.errors import AlcError
from napari_alc.evaluation.intervals import wilson
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import clean_labels, pathologist_labels
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps.audit import draw, result
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.overrides import ranked, take_out
from napari_alc.project.steps.select import select
from napari_alc.project.storage import schema

BETWEEN = (30, 10, 50, 30)
CROWD = {1: [A], 2: [A, BETWEEN], 3: [A], 4: [C], 5: [], 6: [(16, 10, 46, 30)]}
TRUTH = {1: [A], 2: [A, D], 3: [A], 4: [C], 5: [B], 6: [A]}
MP = [(i, box, 0.9) for i, boxes in TRUTH.items() if i > 1 for box in boxes]


@pytest.fixture
def project(tmp_path):
    """One image is reviewed; five are left, and Mp finds every object in them."""
    project = make(tmp_path, CROWD, images=6, clean={1: [A]}, per_iteration=2, iterations=2)
    see(project, 0, MP, MP)
    yield project
    project.close()


def settle(project):
    review_everything(project, label_set(TRUTH, 6).labels)


def test_images_are_drawn_by_chance_and_wait_for_a_pathologist(project):
    drawn = draw(project, 3, "Ada")
    assert len(set(drawn)) == 3
    assert set(drawn) <= {2, 3, 4, 5, 6}
    waiting = [task for task in queue(project) if not task.is_done]
    assert [task.image_id for task in waiting] == list(drawn)
    assert all(task.audit for task in waiting)
    assert status(project).next_step is Step.REVIEW
    [event] = [row for row in rows_of(project, schema.event) if row["step"] == "audit"]
    assert event["details"] == {"images": list(drawn), "person": "Ada"}


def test_every_image_is_drawn_as_often_as_any_other(tmp_path):
    counts = dict.fromkeys(range(2, 7), 0)
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        made = make(folder, CROWD, images=6, clean={1: [A]}, seed=seed)
        see(made, 0, MP, MP)
        for image_id in draw(made, 2, "Ada"):
            counts[image_id] += 1
        made.close()
    assert sum(counts.values()) == 80
    assert all(6 <= count <= 26 for count in counts.values()), counts


def test_the_noise_that_is_left_is_told_with_intervals(project):
    draw(project, 5, "Ada")
    found = result(project)
    assert (found.images, found.waiting, found.noise) == (0, 5, {})
    settle(project)
    found = result(project)
    assert (found.iteration, found.images, found.waiting) == (0, 5, 0)
    shares = {kind: (share.count, share.of) for kind, share in found.noise.items()}
    # the crowd's five boxes: image 2 holds one on nothing, image 6 one that is displaced
    assert shares == {
        "background": (1, 5),
        "location": (1, 5),
        "box_in_box": (0, 5),
        "miss": (3, 6),
    }
    for share in found.noise.values():
        assert 0 <= share.low <= share.count / share.of <= share.high <= 1
    assert found.noise["box_in_box"].high > 0.3


def test_what_the_correction_would_leave_is_judged_by_the_same_pathologist(tmp_path):
    project = make(tmp_path, CROWD, images=6, clean={1: [A]}, per_iteration=2, iterations=2)
    # Mp finds no D in image 2, which Ma shows as red; nothing in 4 and 5; a box on nothing in 3
    mp = [(2, A, 0.9), (3, A, 0.9), (3, C, 0.9), (6, A, 0.9)]
    see(project, 0, mp, [(2, D, 0.9), (2, A, 0.9)])
    draw(project, 5, "Ada")
    assert result(project).corrected == {}
    settle(project)
    left = {kind: (share.count, share.of) for kind, share in result(project).corrected.items()}
    # C in image 4 is green: the pathologist sees it; B in image 5 is shown by nobody
    assert left == {"background": (1, 4), "location": (0, 4), "box_in_box": (0, 4), "miss": (1, 6)}
    for share in result(project).corrected.values():
        assert 0 <= share.low <= share.count / share.of <= share.high <= 1
    project.close()


def test_an_audit_tells_of_the_correction_only_while_the_detections_are_there(project):
    draw(project, 5, "Ada")
    settle(project)
    before = result(project)
    assert before.corrected
    shutil.rmtree(project.run_folder(0, "ma") / "detections")
    assert result(project).corrected == {}
    assert result(project).noise == before.noise


def test_boxes_of_one_image_that_err_together_widen_the_interval(tmp_path):
    crowd = {1: [A], 2: [A, B, C, D], 3: [A, B, C, D], 4: [A, B, C, D], 5: [A, B, C, D]}
    project = make(tmp_path, crowd, images=5, clean={1: [A]})
    truth = {**crowd, 2: []}
    see(project, 0, [], [])
    draw(project, 4, "Ada")
    review_everything(project, label_set(truth, 5).labels)
    share = result(project).noise["background"]
    assert (share.count, share.of) == (4, 16)
    assert (share.low, share.high) == pytest.approx(wilson(1, 4))
    project.close()


def test_what_was_audited_is_learned_from_in_the_next_iteration(project):
    drawn = draw(project, 2, "Ada")
    settle(project)
    assert status(project).next_step is Step.SELECT
    assert {image.id for image in pathologist_labels(project, 0).images} == {1}
    chosen = select(project)
    assert not set(chosen) & set(drawn)
    assert {i.id for i in pathologist_labels(project, 1).images} == {1, *drawn, *chosen}


def test_what_was_audited_is_neither_ranked_nor_corrected_nor_audited_again(project):
    drawn = draw(project, 2, "Ada")
    settle(project)
    assert not {row.image_id for row in ranked(project).rows} & set(drawn)
    again = draw(project, 9, "Ada")
    assert set(again) == {2, 3, 4, 5, 6} - set(drawn)
    settle(project)
    assert status(project).next_step is Step.CORRECT
    with pytest.raises(AlcError, match="No image is left"):
        draw(project, 1, "Ada")


def test_the_clean_dataset_holds_what_the_audit_found(tmp_path):
    project = make(tmp_path, CROWD, images=6, clean={1: [A]}, iterations=0)
    see(project, 0, MP, MP)
    drawn = draw(project, 2, "Ada")
    settle(project)
    correct_remaining(project)
    settle(project)
    labels = clean_labels(project)
    of_audit = {
        origin.decision
        for image_id, origin in zip(
            labels.label_set.labels.image_ids.tolist(), labels.origins, strict=True
        )
        if image_id in drawn
    }
    assert "automatic" not in of_audit
    truth = label_set(TRUTH, 6).labels
    for image_id in drawn:
        wanted = truth.of_images([image_id]).boxes.tolist()
        assert sorted(labels.label_set.labels.of_images([image_id]).boxes.tolist()) == wanted
    project.close()


def test_images_taken_out_are_not_audited(project):
    for image_id in (2, 3, 4):
        take_out(project, image_id, "Ada", "out of focus")
    assert set(draw(project, 5, "Ada")) == {5, 6}


def test_without_an_audit_there_is_no_result(project):
    assert result(project) is None


def test_an_audit_of_no_image_is_refused(project):
    with pytest.raises(AlcError, match="at least 1 image"):
        draw(project, 0, "Ada")


def test_an_audit_waits_for_the_detectors(tmp_path):
    project = make(tmp_path, CROWD, images=6, clean={1: [A]})
    with pytest.raises(AlcError, match="This is not the time to select"):
        draw(project, 1, "Ada")
    project.close()


def test_what_somebody_is_unsure_about_is_neither_right_nor_wrong(project):
    draw(project, 5, "Ada")
    settle(project)
    before = result(project)
    [task] = [task for task in queue(project) if task.image_id == 3]
    document = open_document(project, task, "Ada")
    [box] = document.labels
    document.mark_unsure([box.id])
    finish(project, task, "Ada")
    after = result(project)
    for shares, earlier in ((after.noise, before.noise), (after.corrected, before.corrected)):
        found, known = shares["background"], earlier["background"]
        assert (found.count, found.of) == (known.count, known.of - 1)
