"""Rankings by mistakenness and by our regions on boxes whose order is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alc_experiments.peers import mistakenness, ours
from alc_experiments.peers.suspicion import NOT_PROPOSED
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.regions import Region, Source, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels, numbered

HERE, SHIFTED, FAR = [0, 0, 100, 100], [0, 25, 100, 125], [500, 500, 600, 600]
"""The first two have an IoU of 0.6."""

unit = st.floats(0, 1)


def labels(*boxes, category=1):
    return numbered([1] * len(boxes), [category] * len(boxes), boxes)


def detections(*rows, category=1):
    count = len(rows)
    boxes, scores = [row[0] for row in rows], [row[1] for row in rows]
    return Detections([1] * count, [category] * count, boxes, scores)


def test_mistakenness_of_a_matched_label_is_that_of_the_formulas():
    found = mistakenness.suspicions(labels(HERE), detections((SHIFTED, 0.9)))
    assert found.crowd == pytest.approx((0.9 * (2 * 0.8 - 1) + 1) / 2)


def test_a_label_of_another_category_is_as_mistaken_as_the_detector_is_sure():
    found = mistakenness.suspicions(labels(HERE), detections((HERE, 0.8), category=2))
    assert found.crowd == pytest.approx((0.8 + 1) / 2)


@given(unit, unit)
def test_mistakenness_is_a_half_without_confidence_and_ordered_with_it(score, low):
    scores, iou = np.array([score]), np.array([0.5 + low / 2])
    for value in (
        mistakenness.location_mistakenness(scores, iou),
        mistakenness.category_mistakenness(scores, np.array([True])),
        mistakenness.category_mistakenness(scores, np.array([False])),
    ):
        assert 0.5 - score / 2 - 1e-12 <= value[0] <= 0.5 + score / 2 + 1e-12
    assert mistakenness.location_mistakenness(np.ones(1), np.ones(1)) == 0


def test_a_label_that_no_prediction_matches_comes_first():
    crowd = labels(HERE, FAR)
    found = mistakenness.suspicions(crowd, detections((SHIFTED, 0.9)))
    assert found.crowd[1] == mistakenness.SPURIOUS > found.crowd[0]


def test_a_label_is_matched_by_the_surest_prediction_only():
    found = mistakenness.suspicions(labels(HERE), detections((HERE, 0.6), (SHIFTED, 0.99)))
    assert found.crowd == pytest.approx((0.99 * 0.6 + 1) / 2)
    assert found.predictions.tolist() == [NOT_PROPOSED, NOT_PROPOSED]


def test_only_sure_predictions_without_a_match_are_missing():
    seen = detections((HERE, 0.99), (FAR, 0.96), ([300, 0, 340, 40], 0.95))
    found = mistakenness.suspicions(labels(HERE), seen)
    assert found.predictions.tolist() == [NOT_PROPOSED, 0.96, NOT_PROPOSED]


def test_nothing_drawn_and_nothing_seen_are_ranked():
    assert mistakenness.suspicions(labels(HERE), Detections.empty()).crowd.tolist() == [1]
    nothing = mistakenness.suspicions(Labels.empty(), detections((HERE, 0.99)))
    assert nothing.predictions.tolist() == [0.99]


def test_boxes_are_ranked_by_what_the_method_does_with_them():
    around, clean, misplaced, spurious = [600, 0, 900, 100], HERE, [300, 300, 400, 400], FAR
    crowd = labels(clean, spurious, misplaced, around)
    mp = detections((HERE, 0.9), ([300, 350, 400, 450], 0.7), ([610, 10, 680, 80], 0.6))
    found = ours.suspicions(crowd, mp, Detections.empty(), Thresholds())
    assert np.argsort(-found.crowd).tolist() == [3, 2, 1, 0]
    assert found.crowd[0] == 0
    assert found.crowd[2] == pytest.approx(ours.STEP + 0.7)


def test_boxes_that_both_models_see_and_the_crowd_does_not_are_missed_too():
    mp = detections((HERE, 0.9), (FAR, 0.6), ([300, 300, 340, 340], 0.8), ([0, 300, 9, 309], 0.4))
    ma = detections((FAR, 0.7), ([600, 0, 650, 50], 0.9))
    found = ours.suspicions(labels(SHIFTED), mp, ma, Thresholds())
    assert found.predictions.tolist() == [NOT_PROPOSED, 0.6, 0.8, NOT_PROPOSED]


corner = st.integers(0, 8).map(lambda value: 10.0 * value)
box = st.tuples(corner, corner).map(lambda at: [*at, at[0] + 30, at[1] + 30])
seen = st.lists(st.tuples(box, st.floats(0.05, 1)), max_size=6).map(lambda rows: detections(*rows))


@given(st.lists(box, min_size=1, max_size=6), seen, seen)
def test_the_order_of_regions_is_never_broken(boxes, mp, ma):
    crowd = labels(*boxes)
    found = ours.suspicions(crowd, mp, ma, Thresholds())
    rows = sort_labels(crowd, mp, ma, Thresholds())
    fate = np.where(rows.region[: len(crowd)] == Region.GRAY, 0, 1)
    fate[correct(rows).removed] = 2
    assert (found.crowd[fate == 0] == 0).all()
    for lower, higher in ((0, 1), (1, 2)):
        below, above = found.crowd[fate == lower], found.crowd[fate == higher]
        assert below.max(initial=-1) < above.min(initial=np.inf)


@given(st.lists(box, max_size=6), seen, seen)
def test_every_proposed_box_becomes_a_label(boxes, mp, ma):
    found = ours.suspicions(labels(*boxes), mp, ma, Thresholds())
    rows = sort_labels(labels(*boxes), mp, ma, Thresholds())
    kept = correct(rows).automatic
    from_mp = rows.index[kept[rows.source[kept] == Source.MP]]
    proposed = np.flatnonzero(found.predictions > NOT_PROPOSED)
    pink = rows.index[rows.region == Region.PINK]
    assert set(pink) <= set(proposed) <= set(from_mp)


def test_gray_boxes_are_ranked_by_what_overlaps_them_and_stay_behind_green_ones():
    near, exact, lone = HERE, [300, 0, 400, 100], FAR
    crowd = labels(near, exact, lone)
    seen = detections((SHIFTED, 0.9), (exact, 0.9))
    plain = ours.suspicions(crowd, seen, Detections.empty(), Thresholds())
    ranked = ours.suspicions_of_gray(crowd, seen, Detections.empty(), Thresholds())
    assert plain.crowd[0] == plain.crowd[1] == 0
    assert ranked.crowd[2] > ranked.crowd[0] > ranked.crowd[1] == 0
    assert ranked.crowd[2] == plain.crowd[2]
    assert ranked.crowd[0] == pytest.approx(0.4)


def test_distance_looks_at_boxes_of_any_score_but_of_the_same_category():
    crowd = labels(HERE, FAR)
    weak = detections((SHIFTED, 0.06))
    assert ours.distance(crowd, weak).crowd == pytest.approx([0.4, 1.0])
    other = detections((SHIFTED, 0.9), category=2)
    found = ours.distance(crowd, other)
    assert found.crowd.tolist() == [1.0, 1.0]
    assert found.predictions.tolist() == [0.9]
    assert ours.distance(crowd, weak).predictions.tolist() == [NOT_PROPOSED]
