"""COCO: instance files with images, categories and annotations, and lists of results.

A box is ``bbox: [x, y, width, height]`` in pixels. Numbers must be JSON numbers and ids whole
numbers; the order of the file is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import orjson

from napari_alc.boxes import Boxes, Floats, Integers, xywh_to_xyxy, xyxy_to_xywh
from napari_alc.errors import BadData
from napari_alc.files import atomic_write
from napari_alc.formats.reading import (
    DetectionReading,
    RawBoxes,
    Reading,
    require_safe_name,
    require_unique,
    sound_boxes,
    sound_labels,
)
from napari_alc.formats.records import (
    Record,
    collector_paused,
    integers,
    load_json,
    numbers,
    quadruples,
    quoted,
    record_list,
    texts,
)
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet

DECIMALS = 6
"""Decimals of written coordinates: enough for any pixel, few enough that 48.59 stays 48.59."""

AT_ONCE = 50_000
"""Records turned into text at a time, so that writing needs little memory."""


def read_coco(path: Path) -> Reading:
    """Read a COCO instance file.

    Annotations keep their ids and their order. Segmentations and other keys are ignored.

    Raises
    ------
    BadData
        When the file cannot be parsed or a record is wrong; see `napari_alc.formats.reading`.
    """
    with collector_paused():
        label_set, ids, raw = _label_columns(path)
    require_unique(path, label_set.image_ids, "images")
    category_ids = [category.id for category in label_set.categories]
    require_unique(path, np.array(category_ids, dtype=np.int64), "categories")
    require_unique(path, ids, "annotations")
    return sound_labels(raw, ids, label_set)


def _label_columns(path: Path) -> tuple[LabelSet, Integers, RawBoxes]:
    """A COCO file without its dictionaries: images and categories, ids and boxes."""
    document = load_json(path)
    if not isinstance(document, dict):
        raise BadData(
            path,
            f"holds {quoted(document)} instead of an object with images, categories, annotations",
            "Give a COCO instance file",
        )
    for key in ("images", "categories", "annotations"):
        if key not in document:
            raise BadData(path, f"has no '{key}'", "Give a COCO instance file")
    annotations = record_list(path, document["annotations"], "annotations")
    label_set = LabelSet(
        _images(path, record_list(path, document["images"], "images")),
        _categories(path, record_list(path, document["categories"], "categories")),
    )
    ids, image_ids, category_ids = (
        integers(path, annotations, "annotations", key) for key in ("id", "image_id", "category_id")
    )
    boxes = xywh_to_xyxy(quadruples(path, annotations, "annotations", "bbox"))

    def locate(position: int) -> tuple[Path, str]:
        return path, f"annotations[{position}] (id {ids[position]})"

    return label_set, ids, RawBoxes(image_ids, category_ids, boxes, locate)


def _images(path: Path, records: Sequence[Record]) -> tuple[ImageRecord, ...]:
    names = texts(path, records, "images", "file_name")
    ids, widths, heights = (
        integers(path, records, "images", key) for key in ("id", "width", "height")
    )
    for position, name in enumerate(names):
        require_safe_name(path, f"images[{position}]", name)
    flat = (widths < 1) | (heights < 1)
    if flat.any():
        first = int(np.argmax(flat))
        raise BadData(
            path,
            f"images[{first}] ({quoted(names[first])}) is {widths[first]}×{heights[first]} pixels",
            "Give its width and height",
        )
    rows = zip(ids.tolist(), names, widths.tolist(), heights.tolist(), strict=True)
    return tuple(ImageRecord(*row) for row in rows)


def _categories(path: Path, records: Sequence[Record]) -> tuple[Category, ...]:
    names = texts(path, records, "categories", "name")
    ids = integers(path, records, "categories", "id").tolist()
    return tuple(Category(*row) for row in zip(ids, names, strict=True))


def read_detections(path: Path, label_set: LabelSet) -> DetectionReading:
    """Read COCO results: a list of ``{image_id, category_id, bbox, score}``.

    The order of the file is kept. Detections without width or height are left out and noted,
    as labels are; `DetectionReading.positions` still tells where each one stood. They may refer
    to images and categories of `label_set` only.

    Raises
    ------
    BadData
        When the file cannot be parsed or a record is wrong, scores outside 0–1 included.
    """
    with collector_paused():
        image_ids, category_ids, boxes, scores = _detection_columns(path)

    def locate(position: int) -> tuple[Path, str]:
        return path, f"detections[{position}]"

    raw = RawBoxes(image_ids, category_ids, xywh_to_xyxy(boxes), locate)
    wrong = ~((scores >= 0) & (scores <= 1))
    if wrong.any():
        score = scores[np.argmax(wrong)]
        raise raw.problem(wrong, f"has the score {score:g}", "Scores must lie in 0–1")
    sound = sound_boxes(raw, label_set)
    kept = sound.positions
    detections = Detections(image_ids[kept], category_ids[kept], sound.boxes, scores[kept])
    return DetectionReading(detections, sound.notes, kept)


def _detection_columns(path: Path) -> tuple[Integers, Integers, Boxes, Floats]:
    records = record_list(path, load_json(path), "detections")
    return (
        integers(path, records, "detections", "image_id"),
        integers(path, records, "detections", "category_id"),
        quadruples(path, records, "detections", "bbox"),
        numbers(path, records, "detections", "score"),
    )


def bbox_lists(boxes: Boxes) -> list[list[float]]:
    """Corner coordinates as COCO's rounded ``[x, y, width, height]`` lists."""
    rounded: list[list[float]] = np.round(xyxy_to_xywh(boxes), DECIMALS).tolist()
    return rounded


