import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from napari_alc.evaluation.intervals import wilson

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
