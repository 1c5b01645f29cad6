"""The order in which open boxes are visited: short ways across the image."""

from __future__ import annotations

from collections.abc import Iterable

from napari_alc.project.document import ReviewBox

BANDS = 8
"""Horizontal bands that an image is walked in, to and fro."""


def _centre(box: ReviewBox) -> tuple[float, float]:
    x1, y1, x2, y2 = box.corners
    return (x1 + x2) / 2, (y1 + y2) / 2


class OpenOrder:
    """A walk over the boxes of an image, fixed when it is opened.

    Parameters
    ----------
    boxes
        As they lie when the image is opened; boxes drawn later come last.
    height
        Of the image in pixels.
    """

    def __init__(self, boxes: Iterable[ReviewBox], height: float = 1.0) -> None:
        def key(box: ReviewBox) -> tuple[int, float, int]:
            x, y = _centre(box)
            band = int(BANDS * y / height)
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
