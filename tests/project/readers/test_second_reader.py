"""Readers who do not know, and a second reader for what they leave."""

from __future__ import annotations

import pytest
from reading_together import CORNER, boxes_of, drawn_in, ids_of, now_of, read, reading

from napari_alc.errors import Refused
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.remarks import remarked_boxes
from napari_alc.project.annotation.tasks import queue_of
from napari_alc.project.readers.agreement import agreement, differences, verdicts
from napari_alc.project.readers.second_reader import hand_over, known_people, take_back
from napari_alc.project.readers.sharing import finish_task, share
from napari_alc.project.storage.records import NOTE_LENGTH
from napari_alc.wording import verdict_words


def read_unsure(project, consensus, reader, unsure=(), delete=(), notes=None, draw=False):
    """A reader's whole reading: what is not named is kept."""
    task = reading(project, consensus, reader)
    document = open_document(project, task, reader)
    if draw:
        document.mark_unsure([document.add(CORNER, 1)])
    document.mark_unsure(list(unsure))
    document.delete(list(delete))
    for box_id, text in (notes or {}).items():
        document.note(box_id, text)
    document.keep([box.id for box in document.open_boxes])
    finish_task(project, task, reader)


def test_who_does_not_know_speaks_neither_for_nor_against(project, consensus):
    share(project, ["Ada", "Bob", "Cy"])
    most_keep, most_delete, split, two_unsure, all_unsure, *_ = ids_of(project, consensus)
    read_unsure(project, consensus, "Ada", [most_keep, most_delete, split, two_unsure, all_unsure])
    read_unsure(project, consensus, "Bob", [two_unsure, all_unsure], [most_delete, split])
    read_unsure(project, consensus, "Cy", [all_unsure], [most_delete])
    boxes = boxes_of(project, consensus)
    named = (most_keep, most_delete, split, two_unsure, all_unsure)
    assert [boxes[box_id].state for box_id in named] == [
        "kept", "deleted", "open", "open", "open",
    ]  # fmt: skip
    assert not now_of(project, consensus).is_done
    said = verdicts(project, consensus)
    assert verdict_words(said[split]) == "Ada was unsure, Bob deleted it, Cy kept it"
    assert len(differences(project)) == 5
    assert all(box.unsure is None for box in boxes.values())


def test_what_one_of_two_drew_without_being_sure_is_left_open(project, consensus):
    share(project, ["Ada", "Bob"])
    read_unsure(project, consensus, "Ada", draw=True)
    read(project, consensus, "Bob")
    [drawn] = drawn_in(project, consensus)
    assert (drawn.state, drawn.corners) == ("open", CORNER)
    words = verdict_words(verdicts(project, consensus)[drawn.id])
    assert words == "Ada was unsure, Bob did not draw it"


def test_what_a_reader_is_unsure_about_says_nothing_of_agreement(project, consensus):
    share(project, ["Ada", "Bob"])
    first, second, *others = ids_of(project, consensus)
    read_unsure(project, consensus, "Ada", unsure=[first])
    read_unsure(project, consensus, "Bob", delete=[second])
    [pair] = agreement(project)
    assert pair.boxes == len(others) + 1
    assert pair.f1 == pytest.approx(2 * len(others) / (2 * len(others) + 1))


def test_nobody_sees_marks_and_notes_of_a_reading_before_all_are_done(project, consensus):
    share(project, ["Ada", "Bob"])
    box = ids_of(project, consensus)[0]
    read_unsure(project, consensus, "Ada", unsure=[box], notes={box: "a fold?"})
    for person in ("", "Bob", "Eve"):
        found = remarked_boxes(project, person)
        assert (found.rows, found.blind) == ((), 1)
    own = remarked_boxes(project, "Ada")
    assert [row.box.note.text for row in own.rows] == ["a fold?"]
    assert own.blind == 0
    with pytest.raises(Refused, match=f"Box {box} has neither a mark nor a note that everybody"):
        hand_over(project, [own.rows[0].key], "Cy", "Ada")


def test_readers_notes_stand_on_the_consensus_box_with_their_names(project, consensus):
    share(project, ["Ada", "Bob"])
    box, other, *_ = ids_of(project, consensus)
    read_unsure(project, consensus, "Ada", notes={box: "a fold?", other: 500 * "x"})
    read_unsure(project, consensus, "Bob", notes={box: "no", other: "y"}, unsure=[box])
    rows = {row.box.id: row for row in remarked_boxes(project).rows}
    assert rows.keys() == {box, other}
    assert rows[box].box.note.text == "Ada: a fold?\nBob: no"
    assert rows[box].task.id == consensus.id
    assert len(rows[other].box.note.text) == NOTE_LENGTH
    assert remarked_boxes(project, "Ada").rows == remarked_boxes(project).rows


