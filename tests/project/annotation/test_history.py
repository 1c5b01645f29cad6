from __future__ import annotations

from dataclasses import replace

import pytest
from builders import PERSON, make_project
from hypothesis import given, settings
from hypothesis import strategies as st
from test_document_laws import START, Shelf, carry_out, commands, make_document

from napari_alc.errors import Refused
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.document import History
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.storage.records import ReviewBox


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def history():
    return History()


@pytest.fixture
def two(shelf, history):
    """Two images of one session."""
    return [make_document(shelf, history, task_id) for task_id in (1, 2)]


def test_undo_goes_back_across_images_in_the_order_of_decisions(two, history):
    first, second = two
    first.keep([1])
    second.delete([2])
    assert history.undo_task == 2
    assert first.undo() == ()
    assert second.undo() == (2,)
    assert (history.undo_task, history.redo_task) == (1, 2)
    assert first.undo() == (1,)
    assert (history.undo_task, history.redo_task) == (None, 1)
    assert second.redo() == ()
    assert first.redo() == (1,)
    assert second.redo() == (2,)
    assert history.redo_task is None
    assert (first.boxes[1].state, second.boxes[2].state) == ("kept", "deleted")


def test_an_image_opened_again_takes_back_what_was_decided_before(shelf, history):
    before = make_document(shelf, history, 1)
    before.keep([1])
    again = make_document(shelf, history, 1, list(before.boxes.values()))
    assert again.undo() == (1,)
    assert again.boxes == {box.id: box for box in START}


def test_what_somebody_else_decided_since_is_not_undone(shelf, history):
    mine = make_document(shelf, history, 1)
    mine.delete([2])
    mine.keep([1])
    others = make_document(shelf, None, 1, list(mine.boxes.values()))
    others.recategorise([1], 2)
    again = make_document(shelf, history, 1, list(others.boxes.values()))
    with pytest.raises(Refused, match="Somebody else has changed this box"):
        again.undo()
    assert again.boxes == others.boxes
    assert again.undo() == (2,)
    assert again.redo() == (2,)


def test_a_box_changed_and_changed_back_by_others_is_theirs(shelf, history):
    mine = make_document(shelf, history, 1)
    mine.keep([1])
    others = make_document(shelf, None, 1, list(mine.boxes.values()))
    others.delete([1])
    others.keep([1])
    again = make_document(shelf, history, 1, list(others.boxes.values()))
    with pytest.raises(Refused):
        again.undo()


def test_nudges_of_a_box_are_one_undo_and_each_is_stored(two, shelf):
    document, _ = two
    for _ in range(3):
        document.nudge(1, 1, 0)
    document.nudge(1, 0, 10, grow=True)
    assert document.boxes[1].corners == (13, 10, 33, 40)
    assert len(shelf.written) == 4
    assert document.undo() == (1,)
    assert document.boxes[1] == START[0]
    document.redo()
    assert document.boxes[1].corners == (13, 10, 33, 40)


def test_nudges_with_something_between_are_undone_apart(two):
    document, other = two
    document.nudge(1, 1, 0)
    document.nudge(2, 1, 0)
    document.nudge(1, 1, 0)
    other.nudge(1, 5, 0)
    document.nudge(1, 1, 0)
    document.undo()
    assert document.boxes[1].corners[0] == 12
    document.nudge(1, 1, 0)
    document.undo()
    assert document.boxes[1].corners[0] == 12
    other.undo()
    document.undo()
    assert document.boxes[1].corners[0] == 11


def test_nudges_before_and_after_a_look_elsewhere_are_undone_apart(two, history):
    document, _ = two
    document.nudge(1, 3, 0)
    history.end_run()
    document.nudge(1, 2, 0)
    document.nudge(1, 2, 0)
    document.undo()
    assert document.boxes[1].corners[0] == 13


