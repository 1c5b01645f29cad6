from __future__ import annotations

import pytest
from hand_made import A, B, label_set, make, see

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue, reopen
from napari_alc.project.export.export import export
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import NEWEST_DECISION, Step, newest_decision, require, status
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.predict import predict
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import train
from napari_alc.project.storage import schema

TRUTH = label_set({i: [A] for i in range(1, 5)}, 4).labels


def test_each_step_leads_to_the_next(tmp_path):
    project = make(tmp_path, {1: [A], 2: [B]})
    seen = [status(project)]
    review_everything(project, TRUTH)
    seen.append(status(project))
    see(project, 0, [], [])
    seen.append(status(project))
    select(project)
    seen.append(status(project))
    review_everything(project, TRUTH)
    see(project, 1, [], [])
    seen.append(status(project))
    correct_remaining(project)
    review_everything(project, TRUTH)
    seen.append(status(project))
    steps = [Step.REVIEW, Step.TRAIN, Step.SELECT, Step.REVIEW, Step.CORRECT, Step.EXPORT]
    assert [found.next_step for found in seen] == steps
    assert [found.iteration for found in seen] == [0, 0, 0, 1, 1, 1]
    assert [found.in_step1 for found in seen] == [1, 1, 1, 2, 2, 2]
    assert [found.waiting for found in seen] == [1, 0, 0, 1, 0, 0]
    assert [found.corrected for found in seen] == [False] * 5 + [True]


@pytest.mark.parametrize("step", [train, predict, select, correct_remaining, export])
def test_no_step_runs_while_images_wait(tmp_path, step):
    project = make(tmp_path, {1: [A]})
    with pytest.raises(AlcError, match=r"1 image waits for a pathologist\. Next comes 'review'"):
        step(project)


@pytest.mark.parametrize("step", [predict, select, correct_remaining, export])
def test_no_step_runs_before_the_training(tmp_path, step):
    project = make(tmp_path, {1: [A]}, clean={1: [A]})
    with pytest.raises(AlcError, match="Next comes 'train'"):
        step(project)


def test_an_image_taken_back_has_to_be_reviewed_first(tmp_path):
    project = make(tmp_path, {1: [A]}, clean={1: [A]})
    reopen(project, queue(project)[0])
    assert status(project).next_step is Step.REVIEW
    assert require(project, Step.REVIEW).waiting == 1


def test_labels_changed_after_the_training_are_learned_from_again(tmp_path):
    project = make(tmp_path, {1: [A], 2: [B]}, clean={1: [A]})
    see(project, 0, [], [])
    learned = {NEWEST_DECISION: newest_decision(project, 0)}
    with project.store.begin() as connection:
        connection.execute(schema.run.update().values(metrics=learned))
    assert status(project).next_step is Step.SELECT
    task = queue(project)[0]
    open_document(project, task, "Dr. Who").add(B, 1)
    finish(project, task, "Dr. Who")
    assert status(project).next_step is Step.TRAIN


@pytest.mark.parametrize(
    ("clean", "reason"), [({1: []}, "no object"), ({1: [B]}, "has nothing to learn from")]
)
def test_a_training_set_without_boxes_is_explained(tmp_path, clean, reason, monkeypatch):
    project = make(tmp_path, {1: [A]}, clean=clean)
    monkeypatch.setattr("napari_alc.project.steps.executor.run_training", lambda *_: pytest.fail())
    with pytest.raises(AlcError, match=reason):
        train(project, ["mp" if reason == "no object" else "ma"])
