"""The loop of the method as functions: draws, D_a, rankings, and step 2 up to the review."""

from __future__ import annotations

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, FRACTION, LABELS, THRESHOLDS
from cleaning_fixtures import CASES, detections, labels
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning.consensus import consensus
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.loop import (
    agreed_labels,
    first_draw,
    offered_rows,
    random_numbers,
    rank_images,
    relabelled,
    remaining,
    settle,
)
from napari_alc.cleaning.regions import Region, Source, Thresholds, sort_labels
from napari_alc.cleaning.selection import STRATEGIES, Candidates, rank, scores
from napari_alc.labels import Category, ImageRecord, Labels, LabelSet

IMAGES = tuple(ImageRecord(i, f"{i}.tif", 100, 100) for i in (20, 1, 3, 99))
"""Those of the cases, and one without any box."""
SUBSETS = st.sets(st.sampled_from([image.id for image in IMAGES]))


def label_set(rows: Labels) -> LabelSet:
    return LabelSet(IMAGES, (Category(1, "a"), Category(2, "b")), rows)


def image_ids(found: LabelSet) -> list[int]:
    return found.image_ids.tolist()


@given(st.permutations(range(30)), st.integers(0, 30), st.integers(0, 3))
def test_the_first_draw_takes_no_image_twice_and_is_blind_to_their_order(ids, count, seed):
    drawn = first_draw(ids, count, seed)
    assert len(set(drawn)) == len(drawn) == count
    assert drawn == first_draw(range(30), count, seed)


def test_the_first_draw_of_a_seed_is_known():
    assert first_draw(range(1, 21), 5, 0) == tuple(
        np.random.default_rng([0, 0]).choice(np.arange(1, 21), 5, replace=False).tolist()
    )
    assert first_draw(range(1, 21), 5, 0) != first_draw(range(1, 21), 5, 1)


def test_random_numbers_differ_by_seed_iteration_and_stream():
    drawn = [random_numbers(*key).integers(1 << 60) for key in ((0, 0), (1, 0), (0, 1), (0, 1, 5))]
    assert len(set(drawn)) == 4
    assert drawn[2] == np.random.default_rng([0, 1]).integers(1 << 60)


@given(LABELS, SUBSETS)
def test_the_remaining_part_and_the_rest_make_the_whole(rows, seen):
    whole = label_set(rows)
    rest, other = remaining(whole, seen), whole.of_images(seen)
    assert sorted(image_ids(rest) + image_ids(other)) == sorted(image_ids(whole))
    assert not set(image_ids(rest)) & seen
    assert sorted([*rest.labels.ids, *other.labels.ids]) == sorted(rows.ids)


@given(LABELS, LABELS, FRACTION)
def test_agreed_labels_are_the_consensus_in_images_that_have_any(clean, crowd, delta):
    agreed = agreed_labels(label_set(clean), label_set(crowd), delta)
    expected = consensus(clean, crowd, delta)
    assert agreed.labels.ids.tolist() == expected.ids.tolist()
    assert set(image_ids(agreed)) == set(expected.image_ids.tolist())


@given(LABELS, LABELS, SUBSETS)
def test_what_the_crowd_drew_elsewhere_has_no_part_in_the_consensus(clean, crowd, seen):
    whole, part = label_set(crowd), label_set(clean).of_images(seen)
    expected = agreed_labels(part, whole.of_images(seen), 0.5)
    found = agreed_labels(part, whole, 0.5)
    assert found.images == expected.images
    assert found.labels.ids.tolist() == expected.labels.ids.tolist()


@given(LABELS, LABELS, SUBSETS)
def test_relabelled_images_have_the_clean_labels_and_others_their_own(rows, clean, seen):
    whole, given_clean = label_set(rows), label_set(clean).of_images(seen)
    found = relabelled(whole, given_clean)
    assert found.images == whole.images
    for image in IMAGES:
        source = clean if image.id in seen else rows
        assert (
            found.labels.of_images([image.id]).boxes.tolist()
            == source.of_images([image.id]).boxes.tolist()
        )


