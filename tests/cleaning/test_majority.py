from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning.majority import Group, Verdict, Vote, majority

HERE, NEAR, FAR = (10.0, 10.0, 30.0, 30.0), (12.0, 10.0, 32.0, 30.0), (60.0, 60.0, 90.0, 90.0)


def vote(reader, corners=HERE, proposal=None, category_id=1):
    return Vote(reader, proposal, category_id, corners)


def only(votes, readers) -> Group:
    [group] = majority(votes, readers)
    return group


@st.composite
def readings(draw, names=("Ada", "Bob", "Cy"), most=5):
    """Boxes of each reader, many of them close; some are the same offered box."""
    votes = []
    for name in names:
        offered = draw(st.lists(st.sampled_from([None, 1, 2, 3]), max_size=most))
        used = set()
        for proposal in offered:
            if proposal in used:
                continue
            used |= {proposal} - {None}
            x, y = draw(st.integers(0, 12)), draw(st.integers(0, 12))
            size = draw(st.integers(8, 12))
            votes.append(
                Vote(name, proposal, draw(st.sampled_from([1, 2])), (x, y, x + size, y + size))
            )
    return votes


def test_what_most_readers_found_is_an_object_at_the_median():
    group = only([vote("Ada"), vote("Bob", NEAR), vote("Cy", (13, 11, 33, 31))], 3)
    assert group.verdict is Verdict.OBJECT
    assert group.corners == (12, 10, 32, 30)
    assert group.category_id == 1


def test_what_one_of_three_found_is_none():
    assert only([vote("Ada")], 3).verdict is Verdict.NO_OBJECT


def test_what_one_of_two_found_is_a_tie():
    assert only([vote("Ada")], 2).verdict is Verdict.TIE


def test_two_readers_meet_halfway():
    assert only([vote("Ada"), vote("Bob", NEAR)], 2).corners == (11, 10, 31, 30)


@pytest.mark.parametrize(
    ("corners", "together"),
    [((10, 10, 20, 30), True), ((10, 10, 19.9, 30), False)],  # IoU 0.5, and less
)
def test_boxes_of_two_readers_are_one_object_from_half_of_iou_on(corners, together):
    groups = majority([vote("Ada"), vote("Bob", corners)], 2)
    assert [len(group.votes) for group in groups] == ([2] if together else [1, 1])


def test_the_category_is_that_of_most_votes():
    votes = [vote("Ada"), vote("Bob", category_id=2), vote("Cy", category_id=2)]
    assert only(votes, 3).category_id == 2
    assert only(votes[:2], 3).category_id is None


def test_an_offered_box_that_was_moved_is_still_the_same_object():
    moved = vote("Bob", (24, 24, 60, 60), proposal=5)
    group = only([vote("Ada", proposal=5), moved], 2)
    assert group.proposal == 5
    assert group.overlap < 0.1


def test_an_offered_box_that_was_dragged_to_another_object_is_another():
    groups = majority([vote("Ada", proposal=5), vote("Bob", FAR, proposal=5)], 2)
    assert [group.verdict for group in groups] == [Verdict.TIE, Verdict.TIE]
    assert sorted(str(group.proposal) for group in groups) == ["5", "None"]


def test_a_box_drawn_anew_stands_for_the_offered_one_that_others_kept():
    group = only([vote("Ada", proposal=5), vote("Bob", NEAR), vote("Cy", NEAR, proposal=6)], 3)
    assert group.proposal == 5


def test_a_reader_counts_once_however_many_boxes_they_drew():
    groups = majority([vote("Ada"), vote("Ada", NEAR), vote("Bob", NEAR)], 3)
    assert [len(group.votes) for group in groups] == [1, 2]
    assert [group.verdict for group in groups] == [Verdict.NO_OBJECT, Verdict.OBJECT]


def test_nobody_found_anything():
    assert majority([], 2) == ()


@given(readings())
def test_every_vote_is_in_one_group_and_no_reader_twice(votes):
    groups = majority(votes, 3)
    together = [vote for group in groups for vote in group.votes]
    assert sorted(map(repr, together)) == sorted(map(repr, votes))
    for group in groups:
        names = [vote.reader for vote in group.votes]
        assert len(names) == len(set(names))
    stands_for = [group.proposal for group in groups if group.proposal is not None]
    assert len(stands_for) == len(set(stands_for))


@given(readings(), st.randoms(use_true_random=False))
def test_the_order_of_readers_does_not_matter(votes, random):
    shuffled = list(votes)
    random.shuffle(shuffled)
    assert majority(shuffled, 3) == majority(votes, 3)


@given(readings())
def test_three_readers_never_leave_a_tie(votes):
    assert Verdict.TIE not in {group.verdict for group in majority(votes, 3)}


@given(readings(names=("Ada",)), st.integers(1, 4))
def test_the_majority_of_identical_readings_is_the_reading(votes, count):
    names = [f"reader {number}" for number in range(count)]
    copies = [replace(vote, reader=name) for vote in votes for name in names]
    groups = majority(copies, count)
    assert {group.verdict for group in groups} <= {Verdict.OBJECT}
    found = [(group.proposal, group.category_id, group.corners) for group in groups]
    said = [(vote.proposal, vote.category_id, vote.corners) for vote in votes]
    assert sorted(map(repr, found)) == sorted(
        repr((p, c, tuple(map(float, k)))) for p, c, k in said
    )


@given(readings())
def test_an_object_lies_within_what_its_readers_drew(votes):
    for group in majority(votes, 3):
        x1, y1, x2, y2 = group.corners
        assert min(vote.corners[0] for vote in group.votes) <= x1 < x2
        assert y1 < y2 <= max(vote.corners[3] for vote in group.votes)
        assert 0 <= group.overlap <= 1


@pytest.mark.parametrize("readers", [2, 4])
def test_half_of_an_even_number_is_a_tie(readers):
    votes = [vote(f"reader {number}") for number in range(readers // 2)]
    assert only(votes, readers).verdict is Verdict.TIE


@pytest.mark.parametrize(
    ("sure", "unsure", "readers", "verdict"),
    [
        (2, 1, 3, Verdict.OBJECT),
        (1, 1, 3, Verdict.TIE),
        (0, 1, 3, Verdict.NO_OBJECT),
        (0, 3, 3, Verdict.TIE),
        (1, 2, 3, Verdict.TIE),
        (0, 1, 2, Verdict.TIE),
        (1, 1, 2, Verdict.TIE),
        (0, 2, 4, Verdict.TIE),
        (0, 1, 4, Verdict.NO_OBJECT),
    ],
)
def test_who_does_not_know_speaks_neither_for_an_object_nor_against_it(
    sure, unsure, readers, verdict
):
    votes = [vote(f"sure {i}") for i in range(sure)]
    votes += [replace(vote(f"unsure {i}"), is_sure=False) for i in range(unsure)]
    assert only(votes, readers).verdict is verdict


def test_place_and_category_are_those_of_who_knows():
    votes = [
        vote("Ada"),
        *(replace(vote(name, NEAR, category_id=2), is_sure=False) for name in "BC"),
    ]
    group = only(votes, 3)
    assert (group.corners, group.category_id) == (HERE, 1)
    assert only(votes[1:], 2).corners == NEAR
