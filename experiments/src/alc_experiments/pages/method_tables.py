"""Tables 1 and 2: all methods, their labels, their budget, and what was expected of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from alc_experiments.pages.paper import METHODS, Printed
from alc_experiments.pages.spread import (
    BySeed,
    Results,
    combined,
    difference,
    spread_of,
    total,
    words_of,
)
from alc_experiments.pages.table_parts import Column, metric, ordered, printed_words, section, table
from napari_alc.project.reporting.report_tables import Table

OURS, RANDOM, NOISY, CLEAN = "Ours", "Ours (Random)", "Noisy", "Clean"

ERRORS = ("Bkg", "Miss", "Loc")
"""TIDE's types that the paper prints."""


AGREEING = 0.05
"""Points of budget that rounding may make."""


def noisy_at(factor: float) -> str:
    """The row of a calibration with this factor of the noise."""
    return f"{NOISY} × {factor:g}"


def method_sections(results: Results, printed: Printed) -> Iterator[str | Table]:
    """Everything below the introduction of Table 1 or 2."""
    rows = ordered(results, METHODS)
    main = _main_columns(printed)
    yield from section("AP50, errors and budget", results, rows, main, _MAIN_WORDS)
    yield "## What was expected, and what came"
    yield _EXPECTED_WORDS
    yield _expectations(results, printed)
    labels = "The labels that each method trains on"
    yield from section(labels, results, rows, _LABELS, _LABEL_WORDS)
    yield from section("The budget in its parts", results, rows, _BUDGET, _BUDGET_WORDS)
    yield from _accounting(results, printed)
    yield from section("Counted boxes and images", results, rows, _COUNTS, _COUNT_WORDS)
    yield from section("Further figures", results, rows, _FURTHER, _FURTHER_WORDS)


_MAIN_WORDS = (
    "AP50 and budget (full price) in percent; Bkg, Miss and Loc are the points of AP50 that false "
    "boxes on the background, missed and displaced objects cost (TIDE). The share of Clean is the "
    "AP50 in percent of that of Clean with the same seed; the paper's is computed from its two "
    "AP50."
)


def _main_columns(printed: Printed) -> tuple[Column, ...]:
    share = Column("share of Clean", share_of_clean, paper=printed.share_of_clean)
    errors = (metric(name, printed=printed) for name in ERRORS)
    return (
        metric("AP50", printed=printed),
        share,
        *errors,
        metric("budget", "Budget", printed=printed),
    )


def share_of_clean(results: Results, method: str) -> BySeed:
    """AP50 in percent of that of Clean with the same seed."""
    return combined(
        lambda own, best: 100 * own / best,
        results.values(method, "AP50"),
        results.values(CLEAN, "AP50"),
    )


_LABEL_WORDS = (
    "Against the clean labels of the same images; precision, recall and F1 in 0–1, the others are "
    "numbers of boxes: *missed* of clean boxes that no label matches (IoU above 0.5), those of "
    "displaced labels included. Labels of Noisy and OA-MIL are the crowd's."
)

_LABELS = (
    metric("label_precision", "precision", 3),
    metric("label_recall", "recall", 3),
    metric("label_f1", "F1", 3),
    metric("labels_clean", "clean", 1),
    metric("labels_location", "location", 1),
    metric("labels_box_in_box", "box-in-box", 1),
    metric("labels_background", "background", 1),
    metric("labels_miss", "missed", 1),
)

_BUDGET_WORDS = (
    "In percent of labelling every box by three pathologists; a crowd box costs 1, a "
    "pathologist's 10. Step 1 labels whole images: the full price counts all their boxes, the edit "
    "price only those added, moved or deleted. Step 2 is the review of red and green boxes. What "
    "Clean costs stands under step 1."
)


@dataclass(frozen=True)
class Accounting:
    """A way to count a budget: the parts that are summed."""

    name: str
    parts: tuple[str, ...]

    def values(self, results: Results, method: str) -> BySeed:
        """The sum by seed, percent."""
        return total(*(results.values(method, part) for part in self.parts))


