"""Pascal VOC: a folder with one XML file an image.

VOC's pixels count from 1 and its corners belong to the box. Most tools, BCCD's among them,
write plain corner coordinates instead, so ``xmin, ymin, xmax, ymax`` are taken as they stand
for ``x1, y1, x2, y2``; no half or whole pixel is added or taken away.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from napari_alc.boxes import as_boxes
from napari_alc.errors import BadData
from napari_alc.files import atomic_write
from napari_alc.formats.folders import (
    image_name,
    label_files,
    require_distinct,
    require_plain_text,
    target_files,
)
from napari_alc.formats.reading import (
    RawBoxes,
    Reading,
    numbered_categories,
    require_safe_name,
    sound_labels,
    subset_rows,
)
from napari_alc.formats.records import quoted, read_bytes
from napari_alc.labels import Category, ImageRecord, Labels, LabelSet

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class _Annotation:
    """One XML file: its image, and name and corners of each object."""

    path: Path
    file_name: str
    width: int
    height: int
    names: tuple[str, ...]
    boxes: tuple[tuple[float, ...], ...]


class _NoDoctype(ET.TreeBuilder):
    """Builds a tree but refuses a document type, the only place where entities are declared."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise BadData(
            self._path, f"declares the document type {quoted(name)}", "Remove its DOCTYPE"
        )


def read_voc(folder: Path, subset: Collection[str] | None = None) -> Reading:
    """Read a folder of Pascal VOC files, subfolders included.

    Images are numbered from 1 by sorted file name and categories from 1 by sorted name,
    over the whole folder, so that an id means the same in every subset.

    Parameters
    ----------
    folder
        Holds the XML files; an image's name is relative to the image folder as its XML
        file is to this folder.
    subset
        Stems of the images to keep; all when ``None``.

    Raises
    ------
    BadData
        When a file cannot be parsed or a record is wrong; see `napari_alc.formats.reading`.
    """
    paths = label_files(folder, ".xml")
    if not paths:
        raise BadData(folder, "holds no .xml files", "Give a folder of Pascal VOC files")
    annotations = [_annotation(folder, path) for path in paths]
    require_distinct((a.path, a.file_name) for a in annotations)
    # By name over the whole folder: an id must not hang on which file is read first.
    names = sorted({name for a in annotations for name in a.names})
    rows = subset_rows(folder, [a.file_name for a in annotations], subset)
    chosen = [annotations[row] for row in rows]
    images = tuple(
        ImageRecord(row + 1, a.file_name, a.width, a.height)
        for row, a in zip(rows, chosen, strict=True)
    )
    label_set = LabelSet(images, numbered_categories(names))
    raw = _raw_boxes(chosen, label_set)
    return sound_labels(raw, np.arange(1, len(raw.boxes) + 1), label_set)


def _raw_boxes(annotations: Sequence[_Annotation], label_set: LabelSet) -> RawBoxes:
    counts = np.array([len(a.names) for a in annotations], dtype=np.int64)
    starts = np.cumsum(counts) - counts
    ids = {category.name: category.id for category in label_set.categories}

    def locate(position: int) -> tuple[Path, str]:
        # The first file whose objects end behind the position; files without any are passed over.
        row = int(np.searchsorted(starts + counts, position, side="right"))
        within = position - int(starts[row])
        return annotations[row].path, f"object {within + 1} ({annotations[row].names[within]})"

    return RawBoxes(
        np.repeat(label_set.image_ids, counts),
        np.array([ids[name] for a in annotations for name in a.names], dtype=np.int64),
        as_boxes([box for a in annotations for box in a.boxes]),
        locate,
    )


def _annotation(folder: Path, path: Path) -> _Annotation:
    root = _parsed(path)
    if root.tag != "annotation":
        raise BadData(
            path, f"begins with {quoted(root.tag)}, not 'annotation'", "Give a Pascal VOC file"
        )
    file_name = _text(path, "the annotation", root, "filename")
    require_safe_name(path, "'filename'", file_name)
    width, height = (_size(path, root, key) for key in ("width", "height"))
    objects = root.findall("object")
    records = [f"object {number}" for number in range(1, len(objects) + 1)]
    return _Annotation(
        path,
        image_name(folder, path, file_name),
        width,
        height,
        tuple(_text(path, r, o, "name") for r, o in zip(records, objects, strict=True)),
        tuple(_corners(path, r, o) for r, o in zip(records, objects, strict=True)),
    )