@given(st.permutations(range(12)), st.integers(0, 3), st.integers(0, 3))
def test_a_ranking_takes_the_highest_values_first_and_is_blind_to_order(order, seed, iteration):
    inconsistency = np.array([0.5, 0.0, 0.9] * 4)
    ids = np.arange(12)
    found = [
        rank_images(
            STRATEGIES["score"], Candidates(ids[rows], inconsistency[rows]), seed, iteration
        ).tolist()
        for rows in (ids, np.array(order))
    ]
    assert found[0] == found[1]
    assert sorted(found[0]) == ids.tolist()
    assert (np.diff(inconsistency[found[0]]) <= 0).all()


@pytest.mark.parametrize("name", ["score", "random"])
def test_a_strategy_draws_before_ties_are_broken(name):
    candidates = Candidates(np.arange(50), np.zeros(50))
    rng = np.random.default_rng([4, 3])
    values = STRATEGIES[name].values(candidates, rng)
    expected = rank(candidates.image_ids, values, rng)
    assert rank_images(STRATEGIES[name], candidates, 4, 2).tolist() == expected.tolist()


def test_another_iteration_breaks_ties_otherwise():
    candidates = Candidates(np.arange(50), np.zeros(50))
    first, second = (rank_images(STRATEGIES["score"], candidates, 0, i).tolist() for i in range(2))
    assert first != second


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_every_object_somebody_saw_is_offered_by_the_surest_source(crowd, mp, ma, thresholds):
    rows = sort_labels(crowd, mp, ma, thresholds)
    offered = offered_rows(rows)
    for group in np.unique(rows.group):
        members = np.flatnonzero(rows.group == group)
        sources = rows.source[members]
        # The crowd's boxes stand in for nobody: where models see nothing they are green, alone.
        best = next((s for s in (Source.MP, Source.MA) if s in sources), Source.CROWD)
        expected = members[sources == best]
        assert sorted(set(offered) & set(members)) == expected.tolist()


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS, st.sampled_from(["ma", "crowd"]))
def test_a_settlement_is_the_correction_in_labels(crowd, mp, ma, thresholds, reading):
    rows = sort_labels(crowd, mp, ma, thresholds)
    settled, fate = settle(rows, reading), correct(rows, reading)
    for name in ("automatic", "review", "removed"):
        chosen = getattr(fate, name)
        found = getattr(settled, name)
        assert found.ids.tolist() == chosen.tolist()
        assert found.boxes.tolist() == rows.boxes[chosen].tolist()
        assert found.image_ids.tolist() == rows.image_ids[chosen].tolist()
        assert found.category_ids.tolist() == rows.category_ids[chosen].tolist()


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_without_the_box_in_box_module_its_boxes_go_to_people(crowd, mp, ma, thresholds):
    rows = sort_labels(crowd, mp, ma, thresholds)
    usual, without = settle(rows), settle(rows, box_in_box=False)
    assert len(without.removed) == 0
    assert set(without.review.ids) == set(usual.review.ids) | set(usual.removed.ids)
    assert without.automatic.ids.tolist() == usual.automatic.ids.tolist()


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_images_wait_that_have_open_boxes_the_most_inconsistent_first(crowd, mp, ma, thresholds):
    rows = sort_labels(crowd, mp, ma, thresholds)
    settled = settle(rows)
    ids, found = settled.waiting()
    assert sorted(ids) == sorted(set(settled.review.image_ids.tolist()))
    assert found.tolist() == scores(rows, ids).tolist()
    assert list(zip(-found, ids, strict=True)) == sorted(zip(-found, ids, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_a_settlement_holds_every_box_of_a_reference_case_once(case):
    rows = sort_labels(
        labels(case, "crowd"), detections(case, "mp"), detections(case, "ma"), Thresholds()
    )
    fate = settle(rows).outcome
    gray_ma = (rows.source == Source.MA) & (rows.region == Region.GRAY)
    named = np.concatenate([fate.automatic, fate.review, fate.removed, fate.replaced])
    left = np.setdiff1d(np.arange(len(rows)), named)
    assert len(named) == len(set(named.tolist()))
    assert gray_ma[left].all()
