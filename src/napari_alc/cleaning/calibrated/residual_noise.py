"""How wrong the labels still are: the posterior, and an audit of boxes drawn by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Floats, Integers, Mask

EDGES = np.array([0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98])
"""Lower ends of the strata of p; the last one ends at 1 (step 8)."""

LEAST_VARIANCE = 0.004
"""A stratum that seems certain is looked at too: its p(1 − p) counts as this much."""

AUDITED_KAPPA, EXPECTED_KAPPA = 2.0, 50.0
"""How many boxes the posterior is worth beside an audit, and without one."""

DRAWS = 2_000
"""From the posterior of the noise."""

CONFIDENCE = 0.95

ONE_SIDED = 0.05
"""The lower bound is too high with this chance."""

ALMOST_NOTHING = 1e-3
"""Added to both parameters of a beta distribution, which must be positive."""


@dataclass(frozen=True, eq=False)
class Unanswered:
    """Candidates that nobody has answered and that no person's box stands for.

    Parameters
    ----------
    p
        Shape (N,), in 0–1.
    is_accepted
        Shape (N,): whether each is a label now.
    """

    p: Floats
    is_accepted: Mask


@dataclass(frozen=True, eq=False)
class Audited:
    """What a person said of the candidates `rows` (int64, shape (K,)) of an audit.

    Parameters
    ----------
    is_right
        Shape (K,): the box is a label as it should be. Only asked of accepted ones.
    shows_missed
        Shape (K,): there is an object that no label stands for.
    """

    rows: Integers
    is_right: Mask
    shows_missed: Mask

    @classmethod
    def nothing(cls) -> Audited:
        """No audit."""
        return cls(np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0, np.bool_))


@dataclass(frozen=True)
class Known:
    """What is counted beside the candidates that nobody has answered.

    Parameters
    ----------
    labels
        Labels that a person has made or confirmed.
    unproposed, objects
        Of the objects of images labelled whole (`objects`), those that no candidate overlaps
        (IoU ≥ 0.3) of models that did not learn from them.
    whole_share
        Share of all objects that lie in images labelled whole, in 0–1: there none is missed.
    """

    labels: int
    unproposed: int
    objects: int
    whole_share: float


@dataclass(frozen=True)
class QualityEstimate:
    """A figure in 0–1 with its 95 % interval, and what it exceeds with 95 % certainty."""

    mean: float
    low: float
    high: float
    bound: float

    @classmethod
    def of(cls, draws: Floats) -> QualityEstimate:
        """Of draws from its posterior."""
        tail = (1.0 - CONFIDENCE) / 2
        low, high, bound = np.quantile(draws, [tail, 1.0 - tail, ONE_SIDED])
        return cls(float(draws.mean()), float(low), float(high), float(bound))


@dataclass(frozen=True)
class Quality:
    """How good the labels are.

    `is_audited` tells whether the intervals are worth anything: without an audit they only show
    how sure the posterior is of itself.
    """

    precision: QualityEstimate
    recall: QualityEstimate
    f1: QualityEstimate
    is_audited: bool


def _strata(of: Unanswered) -> list[Integers]:
    """Rows by p and by whether they are accepted; none is empty."""
    place = np.searchsorted(EDGES, of.p, side="right") - 1
    keys = 2 * place + of.is_accepted
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]


def audit_sample(of: Unanswered, size: int, rng: np.random.Generator) -> Integers:
    """Candidates to audit, drawn by chance within strata (step 8).

    A stratum of N_h gets n_h ∝ N_h √max(p(1 − p), 0.004) of them, at least one and at most all.

    Parameters
    ----------
    size
        About how many, 1 or more: every stratum has one of its own.

    Returns
    -------
    Integers
        int64: rows, ascending.
    """
    strata = _strata(of)
    spread = [_mean_p(of, rows) * (1 - _mean_p(of, rows)) for rows in strata]
    weight = np.array([len(rows) for rows in strata]) * np.sqrt(np.maximum(spread, LEAST_VARIANCE))
    wanted = np.maximum(np.round(size * weight / max(float(weight.sum()), 1e-12)), 1).astype(int)
    drawn = [rng.permutation(rows)[:count] for rows, count in zip(strata, wanted, strict=True)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *drawn]))


def quality(
    of: Unanswered, audited: Audited, known: Known, rng: np.random.Generator, draws: int = DRAWS
) -> Quality:
    """Precision, recall and F1 of the labels as they were when the audit was drawn (step 8).

    Accepted stratum of N_h, of which b of n_h audited were wrong: θ ~ Beta(κ(1 − p) + b,
    κp + n_h − b), and b + Bin(N_h − n_h, θ) are wrong; a share (new + 0.5) / (b + 1.5) of these
    is also an object that is missed. Other strata, g objects of n_h: Beta(κp + g, κ(1 − p) +
    n_h − g) likewise. Objects that nobody proposes: d ~ Beta(k + 0.5, m − k + 0.5).
    """
    is_audited = len(audited.rows) > 0
    kappa = AUDITED_KAPPA if is_audited else EXPECTED_KAPPA
    wrong, missed = np.zeros(draws), np.zeros(draws)
    for stratum in _tallies(of, audited):
        extra_wrong, extra_missed = stratum.drawn(kappa, rng, draws)
        wrong += extra_wrong
        missed += extra_missed
    labels = known.labels + int(of.is_accepted.sum())
    right = labels - wrong
    unproposed = rng.beta(known.unproposed + 0.5, known.objects - known.unproposed + 0.5, draws)
    objects = (right + missed) / (1.0 - unproposed * (1.0 - known.whole_share))
    return Quality(
        precision=QualityEstimate.of(_share(right, np.full(draws, float(labels)))),
        recall=QualityEstimate.of(_share(right, objects)),
        f1=QualityEstimate.of(_share(2 * right, labels + objects)),
        is_audited=is_audited,
    )


@dataclass(frozen=True)
class _Tally:
    """A stratum: its size, mean p, and what its audited candidates were."""

    is_accepted: bool
    size: int
    p: float
    audited: int
    wrong: int
    missed: int

    def drawn(self, kappa: float, rng: np.random.Generator, draws: int) -> tuple[Floats, Floats]:
        """Wrong labels and missed objects of this stratum, shape (draws,) each."""
        prior = 1.0 - self.p if self.is_accepted else self.p
        counted = self.wrong if self.is_accepted else self.missed
        share = rng.beta(
            kappa * prior + counted + ALMOST_NOTHING,
            kappa * (1.0 - prior) + self.audited - counted + ALMOST_NOTHING,
            draws,
        )
        total = counted + rng.binomial(self.size - self.audited, share).astype(np.float64)
        if not self.is_accepted:
            return np.zeros(draws), total
        return total, total * (self.missed + 0.5) / (self.wrong + 1.5)


def _tallies(of: Unanswered, audited: Audited) -> Sequence[_Tally]:
    found = []
    for rows in _strata(of):
        own = np.isin(audited.rows, rows)
        found.append(
            _Tally(
                is_accepted=bool(of.is_accepted[rows[0]]),
                size=len(rows),
                p=_mean_p(of, rows),
                audited=int(own.sum()),
                wrong=int((~audited.is_right[own]).sum()),
                missed=int(audited.shows_missed[own].sum()),
            )
        )
    return found


def _mean_p(of: Unanswered, rows: Integers) -> float:
    return float(of.p[rows].mean())


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
