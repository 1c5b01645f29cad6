from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.boxes import BoxSet, as_boxes, close_pairs, closest_first, ious, one_to_one

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30)

BOXES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 6), st.integers(1, 5)),
    max_size=8,
)


def columns(pairs):
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return first, second


@given(PAIRS)
def test_a_pair_is_kept_when_no_kept_pair_before_it_has_one_of_its_boxes(pairs):
    kept = []
    for position, (i, j) in enumerate(pairs):
        if all(pairs[k][0] != i and pairs[k][1] != j for k in kept):
            kept.append(position)
    assert one_to_one(*columns(pairs)).tolist() == kept


@given(PAIRS, st.data())
def test_closest_pairs_come_first_whatever_the_order_of_the_pairs(pairs, data):
    pairs = sorted(set(pairs))
    overlap = data.draw(
        st.lists(st.sampled_from([0.2, 0.5, 0.9]), min_size=len(pairs), max_size=len(pairs))
    )
    order = data.draw(st.permutations(range(len(pairs))))
    ranked = sorted(zip((-o for o in overlap), pairs, strict=True))
    by_hand = one_to_one(*columns([pair for _, pair in ranked]))
    expected = [ranked[k][1] for k in by_hand]

    shuffled = [pairs[k] for k in order]
    matched = closest_first(*columns(shuffled), np.array([overlap[k] for k in order]))
    assert [shuffled[k] for k in matched] == expected


def box_set(rows):
    keys = np.array([key for key, *_ in rows], dtype=np.int64)
    return BoxSet(keys, as_boxes([(x, y, x + side, y + side) for _, x, y, side in rows]))


@given(BOXES, BOXES)
def test_only_boxes_of_equal_key_are_compared(first, second):
    a, b = box_set(first), box_set(second)
    i, j = close_pairs(a, b, lambda p, q: ious(p, q) > 0.5)
    expected = {
        (m, n)
        for m in range(len(a))
        for n in range(len(b))
        if a.keys[m] == b.keys[n] and ious(a.boxes[[m]], b.boxes[[n]])[0] > 0.5
    }
    assert len(i) == len(expected)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