@pytest.mark.parametrize(
    ("by", "grow", "corners"),
    [
        ((-50, -50), False, (0, 0, 20, 20)),
        ((500, 500), False, (80, 60, 100, 80)),
        ((500, 500), True, (10, 10, 100, 80)),
        ((-50, -50), True, (10, 10, 12, 12)),
    ],
)
def test_a_nudge_stops_at_the_border_and_at_the_smallest_size(two, by, grow, corners):
    two[0].nudge(1, *by, grow=grow)
    assert two[0].boxes[1].corners == corners


def test_a_nudge_that_cannot_move_the_box_decides_nothing(two, shelf):
    two[0].nudge(4, -3, -3)
    assert not shelf.written


def test_taking_a_suggestion_gives_the_box_its_corners_and_category(two):
    document, _ = two
    suggestion = ReviewBox(50, 2, (12, 12, 32, 120), "ma", "green", 0.8)
    document.take(1, suggestion)
    box = document.boxes[1]
    assert (box.corners, box.category_id, box.state) == ((12, 12, 32, 80), 2, "changed")
    assert (box.source, box.region) == ("crowd", "green")
    assert 50 not in document.boxes
    document.undo()
    assert document.boxes[1] == START[0]


def test_taking_another_open_box_deletes_it_by_the_same_decision(two, shelf):
    document, _ = two
    document.take(1, document.boxes[2])
    assert document.boxes[1].corners == START[1].corners
    assert document.boxes[2].state == "deleted"
    assert [change.action for change in shelf.written[0]] == ["take", "delete"]
    document.undo()
    assert document.boxes == {box.id: box for box in START}


def test_an_object_that_has_a_label_is_not_marked_twice(two, shelf):
    document, _ = two
    assert START[2].is_label
    with pytest.raises(Refused, match="marks that object already"):
        document.take(1, document.boxes[3])
    x1, y1, x2, y2 = START[2].corners
    beside = ReviewBox(50, START[2].category_id, (x1 + 1, y1, x2, y2), "ma", "green", 0.8)
    with pytest.raises(Refused, match="Delete this box"):
        document.take(1, beside)
    assert document.boxes == {box.id: box for box in START}
    assert not shelf.written
    document.take(1, replace(beside, category_id=3 - beside.category_id))
    assert document.boxes[1].corners == beside.corners


@given(st.lists(st.tuples(st.integers(1, 2), commands), max_size=20))
@settings(max_examples=100)
def test_undoing_a_session_returns_to_its_start_and_redoing_to_its_end(steps):
    shelf, history = Shelf(), History()
    documents = {task_id: make_document(shelf, history, task_id) for task_id in (1, 2)}
    for task_id, step in steps:
        carry_out(documents[task_id], [step])
    end = [document.boxes for document in documents.values()]
    undone = 0
    while history.undo_task is not None:
        assert documents[history.undo_task].undo()
        undone += 1
    for document in documents.values():
        assert {box.id: box for box in document.shown} == {box.id: box for box in START}
    for _ in range(undone):
        documents[history.redo_task].redo()
    assert [document.boxes for document in documents.values()] == end


def test_undo_finds_an_image_opened_anew_from_the_store(tmp_path):
    project, history = make_project(tmp_path, images=3), History()
    _, first, second = queue(project)
    document = open_document(project, first, PERSON, history=history)
    start = document.boxes
    drawn = document.add((1, 1, 20, 20), 1)
    document.nudge(drawn, 2, 2)
    document.take(document.open_boxes[0].id, document.suggestions[0])
    open_document(project, second, PERSON, history=history)
    while history.undo_task == first.id:
        assert open_document(project, first, PERSON, history=history).undo()
    again = open_document(project, first, PERSON, history=history)
    assert {box.id: box for box in again.shown} == start
    while history.redo_task == first.id:
        again = open_document(project, first, PERSON, history=history)
        assert again.redo()
    assert again.boxes == document.boxes
    project.close()
