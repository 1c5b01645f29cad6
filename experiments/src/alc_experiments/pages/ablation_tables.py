"""Tables 3 and 4, step 2 without any person, and the readings where the paper is silent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from alc_experiments.pages.paper import CLEANED, CLEANING, GAMMAS, TABLE3, TABLE4, TIME
from alc_experiments.pages.spread import BySeed, Results, difference
from alc_experiments.pages.table_parts import Column, change, metric, ordered, section, table
from napari_alc.project.reporting.report_tables import Table

AUTOMATIC, REVIEWED = "automatic, ", "reviewed, "
"""Begin the rows of step 2 without and with a person; the number of rounds follows."""

DEFAULT = "default"

OTHER_IMAGES = "The paper's figures are those of electron dense deposits, not of these images."


def gamma_sections(results: Results) -> Iterator[str | Table]:
    """Table 3: a line for each gamma."""
    columns = (
        metric("AP50", printed=TABLE3),
        metric(TIME, "Time %", printed=TABLE3),
        metric("removed", "boxes removed", 1),
        metric("wrongly_removed", "of them wrongly", 1),
        change("AP50", "off", "AP50 − off"),
        metric("label_f1", "label F1", 3),
        metric("budget_step2", "step 2"),
    )
    yield _GAMMA_WORDS
    yield table(results, ordered(results, GAMMAS), columns, "gamma")


_GAMMA_WORDS = (
    "The time is modelled by the number of red and green boxes left to review, for a simulated "
    "pathologist has no clock. *Wrongly* removed is a box that had marked an object (IoU > 0.5) "
    "which no cleaned label marks now. *AP50 − off* is paired by seed; step 2 is its share of the "
    "budget in percent. " + OTHER_IMAGES
)


def agreement_sections(results: Results) -> Iterator[str | Table]:
    """Table 4: without and with Ma."""
    columns = (
        metric(CLEANING, "cleaning model", printed=TABLE4),
        metric(CLEANED, "after cleaning", printed=TABLE4),
        change(CLEANING, "Ma off", "cleaning model − Ma off"),
        change(CLEANED, "Ma off", "after cleaning − Ma off"),
        metric("label_f1", "label F1", 3),
        metric("budget", "Budget"),
        metric("budget_step2", "step 2"),
    )
    yield _AGREEMENT_WORDS
    yield table(results, ordered(results, TABLE4.rows), columns, "Ma")


_AGREEMENT_WORDS = (
    "AP50 in percent, differences paired by seed. Without Ma the set A is empty, so there are no "
    "red boxes. Budget at full price, and the share of step 2 in it, in percent. " + OTHER_IMAGES
)


def ablation_sections(results: Results) -> Iterator[str | Table]:
    """Step 2 without a person, what the review adds, and the readings."""
    steps = tuple(row for row in results.methods if row.startswith((AUTOMATIC, REVIEWED)))
    alone = tuple(row for row in steps if row.startswith(AUTOMATIC))
    readings = tuple(row for row in results.methods if row not in steps)
    yield from section("Step 2 without any person", results, steps, _STEP2, _STEP2_WORDS, "step 2")
    added = tuple(_added(alone[-1] if alone else ""))
    yield from section("What the review adds", results, alone, added, _ADDED_WORDS, "compared with")
    yield from section("Readings", results, readings, _READINGS, _READINGS_WORDS, "reading")


_STEP2_WORDS = (
    "After 1, 2, 3 and all rounds of step 1. *Automatic* takes what the correction settles without "
    "a person and drops all red and green boxes; *reviewed* leaves those to the pathologist. AP50 "
    "of the detector trained on these labels; budget at full price, and its two steps, in percent."
)

_STEP2 = (
    metric("AP50"),
    metric("label_precision", "label precision", 3),
    metric("label_recall", "label recall", 3),
    metric("label_f1", "label F1", 3),
    metric("budget", "Budget"),
    metric("budget_step1", "step 1"),
    metric("budget_step2", "step 2"),
)

_ADDED_WORDS = (
    "Differences paired by seed, in points: the review after the same number of rounds, and the "
    "whole method (all rounds, reviewed), each compared with automatic labels."
)

GAINS = (("AP50", "AP50", 2), ("label_f1", "label F1", 3), ("budget", "Budget", 2))
"""Metric, head and digits of what a review may add."""


def _added(last: str) -> Iterator[Column]:
    for name, head, digits in GAINS:
        yield Column(f"review: {head}", partial(_by_review, name), digits, signed=True)
    for name, head, digits in GAINS:
        whole = partial(_by_all, name, _reviewed(last))
        yield Column(f"whole method: {head}", whole, digits, signed=True)


def _reviewed(row: str) -> str:
    """The row with a person that belongs to one without."""
    return REVIEWED + row.removeprefix(AUTOMATIC)


def _by_review(name: str, results: Results, row: str) -> BySeed:
    return _by_all(name, _reviewed(row), results, row)


def _by_all(name: str, full: str, results: Results, row: str) -> BySeed:
    return difference(results.values(full, name), results.values(row, name))


_READINGS_WORDS = (
    "The whole method with one reading changed, everything else as in *default*; differences to "
    "it are paired by seed. AP50 of the detector trained on the cleaned labels, budget at full "
    "price and its step 2 in percent."
)

_READINGS = (
    metric("AP50"),
    change("AP50", DEFAULT, "− default"),
    metric("label_f1", "label F1", 3),
    change("label_f1", DEFAULT, "− default", 3),
    metric("budget", "Budget"),
    change("budget", DEFAULT, "− default"),
    metric("budget_step2", "step 2"),
    metric("tau"),
)
