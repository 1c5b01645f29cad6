from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alc_experiments.peers.judging import (
    NOTHING,
    Scores,
    auroc,
    average_precision,
    crowd_scores,
    judge,
    miss_scores,
    noise_of,
    recall,
)
from alc_experiments.peers.suspicion import NOT_PROPOSED, Suspicions
from napari_alc.errors import AlcError
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered
from napari_alc.simulation.crowd import NoiseRates, add_noise

value = st.sampled_from([0.0, 0.25, 0.5, 1.0])
ranked = st.lists(st.tuples(value, st.booleans()), min_size=1, max_size=12)


def of_flags(flags, total=None):
    """Answers where each box that is wrong shows an error of its own."""
    wrong = np.array(flags, dtype=bool)
    errors = np.where(wrong, np.arange(len(wrong)), NOTHING)
    return Scores(errors, np.zeros(len(wrong), bool), total or max(int(wrong.sum()), 1))


@given(ranked)
def test_average_precision_and_auroc_are_scikit_learns(rows):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    suspicion, flags = (np.array(column) for column in zip(*rows, strict=True))
    scores = of_flags(flags)
    if flags.any():
        expected = metrics.average_precision_score(flags, suspicion)
        assert average_precision(suspicion, scores) == pytest.approx(expected)
    if flags.any() and not flags.all():
        assert auroc(suspicion, scores) == pytest.approx(metrics.roc_auc_score(flags, suspicion))
    else:
        assert auroc(suspicion, scores) is None


@given(st.lists(st.booleans(), min_size=2, max_size=20).filter(lambda f: any(f) and not all(f)))
def test_a_constant_suspicion_is_chance(flags):
    constant, scores = np.full(len(flags), 0.3), of_flags(flags)
    assert auroc(constant, scores) == 0.5
    assert average_precision(constant, scores) == pytest.approx(np.mean(flags))
    for looks in range(len(flags) + 1):
        assert recall(constant, scores, looks) == pytest.approx(looks / len(flags))


@given(
    st.lists(st.tuples(value, st.integers(NOTHING, 2)), min_size=1, max_size=6), st.integers(0, 7)
)
def test_recall_is_the_mean_over_the_orders_of_equal_suspicions(rows, looks):
    suspicion, errors = (np.array(column) for column in zip(*rows, strict=True))
    scores = Scores(errors, np.zeros(len(rows), bool), 3)
    orders = [order for order in permutations(range(len(rows))) if _falls(suspicion, order)]
    seen = [len(set(errors[list(order[:looks])].tolist()) - {NOTHING}) / 3 for order in orders]
    assert recall(suspicion, scores, looks) == pytest.approx(np.mean(seen))


def _falls(suspicion, order):
    return (np.diff(suspicion[list(order)]) <= 0).all()


@given(ranked, st.randoms())
def test_the_order_of_boxes_leaves_no_trace(rows, random):
    mixed = random.sample(rows, len(rows))
    for measure in (average_precision, auroc, lambda s, a: recall(s, a, 2)):
        first, second = (
            measure(np.array([s for s, _ in some]), of_flags([f for _, f in some]))
            for some in (rows, mixed)
        )
        assert first == pytest.approx(second)


def test_boxes_not_proposed_are_never_looked_at():
    suspicion = np.array([0.9, NOT_PROPOSED, NOT_PROPOSED])
    scores = of_flags([True, True, False])
    assert average_precision(suspicion, scores) == 0.5
    assert recall(suspicion, scores, 3) == 0.5
    assert auroc(suspicion, scores) == 0.75
    nothing = np.full(3, NOT_PROPOSED)
    assert average_precision(nothing, scores) == recall(nothing, scores, 3) == 0
    assert auroc(nothing, scores) == 0.5


