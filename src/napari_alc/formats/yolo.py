"""YOLO: a folder with one text file an image, ``class x-centre y-centre width height`` a line.

The four numbers are shares of the image's width and height, so that reading needs the images.
Class c becomes category c + 1: ids count from 1, as in the other formats.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_alc.boxes import Boxes, as_boxes
from napari_alc.errors import BadData
from napari_alc.files import write_text
from napari_alc.formats.folders import (
    label_files,
    read_lines,
    require_distinct,
    require_plain_text,
    target_files,
)
from napari_alc.formats.images import find_images, image_size
from napari_alc.formats.reading import (
    RawBoxes,
    Reading,
    numbered_categories,
    sound_labels,
    stem_of,
    subset_rows,
)
from napari_alc.formats.records import quoted
from napari_alc.labels import ImageRecord, Labels, LabelSet

CLASSES_FILE = "classes.txt"
DATA_FILE = "data.yaml"

_FLOW_NAMES = re.compile(r"^names:\s*\[(.*?)\]", re.MULTILINE | re.DOTALL)
_BLOCK_NAMES = re.compile(r"^names:\s*\n((?:[ \t]*(?:-|\d+:)[ \t]+\S.*\n?)+)", re.MULTILINE)
_BLOCK_ITEM = re.compile(r"^[ \t]*(?:-|\d+:)[ \t]+")


@dataclass(frozen=True)
class _TextFile:
    """One label file: line number, class and shares of each box."""

    path: Path
    lines: tuple[int, ...]
    classes: tuple[int, ...]
    shares: tuple[tuple[float, ...], ...]


def read_yolo(folder: Path, images: Path, subset: Collection[str] | None = None) -> Reading:
    """Read a folder of YOLO files; an image without a file has no boxes.

    Images are numbered from 1 by sorted file name over the whole folder, so that an id means
    the same in every subset.

    Parameters
    ----------
    folder
        Holds the text files, in the same subfolders as the images. Classes have the names of
        ``classes.txt`` or ``data.yaml`` in it or its parent, else "class 0", "class 1", …
    subset
        Stems of the images to keep; all when ``None``.

    Raises
    ------
    BadData
        When a line is wrong or a file has no image; see `napari_alc.formats.reading`.
    """
    found = find_images(images)
    file_names = [path.relative_to(images).as_posix() for path in found]
    require_distinct((path, stem_of(n)) for path, n in zip(found, file_names, strict=True))
    files = {
        stem_of(path.relative_to(folder).as_posix()): _text_file(path)
        for path in label_files(folder, ".txt")
        if path != folder / CLASSES_FILE
    }
    _require_images(files, images, {stem_of(name) for name in file_names})
    categories = numbered_categories(_class_names(folder, files))
    chosen = subset_rows(images, file_names, subset)
    label_set = LabelSet(
        tuple(ImageRecord(row + 1, file_names[row], *image_size(found[row])) for row in chosen),
        categories,
    )
    raw = _raw_boxes(files, label_set)
    return sound_labels(raw, np.arange(1, len(raw.boxes) + 1), label_set)


def _require_images(files: dict[str, _TextFile], images: Path, stems: set[str]) -> None:
    for stem, file in files.items():
        if stem not in stems:
            raise BadData(
                file.path, f"there is no image {quoted(stem)} in {images}", "Add it there"
            )


def _text_file(path: Path) -> _TextFile:
    rows = [(n, line.split()) for n, line in enumerate(read_lines(path), start=1) if line.strip()]
    for number, values in rows:
        if len(values) != 5:
            raise BadData(
                path,
                f"line {number} has {len(values)} values instead of 5",
                "Write class, x-centre, y-centre, width and height",
            )
    return _TextFile(
        path,
        tuple(number for number, _ in rows),
        tuple(_class(path, number, values[0]) for number, values in rows),
        tuple(_shares(path, number, values[1:]) for number, values in rows),
    )


def _class(path: Path, line: int, text: str) -> int:
    # `int` would take '1_0' and digits of other scripts too.
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise BadData(
            path, f"line {line}: the class is {quoted(text)}, not a number", "Correct the line"
        )
    return int(text)


def _shares(path: Path, line: int, texts: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(map(float, texts))
    except ValueError as error:
        raise BadData(path, f"line {line} is not all numbers", "Correct the line") from error


def _raw_boxes(files: dict[str, _TextFile], label_set: LabelSet) -> RawBoxes:
    pairs = [(image, files.get(stem_of(image.file_name))) for image in label_set.images]
    labelled = [(image, file) for image, file in pairs if file is not None]
    records = [(file.path, line) for _, file in labelled for line in file.lines]

    def locate(position: int) -> tuple[Path, str]:
        path, line = records[position]
        return path, f"line {line}"

    counts = [len(file.lines) for _, file in labelled]
    sizes = [(image.width, image.height) for image, _ in labelled]
    # One row a box: all are turned into pixels at once.
    scale = np.repeat(np.array(sizes, dtype=float).reshape(-1, 2), counts, axis=0)
    return RawBoxes(
        np.repeat(np.array([image.id for image, _ in labelled], dtype=np.int64), counts),
        np.array([c + 1 for _, file in labelled for c in file.classes], dtype=np.int64),
        _corners(as_boxes([share for _, file in labelled for share in file.shares]), scale),
        locate,
    )


def _corners(shares: Boxes, scale: Boxes) -> Boxes:
    centres, sides = shares[:, :2] * scale, shares[:, 2:] * scale
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)


def _class_names(folder: Path, files: dict[str, _TextFile]) -> list[str]:
    names = _names_beside(folder)
    if not names:
        # Classes without a name and without a box still count: ids must not shift.
        count = max((c for file in files.values() for c in file.classes), default=-1) + 1
        return [f"class {number}" for number in range(count)]
    for file in files.values():
        for line, number in zip(file.lines, file.classes, strict=True):
            if number >= len(names):
                raise BadData(
                    file.path,
                    f"line {line} has class {number}, but only {len(names)} classes are named",
                    "Correct the line or name the class",
                )
    return names


def _names_beside(folder: Path) -> list[str]:
    for place in (folder, folder.parent):
        if (place / CLASSES_FILE).is_file():
            lines = "\n".join(read_lines(place / CLASSES_FILE)).rstrip().splitlines()
            return [line.strip() for line in lines]
        if (place / DATA_FILE).is_file():
            return _yaml_names("\n".join(read_lines(place / DATA_FILE)))
    return []


def _yaml_names(text: str) -> list[str]:
    """The ``names`` of a data file, in either of YAML's two list styles or as a mapping."""
    flow, block = _FLOW_NAMES.search(text), _BLOCK_NAMES.search(text)
    items = flow[1].split(",") if flow else block[1].splitlines() if block else []
    return [_BLOCK_ITEM.sub("", item).strip().strip("'\"") for item in items if item.strip()]


