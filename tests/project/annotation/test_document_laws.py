from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.errors import AlcError, Refused
from napari_alc.labels import ImageRecord
from napari_alc.project.annotation.document import MINIMUM_SIZE, Change, ReviewDocument
from napari_alc.project.storage.records import ReviewBox

IMAGE = ImageRecord(1, "a.tif", 100, 80)
START = (
    ReviewBox(1, 1, (10, 10, 30, 30), "crowd", "green", None, 0.4),
    ReviewBox(2, 1, (40, 10, 60, 30), "ma", "red", 0.9, 0.9),
    ReviewBox(3, 2, (40, 40, 60, 60), "mp", "gray", 0.8, state="kept"),
    ReviewBox(4, 1, (0, 0, 100, 80), "mp", "pink", 0.7),
)


class Shelf:
    """Stands in for the store: remembers changes, makes identities, and can be full."""

    def __init__(self) -> None:
        self.written: list = []
        self.next_id = 100
        self.full = False

    def store(self, changes) -> None:
        if self.full:
            raise AlcError("the disk is full")
        self.written.append(tuple(changes))

    def draw(self, box) -> int:
        drawn = replace(box, id=self.next_id + 1)
        self.store([Change("add", None, drawn)])
        self.next_id = drawn.id
        return drawn.id


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def document(shelf):
    return make_document(shelf)


def make_document(shelf: Shelf, history=None, task_id=0, boxes=START) -> ReviewDocument:
    return ReviewDocument(IMAGE, boxes, (), (1, 2), "Ada", shelf, history, task_id)


def test_keeping_decides_a_box_in_the_persons_name(document, shelf):
    before = datetime.now(UTC)
    document.keep([1])
    at = document.boxes[1].decided_at
    assert before <= at <= datetime.now(UTC)
    assert document.boxes[1] == replace(START[0], state="kept", person="Ada", decided_at=at)
    [[change]] = shelf.written
    assert (change.action, change.before, change.after.state) == ("keep", START[0], "kept")


def test_what_is_kept_already_is_not_decided_again(document, shelf):
    document.keep([3])
    assert not shelf.written
    assert document.undo() == ()


def test_a_deleted_box_is_known_but_not_shown(document):
    document.delete([1, 2])
    assert [box.id for box in document.shown] == [3, 4]
    assert document.boxes[1].state == "deleted"


def test_naming_a_box_twice_decides_it_once(document, shelf):
    document.keep([1, 1])
    assert len(shelf.written[0]) == 1


def test_corners_are_sorted_and_clipped(document):
    document.reshape({1: (30.0, 120.0, -5.0, 20.0)})
    assert document.boxes[1].corners == (0, 20, 30, 80)
    assert document.boxes[1].state == "changed"


@pytest.mark.parametrize(
    "corners",
    [(200, 10, 220, 30), (10, 10, 10.5, 30), (10, 10, 30, 11), (1, 2, 3), (0, 0, float("nan"), 9)],
)
def test_no_box_is_refused_and_nothing_changes(document, shelf, corners):
    with pytest.raises(Refused):
        document.reshape({2: (1, 1, 9, 9), 1: corners})
    with pytest.raises(Refused):
        document.add(corners, 1)
    assert document.boxes == {box.id: box for box in START}
    assert not shelf.written


@pytest.mark.parametrize(
    ("corners", "is_box"),
    [
        ((10, 10, 12, 30), True),
        ((10, 10, 11.99, 30), False),
        ((10, 10, 30, 12), True),
        ((10, 10, 30, 11.99), False),
        ((98, 10, 130, 30), True),
        ((98.01, 10, 130, 30), False),
        ((10, 78, 30, 130), True),
        ((10, 78.01, 30, 130), False),
    ],
)
def test_a_box_has_at_least_two_pixels_within_the_image(document, corners, is_box):
    for change in (lambda: document.reshape({1: corners}), lambda: document.add(corners, 1)):
        if is_box:
            change()
        else:
            with pytest.raises(Refused, match="too small or outside"):
                change()


@pytest.mark.parametrize(
    ("corners", "refused"),
    [
        ((40, 40, 60, 50), False),  # IoU 0.5 with the label
        ((40, 40, 60, 50.1), True),
        ((40, 40, 80, 60), False),
        ((40, 40, 79.9, 60), True),
    ],
)
def test_taken_corners_may_overlap_a_label_by_half_and_no_more(document, corners, refused):
    suggestion = ReviewBox(50, 2, corners, "ma", "red", 0.8)
    if refused:
        with pytest.raises(Refused, match="Another label marks that object"):
            document.take(1, suggestion)
    document.take(1, replace(suggestion, category_id=1) if refused else suggestion)
    assert document.boxes[1].corners == corners


def test_unknown_boxes_and_categories_are_refused(document):
    with pytest.raises(Refused, match="Box 77"):
        document.delete([77])
    with pytest.raises(Refused, match="Category 9"):
        document.recategorise([1], 9)
    with pytest.raises(Refused, match="Category 9"):
        document.add((1, 1, 9, 9), 9)


def test_a_box_that_a_person_drew_stays_theirs(document):
    box_id = document.add((1, 1, 9, 9), 1)
    document.reshape({box_id: (2, 2, 9, 9)})
    document.recategorise([box_id], 2)
    document.keep([box_id])
    assert document.boxes[box_id].state == "added"
    assert document.boxes[box_id].source == "person"


