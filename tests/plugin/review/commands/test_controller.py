"""The review's commands without a window: on state, document and store, as a person gives them."""

from __future__ import annotations

import numpy as np
import pytest
from builders import make_fresh_project, make_project
from controller_driver import ADA, Review

from napari_alc.errors import BadData
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.commands import DEFAULT_KEYS, NUDGES, Edits
from napari_alc.plugin.review.image_loader import ReadImage, Unreadable
from napari_alc.plugin.review.state import BoxFilter
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.storage.records import ReviewStep
from napari_alc.project.storage.sessions import LeaseRepository


def test_the_first_unfinished_image_is_opened_at_its_first_box(at):
    assert at.state.task == next(task for task in queue(at.project) if not task.is_done)
    assert at.canvas.document is at.state.document
    assert at.canvas.selected == (at.state.open_boxes[0].id,) == (at.current.id,)
    assert at.canvas.regions == at.state.regions != {}
    assert at.state.read_only == ""
    assert at.canvas.looked_at == ["whole"]
    assert at.reader.ahead == [task.file_name for task in queue(at.project)[2::-2]]


def test_boxes_of_step_two_are_looked_at_closely(tmp_path):
    project = make_project(tmp_path, step=ReviewStep.OPEN_BOXES)
    at = Review(project)
    assert at.canvas.looked_at == ["whole", at.current.id]
    at.controller.end_session()
    project.close()


@pytest.mark.parametrize(("command", "state"), [("keep", "kept"), ("delete", "deleted")])
def test_a_decision_is_stored_shown_and_leads_to_the_next_box(at, command, state):
    box, following = at.state.open_boxes[:2]
    left = at.state.queue.boxes_left
    at.give(command)
    assert at.stored()[box.id].state == at.state.document.boxes[box.id].state == state
    assert box.id in at.canvas.updated
    assert at.current == following
    assert at.state.queue.boxes_left == left - 1


def test_what_the_store_refuses_is_not_shown_as_done(at, monkeypatch):
    def full(*_):
        raise BadData("project.db", "the database refused (disk full)", "Free space")

    box = at.current
    monkeypatch.setattr(at.state.document._shelf, "store", full)
    at.give("keep")
    assert at.current == box
    assert at.state.document.boxes[box.id].state == "open"
    assert at.canvas.updated == set()
    assert "disk full" in at.state.message


def test_nothing_is_decided_while_the_mouse_is_held(at):
    at.canvas.is_busy = True
    at.give("keep")
    assert at.state.message == messages.LET_GO
    assert at.stored() == at.state.document.boxes


def test_without_a_box_one_is_asked_for_by_its_key(at):
    at.selection.select([])
    at.give("keep")
    assert at.state.message == DEFAULT_KEYS.filled(messages.PICK_FIRST)
    assert " J " in at.state.message
    at.selection.select([box.id for box in at.state.open_boxes[:2]])
    at.give("take_mp")
    assert at.state.message == messages.PICK_ONE


def test_forward_and_back_meet_every_open_box(at):
    boxes = at.state.open_boxes
    for box in [*boxes[1:], boxes[0]]:
        at.give("next_box")
        assert at.current == box
    for box in boxes[::-1]:
        at.give("previous_box")
        assert at.current == box


def test_only_what_the_filter_lets_pass_is_shown_and_visited(at):
    red = [box.id for box in at.state.open_boxes if box.region == "red"]
    hidden = frozenset({"green", "pink", "gray", "crowd", "yours"})
    at.selection.set_filter(BoxFilter(hidden))
    assert at.canvas.shown_ids == {*red, at.current.id}
    visited = []
    for _ in range(2 * len(red)):
        at.give("next_box")
        visited.append(at.current.id)
    assert set(visited) == set(red)
    assert {box.id for box in at.state.hidden_boxes} == {
        box.id for box in at.state.open_boxes
    } - set(red)


def test_boxes_under_the_mouse_are_picked_in_turn(at):
    at.give("pick_below")
    assert at.state.message == messages.NOTHING_BELOW
    small, large = (box.id for box in at.state.open_boxes[2:4])
    at.canvas.pointer = small, large
    for box_id in (small, large, small):
        at.give("pick_below")
        assert at.current.id == box_id


def test_a_nudge_moves_the_box_and_nudges_in_a_row_are_one_undo(at):
    box = at.current
    for _ in range(3):
        at.give("move_right")
    assert at.current.corners[0] == pytest.approx(box.corners[0] + 3)
    assert NUDGES["move_right"].dx == 1
    at.give("undo")
    assert at.current.corners == box.corners
    at.give("redo")
    assert at.current.corners[0] == pytest.approx(box.corners[0] + 3)


