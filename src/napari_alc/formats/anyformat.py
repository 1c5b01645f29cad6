"""Labels in whichever format they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from napari_alc.errors import BadData
from napari_alc.formats.coco import read_coco, write_coco
from napari_alc.formats.folders import label_files
from napari_alc.formats.images import image_size
from napari_alc.formats.reading import Reading, subset_rows
from napari_alc.formats.records import quoted
from napari_alc.formats.voc import read_voc, write_voc
from napari_alc.formats.yolo import read_yolo, write_yolo
from napari_alc.labels import ImageRecord, LabelSet

Kind = Literal["coco", "voc", "yolo"]


def read_labels(
    path: Path, images: Path | None = None, subset: Collection[str] | None = None
) -> Reading:
    """Read COCO (a ``.json`` file), Pascal VOC or YOLO (a folder with ``.xml`` or ``.txt``).

    Parameters
    ----------
    images
        The image folder: YOLO needs it; for the other formats every image listed must then
        be there and have the size that its labels say.
    subset
        Stems of the images to keep; all when ``None``.

    Raises
    ------
    BadData
        When there are no such labels or a record is wrong; see `napari_alc.formats.reading`.
    """
    if not path.exists():
        raise BadData(path, "there is no such file or folder", "Check the path")
    if path.is_dir() and not label_files(path, ".xml"):
        return _read_yolo(path, images, subset)
    reading = read_voc(path, subset) if path.is_dir() else _read_json(path, subset)
    if images is not None:
        for image in reading.label_set.images:
            _require_image(path, image, images)
    return reading


def _read_yolo(path: Path, images: Path | None, subset: Collection[str] | None) -> Reading:
    if not label_files(path, ".txt"):
        raise BadData(
            path,
            "holds neither Pascal VOC (.xml) nor YOLO (.txt) files",
            "Give a folder of labels or a COCO file",
        )
    if images is None:
        raise BadData(
            path,
            "YOLO labels are shares of the image sizes",
            "Give the image folder too (--images DIR)",
        )
    return read_yolo(path, images, subset=subset)


def _read_json(path: Path, subset: Collection[str] | None) -> Reading:
    if path.suffix.lower() != ".json":
        raise BadData(
            path,
            "is neither a .json file (COCO) nor a folder of .xml (Pascal VOC) or .txt (YOLO) files",
            "Give labels in one of these formats",
        )
    reading = read_coco(path)
    if subset is None:
        return reading
    images = reading.label_set.images
    rows = subset_rows(path, [image.file_name for image in images], subset)
    # A COCO file is read whole: its records are not sorted by image.
    ids = [images[row].id for row in rows]
    kept = np.isin(reading.label_set.labels.image_ids, ids)
    return replace(
        reading, label_set=reading.label_set.of_images(ids), positions=reading.positions[kept]
    )


def _require_image(where: Path, image: ImageRecord, images: Path) -> None:
    path = images / image.file_name
    if not path.is_file():
        raise BadData(
            where,
            f"lists image {quoted(image.file_name)}, which is not in {images}",
            "Add the image, or take it out of the labels",
        )
    width, height = image_size(path)
    if (width, height) != (image.width, image.height):
        raise BadData(
            where,
            f"gives image {quoted(image.file_name)} {image.width}×{image.height} pixels, "
            f"but {path} has {width}×{height}",
            "Use the image that was labelled",
        )


def write_labels(path: Path, label_set: LabelSet, kind: Kind) -> None:
    """Write `label_set` as a COCO file or as a folder of Pascal VOC or YOLO files.

    Raises
    ------
    BadData
        When names do not suit the format or a file cannot be written.
    """
    if kind == "coco":
        write_coco(path, label_set)
    elif kind == "voc":
        write_voc(path, label_set)
    else:
        write_yolo(path, label_set)
