"""Writing through napari's menu File: layers of boxes as COCO labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import show_info
from numpy.typing import NDArray

from napari_alc.errors import BadData
from napari_alc.formats.coco import write_coco
from napari_alc.labels import ImageRecord, LabelSet
from napari_alc.plugin.contributions.coco_shapes import METADATA, CocoSource, Drawn, collect, drawn
from napari_alc.plugin.palettes import HALF_PIXEL

Settings = Mapping[str, Any]
Layer = tuple[Any, Settings, str]


MARK, REVIEW = "napari_alc", "review"
"""What the layers of a review say of themselves in their metadata."""


def write_boxes(path: str, data: Any, settings: Settings) -> list[str]:
    """Write one layer of boxes that was read from a COCO file.

    Raises
    ------
    BadData
        When the layer is the review's, does not know its images, or the file cannot be written.
    """
    _refuse_review(path, [settings])
    source = _source(settings)
    if source is None:
        raise BadData(
            path,
            f"the layer '{settings.get('name', 'boxes')}' does not know which image it belongs to",
            "Select its image layer too and save both",
        )
    return _write(Path(path), source.label_set, source.info, [(data, settings)])


def write_layers(path: str, layers: Sequence[Layer]) -> list[str]:
    """Write the boxes of one image, or of the stack that a COCO file was read as.

    Raises
    ------
    BadData
        When they are the review's, do not belong together, or the file cannot be written.
    """
    _refuse_review(path, [settings for _, settings, _ in layers])
    image, image_settings, _ = next(layer for layer in layers if layer[2] == "image")
    shapes = [(data, settings) for data, settings, kind in layers if kind == "shapes"]
    source = next(filter(None, (_source(settings) for _, settings in shapes)), None)
    if source is not None:
        return _write(Path(path), source.label_set, source.info, shapes)
    record = _record(Path(path), image, image_settings)
    placed = [
        (_in_image(Path(path), data, settings, image_settings), settings)
        for data, settings in shapes
    ]
    return _write(Path(path), LabelSet((record,), ()), {}, placed)


def _refuse_review(path: str, layers: Sequence[Settings]) -> None:
    """The review shows what is open of one image, in no layer all of what was decided."""
    if any(settings.get("metadata", {}).get(MARK) == REVIEW for settings in layers):
        raise BadData(
            path,
            "the layers of the review are not saved from here; everything decided is stored",
            "For the labels press 'Write clean dataset' on the page Iterate",
        )


def _source(settings: Settings) -> CocoSource | None:
    found = settings.get("metadata", {}).get(METADATA)
    return found if isinstance(found, CocoSource) else None


def _write(
    path: Path,
    reference: LabelSet,
    info: Mapping[str, object],
    shapes: Sequence[tuple[Any, Settings]],
) -> list[str]:
    collected = collect(_all_drawn(shapes), reference, path)
    for note in collected.notes:
        show_info(note)
    write_coco(path, collected.label_set, collected.attributes, info)
    return [str(path)]


def _all_drawn(shapes: Sequence[tuple[Any, Settings]]) -> Drawn:
    corners: list[Any] = []
    features: list[Mapping[str, Any]] = []
    for data, settings in shapes:
        corners += list(data)
        features += _rows(settings.get("features"), len(data))
    return drawn(corners, features)


def _rows(features: Any, count: int) -> list[Mapping[str, Any]]:
    """One mapping a shape from a layer's features (a data frame or columns)."""
    columns = {} if features is None else {str(key): list(features[key]) for key in features}
    return [{key: column[row] for key, column in columns.items()} for row in range(count)]


def _in_image(path: Path, data: Any, shapes: Settings, image: Settings) -> list[Any]:
    """Corners counted from the image's upper left corner, as labels count them.

    The layers may lie at different places, as those of a review do, but not differ in scale.
    """
    ours, theirs = (_last_two(settings, "scale", 1.0) for settings in (image, shapes))
    if not np.allclose(ours, theirs):
        raise BadData(
            path,
            f"'{shapes.get('name')}' and '{image.get('name')}' differ in their scale",
            "Give both layers the same, so that boxes are in pixels of the image",
        )
    apart = _last_two(shapes, "translate", 0.0) - _last_two(image, "translate", 0.0)
    shift = apart / ours + HALF_PIXEL
    return [_shifted(corners, shift) for corners in data]


def _shifted(corners: Any, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = np.array(corners, dtype=np.float64)
    moved[:, -2:] += shift
    return moved


def _last_two(settings: Settings, name: str, default: float) -> NDArray[np.float64]:
    """A setting along the image's rows and columns."""
    return np.asarray(settings.get(name, (default, default)), dtype=np.float64)[-2:]


def _record(path: Path, image: Any, settings: Settings) -> ImageRecord:
    shape = image[0].shape if settings.get("multiscale") else image.shape
    height_width = shape[:-1] if settings.get("rgb") else shape
    if len(height_width) != 2:
        raise BadData(
            path,
            f"'{settings.get('name')}' is a stack, and its boxes do not say which image is which",
            "Save the boxes of single images, or open the stack from a COCO file",
        )
    height, width = height_width
    return ImageRecord(1, _file_name(str(settings.get("name", "image"))), width, height)


def _file_name(layer: str) -> str:
    """The file that an image layer was opened from; its name where that is unknown."""
    viewer = napari.current_viewer()
    if viewer is not None and layer in viewer.layers:
        path = viewer.layers[layer].source.path
        if path:
            return Path(path).name
    return layer
