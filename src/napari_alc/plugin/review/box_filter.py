"""Which boxes are shown and visited: by region and by the models' confidence; knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from napari_alc.plugin.palettes import colour_name
from napari_alc.project.annotation.document import ReviewBox


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
