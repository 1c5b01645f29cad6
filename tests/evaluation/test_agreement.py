from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring_cases import label_set, rows

from napari_alc.boxes import iou_matrix
from napari_alc.evaluation.agreement import cohens_kappa, matched_f1

verdicts = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=20)


def labels(found):
    return label_set(found).labels


def most_pairs_by_trying(first, second) -> int:
    """The largest one-to-one pairing, found by trying every order of the second boxes."""
    if len(first) > len(second):
        first, second = second, first
    overlap = iou_matrix(first.boxes, second.boxes)
    may = (
        (overlap >= 0.5)
        & (first.image_ids[:, None] == second.image_ids[None, :])
        & (first.category_ids[:, None] == second.category_ids[None, :])
    )
    orders = permutations(range(len(second)), len(first))
    return max(sum(may[i, j] for i, j in enumerate(order)) for order in orders)


def test_agreement_counts_pairs_of_boxes():
    ada = labels([(1, 3, 0, 0, 20, 20), (1, 3, 50, 50, 70, 70), (2, 3, 0, 0, 20, 20)])
    bob = labels([(1, 3, 1, 0, 21, 20), (1, 3, 100, 100, 120, 120)])
    assert matched_f1(ada, bob) == pytest.approx(2 * 1 / 5)


def test_boxes_of_other_categories_or_images_do_not_agree():
    ada = labels([(1, 3, 0, 0, 20, 20), (1, 3, 50, 50, 70, 70)])
    bob = labels([(1, 7, 0, 0, 20, 20), (2, 3, 50, 50, 70, 70)])
    assert matched_f1(ada, bob) == 0


def test_half_an_overlap_agrees():
    ada, bob = labels([(1, 3, 0, 0, 20, 20)]), labels([(1, 3, 0, 0, 20, 10)])
    assert matched_f1(ada, bob) == 1


def test_one_large_box_agrees_with_one_of_two():
    ada = labels([(1, 3, 0, 0, 20, 20)])
    bob = labels([(1, 3, 0, 0, 20, 19), (1, 3, 0, 1, 20, 20)])
    assert matched_f1(ada, bob) == pytest.approx(2 / 3)


def test_readers_who_both_found_nothing_agree():
    assert matched_f1(labels([]), labels([])) == 1
    assert matched_f1(labels([]), labels([(1, 3, 0, 0, 20, 20)])) == 0


@given(rows(), rows())
def test_f1_is_the_same_whoever_is_named_first(a, b):
    first, second = labels(a), labels(b)
    assert matched_f1(first, second) == matched_f1(second, first)
    assert 0 <= matched_f1(first, second) <= 1


@given(rows())
def test_a_reader_agrees_with_themselves(a):
    assert matched_f1(labels(a), labels(a)) == 1


@given(rows(most=5), rows(most=5))
def test_no_pairing_finds_more_pairs(a, b):
    first, second = labels(a), labels(b)
    if a or b:
        found = matched_f1(first, second) * (len(a) + len(b)) / 2
        assert found == pytest.approx(most_pairs_by_trying(first, second))


def test_kappa_of_a_known_table():
    # 20 kept by both, 15 deleted by both, 5 and 10 kept by one only: (0.7 - 0.5) / (1 - 0.5)
    ada = [True] * 25 + [False] * 25
    bob = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert cohens_kappa(ada, bob) == pytest.approx(0.4)


@given(verdicts)
def test_kappa_is_the_same_whoever_is_named_first(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    assert cohens_kappa(first, second) == cohens_kappa(second, first)


@given(st.lists(st.booleans(), min_size=2, max_size=20).filter(lambda v: len(set(v)) == 2))
def test_kappa_of_equal_verdicts_of_both_kinds_is_one(said):
    assert cohens_kappa(said, said) == 1
    assert cohens_kappa(said, [not verdict for verdict in said]) < 0


@pytest.mark.parametrize("said", [[], [True, True], [False]])
def test_kappa_is_undefined_where_chance_alone_makes_readers_agree(said):
    assert cohens_kappa(said, said) is None


def test_kappa_is_zero_where_one_reader_keeps_everything():
    assert cohens_kappa([True, True, True], [True, False, True]) == 0


def test_verdicts_on_different_boxes_are_refused():
    with pytest.raises(ValueError, match="2 and 1 verdicts"):
        cohens_kappa([True, False], [True])
