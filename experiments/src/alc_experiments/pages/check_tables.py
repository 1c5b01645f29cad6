"""Checks: OA-MIL and Mao on displaced boxes, and clean labels with what Ours adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alc_experiments.pages.spread import Results
from alc_experiments.pages.table_parts import Column, change, metric, section
from napari_alc.project.reporting.report_tables import Table

DISPLACED = ", every box displaced"
"""Ends the names of rows with this noise."""


def check_sections(results: Results) -> Iterator[str | Table]:
    """A table for each of the two checks."""
    own = tuple(row for row in results.methods if row.endswith(DISPLACED))
    rest = tuple(row for row in results.methods if row not in own)
    columns = _columns(f"Noisy{DISPLACED}", "− Noisy")
    yield from section("Methods for displaced boxes", results, own, columns, _OWN_WORDS)
    columns = _columns("Clean", "− Clean")
    yield from section("What the clean labels lack", results, rest, columns, _LACK_WORDS, "labels")


def _columns(default: str, head: str) -> Sequence[Column]:
    return (
        metric("AP50"),
        change("AP50", default, head),
        metric("Loc"),
        metric("Miss"),
        metric("Bkg"),
        metric("label_f1", "label F1", 3),
        metric("labels_background", "labels on background", 1),
        metric("bag_size", "boxes a bag", 1),
        metric("selected_confidence", "confidence of the best", 3),
        metric("selected_weight", "its weight", 3),
    )


_OWN_WORDS = (
    "Another noise than the one named above: the crowd displaces every box (IoU 0.3–0.6 with the "
    "true one), leaves none out and adds none, which OA-MIL and Mao were made for. AP50 of the "
    "detectors, paired by seed with Noisy; Loc, Miss and Bkg are TIDE's errors. OA-MIL moves the "
    "target of each object towards the best of a bag of boxes, by that box's weight: its "
    "confidence to the power of 7.5, and at most 0.85. The last columns are means over all bags."
)

_LACK_WORDS = (
    "Clean labels as they are, and together with those boxes of Ours that overlap no clean one. "
    "Boxes that mark no object should train a worse detector. Here they count as *background* in "
    "either case."
)