CROWD, STEP1, EDITS, STEP2 = "budget_crowd", "budget_step1", "budget_step1_edits", "budget_step2"

ACCOUNTINGS = (
    Accounting("total, full price", (CROWD, STEP1, STEP2)),
    Accounting("total, edit price", (CROWD, EDITS, STEP2)),
    Accounting("without step 2, full price", (CROWD, STEP1)),
    Accounting("without step 2, edit price", (CROWD, EDITS)),
)

_BUDGET = (
    metric(CROWD, "crowd"),
    metric(STEP1, "step 1, full price"),
    metric(EDITS, "step 1, edit price"),
    metric(STEP2, "step 2"),
    *(Column(accounting.name, accounting.values) for accounting in ACCOUNTINGS[:2]),
)

_COUNTS = (
    metric("boxes_crowd", "crowd boxes", 1),
    metric("boxes_step1", "boxes of step 1", 1),
    metric("boxes_step1_edits", "of them edited", 1),
    metric("boxes_step2", "boxes of step 2", 1),
    metric("clean_images", "images labelled whole", 1),
)

_COUNT_WORDS = (
    "What the budget is computed from, and the images of step 1. Those of Clean stand under step 1."
)

_FURTHER_WORDS = (
    "TIDE's other errors (points of AP50), and the threshold tau on the models' scores."
)

_FURTHER = (metric("Cls"), metric("Dupe"), metric("Both"), metric("tau"))


def _accounting(results: Results, printed: Printed) -> Iterator[str | Table]:
    """The ways to count, beside the paper's budget, and which of them comes nearest."""
    columns = [Column(accounting.name, accounting.values) for accounting in ACCOUNTINGS]
    columns[-1] = replace(columns[-1], paper=lambda row: printed.value(row, "budget"))
    title = "Which accounting would give the paper's figures"
    yield from section(title, results, METHODS, columns, _paper_accounting(printed))
    yield _nearest(results, printed)


def _paper_accounting(printed: Printed) -> str:
    """What the paper's own figures say of how it counts."""
    crowd, random = printed.value(NOISY, "budget"), printed.value(RANDOM, "budget")
    share = printed.share_labelled
    if crowd is None or random is None or share is None:
        return ""
    sums = (
        f"The paper gives no formula. Its crowd's boxes ({crowd:.2f}, the row Noisy) and the "
        f"share of images that pathologists label whole ({share:.2f}) together make "
        f"{crowd + share:.2f}; it prints {random:.2f} for {RANDOM}. "
    )
    if abs(crowd + share - random) < AGREEING:
        return sums + (
            "The two agree, as if it counted the crowd's boxes and step 1 and took the review of "
            "step 2 as free."
        )
    return sums + "The two do not agree."


def _nearest(results: Results, printed: Printed) -> str:
    aim = printed.value(OURS, "budget")
    found = {
        accounting.name: spread_of(accounting.values(results, OURS)) for accounting in ACCOUNTINGS
    }
    means = {name: spread.mean for name, spread in found.items() if spread}
    if aim is None or not means:
        return ""
    name = min(means, key=lambda name: abs(means[name] - aim))
    return (
        f"For {OURS} the paper prints {aim:.2f}. Nearest to it comes *{name}* with "
        f"{means[name]:.2f}, {abs(means[name] - aim):.2f} points away."
    )


