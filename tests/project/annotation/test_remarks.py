"""Unsure boxes, notes, flags and skipped images in the store, and their list across images."""

from __future__ import annotations

import pytest
from builders import PERSON, make_project
from hand_made import rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_document_laws import carry_out, commands, flags

from napari_alc.errors import AlcError, Refused
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.document import History
from napari_alc.project.annotation.remarks import (
    counts_by_flag,
    flag_image,
    flagged_images,
    remarked_boxes,
    unflag_image,
)
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import (
    first_open,
    next_open_task,
    open_counts,
    queue,
    queue_of,
    unfinished,
)
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.status import newest_decision
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import FlagKind


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


def finished_with_an_unsure_box(project, task):
    """Finish an image, unsure about one of its boxes; returns the box's id."""
    document = open_document(project, task, PERSON)
    unsure, *others = (box.id for box in document.open_boxes)
    document.mark_unsure([unsure])
    document.keep(others)
    finish(project, task, PERSON)
    return unsure


def test_marks_notes_and_flags_are_there_after_reopening(project, task):
    document = open_document(project, task, PERSON)
    first, second, third, *_ = (box.id for box in document.open_boxes)
    document.mark_unsure([first, second])
    document.note(first, "a fold?")
    document.note(third, "dirt")
    document.keep([second])
    document.flag(FlagKind.WRONG_TISSUE, "liver")
    again = reopened(project, task)
    assert again.boxes == document.boxes
    assert again.flags == document.flags
    assert [box.id for box in again.unsure_boxes] == [first]


@given(steps=st.lists(st.one_of(commands, flags), max_size=10))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_stored_is_what_is_shown_whatever_was_done(tmp_path_factory, steps):
    project, history = make_project(tmp_path_factory.mktemp("p"), images=2), History()
    task = next_open_task(project)
    document = open_document(project, task, PERSON, history=history)
    before = document.boxes
    carry_out(document, steps)
    again = reopened(project, task)
    assert (again.boxes, again.flags) == (document.boxes, document.flags)
    waiting = open_counts(project, task).get(task.id, 0)
    assert waiting == (0 if document.is_excluded else len(document.open_boxes))
    while history.undo_task is not None:
        document.undo()
    again = reopened(project, task)
    assert {box.id: box for box in again.shown} == before
    assert again.flags == ()
    project.close()


def test_an_unsure_box_does_not_hold_up_finishing_and_is_no_label(project, task):
    unsure = finished_with_an_unsure_box(project, task)
    [done] = [one for one in queue(project) if one.id == task.id]
    assert done.is_done
    assert open_counts(project, task) == {}
    labels = pathologist_labels(project, 1).labels
    assert unsure not in labels.ids.tolist()
    open_document(project, task, "Bob").keep([unsure])
    assert unsure in pathologist_labels(project, 1).labels.ids.tolist()


def test_taking_the_mark_off_an_open_box_makes_it_wait_again(project, task):
    unsure = finished_with_an_unsure_box(project, task)
    open_document(project, task, "Bob").clear_unsure([unsure])
    assert open_counts(project, task) == {task.id: 1}
    with pytest.raises(AlcError, match="1 boxes of"):
        finish(project, task, "Bob")


def test_a_note_and_a_flag_open_no_finished_image_and_train_no_detector_anew(project):
    [done] = [one for one in queue(project) if one.is_done]
    newest = newest_decision(project, 0)
    document = open_document(project, done, "Bob")
    document.note(document.labels[0].id, "beautiful")
    document.flag(FlagKind.BAD_PICTURE)
    document.undo()
    document.undo()
    assert next(one for one in queue(project) if one.id == done.id).is_done
    assert newest_decision(project, 0) == newest
    document.mark_unsure([document.labels[0].id])
    assert not next(one for one in queue(project) if one.id == done.id).is_done
    assert newest_decision(project, 0) > newest


def test_who_marked_and_who_took_it_back_are_in_the_history(project, task):
    ada, bob = (open_document(project, task, name) for name in ("Ada", "Bob"))
    box = ada.open_boxes[0].id
    ada.mark_unsure([box])
    ada.note(box, "a fold?")
    bob = open_document(project, task, "Bob")
    bob.delete([box])
    bob.note(box, "")
    bob.undo()
    bob.undo()
    again = reopened(project, task).boxes[box]
    assert (again.unsure.person, again.note.person) == ("Ada", "Ada")
    decisions = [row for row in rows_of(project, schema.decision) if row["box_id"] == box]
    assert [(row["action"], row["person"], row["unsure_by"]) for row in decisions] == [
        ("unsure", "Ada", "Ada"),
        ("delete", "Bob", None),
        ("undo", "Bob", "Ada"),
    ]
    notes = [(row["action"], row["person"], row["author"], row["text"]) for row in rows_of(
        project, schema.note
    )]  # fmt: skip
    assert notes == [
        ("note", "Ada", "Ada", "a fold?"),
        ("note", "Bob", "", ""),
        ("undo", "Bob", "Ada", "a fold?"),
    ]


def test_a_flag_keeps_who_set_it_through_an_undo(project, task):
    open_document(project, task, "Ada").flag(FlagKind.EXCLUDE, "torn")
    bob = open_document(project, task, "Bob")
    bob.unflag(FlagKind.EXCLUDE)
    bob.undo()
    [flag] = reopened(project, task).flags
    assert (flag.person, flag.words) == ("Ada", "torn")
    rows = rows_of(project, schema.image_flag)
    assert [(row["is_set"], row["person"], row["author"]) for row in rows] == [
        (True, "Ada", "Ada"),
        (False, "Bob", ""),
        (True, "Bob", "Ada"),
    ]


