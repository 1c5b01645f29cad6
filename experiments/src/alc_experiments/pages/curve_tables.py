"""Figure 6 in numbers: AP50 of Mp and Ma at each number of clean images, by strategy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import fmean

from alc_experiments.pages.paper import FIGURE6_GAINS, FIGURE6_STRATEGIES
from alc_experiments.pages.spread import BySeed, Results, combined, difference
from alc_experiments.pages.table_parts import Column, ordered, table
from napari_alc.project.reporting.report_tables import Table

RANDOM, OURS = "Random", "Ours"

MODELS = {
    "AP50 Mp": "Mp: learns from the pathologists' labels",
    "AP50 Ma": "Ma: learns from those that the crowd drew too",
}
"""Metrics of Figure 6 with their headings."""


def curve_sections(results: Results) -> Iterator[str | Table]:
    """A table for each model; columns are numbers of clean images."""
    yield (
        "The paper's figures are its gains at 200 images of electron dense deposits, its last; "
        "*mean* is over all numbers of images beyond the first, which no strategy chose."
    )
    yield "![AP50 of Mp and Ma by the number of clean images](figure6.png)"
    rows = ordered(results, FIGURE6_STRATEGIES)
    for name, title in MODELS.items():
        if name in results.metrics:
            yield f"## {title}"
            yield table(results, rows, _columns(results, name), "strategy")


def _columns(results: Results, name: str) -> Iterator[Column]:
    for count in results.images:
        yield Column(f"{count} images", partial(_values, name, count))
    chosen, last = results.images[1:], results.images[-1]
    if len(chosen) > 1:
        yield Column(
            f"− {RANDOM}, mean of {chosen[0]} to {last} images",
            partial(_mean_gain, name),
            signed=True,
        )
    gain = partial(_gain, name, last)
    yield Column(f"− {RANDOM}, {last} images", gain, signed=True, paper=partial(_paper, name))


def _values(name: str, count: int, results: Results, row: str) -> BySeed:
    return results.values(row, name, count)


def _gain(name: str, count: int, results: Results, row: str) -> BySeed:
    """Paired difference to the random choice."""
    own, random = (results.values(method, name, count) for method in (row, RANDOM))
    return difference(own, random)


def _mean_gain(name: str, results: Results, row: str) -> BySeed:
    """Over all iterations that a strategy has chosen images for."""
    gains = [_gain(name, count, results, row) for count in results.images[1:]]
    return combined(lambda *values: fmean(values), *gains)


def _paper(name: str, row: str) -> float | None:
    return FIGURE6_GAINS[name] if row == OURS else None
