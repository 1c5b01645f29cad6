from __future__ import annotations

import pytest
from builders import PERSON, make_fresh_project, make_project
from hand_made import rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_document_laws import carry_out, commands

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import current_boxes, finish, open_document
from napari_alc.project.annotation.tasks import (
    next_open_task,
    open_counts,
    queue,
    region_counts,
    reopen,
)
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import ReviewStep


@pytest.fixture
def task(project):
    return next_open_task(project)


def reopened(project, task, person=PERSON):
    """The document as another process finds it."""
    again = Project.open(project.folder)
    try:
        return open_document(again, task, person)
    finally:
        again.close()


def test_a_fresh_project_offers_every_crowd_box(tmp_path):
    project = make_fresh_project(tmp_path, images=2, per_kind=3)
    document = open_document(project, next_open_task(project), PERSON)
    assert {box.source for box in document.boxes.values()} == {"crowd"}
    assert len(document.open_boxes) == 6
    assert {box.region for box in document.boxes.values()} == {""}
    assert document.suggestions == ()


def test_step1_offers_one_box_an_object_and_suggests_the_rest(project, task):
    document = open_document(project, task, PERSON)
    offered = sorted((box.region, box.source) for box in document.open_boxes)
    one_kind = [("gray", "mp"), ("green", "crowd"), ("pink", "mp"), ("red", "ma")]
    assert offered == sorted(one_kind * 2)
    assert sorted(box.source for box in document.suggestions) == ["crowd"] * 2 + ["ma"] * 2


def test_step2_leaves_only_red_and_green_open(tmp_path):
    project = make_project(tmp_path, images=2, step=ReviewStep.OPEN_BOXES)
    document = open_document(project, next_open_task(project), PERSON)
    assert sorted({box.region for box in document.open_boxes}) == ["green", "red"]
    assert sorted({box.region for box in document.labels}) == ["gray", "pink"]
    assert {box.person for box in document.labels} == {""}


def test_every_change_is_there_after_reopening(project, task):
    document = open_document(project, task, PERSON)
    ids = [box.id for box in document.open_boxes]
    document.keep(ids[:2])
    document.delete(ids[2:3])
    document.reshape({ids[3]: (1, 2, 30, 40)})
    document.recategorise(ids[4:5], 2)
    drawn = document.add((5.5, 6.5, 50, 60), 1)
    document.undo()
    document.redo()
    again = reopened(project, task)
    assert again.boxes == document.boxes
    assert again.boxes[drawn].corners == (5.5, 6.5, 50, 60)
    assert again.suggestions == document.suggestions


def test_undoing_a_change_to_an_automatic_label_makes_it_automatic_again(tmp_path):
    project = make_project(tmp_path, images=2, step=ReviewStep.OPEN_BOXES)
    task = next_open_task(project)
    document = open_document(project, task, PERSON)
    label = document.labels[0]
    for command in (document.delete, document.keep):
        command([label.id])
    document.undo()
    document.undo()
    assert reopened(project, task).boxes[label.id] == label
    origins = clean_labels(project).origins
    assert sum(origin.decision == "automatic" for origin in origins) == len(document.labels)


def test_who_undid_is_in_the_history(project, task):
    open_document(project, task, "Ada").keep([open_document(project, task, "Ada").open_boxes[0].id])
    bob = open_document(project, task, "Bob")
    kept = bob.labels[0]
    bob.delete([kept.id])
    bob.undo()
    assert reopened(project, task).boxes[kept.id].person == "Ada"
    rows = [row for row in rows_of(project, schema.decision) if row["box_id"] == kept.id]
    assert [(row["action"], row["person"], row["credit"]) for row in rows] == [
        ("keep", "Ada", "Ada"),
        ("delete", "Bob", "Bob"),
        ("undo", "Bob", "Ada"),
    ]


def test_a_task_with_open_boxes_cannot_be_finished(project, task):
    with pytest.raises(AlcError, match="8 boxes of image"):
        finish(project, task, PERSON)
    document = open_document(project, task, PERSON)
    document.keep([box.id for box in document.open_boxes])
    finish(project, task, PERSON)
    [done] = [t for t in queue(project) if t.id == task.id]
    assert done.is_done
    assert done.done_by == PERSON


def test_the_next_task_is_behind_this_one_and_then_from_the_front(project):
    first, second = (t for t in queue(project) if not t.is_done)
    assert next_open_task(project) == first
    assert next_open_task(project, first) == second
    assert next_open_task(project, second) == first
    for task in (first, second):
        document = open_document(project, task, PERSON)
        document.delete([box.id for box in document.open_boxes])
        finish(project, task, PERSON)
    assert next_open_task(project, second) is None


def test_a_finished_image_can_be_taken_back(project):
    done = queue(project)[0]
    reopen(project, done)
    assert next_open_task(project).id == done.id
    assert not open_document(project, done, PERSON).open_boxes


def test_a_decision_on_a_finished_image_opens_it_again(project):
    done = queue(project)[0]
    document = open_document(project, done, PERSON)
    assert next_open_task(project).id != done.id
    document.delete([document.labels[0].id])
    assert next_open_task(project).id == done.id


def test_who_changes_nothing_on_a_finished_image_does_not_become_its_finisher(project):
    done = queue(project)[0]
    open_document(project, done, "Bob")
    finish(project, done, "Bob")
    assert queue(project)[0] == done


def test_who_changes_a_finished_image_becomes_its_finisher(project):
    done = queue(project)[0]
    document = open_document(project, done, "Bob")
    document.delete([document.labels[0].id])
    finish(project, done, "Bob")
    again = queue(project)[0]
    assert again.done_by == "Bob"
    assert again.done_at > done.done_at


def test_open_boxes_are_counted_as_they_are_decided(project, task):
    assert open_counts(project)[task.id] == 8
    document = open_document(project, task, PERSON)
    ids = [box.id for box in document.open_boxes]
    document.keep(ids[:3])
    document.delete(ids[3:4])
    document.add((1, 1, 9, 9), 1)
    assert open_counts(project)[task.id] == len(document.open_boxes) == 4
    document.undo()
    document.undo()
    assert open_counts(project)[task.id] == 5
    document.keep(ids)
    assert task.id not in open_counts(project)


def test_counts_of_the_queue_are_those_of_the_boxes(project, task):
    boxes = [box for _, box in current_boxes(project, [task.id])]
    counts = region_counts(project)
    for region in ("red", "green"):
        assert counts[task.id, region] == sum(box.region == region for box in boxes) == 2


@given(st.lists(commands, max_size=10))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_reopened_shows_what_the_document_shows(project, task, steps):
    document = open_document(project, task, PERSON)
    carry_out(document, steps)
    assert reopened(project, task).boxes == document.boxes
    while document.undo():
        pass
    again = reopened(project, task)
    assert again.boxes == document.boxes
    assert len(again.open_boxes) == 8