def test_the_counterpart_of_a_model_gives_its_corners(at):
    box = next(box for box in at.state.open_boxes if box.region == "gray")
    at.selection.look_at_box(box.id)
    ma = next(other for other in at.state.suggestions if other.source == "ma")
    assert box.source == "mp"
    assert at.canvas.suggested == at.state.suggestions
    at.give("take_ma")
    assert at.stored()[box.id].corners == ma.corners
    assert at.stored()[box.id].state == "changed"


def test_a_model_that_found_nothing_has_nothing_to_give(at):
    box = next(box for box in at.state.open_boxes if box.region == "green")
    at.selection.look_at_box(box.id)
    at.give("take_mp")
    assert at.state.message == messages.no_box_of("mp")
    assert at.stored()[box.id].state == "open"


def test_a_category_goes_to_the_current_boxes_and_to_new_ones(at):
    box, category = at.current, at.state.categories[-1].id
    at.boxes.set_category(category)
    assert at.current.category_id == at.state.category_id == category
    at.boxes.apply(Edits(drawn=((200, 200, 230, 230),)))
    assert at.current.category_id == category
    assert at.current.id != box.id


def test_a_box_that_is_drawn_is_stored_and_becomes_the_current_one(at):
    hidden = frozenset({"green", "yours"})
    at.selection.set_filter(BoxFilter(hidden))
    at.give("draw")
    assert at.canvas.is_drawing
    at.boxes.apply(Edits(drawn=((200, 210, 240, 250),)))
    assert at.current.corners == (200, 210, 240, 250)
    assert at.stored()[at.current.id].state == "added"
    assert at.current.id in at.canvas.shown_ids
    assert at.canvas.selected == (at.current.id,)


def test_a_gesture_that_makes_no_box_changes_nothing_and_says_why(at):
    before, box = at.stored(), at.current
    at.boxes.apply(Edits(drawn=((0, 0, 1, 1),)))
    assert "too small" in at.state.message
    at.boxes.apply(Edits(refusal=messages.NO_TURNING))
    assert at.state.message == messages.NO_TURNING
    assert at.stored() == before
    assert at.current == box


def test_boxes_that_napari_took_away_are_deleted_by_decision(at):
    box, following = at.state.open_boxes[:2]
    at.boxes.apply(Edits(deleted=(box.id,)))
    assert at.stored()[box.id].state == "deleted"
    assert at.current == following


def test_done_asks_once_about_open_boxes_and_goes_on(at):
    first = at.state.task
    at.give("keep")
    at.give("done")
    assert at.state.is_asking
    assert at.state.task == first
    at.images.go_back()
    assert not at.state.is_asking
    at.give("done")
    at.images.keep_open()
    assert not at.state.is_asking
    assert at.state.task.rank == first.rank + 1
    assert at.state.queue.find(first.id).done_by == ADA
    assert next(task for task in queue(at.project) if task.id == first.id).is_done


def test_going_back_shows_boxes_that_the_filter_hid(at):
    red = next(box for box in at.state.open_boxes if box.region == "red")
    at.selection.look_at_box(red.id)
    at.selection.set_filter(BoxFilter(frozenset({"green", "pink", "gray"})))
    hidden = at.state.hidden_boxes
    at.give("done")
    at.images.go_back()
    assert not at.state.filter.is_on
    assert at.current == hidden[0]


def test_every_image_done_the_review_says_so(tmp_path):
    project = make_fresh_project(tmp_path, images=1)
    at = Review(project)
    at.give("done")
    at.images.delete_open()
    assert at.state.document is None
    assert at.canvas.document is None
    assert at.state.message == messages.ALL_DONE
    at.controller.end_session()
    project.close()


def test_undo_leads_back_to_the_image_of_the_last_decision(at):
    first, box = at.state.task, at.current
    at.give("keep")
    at.give("done")
    at.images.keep_open()
    settled = at.state.task
    at.give("undo")
    assert at.state.task.id == first.id != settled.id
    assert at.state.message == messages.back_on(first.file_name, "undo")
    at.give("undo")
    assert at.current == box
    assert not at.state.task.is_done


def test_without_a_decision_there_is_nothing_to_undo(at):
    at.give("undo")
    assert at.state.message == messages.NOTHING_TO["undo"]


