"""Labels, detections and the images they belong to, as columns of equal length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from napari_alc.boxes import Boxes, BoxSet, Floats, Integers, as_boxes, group_keys


@dataclass(frozen=True, slots=True, order=True)
class Category:
    """A kind of object, such as an electron dense deposit."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image by name: `file_name` is relative to the image folder, sizes are in pixels."""

    id: int
    file_name: str
    width: int
    height: int


def _integers(values: ArrayLike) -> Integers:
    return np.asarray(values, dtype=np.int64).reshape(-1)


@dataclass(frozen=True, eq=False)
class _Columns:
    image_ids: Integers
    category_ids: Integers
    boxes: Boxes

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_ids", _integers(self.image_ids))
        object.__setattr__(self, "category_ids", _integers(self.category_ids))
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        lengths = {len(getattr(self, column.name)) for column in fields(self)}
        if len(lengths) > 1:
            raise ValueError(f"columns differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, index: ArrayLike) -> Self:
        """The rows at `index` (a mask or positions), in that order."""
        chosen = np.asarray(index)
        # An empty list becomes an array of floats, which cannot index.
        if chosen.size == 0 and chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)
        return replace(self, **{c.name: getattr(self, c.name)[chosen] for c in fields(self)})

    def of_images(self, image_ids: Iterable[int]) -> Self:
        """The rows that belong to any of `image_ids`, in their order here."""
        return self.take(np.isin(self.image_ids, np.fromiter(image_ids, np.int64)))

    def by_image(self) -> dict[int, Self]:
        """The rows of each image that has any, in their order here."""
        order = np.argsort(self.image_ids, kind="stable")
        ids, starts = np.unique(self.image_ids[order], return_index=True)
        pieces = np.split(order, starts[1:])
        # Without rows `split` still gives one (empty) part, for which there is no id.
        return {int(i): self.take(rows) for i, rows in zip(ids, pieces, strict=False)}

    def joined(self, *others: Self) -> Self:
        """These rows followed by those of `others`."""
        parts = (self, *others)
        return replace(
            self,
            **{c.name: np.concatenate([getattr(p, c.name) for p in parts]) for c in fields(self)},
        )


@dataclass(frozen=True, eq=False)
class Labels(_Columns):
    """Boxes that somebody (or the method) claims to be objects.

    Parameters
    ----------
    image_ids, category_ids
        int64, shape (N,).
    boxes
        float64, shape (N, 4), ``x1, y1, x2, y2`` in pixels.
    ids
        int64, shape (N,): the identity of each label, unique within its set.
    """

    ids: Integers

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", _integers(self.ids))
        super().__post_init__()

    @classmethod
    def empty(cls) -> Labels:
        """No labels."""
        return cls(_integers([]), _integers([]), as_boxes([]), _integers([]))


@dataclass(frozen=True, eq=False)
class Detections(_Columns):
    """Boxes that a detector proposes.

    Parameters
    ----------
    image_ids, category_ids
        int64, shape (N,).
    boxes
        float64, shape (N, 4), ``x1, y1, x2, y2`` in pixels.
    scores
        float64, shape (N,), in 0–1.
    """

    scores: Floats

    def __post_init__(self) -> None:
        scores = np.asarray(self.scores, dtype=np.float64).reshape(-1)
        object.__setattr__(self, "scores", scores)
        super().__post_init__()

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(_integers([]), _integers([]), as_boxes([]), np.empty(0))

    def at_least(self, threshold: float) -> Detections:
        """The detections whose score is `threshold` or more."""
        return self.take(self.scores >= threshold)


@dataclass(frozen=True)
class LabelSet:
    """Labels with the images and categories they refer to.

    Images without any label are listed in `images` too.
    """

    images: tuple[ImageRecord, ...]
    categories: tuple[Category, ...]
    labels: Labels = field(default_factory=Labels.empty)

    @property
    def image_ids(self) -> Integers:
        """Ids of all images, shape (M,), in the order of `images`."""
        return _integers([image.id for image in self.images])

    def with_labels(self, labels: Labels) -> LabelSet:
        """The same images and categories with other labels."""
        return replace(self, labels=labels)

    def of_images(self, image_ids: Iterable[int]) -> LabelSet:
        """The part of this set that concerns `image_ids`."""
        wanted = set(image_ids)
        images = tuple(image for image in self.images if image.id in wanted)
        return replace(self, images=images, labels=self.labels.of_images(wanted))


def numbered(image_ids: Sequence[int], category_ids: Sequence[int], boxes: ArrayLike) -> Labels:
    """Labels with fresh ids, counted from 1."""
    return Labels(
        _integers(image_ids),
        _integers(category_ids),
        as_boxes(boxes),
        np.arange(1, len(image_ids) + 1),
    )


def box_sets(*parts: Labels | Detections) -> list[BoxSet]:
    """The boxes of several sets, comparable where image and category are the same."""
    keys = group_keys(
        np.concatenate([part.image_ids for part in parts]),
        np.concatenate([part.category_ids for part in parts]),
    )
    ends = np.cumsum([len(part) for part in parts])
    split = zip(np.split(keys, ends[:-1]), parts, strict=True)
    return [BoxSet(part_keys, part.boxes) for part_keys, part in split]