def test_an_error_that_two_boxes_show_counts_once():
    suspicion, errors = np.array([0.9, 0.8, 0.7]), np.array([4, 4, 5])
    scores = Scores(errors, np.zeros(3, bool), 2)
    assert average_precision(suspicion, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert recall(suspicion, scores, 2) == 0.5


def test_errors_of_other_types_cost_looks_and_are_no_false_alarms():
    suspicion = np.array([0.9, 0.8, 0.1])
    scores = Scores(np.array([NOTHING, 1, NOTHING]), np.array([True, False, False]), 1)
    assert average_precision(suspicion, scores) == auroc(suspicion, scores) == 1
    assert recall(suspicion, scores, 1) == 0
    assert recall(suspicion, scores, 2) == 1


SIDE = 2000


def noisy_case(seed=0):
    """Truth in rows, and what a crowd makes of it."""
    places = np.array([(x, y) for y in range(0, SIDE, 200) for x in range(0, SIDE, 100)])
    boxes = np.hstack([places, places + 60])
    images = (ImageRecord(1, "1.tif", SIDE, SIDE),)
    labels = numbered([1] * len(boxes), [1] * len(boxes), boxes)
    truth = LabelSet(images, (Category(1, "cell"),), labels)
    noisy = add_noise(truth, NoiseRates(0.1, 0.1, 0.1, 0.1), seed)
    return truth.labels, noisy.label_set.labels, noisy.log


def test_every_error_of_the_log_is_looked_for():
    truth, crowd, log = noisy_case()
    noise = noise_of(crowd, truth, log)
    totals = {w: crowd_scores(noise, w).total for w in ("background", "location", "box_in_box")}
    displaced = [record.iou for record in log if record.what == "location"]
    assert totals["background"] == len(displaced) == 20
    assert 0 < totals["location"] == sum(iou <= 0.5 for iou in displaced) < 20
    assert 0 < totals["box_in_box"] <= 10
    assert crowd_scores(noise, "any").total == sum(totals.values())
    clean = Detections(truth.image_ids, truth.category_ids, truth.boxes, np.ones(len(truth)))
    misses = miss_scores(noise, truth, clean)
    assert misses.total == len(np.unique(misses.errors)) - 1 == 20
    assert misses.of_other_type.sum() == totals["location"] + 20


def test_a_displaced_box_that_still_matches_its_object_is_no_error():
    truth, crowd, log = noisy_case()
    noise = noise_of(crowd, truth, log)
    matching = [r for r in log if r.what == "location" and r.iou > 0.5]
    assert matching
    assert {noise.of_crowd[crowd.ids == r.label_id].item() for r in matching} == {"kept"}
    assert {noise.of_truth[truth.ids == r.truth_id].item() for r in matching} == {"kept"}


def test_a_ranking_by_the_log_is_perfect():
    truth, crowd, log = noisy_case()
    noise = noise_of(crowd, truth, log)
    clean = Detections(truth.image_ids, truth.category_ids, truth.boxes, np.ones(len(truth)))
    found = Suspicions(
        (noise.of_crowd != "kept").astype(float),
        np.where(noise.of_truth == "miss", 1.0, NOT_PROPOSED),
    )
    figures = judge(found, noise, truth, clean)
    assert len(figures) == 25
    assert {v for name, v in figures.items() if not name.startswith("recall")} == {1.0}
    assert figures["recall@20 miss"] == 1
    errors = crowd_scores(noise, "any").total
    assert figures["recall@5 any"] == pytest.approx(round(0.05 * len(crowd)) / errors)


def test_a_prediction_of_another_category_shows_no_missed_box():
    truth, crowd, log = noisy_case()
    other = Detections(truth.image_ids, truth.category_ids + 1, truth.boxes, np.ones(len(truth)))
    scores = miss_scores(noise_of(crowd, truth, log), truth, other)
    assert (scores.errors == NOTHING).all()
    assert not scores.of_other_type.any()


def test_types_without_an_error_have_no_figures():
    truth, _, _ = noisy_case()
    records = add_noise(
        LabelSet((ImageRecord(1, "1.tif", SIDE, SIDE),), (Category(1, "cell"),), truth),
        NoiseRates(0.1, 0, 0, 0),
        0,
    )
    crowd = records.label_set.labels
    noise = noise_of(crowd, truth, records.log)
    figures = judge(Suspicions(np.zeros(len(crowd)), np.empty(0)), noise, truth, Detections.empty())
    assert {name.split()[1] for name in figures} == {"any", "background"}
    assert figures["AUROC background"] == 0.5


def test_boxes_that_the_log_does_not_know_are_refused():
    truth, crowd, log = noisy_case()
    with pytest.raises(AlcError, match="does not tell of box 1"):
        noise_of(crowd, truth, [record for record in log if record.truth_id != 1])
