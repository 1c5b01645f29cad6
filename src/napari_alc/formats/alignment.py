"""Bringing label files together: images correspond by file name, categories by name.

Files that were made separately number their images and categories as they like; inside a
project every image and every category has one id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from napari_alc.boxes import Integers
from napari_alc.errors import BadData
from napari_alc.labels import Category, ImageRecord, LabelSet


def aligned(reference: LabelSet, other: LabelSet, path: Path) -> LabelSet:
    """`other` with the ids that `reference` uses for the same images and categories.

    Images and categories that `reference` lacks get ids behind its own.

    Parameters
    ----------
    path
        Where `other` was read from.

    Raises
    ------
    BadData
        When both list an image with different sizes.
    """
    known = {image.file_name: image for image in reference.images}
    for image in other.images:
        _require_size(known.get(image.file_name, image), image, path)
    image_ids = _ids(
        {image.file_name: image.id for image in reference.images},
        [image.file_name for image in other.images],
    )
    category_ids = _ids(
        {category.name: category.id for category in reference.categories},
        [category.name for category in other.categories],
    )
    labels = replace(
        other.labels,
        image_ids=_renamed(other.labels.image_ids, [i.id for i in other.images], image_ids),
        category_ids=_renamed(
            other.labels.category_ids, [c.id for c in other.categories], category_ids
        ),
    )
    return LabelSet(
        tuple(replace(image, id=i) for image, i in zip(other.images, image_ids, strict=True)),
        tuple(
            Category(i, category.name)
            for category, i in zip(other.categories, category_ids, strict=True)
        ),
        labels,
    )


def require_images(reference: LabelSet, other: LabelSet, path: Path, what: str) -> None:
    """Refuse `other` where it lists an image that `reference` does not have."""
    known = {image.file_name for image in reference.images}
    for image in other.images:
        if image.file_name not in known:
            raise _stranger(image, path, what)


def _stranger(image: ImageRecord, path: Path, what: str) -> BadData:
    return BadData(
        path,
        f"lists the image '{image.file_name}', which {what} do not list",
        "Use label files of the same images",
    )


def _require_size(ours: ImageRecord, theirs: ImageRecord, path: Path) -> None:
    if (ours.width, ours.height) != (theirs.width, theirs.height):
        raise BadData(
            path,
            f"says that '{theirs.file_name}' has {theirs.width}×{theirs.height} pixels, the "
            f"crowd's labels say {ours.width}×{ours.height}",
            "Use label files of the same images",
        )


def _ids(known: dict[str, int], names: Sequence[str]) -> list[int]:
    # Ids beyond those of the reference, so that what is new meets none of them.
    free = count(max(known.values(), default=0) + 1)
    known = dict(known)
    for name in names:
        if name not in known:
            known[name] = next(free)
    return [known[name] for name in names]


def _renamed(column: Integers, old: Sequence[int], new: Sequence[int]) -> Integers:
    if not len(column):
        return column
    order = np.argsort(old)
    position = order[np.searchsorted(np.asarray(old)[order], column)]
    return np.asarray(new, dtype=np.int64)[position]