def test_a_window_that_may_only_look_marks_notes_and_flags_nothing(project, task):
    ReviewSession(project, "Ada").open(task)
    other = Project.open(project.folder)
    document = ReviewSession(other, "Bob").open(task).document
    box = document.open_boxes[0].id
    for command in (
        lambda: document.mark_unsure([box]),
        lambda: document.note(box, "dirt"),
        lambda: document.flag(FlagKind.EXCLUDE),
    ):
        with pytest.raises(Refused, match="Ada"):
            command()
    other.close()


def test_the_list_holds_every_image_in_queue_order_and_nothing_settled(project):
    waiting = [task for task in queue(project) if not task.is_done]
    for task in reversed(waiting):
        document = open_document(project, task, PERSON)
        marked, noted, gone, *_ = (box.id for box in document.open_boxes)
        document.mark_unsure([marked])
        document.note(noted, "a fold?")
        document.note(gone, "dirt")
        document.delete([gone])
    found = remarked_boxes(project)
    assert [row.task.id for row in found.rows] == [t.id for t in waiting for _ in range(2)]
    assert len(found.unsure) == 2
    assert {row.category for row in found.rows} == {"deposit"}
    document.keep([marked])
    document.note(noted, "")
    assert [row.task.id for row in remarked_boxes(project).rows] == [waiting[1].id] * 2


def test_a_row_of_the_list_is_told_by_name(project, task):
    document = open_document(project, task, "Ada")
    box = document.open_boxes[0]
    document.mark_unsure([box.id])
    document.note(box.id, "a fold?")
    [row] = remarked_boxes(project).rows
    found = row.record()
    assert found["unsure_at"].endswith("+00:00")
    assert {name: found[name] for name in ("file_name", "box_id", "state", "unsure", "note")} == {
        "file_name": task.file_name,
        "box_id": box.id,
        "state": "open",
        "unsure": True,
        "note": "a fold?",
    }
    assert (found["unsure_by"], found["note_by"], found["second_reader"]) == ("Ada", "Ada", "")
    assert found["corners"] == list(box.corners)


def test_flags_outside_the_review_are_set_and_taken_off(project):
    flag_image(project, 2, FlagKind.WRONG_TISSUE, "Ada", " liver ")
    flag_image(project, 2, FlagKind.BAD_PICTURE, "Bob")
    flag_image(project, 3, FlagKind.BAD_PICTURE, "Bob")
    found = flagged_images(project)
    assert [record["words"] for image in found for record in image.records()] == ["", "liver", ""]
    assert counts_by_flag(found) == {"bad picture": 2, "wrong tissue": 1}
    unflag_image(project, 2, FlagKind.WRONG_TISSUE, "Bob")
    with pytest.raises(AlcError, match="not flagged as 'wrong tissue'"):
        unflag_image(project, 2, FlagKind.WRONG_TISSUE, "Bob")
    with pytest.raises(Refused, match="501 characters"):
        flag_image(project, 2, FlagKind.EXCLUDE, "Ada", 501 * "x")


def test_an_excluded_image_waits_for_nobody_and_can_be_taken_back(project, task):
    history = History()
    document = open_document(project, task, PERSON, history=history)
    document.mark_unsure([document.open_boxes[0].id])
    document.flag(FlagKind.EXCLUDE, "empty")
    assert task.id not in [one.id for one in queue(project)]
    assert unfinished(project) == 1
    assert task.id not in open_counts(project)
    assert remarked_boxes(project).rows == ()
    [mine] = [one for one in queue_of(project, "Bob") if one.id == task.id]
    assert (mine.is_excluded, mine.is_done, mine.is_finished) == (True, True, False)
    assert first_open(queue_of(project, "Bob")).id != task.id
    assert next_open_task(project, task) is not None
    document.undo()
    assert next_open_task(project) == task
    assert len(remarked_boxes(project).rows) == 1


def test_other_flags_leave_an_image_where_it_is(project, task):
    document = open_document(project, task, PERSON)
    document.flag(FlagKind.BAD_PICTURE)
    document.flag(FlagKind.WRONG_TISSUE)
    assert next_open_task(project) == task
    assert task.image_id in [image.id for image in project.images()]


def test_a_skipped_image_is_at_the_end_of_ones_own_queue_until_it_is_opened(project):
    done, first, second = queue(project)
    ada = ReviewSession(project, "Ada")
    ada.open(first)
    ada.skip(first)
    ada.open(second)
    again = Project.open(project.folder)
    assert queue_of(again, "Ada") == (done, second, first)
    assert queue_of(again, "Bob") == (done, first, second)
    later = ReviewSession(again, "Ada")
    ada.leave()
    later.skip(second)
    assert queue_of(again, "Ada") == (done, first, second)
    later.open(first)
    assert queue_of(again, "Ada") == (done, first, second)
    later.open(second)
    later.skip(second)
    later.skip(first)
    assert queue_of(again, "Ada") == (done, second, first)
    again.close()


def test_looking_at_a_skipped_image_that_another_has_leaves_it_skipped(project):
    done, first, second = queue(project)
    ada = ReviewSession(project, "Ada")
    ada.skip(first)
    other = Project.open(project.folder)
    ReviewSession(other, "Bob").open(first)
    assert ada.open(first).held_by
    assert queue_of(project, "Ada") == (done, second, first)
    other.close()


def test_what_waits_for_nobody_cannot_be_skipped(project):
    done = queue(project)[0]
    with pytest.raises(Refused, match="waits for nobody"):
        ReviewSession(project, "Ada").skip(done)
