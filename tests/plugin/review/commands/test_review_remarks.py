"""Unsure boxes, notes, flags and skipped images in the review, as a person gives them."""

from __future__ import annotations

import pytest
from controller_driver import ADA

from napari_alc.plugin.review import messages
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.remarks import flagged_images, remarked_boxes
from napari_alc.project.annotation.tasks import queue_of
from napari_alc.project.storage.records import FlagKind


def test_an_unsure_box_is_answered_and_leads_to_the_next_one(at):
    box, following = at.state.open_boxes[:2]
    left = at.state.queue.boxes_left
    at.give("unsure")
    assert at.stored()[box.id].unsure.person == ADA
    assert at.current == following
    assert box.id not in {one.id for one in at.state.open_boxes}
    assert at.state.queue.boxes_left == left - 1
    assert [row.box.id for row in remarked_boxes(at.project).unsure] == [box.id]


def test_unsure_again_takes_it_back_and_so_does_undo(at):
    box = at.current
    at.give("unsure")
    at.selection.select([box.id])
    at.give("unsure")
    assert at.stored()[box.id].unsure is None
    assert at.current.id == box.id
    at.give("undo")
    assert at.stored()[box.id].unsure is not None
    at.give("undo")
    assert at.stored()[box.id] == box


def test_a_decision_settles_an_unsure_box(at):
    box = at.current
    at.give("unsure")
    at.selection.select([box.id])
    at.give("keep")
    assert (at.stored()[box.id].state, at.stored()[box.id].unsure) == ("kept", None)


def test_a_note_is_stored_told_and_decides_nothing(at):
    decided, box = [], at.current
    at.boxes.decided.connect(lambda: decided.append(True))
    at.boxes.note("perhaps a lysosome")
    assert at.stored()[box.id].note.text == "perhaps a lysosome"
    assert "perhaps a lysosome" in messages.remark_words(at.current)
    assert decided == []
    at.boxes.note("")
    assert at.stored()[box.id].note is None


def test_a_note_on_a_finished_image_leaves_it_finished(at):
    task = at.state.task
    at.give("done")
    at.images.keep_open()
    at.images.go_to(at.state.queue.find(task.id))
    at.selection.select([next(iter(at.state.document.boxes))])
    at.boxes.note("look again")
    assert at.state.task.is_finished
    assert at.state.queue.find(task.id).is_finished


def test_a_note_that_is_too_long_is_refused_in_words(at):
    at.boxes.note("x" * 501)
    assert "500" in at.state.message
    assert at.current.note is None


def test_a_flag_is_set_and_taken_off_again(at):
    told = []
    at.state.boxes_changed.connect(lambda: told.append(at.state.document.flags))
    at.boxes.flag(FlagKind.BAD_PICTURE)
    assert [flag.kind for flag in told[-1]] == [FlagKind.BAD_PICTURE]
    assert [each.image.id for each in flagged_images(at.project)] == [at.state.task.image_id]
    assert not at.state.task.is_done
    at.boxes.flag(FlagKind.BAD_PICTURE)
    assert flagged_images(at.project) == ()


def test_an_image_that_is_left_out_waits_for_nobody_until_it_is_taken_in_again(at):
    task, done = at.state.task, at.state.queue.done
    at.boxes.flag(FlagKind.EXCLUDE)
    assert at.state.queue.done == done + 1
    assert messages.task_words(at.state.task)[0] == "Left out of the dataset"
    at.give("undo")
    assert at.state.queue.done == done
    at.give("redo")
    at.give("done")
    assert at.state.task.id != task.id
    assert not at.state.is_asking
    at.images.go_to(at.state.queue.find(task.id))
    at.boxes.flag(FlagKind.EXCLUDE)
    assert not at.state.queue.find(task.id).is_done


def test_a_skipped_image_comes_last_and_the_next_one_is_opened(at):
    task, following = at.state.task, at.state.queue.first_open(at.state.task.id)
    at.give("skip")
    assert at.state.task.id == following.id
    assert at.state.message == messages.skipped(task.file_name)
    assert queue_of(at.project, ADA)[-1].id == task.id
    assert not at.state.queue.find(task.id).is_done


def test_the_last_image_that_waits_is_not_skipped(at):
    while True:
        here = at.state.task
        following = at.state.queue.first_open(here.id)
        if following.id == here.id:
            break
        at.give("done")
        at.images.keep_open()
    at.give("skip")
    assert at.state.task.id == here.id
    assert at.state.message == messages.NOTHING_ELSE_WAITS


def test_all_gray_boxes_are_kept_at_once_and_one_undo_takes_it_back(at):
    gray = [box for box in at.state.open_boxes if at.state.colour_of(box) == "gray"]
    assert len(gray) > 1
    at.give("keep_gray")
    assert all(at.stored()[box.id].state == "kept" for box in gray)
    assert f"{len(gray)} gray boxes kept" in at.state.message
    at.give("keep_gray")
    assert at.state.message == messages.NO_GRAY
    at.give("undo")
    assert all(at.stored()[box.id].state == "open" for box in gray)


def test_nothing_is_kept_at_once_that_nobody_sees(at):
    at.canvas.out_of_sight = "look first"
    at.give("keep_gray")
    assert at.state.message == "look first"
    assert all(box.state == "open" for box in at.stored().values())


@pytest.mark.parametrize("command", ["keep", "delete", "unsure", "move_left"])
def test_nothing_is_changed_while_something_is_in_the_way(at, command):
    at.canvas.in_the_way = "something is in the way"
    before = at.stored()
    at.give(command)
    assert at.stored() == before
    assert at.state.message == "something is in the way"


def test_everything_is_told_to_be_stored(at):
    at.give("stored")
    assert at.state.message == messages.ALL_STORED


@pytest.mark.parametrize("way", ["undo", "redo"])
def test_after_undo_and_redo_exactly_one_box_is_at_hand(at, way):
    at.give("keep_gray")
    at.give("undo")
    if way == "redo":
        at.give("redo")
    assert len(at.state.current_boxes) == 1


def test_a_deletion_that_is_repeated_leads_to_the_next_box(at):
    box = at.current
    at.give("delete")
    at.give("undo")
    assert at.current.id == box.id
    at.give("redo")
    assert at.current.id != box.id


@pytest.mark.parametrize(("key", "state"), [("keep", "kept"), ("delete", "deleted")])
def test_the_question_before_finishing_is_answered_by_keys(at, key, state):
    task, boxes = at.state.task, at.state.open_boxes
    at.give("done")
    assert at.state.is_asking
    assert at.canvas.looked_at[-1] == "whole"
    assert at.state.current_boxes == ()
    at.give(key)
    assert at.state.task.id != task.id
    kept = open_document(at.project, task, ADA).boxes
    assert {kept[box.id].state for box in boxes} == {state}


def test_escape_leads_back_from_the_question_and_keys_decide_single_boxes_again(at):
    task, box = at.state.task, at.current
    at.give("done")
    at.give("stop_drawing")
    assert not at.state.is_asking
    assert at.state.task.id == task.id
    at.give("keep")
    assert len(at.state.open_boxes) == len(at.state.document.boxes) - 1
    assert box.id in at.state.document.boxes