def test_a_note_on_what_readers_drew_goes_with_the_drawing(project, consensus):
    share(project, ["Ada", "Bob"])
    for reader in ("Ada", "Bob"):
        document = open_document(project, reading(project, consensus, reader), reader)
        document.note(document.add(CORNER, 1), f"seen by {reader}")
        document.keep([box.id for box in document.open_boxes])
        finish_task(project, reading(project, consensus, reader), reader)
    [drawn] = drawn_in(project, consensus)
    assert drawn.note.text == "Ada: seen by Ada\nBob: seen by Bob"


def test_a_reading_with_a_note_counts_as_begun(project, consensus):
    share(project, ["Ada", "Bob"])
    own = reading(project, consensus, "Ada")
    document = open_document(project, own, "Ada")
    document.note(document.open_boxes[0].id, "a fold?")
    share(project, [])
    assert own in queue_of(project, "Ada")


@pytest.fixture
def marked(project, consensus):
    """A box that Ada is unsure about."""
    document = open_document(project, consensus, "Ada")
    box = document.open_boxes[0].id
    document.mark_unsure([box])
    return consensus.id, box


def waiting_for(project, reader):
    return [row.key for row in remarked_boxes(project).of_reader(reader)]


def test_a_second_reader_finds_what_they_are_asked_and_settles_it(project, consensus, marked):
    hand_over(project, [marked], " Bob ", "Ada")
    assert waiting_for(project, "Bob") == [marked]
    [row] = remarked_boxes(project).rows
    assert (row.second.reader, row.second.person) == ("Bob", "Ada")
    bob = open_document(project, consensus, "Bob")
    bob.keep([marked[1]])
    assert remarked_boxes(project).rows == ()
    bob.undo()
    assert waiting_for(project, "Bob") == [marked]


def test_a_box_that_was_marked_anew_waits_for_nobody_until_somebody_is_asked(
    project, consensus, marked
):
    hand_over(project, [marked], "Bob", "Ada")
    ada = open_document(project, consensus, "Ada")
    ada.clear_unsure([marked[1]])
    ada.mark_unsure([marked[1]])
    assert waiting_for(project, "Bob") == []
    hand_over(project, [marked], "Cy", "Ada")
    assert waiting_for(project, "Cy") == [marked]


def test_a_note_goes_to_a_second_reader_too(project, consensus):
    document = open_document(project, consensus, "Ada")
    box = document.open_boxes[1].id
    document.note(box, "a fold?")
    hand_over(project, [(consensus.id, box)], "Bob", "Ada")
    assert waiting_for(project, "Bob") == [(consensus.id, box)]
    open_document(project, consensus, "Bob").delete([box])
    assert waiting_for(project, "Bob") == []


def test_who_is_asked_last_is_asked_and_it_can_be_taken_back(project, marked):
    hand_over(project, [marked], "Bob", "Ada")
    hand_over(project, [marked], "Cy", "Ada")
    assert (waiting_for(project, "Bob"), waiting_for(project, "Cy")) == ([], [marked])
    take_back(project, [marked], "Ada")
    assert waiting_for(project, "Cy") == []
    assert len(remarked_boxes(project).rows) == 1


@pytest.mark.parametrize(
    ("reader", "why"), [("  ", "name is empty"), ("ada", "Ada said so about a box of")]
)
def test_a_second_reader_is_somebody_else_with_a_name(project, marked, reader, why):
    with pytest.raises(Refused, match=why):
        hand_over(project, [marked], reader, "Ada")
    assert remarked_boxes(project).rows[0].second is None


def test_a_box_without_a_mark_is_not_handed_over(project, consensus, marked):
    other = ids_of(project, consensus)[1]
    with pytest.raises(Refused, match=f"Box {other} has neither"):
        hand_over(project, [marked, (consensus.id, other)], "Bob", "Ada")
    assert waiting_for(project, "Bob") == []


def test_whoever_spoke_reads_or_was_asked_is_known(project, consensus):
    assert known_people(project) == ()
    document = open_document(project, consensus, "cy")
    box = document.open_boxes[0].id
    document.mark_unsure([box])
    share(project, ["Eve", "Ada"])
    hand_over(project, [(consensus.id, box)], "Bob", "cy")
    assert known_people(project) == ("Ada", "Bob", "cy", "Eve")
