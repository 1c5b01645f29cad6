import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from napari_alc.evaluation.intervals import clustered_wilson, design_effect, wilson

SAMPLES = st.integers(1, 100_000).flatmap(
    lambda trials: st.tuples(st.integers(0, trials), st.just(trials))
)
CONFIDENCE = st.floats(0.01, 0.999)


def test_eight_of_ten_is_the_textbooks_interval():
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def test_none_of_ten_still_leaves_a_quarter_possible():
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775328), abs=1e-6)


@given(SAMPLES, CONFIDENCE)
def test_it_is_what_scipy_computes(sample, confidence):
    expected = binomtest(*sample).proportion_ci(confidence, method="wilson")
    assert wilson(*sample, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(SAMPLES, CONFIDENCE)
def test_it_holds_the_share_and_stays_within_0_and_1(sample, confidence):
    successes, trials = sample
    low, high = wilson(successes, trials, confidence)
    assert 0 <= low <= successes / trials <= high <= 1


@given(SAMPLES, CONFIDENCE)
def test_what_does_not_count_has_the_mirrored_interval(sample, confidence):
    successes, trials = sample
    low, high = wilson(successes, trials, confidence)
    mirrored = wilson(trials - successes, trials, confidence)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((low, high), abs=1e-12)


@given(SAMPLES, CONFIDENCE, CONFIDENCE)
def test_more_confidence_needs_a_wider_interval(sample, one, other):
    assume(abs(one - other) > 1e-6)
    less, more = (wilson(*sample, confidence) for confidence in sorted((one, other)))
    assert more.high - more.low > less.high - less.low


@given(SAMPLES, CONFIDENCE, st.integers(2, 20))
def test_a_larger_sample_of_the_same_share_narrows_it(sample, confidence, times):
    successes, trials = sample
    small = wilson(successes, trials, confidence)
    large = wilson(successes * times, trials * times, confidence)
    assert large.high - large.low < small.high - small.low


def test_nothing_is_known_without_trials():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ((-1, 10), "successes must lie in 0–10"),
        ((11, 10), "successes must lie in 0–10"),
        ((1, 10, 0.0), "confidence must lie between"),
        ((1, 10, 1.0), "confidence must lie between"),
        ((1, 10, float("nan")), "confidence must lie between"),
    ],
)
def test_numbers_outside_their_range_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        wilson(*wrong)


CLUSTERS = st.lists(
    st.integers(0, 40).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))),
    min_size=1,
    max_size=12,
).map(lambda rows: tuple(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def width(interval):
    return interval.high - interval.low


@given(CLUSTERS, CONFIDENCE)
def test_clusters_never_narrow_the_interval_and_count_at_worst_as_one_trial_each(
    clusters, confidence
):
    counts, of = clusters
    found = clustered_wilson(counts, of, confidence)
    total, counted = int(of.sum()), int(counts.sum())
    plain = wilson(counted, total, confidence)
    assert width(found) >= width(plain) - 1e-12
    if total:
        assert 0 <= found.low <= counted / total <= found.high <= 1


@given(st.lists(st.booleans(), min_size=2, max_size=50), CONFIDENCE)
def test_clusters_of_one_trial_are_independent_trials(wrong, confidence):
    counts, of = np.array(wrong, dtype=np.int64), np.ones(len(wrong), dtype=np.int64)
    plain = wilson(int(counts.sum()), len(wrong), confidence)
    assert clustered_wilson(counts, of, confidence) == pytest.approx(plain, abs=1e-12)


def test_where_all_boxes_of_an_image_come_out_alike_images_are_what_counts():
    counts, of = np.array([7, 0, 0, 7, 0, 0, 0, 0]), np.full(8, 7)
    assert design_effect(counts, of) == pytest.approx(8.0)  # 7, times 8 / (8 - 1)
    assert clustered_wilson(counts, of) == pytest.approx(wilson(2, 8), abs=1e-12)


def test_wrong_boxes_that_are_spread_evenly_have_no_design_effect():
    counts, of = np.full(10, 2), np.full(10, 8)
    assert design_effect(counts, of) == 0
    spread = clustered_wilson(counts, np.full(10, 8))
    assert spread == pytest.approx(wilson(20, 80))


@pytest.mark.parametrize(("counts", "of"), [([0, 0], [5, 9]), ([5, 9], [5, 9]), ([3], [9])])
def test_where_counts_tell_no_design_effect_that_of_others_can_be_taken(counts, of):
    counts, of = np.array(counts), np.array(of)
    plain = wilson(int(counts.sum()), int(of.sum()))
    assert design_effect(counts, of) is None
    assert clustered_wilson(counts, of) == plain
    assert width(clustered_wilson(counts, of, otherwise=2.0)) > width(plain)


def test_it_holds_the_true_share_as_often_as_it_says_and_the_plain_one_does_not():
    """20 images of 3 to 30 boxes; an image's share of wrong boxes is Beta(0.9, 2.1), mean 0.3."""
    rng = np.random.default_rng(7)
    held = {"clustered": 0, "plain": 0}
    for _ in range(600):
        of = rng.integers(3, 31, 20)
        counts = rng.binomial(of, rng.beta(0.9, 2.1, 20))
        clustered, plain = clustered_wilson(counts, of), wilson(int(counts.sum()), int(of.sum()))
        held["clustered"] += clustered.low <= 0.3 <= clustered.high
        held["plain"] += plain.low <= 0.3 <= plain.high
    assert held["clustered"] / 600 > 0.92
    assert held["plain"] / 600 < 0.75
