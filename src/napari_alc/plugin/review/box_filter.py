"""Which boxes are shown and visited, and in which order; knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from napari_alc.plugin.palettes import colour_name
from napari_alc.project.storage.records import ReviewBox

BANDS = 8
"""Horizontal bands that an image is walked in, to and fro."""


@dataclass(frozen=True)
class BoxFilter:
    """What a person wants to see.

    Parameters
    ----------
    hidden
        Names of the legend (regions, ``crowd``, ``yours``) whose boxes are not shown.
    least_score
        Confidence in 0–1 below which a model's box is not shown; boxes that nobody gave a
        confidence (those of the crowd and of people) always pass.
    """

    hidden: frozenset[str] = frozenset()
    least_score: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether any box could be hidden."""
        return bool(self.hidden) or self.least_score > 0

    def passes(self, box: ReviewBox, name: str) -> bool:
        """Whether a box that the legend calls `name` is shown."""
        return name not in self.hidden and (box.score is None or box.score >= self.least_score)


EVERYTHING = BoxFilter()


def shown_ids(
    boxes: Iterable[ReviewBox], regions: Mapping[int, str], wanted: BoxFilter
) -> frozenset[int] | None:
    """Ids of the boxes that pass; None where all are wanted.

    Parameters
    ----------
    regions
        Region of each box as things stand, where it is not the stored one.
    """
    if not wanted.is_on:
        return None
    return frozenset(
        box.id for box in boxes if wanted.passes(box, colour_name(box, regions.get(box.id)))
    )


class VisitOrder:
    """A walk over the boxes of an image, fixed when it is opened; those drawn later come last."""

    def __init__(self, boxes: Iterable[ReviewBox], height: float) -> None:
        def key(box: ReviewBox) -> tuple[int, float, int]:
            x1, y1, x2, y2 = box.corners
            x, band = (x1 + x2) / 2, int(BANDS * (y1 + y2) / 2 / height)
            return band, x if band % 2 == 0 else -x, box.id

        self._place = {box.id: i for i, box in enumerate(sorted(boxes, key=key))}

    def _of(self, box: ReviewBox) -> tuple[int, int]:
        return self._place.get(box.id, len(self._place)), box.id

    def sorted(self, boxes: Iterable[ReviewBox]) -> list[ReviewBox]:
        """Boxes in the order of the walk."""
        return sorted(boxes, key=self._of)

    def after(self, boxes: Iterable[ReviewBox], here: ReviewBox | None) -> ReviewBox | None:
        """The first of `boxes` behind `here`, from the start again at the end."""
        ordered = [box for box in self.sorted(boxes) if here is None or box.id != here.id]
        behind = (box for box in ordered if here is None or self._of(box) > self._of(here))
        return next(behind, ordered[0] if ordered else None)

    def before(self, boxes: Iterable[ReviewBox], here: ReviewBox | None) -> ReviewBox | None:
        """The last of `boxes` before `here`, from the end again at the start."""
        ordered = [b for b in self.sorted(boxes)[::-1] if here is None or b.id != here.id]
        ahead = (box for box in ordered if here is None or self._of(box) < self._of(here))
        return next(ahead, ordered[0] if ordered else None)