def test_a_change_opens_a_finished_image_again(at):
    done, told = queue(at.project)[0], []
    at.images.settled.connect(lambda: told.append(True))
    at.images.go_to(done)
    at.selection.look_at_box(at.state.document.labels[0].id)
    assert not told
    at.give("delete")
    assert told
    assert not at.state.task.is_done
    assert not at.state.queue.find(done.id).is_done


def test_the_neighbours_end_at_the_ends_of_the_queue(at):
    first = at.state.task
    at.give("previous_image")
    assert at.state.task == at.state.queue[0].task
    at.give("previous_image")
    assert at.state.message == messages.NO_MORE
    at.give("next_image")
    assert at.state.task == first


def test_while_an_image_is_read_nothing_of_the_last_one_is_shown(at):
    at.reader.holds_back = True
    task = at.state.queue[2].task
    at.images.go_to(task)
    assert at.state.task == task
    assert at.canvas.document is None
    assert at.state.message == messages.reading(task.file_name)
    assert not at.controller.opener.is_settled
    at.reader.read(at.path(task))
    assert at.canvas.document is at.state.document is not None
    assert at.state.message == ""


def test_an_image_that_cannot_be_read_says_so_and_where_to_go(at, monkeypatch):
    monkeypatch.setattr(at.reader, "take", lambda _path: Unreadable("It is no image."))
    at.images.go_to(at.state.queue[2].task)
    assert at.state.message == messages.unreadable("It is no image.", "PgDown")
    assert at.state.document is None


def test_an_image_of_another_size_is_refused(at, monkeypatch):
    small = ReadImage(np.zeros((8, 8), np.uint8), (0, 1), (0, 1))
    monkeypatch.setattr(at.reader, "take", lambda _path: small)
    at.images.go_to(at.state.queue[2].task)
    assert "8×8 pixels" in at.state.message


def test_an_image_held_elsewhere_is_passed_over_or_only_looked_at(project):
    waiting = [task for task in queue(project) if not task.is_done]
    bob = ReviewSession(project, "Bob")
    bob.open(waiting[0])
    at = Review(project)
    assert at.state.task.id == waiting[1].id
    at.images.go_to(waiting[0])
    assert at.canvas.read_only
    assert "Bob" in at.state.read_only
    at.give("done")
    assert at.state.message == at.state.read_only
    at.give("keep")
    assert at.stored() == at.state.document.boxes
    bob.leave()
    at.controller.end_session()


def test_an_image_that_was_lost_can_only_be_looked_at(at, monkeypatch):
    monkeypatch.setattr(LeaseRepository, "renew", lambda *_: False)
    at.give("keep")
    assert at.canvas.read_only
    assert at.state.read_only
    assert all(box.state == "open" for box in at.stored().values())


def test_a_pause_ends_with_the_next_decision(at):
    pauses = []
    at.controller.session.paused.connect(pauses.append)
    at.give("pause")
    at.give("keep")
    assert pauses == [True, False]


def test_another_person_decides_from_now_on_and_the_image_stays(at):
    task = at.state.task
    at.controller.set_person("Bob")
    assert at.state.task.id == task.id
    box = at.current
    at.give("keep")
    assert at.stored()[box.id].person == "Bob"
    at.controller.set_person(ADA)
    at.give("undo")
    assert at.state.message == messages.NOTHING_TO["undo"]


def test_a_review_opened_again_goes_on_where_it_was(at, project):
    at.give("keep")
    at.give("next_box")
    task, box = at.state.task, at.current
    at.controller.session.keep_place()
    at.controller.end_session()
    again = Review(project)
    assert (again.state.task, again.current) == (task, box)
    again.controller.end_session()


def test_what_others_finished_meanwhile_is_noticed(at):
    settled = at.state.queue[2].task
    document = open_document(at.project, settled, "Bob")
    document.keep([box.id for box in document.open_boxes])
    finish(at.project, settled, "Bob")
    here = at.state.task
    assert at.controller.refresh()
    assert at.state.queue.find(settled.id).done_by == "Bob"
    assert at.state.task == here


def test_a_store_that_cannot_be_read_is_told_and_the_image_stays(at, monkeypatch):
    def locked(*_):
        raise BadData("project.db", "the database refused (locked)", "Try again")

    monkeypatch.setattr("napari_alc.project.annotation.tasks.unfinished", locked)
    assert not at.controller.refresh()
    assert "locked" in at.state.message
    assert at.state.document is not None


def test_without_a_project_there_is_nothing_to_do(at):
    at.controller.set_project(None, "")
    assert at.state.message == messages.NO_PROJECT
    assert at.state.document is None
    for name in at.controller.commands():
        at.give(name)
    assert at.state.task is None
