"""COCO labels as napari shapes and back; knows neither Qt nor a viewer.

A box of the image at position z is the rectangle (z, y1, x1) … (z, y2, x2). What napari keeps
as 32-bit corners is written as the file had it wherever nobody moved the box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, Mask, as_boxes, clip
from napari_alc.errors import BadData
from napari_alc.formats.coco import read_coco
from napari_alc.formats.reading import rows_of
from napari_alc.formats.records import load_json
from napari_alc.labels import Category, Labels, LabelSet
from napari_alc.wording import form

METADATA = "napari-alc"
"""Key of a layer's metadata that holds the `CocoSource` of its boxes."""

STANDARD = frozenset(
    {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints"}
)
"""Annotation keys that are no features of a box."""

MOVED = 1e-3
"""Pixels from which a corner counts as moved: 32-bit coordinates differ by less."""

IDENTITY, CATEGORY = "id", "category"
"""Features that every box has."""

Features = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class CocoSource:
    """What a layer of boxes was read from; each feature is a list in the order of the labels."""

    path: Path
    label_set: LabelSet
    info: Mapping[str, object]
    notes: tuple[str, ...]
    features: Features


def read_source(path: Path) -> CocoSource:
    """Read a COCO file with the further keys of its annotations.

    Raises
    ------
    BadData
        When the file cannot be used.
    """
    reading = read_coco(path)
    document: Any = load_json(path)
    records = [document["annotations"][position] for position in reading.positions.tolist()]
    labels = reading.label_set.labels
    names = {category.id: category.name for category in reading.label_set.categories}
    features: Features = {
        IDENTITY: labels.ids.tolist(),
        CATEGORY: [names[category] for category in labels.category_ids.tolist()],
    }
    for key in _further_keys(records):
        features[key] = [record.get(key) for record in records]
    info = document.get("info")
    return CocoSource(
        path,
        reading.label_set,
        dict(info) if isinstance(info, dict) else {},
        reading.notes,
        features,
    )


def _further_keys(records: Sequence[Mapping[str, object]]) -> list[str]:
    """Keys with plain values, in the order in which they first appear."""
    found: dict[str, bool] = {}
    for record in records:
        for key, value in record.items():
            if key not in STANDARD:
                plain = value is None or isinstance(value, str | int | float)
                found[key] = found.get(key, True) and plain
    return [key for key, plain in found.items() if plain and key != CATEGORY]


def rectangles(source: CocoSource) -> NDArray[np.float64]:
    """The boxes as napari draws them, shape (N, 4, 3), corners as (image, y, x)."""
    labels = source.label_set.labels
    position = {image.id: z for z, image in enumerate(source.label_set.images)}
    z = np.array([position[i] for i in labels.image_ids.tolist()], dtype=np.float64)
    x1, y1, x2, y2 = labels.boxes.T
    ys, xs = np.stack([y1, y1, y2, y2], 1), np.stack([x1, x2, x2, x1], 1)
    return np.stack([np.repeat(z[:, None], 4, 1), ys, xs], axis=2)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Shapes of layers as upright boxes around them, shape (N, 4), with features of each.

    `images` is the position of each box's image, int64 of shape (N,); `bounding` counts the shapes
    that were no upright rectangles.
    """

    images: NDArray[np.int64]
    boxes: Boxes
    features: Sequence[Mapping[str, Any]]
    bounding: int


def drawn(shapes: Sequence[Any], features: Sequence[Mapping[str, Any]]) -> Drawn:
    """Upright boxes around shapes given by their corners, each (M, 2) or (M, 3)."""
    corners = [np.asarray(shape, dtype=np.float64) for shape in shapes]
    if not corners:
        return Drawn(np.zeros(0, np.int64), as_boxes([]), [], 0)
    boxes = [(*c[:, -2:].min(axis=0)[::-1], *c[:, -2:].max(axis=0)[::-1]) for c in corners]
    images = [round(float(c[0, 0])) if c.shape[1] > 2 else 0 for c in corners]
    upright = [_is_upright(c[:, -2:]) for c in corners]
    return Drawn(np.array(images, np.int64), as_boxes(boxes), features, upright.count(False))


def _is_upright(corners: NDArray[np.float64]) -> bool:
    """Whether four corners lie on those of the box around them."""
    if len(corners) != 4:
        return False
    low, high = corners.min(axis=0), corners.max(axis=0)
    on_edge = np.minimum(np.abs(corners - low), np.abs(corners - high)) < MOVED
    return bool(on_edge.all())


@dataclass(frozen=True, eq=False)
class Collected:
    """Boxes ready to be written, with what a person should know about it."""

    label_set: LabelSet
    attributes: list[dict[str, object]]
    notes: tuple[str, ...]


def collect(found: Drawn, reference: LabelSet, path: Path) -> Collected:
    """Boxes of a layer as labels; ids, categories and further features are kept.

    A second box with an id, as drawing or pasting makes them, is a new one: it gets an id of
    its own and keeps nothing of the first but the category. `reference` holds the images, the
    categories, and the labels that were read, if any.

    Raises
    ------
    BadData
        When a box lies on no image.
    """
    ids, is_new = _identities(found, reference.labels.ids.tolist())
    categories, category_ids = _categories(found, reference.categories)
    image_ids, sizes = _on_images(found, reference, path)
    boxes = _unmoved(found.boxes, ids, reference.labels)
    clipped = clip(boxes, sizes[:, 0], sizes[:, 1])
    kept: Mask = np.all(clipped[:, 2:] > clipped[:, :2], axis=1)
    labels = Labels(image_ids, category_ids, clipped, ids).take(kept)
    notes = (
        _note(found.bounding, "was no upright rectangle; the box around it was written"),
        _note(int((~kept).sum()), "lies outside its image or has no area and was left out"),
    )
    attributes: list[dict[str, object]] = [
        {"source": "person"} if new else _further(features)
        for features, new, keep in zip(found.features, is_new, kept, strict=True)
        if keep
    ]
    label_set = replace(reference, categories=categories, labels=labels)
    return Collected(label_set, attributes, tuple(note for note in notes if note))


def _note(number: int, what: str) -> str:
    if number == 0:
        return ""
    return f"{number} {form(number, 'shape', 'shapes: each')} {what}."


def _identities(found: Drawn, known: Sequence[int]) -> tuple[NDArray[np.int64], list[bool]]:
    taken: set[int] = set()
    given = [_whole(features.get(IDENTITY)) for features in found.features]
    free = max([0, *known, *(i for i in given if i is not None)]) + 1
    ids, is_new = [], []
    for identity in given:
        new = identity is None or identity in taken
        own = free if identity is None or new else identity
        free += new
        taken.add(own)
        ids.append(own)
        is_new.append(new and bool(known))
    return np.array(ids, dtype=np.int64), is_new


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):  # None, NaN or a text: napari fills gaps with NaN
        return None


def _categories(
    found: Drawn, known: Sequence[Category]
) -> tuple[tuple[Category, ...], NDArray[np.int64]]:
    by_name = {category.name: category.id for category in known}
    default = known[0].name if known else "object"
    ids = []
    for features in found.features:
        value = features.get(CATEGORY)
        name = value if isinstance(value, str) and value else default
        if name not in by_name:
            by_name[name] = max(by_name.values(), default=0) + 1
        ids.append(by_name[name])
    if not by_name:
        by_name[default] = 1
    categories = tuple(Category(number, name) for name, number in by_name.items())
    return categories, np.array(ids, dtype=np.int64)


def _on_images(
    found: Drawn, reference: LabelSet, path: Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    images = reference.images
    wrong = (found.images < 0) | (found.images >= len(images))
    if wrong.any():
        raise BadData(
            path,
            f"shape {int(np.argmax(wrong)) + 1} lies on image number "
            f"{int(found.images[wrong][0]) + 1}, but there are {len(images)}",
            "Delete the shape, or move it to one of the images",
        )
    ids = np.array([image.id for image in images], dtype=np.int64)
    sizes = np.array([(i.width, i.height) for i in images], dtype=np.float64).reshape(-1, 2)
    return ids[found.images], sizes[found.images]


def _unmoved(boxes: Boxes, ids: NDArray[np.int64], labels: Labels) -> Boxes:
    """`boxes`, with the file's own numbers where nobody moved a box."""
    rows = rows_of(labels.ids, ids)
    known = rows >= 0
    result = boxes.copy()
    original = labels.boxes[rows[known]]
    same = (np.abs(original - boxes[known]) < MOVED).all(axis=1)
    result[np.flatnonzero(known)[same]] = original[same]
    return result


def _further(features: Mapping[str, Any]) -> dict[str, object]:
    return {
        str(key): _plain(value)
        for key, value in features.items()
        if key not in STANDARD and key != CATEGORY
    }


def _plain(value: Any) -> object:
    """A feature as JSON has it: NumPy's numbers as Python's, gaps as null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
