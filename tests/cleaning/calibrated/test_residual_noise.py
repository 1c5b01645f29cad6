"""What is still wrong: the audit, its estimate, and the certificate."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning.calibrated.certificate import certified_threshold, upper_bound
from napari_alc.cleaning.calibrated.residual_noise import (
    Audited,
    Known,
    Unanswered,
    audit_sample,
    quality,
)

KNOWN = Known(labels=200, unproposed=1, objects=150, whole_share=0.1)


def made_up(seed, honest=True, count=1500):
    """BoxCandidates, and what a person would say of each; a dishonest posterior is too sure."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5, count)
    is_object = rng.random(count) < (p if honest else 0.7 * p)
    of = Unanswered(p, p >= 0.45)
    return of, is_object


def answered(of, is_object, rows):
    accepted = of.is_accepted[rows]
    return Audited(rows, is_object[rows] & accepted, is_object[rows] & ~accepted)


def true_figures(of, is_object, known):
    right = known.labels + (is_object & of.is_accepted).sum()
    objects = known.labels + is_object.sum()
    labels = known.labels + of.is_accepted.sum()
    return right / labels, right / objects, 2 * right / (labels + objects)


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_every_stratum_is_looked_at_and_nothing_twice(seed, size):
    of, _ = made_up(seed, count=300)
    rows = audit_sample(of, size, np.random.default_rng(seed))
    assert len(set(rows.tolist())) == len(rows)
    assert (np.diff(rows) > 0).all()
    edges = [0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.01]
    for accepted in (True, False):
        for low, high in pairwise(edges):
            stratum = (of.p >= low) & (of.p < high) & (of.is_accepted == accepted)
            assert stratum[rows].any() == stratum.any()


def test_an_audit_is_about_as_large_as_was_asked():
    of, _ = made_up(0)
    assert 70 <= len(audit_sample(of, 80, np.random.default_rng(0))) <= 95


def test_uncertain_candidates_are_audited_more_often():
    of = Unanswered(np.repeat([0.5, 0.99], 1000), np.ones(2000, bool))
    rows = audit_sample(of, 100, np.random.default_rng(0))
    assert (rows < 1000).sum() > 3 * (rows >= 1000).sum()


def test_the_interval_holds_what_is_true_as_often_as_it_says():
    known = Known(labels=200, unproposed=0, objects=10_000, whole_share=0.1)
    hits, bounds = np.zeros(3), 0
    for seed in range(120):
        of, is_object = made_up(seed)
        rng = np.random.default_rng(seed)
        found = quality(of, answered(of, is_object, audit_sample(of, 80, rng)), known, rng, 400)
        truth = true_figures(of, is_object, known)
        for number, (figure, true) in enumerate(
            zip((found.precision, found.recall, found.f1), truth, strict=True)
        ):
            hits[number] += figure.low <= true <= figure.high
        bounds += found.f1.bound <= truth[2]
        assert found.is_audited
    assert (hits / 120 >= 0.88).all()
    assert bounds / 120 >= 0.88


def test_an_audit_finds_out_a_posterior_that_is_too_sure_of_itself():
    errors = np.zeros(2)
    for seed in range(20):
        of, is_object = made_up(seed, honest=False)
        rng = np.random.default_rng(seed)
        audits = Audited.nothing(), answered(of, is_object, audit_sample(of, 80, rng))
        precision = true_figures(of, is_object, KNOWN)[0]
        errors += [abs(quality(of, a, KNOWN, rng).precision.mean - precision) for a in audits]
    assert errors[1] < errors[0] / 2


def test_without_an_audit_the_posterior_is_believed():
    of, is_object = made_up(3)
    found = quality(of, Audited.nothing(), KNOWN, np.random.default_rng(0))
    assert not found.is_audited
    precision, _, _ = true_figures(of, is_object, KNOWN)
    assert found.precision.mean == pytest.approx(precision, abs=0.03)


def test_objects_that_nobody_proposes_lower_the_recall_alone():
    of, _ = made_up(3)
    rng = np.random.default_rng
    none = quality(of, Audited.nothing(), Known(200, 0, 150, 0.1), rng(0))
    some = quality(of, Audited.nothing(), Known(200, 30, 150, 0.1), rng(0))
    assert some.recall.mean < none.recall.mean - 0.1
    assert some.precision == none.precision


def test_with_nothing_left_open_the_labels_are_right():
    nothing = Unanswered(np.empty(0), np.empty(0, bool))
    found = quality(nothing, Audited.nothing(), Known(50, 0, 10**6, 1.0), np.random.default_rng(0))
    assert found.f1.mean == pytest.approx(1.0, abs=1e-6)


def test_the_bound_is_clopper_and_pearsons():
    assert upper_bound(0, 45, 0.1) == pytest.approx(1 - 0.1 ** (1 / 45))
    assert upper_bound(3, 3, 0.1) == 1.0
    assert upper_bound(2, 50, 0.1) == pytest.approx(0.1030, abs=5e-4)


def test_too_few_labels_are_never_certified():
    assert certified_threshold(np.full(44, 0.99), np.zeros(44, bool)) is None
    assert certified_threshold(np.full(45, 0.99), np.zeros(45, bool)) == 0.5


def test_the_sequence_stops_at_the_first_that_fails():
    p = np.repeat([0.99, 0.92, 0.55], [60, 60, 60])
    wrong = np.zeros(180, bool)
    wrong[60:70] = True  # of those at 0.92; lower ones would pass again
    assert certified_threshold(p, wrong) == 0.95


def test_a_certificate_is_broken_as_seldom_as_it_says():
    rng, broken = np.random.default_rng(0), 0
    for _ in range(200):
        p = rng.beta(3, 0.5, 3000)
        wrong = rng.random(3000) > p
        accepted = np.flatnonzero(p >= 0.5)
        drawn = rng.permutation(accepted)[:150]
        found = certified_threshold(p[drawn], wrong[drawn])
        broken += found is not None and wrong[p >= found].mean() > 0.05
    assert broken / 200 <= 0.1


@pytest.mark.parametrize(("alpha", "delta"), [(0.0, 0.1), (0.05, 1.0)])
def test_a_certificate_without_a_risk_is_refused(alpha, delta):
    with pytest.raises(ValueError, match="between 0 and 1"):
        certified_threshold(np.full(50, 0.9), np.zeros(50, bool), alpha, delta)