def write_yolo(folder: Path, label_set: LabelSet) -> None:
    """Write one text file an image, each wholly or not at all, and ``classes.txt``.

    Class c is the c-th category by id. Ids are not part of the format. A subfolder in an
    image's name becomes a subfolder here.

    Raises
    ------
    BadData
        When names would collide or leave the folder, or a file cannot be written.
    """
    categories = sorted(label_set.categories)
    for category in categories:
        require_plain_text(folder, "category", category.name)
    targets = target_files(folder, label_set, ".txt", {folder / CLASSES_FILE})
    ids = np.array([category.id for category in categories], dtype=np.int64)
    by_image = label_set.labels.by_image()
    for target, image in zip(targets, label_set.images, strict=True):
        labels = by_image.get(image.id, Labels.empty())
        classes = np.searchsorted(ids, labels.category_ids)
        rows = zip(classes.tolist(), _shares_of(labels.boxes, image).tolist(), strict=True)
        write_text(
            target,
            "".join(f"{c} {x:.10f} {y:.10f} {w:.10f} {h:.10f}\n" for c, (x, y, w, h) in rows),
        )
    write_text(folder / CLASSES_FILE, "".join(f"{category.name}\n" for category in categories))


def _shares_of(boxes: Boxes, image: ImageRecord) -> Boxes:
    scale = np.array([image.width, image.height], dtype=float)
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([centres / scale, sides / scale], axis=1)