def write_coco(
    path: Path,
    label_set: LabelSet,
    attributes: Sequence[Mapping[str, object]] | None = None,
    info: Mapping[str, object] | None = None,
    of_images: Mapping[int, Mapping[str, object]] | None = None,
) -> None:
    """Write a COCO instance file, wholly or not at all; the order of the labels is kept.

    `attributes` are further keys for each annotation, one mapping a label; `of_images` are further
    keys for images, by id.

    Raises
    ------
    BadData
        When the file cannot be written; an older one is unharmed.
    """
    if attributes is not None and len(attributes) != len(label_set.labels):
        raise ValueError(f"{len(attributes)} attributes for {len(label_set.labels)} labels")
    head = {
        "info": dict(info or {}),
        "images": [
            {
                "id": i.id,
                "file_name": i.file_name,
                "width": i.width,
                "height": i.height,
                **(of_images or {}).get(i.id, {}),
            }
            for i in label_set.images
        ],
        "categories": [{"id": c.id, "name": c.name} for c in label_set.categories],
    }
    with atomic_write(path) as stream:
        stream.write(orjson.dumps(head)[:-1] + b',"annotations":')
        _write_list(stream, _annotations(label_set, attributes))
        stream.write(b"}\n")


def _annotations(
    label_set: LabelSet, attributes: Sequence[Mapping[str, object]] | None
) -> Iterator[list[dict[str, object]]]:
    # `attributes` are of all labels, so their part is cut out at the same places.
    for start in range(0, len(label_set.labels), AT_ONCE):
        stop = min(start + AT_ONCE, len(label_set.labels))
        labels = label_set.labels.take(np.arange(start, stop))
        rows = zip(
            labels.ids.tolist(),
            labels.image_ids.tolist(),
            labels.category_ids.tolist(),
            bbox_lists(labels.boxes),
            attributes[start:stop] if attributes is not None else ({},) * len(labels),
            strict=True,
        )
        yield [
            {
                "id": label,
                "image_id": image,
                "category_id": category,
                "bbox": bbox,
                # Of the rounded sides, so that the file agrees with itself.
                "area": round(bbox[2] * bbox[3], DECIMALS),
                "iscrowd": 0,
                **extra,
            }
            for label, image, category, bbox, extra in rows
        ]


def _write_list(stream: IO[bytes], chunks: Iterator[list[dict[str, object]]]) -> None:
    stream.write(b"[")
    for number, chunk in enumerate(chunks):
        stream.write(b",\n" if number else b"\n")
        # A chunk without its brackets, so that chunks follow one another in one list.
        stream.write(orjson.dumps(chunk, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1])
    stream.write(b"]")