def _parsed(path: Path) -> ET.Element:
    # Entities that expand to gigabytes are declared there; labels need none.
    parser = ET.XMLParser(target=_NoDoctype(path))  # noqa: S314
    try:
        return ET.fromstring(read_bytes(path), parser)  # noqa: S314
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadData(
            path, f"is not valid XML ({error})", "The file may be cut off; write or copy it again"
        ) from error


def _text(path: Path, record: str, element: ET.Element, key: str) -> str:
    text = (element.findtext(key) or "").strip()
    if not text:
        raise BadData(path, f"{record} has no '{key}'", "Add it, or leave the record out")
    return text


def _number(path: Path, record: str, element: ET.Element, key: str) -> float:
    text = _text(path, record, element, key)
    try:
        return float(text)
    except ValueError as error:
        raise BadData(
            path, f"{record}: '{key}' is {quoted(text)}, not a number", "Correct this record"
        ) from error


def _size(path: Path, root: ET.Element, key: str) -> int:
    size = root.find("size")
    if size is None:
        raise BadData(path, "the annotation has no 'size'", "Add the image's width and height")
    value = _number(path, "size", size, key)
    if not (value >= 1 and value.is_integer()):
        raise BadData(path, f"size: '{key}' is {value:g}", "Give the image's size in pixels")
    return int(value)


def _corners(path: Path, record: str, element: ET.Element) -> tuple[float, ...]:
    box = element.find("bndbox")
    if box is None:
        raise BadData(path, f"{record} has no 'bndbox'", "Add it, or leave the object out")
    return tuple(_number(path, record, box, key) for key in CORNERS)


def write_voc(folder: Path, label_set: LabelSet) -> None:
    """Write one XML file an image, each wholly or not at all; also for images without boxes.

    Ids are not part of the format, nor are categories that no box has. A subfolder in an
    image's name becomes a subfolder here.

    Raises
    ------
    BadData
        When names would collide or leave the folder, or a file cannot be written.
    """
    targets = target_files(folder, label_set, ".xml")
    names = _category_names(folder, label_set.categories)
    by_image = label_set.labels.by_image()
    for target, image in zip(targets, label_set.images, strict=True):
        root = _head(image)
        labels = by_image.get(image.id, Labels.empty())
        for category, box in zip(labels.category_ids.tolist(), labels.boxes.tolist(), strict=True):
            _add_object(root, names[category], box)
        ET.indent(root, "\t")
        with atomic_write(target) as stream:
            stream.write(ET.tostring(root, encoding="utf-8") + b"\n")


def _category_names(folder: Path, categories: Sequence[Category]) -> dict[int, str]:
    names = {category.id: category.name for category in categories}
    for name in names.values():
        require_plain_text(folder, "category", name)
    if len(set(names.values())) < len(names):
        raise BadData(
            folder, "two categories have the same name", "Rename one of them, or write COCO"
        )
    return names


def _head(image: ImageRecord) -> ET.Element:
    name = PurePosixPath(image.file_name)
    root = ET.Element("annotation")
    ET.SubElement(root, "folder").text = name.parent.name
    ET.SubElement(root, "filename").text = name.name
    size = ET.SubElement(root, "size")
    ET.SubElement(size, "width").text = str(image.width)
    ET.SubElement(size, "height").text = str(image.height)
    return root


def _add_object(root: ET.Element, name: str, corners: Sequence[float]) -> None:
    element = ET.SubElement(root, "object")
    ET.SubElement(element, "name").text = name
    ET.SubElement(element, "pose").text = "Unspecified"
    ET.SubElement(element, "truncated").text = "0"
    ET.SubElement(element, "difficult").text = "0"
    box = ET.SubElement(element, "bndbox")
    for key, value in zip(CORNERS, corners, strict=True):
        ET.SubElement(box, key).text = f"{value:.6f}".rstrip("0").rstrip(".")