@dataclass(frozen=True)
class Expectation:
    """Something the issue expects of the figures.

    Parameters
    ----------
    claim
        In words.
    values
        A quantity by seed; the claim holds where its mean is at least `least`.
    least
        See `values`.
    paper
        The paper's figure of the quantity.
    digits
        After the decimal point.
    """

    claim: str
    values: BySeed
    least: float = 0.0
    paper: float | None = None
    digits: int = 2

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Claim, measured, the paper's, and whether it holds."""
        signed = self.least == 0
        return (
            self.claim,
            words_of(self.values, self.digits, signed),
            printed_words(self.paper, self.digits, signed),
            self.verdict,
        )

    @property
    def verdict(self) -> str:
        """Whether the claim holds; open where the seeds' spread leaves a doubt."""
        spread = spread_of(self.values)
        if spread is None:
            return "not measured"
        answer = "yes" if spread.mean >= self.least else "no"
        if spread.deviation is None:
            return f"{answer}, one seed only"
        unsure = abs(spread.mean - self.least) <= spread.deviation
        return f"open, rather {answer}" if unsure else answer


_EXPECTED_WORDS = (
    "Differences are paired: of the same seed, mean ± sample standard deviation. *Open* says that "
    "the distance from the limit is not larger than that deviation."
)

ORDER = (
    (OURS, "ALC"),
    ("ALC", "Mao"),
    ("ALC", "OA-MIL"),
    ("Mao", NOISY),
    ("OA-MIL", NOISY),
    (OURS, RANDOM),
)
"""Pairs of which the first is expected to have the higher AP50."""


def _expectations(results: Results, printed: Printed) -> Table:
    head = ("expected", "measured", "paper", "holds")
    return Table(head, tuple(claim.cells for claim in expectations(results, printed)))


def expectations(results: Results, printed: Printed) -> Iterator[Expectation]:
    """What the figures should show."""
    share = printed.share_of_clean(OURS) or 0.0
    yield Expectation(
        f"{OURS} reaches the paper's share of Clean, {share:.2f} %",
        share_of_clean(results, OURS),
        share,
        share,
    )
    yield _higher(results, printed, CLEAN, NOISY, "AP50", "the noise costs AP50")
    for better, worse in ORDER:
        yield _higher(results, printed, better, worse, "AP50", "AP50")
    yield _higher(results, printed, RANDOM, OURS, "budget", f"{OURS} saves budget")
    yield _higher(results, printed, OURS, NOISY, "label_f1", "F1 of the labels", 3)


def _higher(
    results: Results, printed: Printed, more: str, less: str, name: str, words: str, digits: int = 2
) -> Expectation:
    values = difference(results.values(more, name), results.values(less, name))
    return Expectation(
        f"{words}: {more} − {less} ≥ 0", values, 0.0, _paper_gap(printed, more, less, name), digits
    )


def _paper_gap(printed: Printed, more: str, less: str, name: str) -> float | None:
    high, low = printed.value(more, name), printed.value(less, name)
    return None if high is None or low is None else high - low


def calibration_sections(
    results: Results, printed: Printed, chosen: float
) -> Iterator[str | Table]:
    """AP50 of Noisy at each factor of the noise, and its distance from Clean."""
    gap = Column(
        f"{CLEAN} − {NOISY}",
        lambda found, row: difference(found.values(CLEAN, "AP50"), found.values(row, "AP50")),
        signed=True,
        paper=lambda row: None if row == CLEAN else _paper_gap(printed, CLEAN, NOISY, "AP50"),
    )
    yield "AP50 on the test images in percent; the difference is paired by seed."
    rows = tuple(row for row in results.methods if row != CLEAN)
    yield table(results, (CLEAN, *rows), (metric("AP50"), gap))
    yield _choice(gap.values(results, noisy_at(chosen)), printed, chosen)


def _choice(gap: BySeed, printed: Printed, chosen: float) -> str:
    """Which factor the tables take, and how far that is from the paper."""
    words = f"The tables take the factor {chosen:g}"
    spread, paper = spread_of(gap), _paper_gap(printed, CLEAN, NOISY, "AP50")
    if spread is None or paper is None:
        return f"{words}, which is not measured here."
    distance = spread.mean - paper
    more = "more" if distance > 0 else "less"
    return f"{words}: noise then costs {abs(distance):.2f} points {more} than in the paper."
