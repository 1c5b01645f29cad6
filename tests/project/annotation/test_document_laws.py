from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.errors import AlcError, Refused
from napari_alc.labels import ImageRecord
from napari_alc.project.annotation.document import MINIMUM_SIZE, Change, History, ReviewDocument
from napari_alc.project.storage.records import NOTE_LENGTH, FlagKind, ReviewBox

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
        self.flags: list = []
        self.next_id = 100
        self.full = False

    def store(self, changes) -> None:
        if self.full:
            raise AlcError("the disk is full")
        self.written.append(tuple(changes))

    def flag(self, change) -> None:
        if self.full:
            raise AlcError("the disk is full")
        self.flags.append(change)

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
    st.tuples(st.just("mark_unsure"), some_ids),
    st.tuples(st.just("clear_unsure"), some_ids),
    st.tuples(st.just("note"), some_ids, st.sampled_from(["", "a fold?", " dirt ", 501 * "x"])),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)
flags = st.one_of(
    st.tuples(st.just("flag"), st.sampled_from(FlagKind), st.sampled_from(["", "blurred"])),
    st.tuples(st.just("unflag"), st.sampled_from(FlagKind)),
)


def carry_out(document: ReviewDocument, steps) -> None:
    """Give commands with positions instead of ids; refusals are part of the game."""
    for name, *arguments in steps:
        known = [*document.boxes, 999]
        if name in ("keep", "delete", "recategorise", "mark_unsure", "clear_unsure"):
            arguments[0] = [known[i % len(known)] for i in arguments[0]]
        if name in ("nudge", "take", "note"):
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
    parts = [*document.open_boxes, *document.labels, *document.unsure_boxes, *deleted]
    assert sorted(box.id for box in parts) == sorted(document.boxes)


@given(st.lists(st.one_of(commands, flags), max_size=15))
@settings(max_examples=150)
def test_marks_notes_and_flags_are_taken_back_and_repeated_with_all_else(steps):
    history, shelf = History(), Shelf()
    document = make_document(shelf, history)
    carry_out(document, steps)
    end = document.boxes, document.flags
    undone = 0
    while history.undo_task is not None:
        document.undo()
        undone += 1
    assert {box.id: box for box in document.shown} == {box.id: box for box in START}
    assert document.flags == ()
    for _ in range(undone):
        document.redo()
    assert (document.boxes, document.flags) == end
    assert all(change.before != change.after for change in shelf.flags)


@given(st.lists(commands, max_size=15))
@settings(max_examples=100)
def test_a_decision_takes_the_mark_off_and_nothing_else_of_a_box_changes_with_it(steps):
    shelf = Shelf()
    document = make_document(shelf)
    carry_out(document, steps)
    for change in (change for changes in shelf.written for change in changes):
        if change.action in ("unsure", "sure", "note"):
            unmarked = replace(change.after, unsure=change.before.unsure, note=change.before.note)
            assert unmarked == change.before
        elif change.action not in ("undo", "redo"):
            assert change.after.unsure is None
            assert change.before is None or change.after.note == change.before.note


def test_an_unsure_box_keeps_its_state_and_is_answered_but_no_label(document, shelf):
    before = datetime.now(UTC)
    document.mark_unsure([1, 3])
    assert [box.id for box in document.unsure_boxes] == [1, 3]
    assert [document.boxes[i].state for i in (1, 3)] == ["open", "kept"]
    assert [box.id for box in document.open_boxes] == [2, 4]
    assert document.labels == ()
    mark = document.boxes[1].unsure
    assert mark.person == "Ada"
    assert before <= mark.at <= datetime.now(UTC)
    assert document.boxes[1].person == ""
    assert [change.action for change in shelf.written[0]] == ["unsure", "unsure"]
    document.mark_unsure([1])
    document.clear_unsure([2])
    assert len(shelf.written) == 1


