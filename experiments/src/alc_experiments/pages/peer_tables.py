"""Peers that find label errors: how well they rank wrong boxes, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alc_experiments.pages.spread import BySeed, Results, combined
from alc_experiments.pages.table_parts import Column, metric, section
from napari_alc.project.reporting.report_tables import Table

MEASURES = ("AP", "AUROC", "recall@5", "recall@10", "recall@20")
"""In 0–1; a metric's name is one of these and the type of error."""

ERRORS: Mapping[str, str] = {
    "any": "Any wrong box of the crowd",
    "background": "Background: no object there",
    "location": "Location: the wrong place or size",
    "box_in_box": "Box-in-box: one box around several objects",
    "miss": "Miss: objects without a box",
}
"""Types of error with their headings."""

SECONDS = "seconds per 1,000 images"
OURS = "Ours"


def peer_sections(results: Results) -> Iterator[str | Table]:
    """A table for each type of error, then the time."""
    yield _WORDS
    for error, title in ERRORS.items():
        columns = [metric(f"{measure} {error}", measure, 3) for measure in MEASURES]
        yield from section(title, results, _with_any(results, columns), columns)
    time = [metric(SECONDS, digits=3), Column(f"times {OURS}", times_ours, 1)]
    yield from section("Time", results, _with_any(results, time), time, _TIME_WORDS)


def _with_any(results: Results, columns: Sequence[Column]) -> tuple[str, ...]:
    """Methods for which anything was measured."""
    return tuple(
        method
        for method in results.methods
        if any(column.values(results, method) for column in columns)
    )


_WORDS = (
    "All are judged on the images that a campaign leaves to be cleaned, and ranked from the most "
    "to the least suspicious box: boxes of the crowd, or, for missed objects, predicted boxes. "
    "A displaced box that still matches its object (IoU above 0.5) is no error. "
    "The predictions are those of models that have not seen the images; *(crossval)* marks a peer "
    "that gets them from detectors trained on the crowd's labels of other images, as it is used "
    "where no clean labels exist. *Chance* suspects all boxes alike. AP is the average precision "
    "of the ranking, AUROC the chance that a wrong box is suspected more than a right one (0.5: by "
    "chance), recall@5 the share of all such errors among the most suspicious boxes when as many "
    "are looked at as 5 % of the crowd's boxes. No ranking finds more errors than boxes are looked "
    "at, so recall stays far below 1 where many boxes are wrong. AP and AUROC leave out boxes with "
    "an error of another type; recall counts them, for whoever goes down the list looks at them "
    "too. *Ours* has all gray boxes at the end, in no order; *Ours, gray ranked* orders them by "
    "how well a prediction overlaps them; *Distance to Mp* is nothing but 1 − the highest IoU with "
    "any box of Mp, however weak."
)

_TIME_WORDS = (
    "Of ranking alone, all on the same boxes in one run; *times Ours* is how many times as long as "
    "ours a method takes."
)


def times_ours(results: Results, row: str) -> BySeed:
    """Seconds of a method by those of ours with the same seed."""
    own, ours = results.values(row, SECONDS), results.values(OURS, SECONDS)
    return combined(lambda one, other: one / other, own, ours)