def test_keeping_a_changed_box_keeps_the_change(document):
    document.reshape({1: (1, 1, 9, 9)})
    document.keep([1])
    assert document.boxes[1].state == "changed"


def test_what_cannot_be_stored_is_not_shown(document, shelf):
    shelf.full = True
    for command in (
        lambda: document.keep([1]),
        lambda: document.delete([1]),
        lambda: document.reshape({1: (1, 1, 9, 9)}),
        lambda: document.add((1, 1, 9, 9), 1),
    ):
        with pytest.raises(AlcError, match="disk"):
            command()
    assert document.boxes == {box.id: box for box in START}
    assert document.undo() == ()


def test_an_undo_that_cannot_be_stored_can_be_tried_again(document, shelf):
    document.keep([1])
    shelf.full = True
    with pytest.raises(AlcError):
        document.undo()
    assert document.boxes[1].state == "kept"
    shelf.full = False
    assert document.undo() == (1,)
    assert document.boxes[1] == START[0]


def test_several_boxes_are_one_decision(document):
    document.delete([1, 2, 4])
    assert set(document.undo()) == {1, 2, 4}
    assert document.boxes == {box.id: box for box in START}


def test_redo_repeats_and_a_new_decision_ends_it(document):
    document.keep([1])
    document.undo()
    document.redo()
    assert document.boxes[1].state == "kept"
    document.undo()
    document.delete([2])
    assert document.redo() == ()
    assert document.boxes[1].state == "open"


numbers = st.floats(-50, 150)
corner_values = st.tuples(numbers, numbers, numbers, numbers)
some_ids = st.lists(st.integers(0, 6), min_size=1, max_size=3)
commands = st.one_of(
    st.tuples(st.just("keep"), some_ids),
    st.tuples(st.just("delete"), some_ids),
    st.tuples(st.just("reshape"), st.dictionaries(st.integers(0, 6), corner_values, min_size=1)),
    st.tuples(st.just("recategorise"), some_ids, st.integers(1, 3)),
    st.tuples(st.just("add"), corner_values, st.integers(1, 3)),
    st.tuples(st.just("nudge"), some_ids, numbers, numbers, st.booleans()),
    st.tuples(st.just("take"), some_ids, st.integers(0, 6)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def carry_out(document: ReviewDocument, steps) -> None:
    """Give commands with positions instead of ids; refusals are part of the game."""
    for name, *arguments in steps:
        known = [*document.boxes, 999]
        if name in ("keep", "delete", "recategorise"):
            arguments[0] = [known[i % len(known)] for i in arguments[0]]
        if name in ("nudge", "take"):
            arguments[0] = known[arguments[0][0] % len(known)]
        if name == "take":
            others = [box for i, box in document.boxes.items() if i != arguments[0]]
            arguments[1] = others[arguments[1] % len(others)]
        if name == "reshape":
            arguments[0] = {known[i % len(known)]: c for i, c in arguments[0].items()}
        with contextlib.suppress(Refused):
            getattr(document, name)(*arguments)


@given(st.lists(commands, max_size=15))
@settings(max_examples=150)
def test_undoing_everything_returns_to_the_start(steps):
    document = make_document(Shelf())
    carry_out(document, steps)
    while document.undo():
        pass
    assert {box.id: box for box in document.shown} == {box.id: box for box in START}
    assert all(box.state == "deleted" for i, box in document.boxes.items() if i > 100)


@given(st.lists(commands, max_size=15))
@settings(max_examples=100)
def test_redoing_everything_returns_to_the_end(steps):
    document = make_document(Shelf())
    carry_out(document, steps)
    end = document.boxes
    undone = 0
    while document.undo():
        undone += 1
    for _ in range(undone):
        document.redo()
    assert document.boxes == end


@given(st.lists(commands, max_size=15))
@settings(max_examples=150)
def test_every_box_is_valid_and_known_by_its_id(steps):
    document = make_document(Shelf())
    carry_out(document, steps)
    for box_id, box in document.boxes.items():
        x1, y1, x2, y2 = box.corners
        assert box.id == box_id
        assert 0 <= x1 < x2 <= IMAGE.width
        assert 0 <= y1 < y2 <= IMAGE.height
        assert min(x2 - x1, y2 - y1) >= MINIMUM_SIZE
        assert box.category_id in (1, 2)


@given(st.lists(commands, max_size=15))
@settings(max_examples=100)
def test_what_is_written_replays_to_what_is_shown(steps):
    shelf = Shelf()
    document = make_document(shelf)
    carry_out(document, steps)
    replayed = {box.id: box for box in START}
    for change in (change for changes in shelf.written for change in changes):
        assert change.before == replayed.get(change.after.id)
        replayed[change.after.id] = change.after
    assert replayed == document.boxes


@given(st.lists(commands, max_size=15))
@settings(max_examples=50)
def test_open_boxes_and_labels_and_deleted_ones_are_all_there_is(steps):
    document = make_document(Shelf())
    carry_out(document, steps)
    deleted = [box for box in document.boxes.values() if box.state == "deleted"]
    parts = [*document.open_boxes, *document.labels, *deleted]
    assert sorted(box.id for box in parts) == sorted(document.boxes)