@pytest.mark.parametrize(
    ("decide", "state"),
    [
        (lambda document: document.keep([1]), "kept"),
        (lambda document: document.delete([1]), "deleted"),
        (lambda document: document.reshape({1: (1, 1, 9, 9)}), "changed"),
        (lambda document: document.take(1, ReviewBox(50, 1, (11, 9, 31, 30), "ma")), "changed"),
        (lambda document: document.nudge(1, 1, 0), "changed"),
        (lambda document: document.recategorise([1], 2), "changed"),
    ],
)
def test_a_later_decision_takes_the_mark_off_and_undo_brings_it_back(document, decide, state):
    document.mark_unsure([1])
    marked = document.boxes[1]
    decide(document)
    assert (document.boxes[1].state, document.boxes[1].unsure) == (state, None)
    document.undo()
    assert document.boxes[1] == marked
    document.undo()
    assert document.boxes[1] == START[0]


def test_keeping_what_is_kept_but_unsure_is_a_decision(document):
    document.mark_unsure([3])
    document.keep([3])
    assert document.boxes[3].person == "Ada"
    assert [box.id for box in document.labels] == [3]


def test_a_mark_is_taken_off_without_a_decision(document):
    document.mark_unsure([1])
    document.clear_unsure([1])
    assert document.boxes[1] == START[0]


def test_a_deleted_box_cannot_be_marked(document, shelf):
    document.delete([2])
    with pytest.raises(Refused, match="Box 2 is deleted"):
        document.mark_unsure([1, 2])
    assert document.unsure_boxes == ()
    assert len(shelf.written) == 1


def test_a_note_stays_through_decisions_until_it_is_emptied(document, shelf):
    document.note(1, "  a fold?\nor dirt ")
    document.keep([1])
    note = document.boxes[1].note
    assert (note.text, note.person) == ("a fold?\nor dirt", "Ada")
    document.note(1, " a fold?\nor dirt")
    assert len(shelf.written) == 2
    document.note(1, " ")
    assert document.boxes[1].note is None
    document.undo()
    assert document.boxes[1].note == note


def test_a_text_that_is_too_long_is_refused_with_its_length(document):
    document.note(1, NOTE_LENGTH * "x")
    for command in (
        lambda: document.note(2, (NOTE_LENGTH + 1) * "x"),
        lambda: document.flag(FlagKind.EXCLUDE, (NOTE_LENGTH + 1) * "x"),
    ):
        with pytest.raises(Refused, match=r"has 501 characters; at most 500"):
            command()
    assert document.boxes[2].note is None
    assert not document.is_excluded


def test_flags_are_set_changed_and_taken_off_one_by_one(document, shelf):
    document.flag(FlagKind.EXCLUDE, "empty")
    document.flag(FlagKind.BAD_PICTURE)
    assert [(f.kind, f.words, f.person) for f in document.flags] == [
        ("bad picture", "", "Ada"),
        ("exclude", "empty", "Ada"),
    ]
    assert document.is_excluded
    document.flag(FlagKind.EXCLUDE, "empty")
    document.unflag(FlagKind.WRONG_TISSUE)
    assert len(shelf.flags) == 2
    document.flag(FlagKind.EXCLUDE, "torn")
    document.unflag(FlagKind.EXCLUDE)
    assert not document.is_excluded
    document.undo()
    assert document.flags[1].words == "torn"
    document.undo()
    assert document.flags[1].words == "empty"


def test_flags_and_boxes_are_undone_in_the_order_they_came(document):
    document.keep([1])
    document.flag(FlagKind.EXCLUDE)
    document.keep([2])
    assert document.undo() == (2,)
    assert document.undo() == ()
    assert not document.is_excluded
    assert document.undo() == (1,)
    document.redo()
    document.redo()
    assert document.is_excluded


def test_what_was_flagged_but_not_stored_is_not_shown(document, shelf):
    shelf.full = True
    for command in (
        lambda: document.flag(FlagKind.EXCLUDE),
        lambda: document.mark_unsure([1]),
        lambda: document.note(1, "dirt"),
    ):
        with pytest.raises(AlcError, match="disk"):
            command()
    assert document.flags == ()
    assert document.boxes == {box.id: box for box in START}
