"""Reading through napari's menu File: COCO labels with their images, projects, samples.

A COCO file becomes two layers: all its images as one stack, each read when its turn on the
slider comes, and all its boxes as rectangles with their features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
from napari.utils.notifications import show_info
from numpy.typing import DTypeLike, NDArray

from napari_alc.errors import BadData
from napari_alc.formats.images import Pixels, normalise, read_image
from napari_alc.plugin.contributions.coco_shapes import (
    CATEGORY,
    METADATA,
    CocoSource,
    read_source,
    rectangles,
)
from napari_alc.plugin.palettes import COLOURS, CROWD, HALF_PIXEL
from napari_alc.plugin.sample_data import SAMPLES
from napari_alc.project.settings import SETTINGS_FILE

HEAD_BYTES = 65_536
"""How far into a .json file is looked to tell whether it may hold COCO labels."""

MARKS = (b'"images"', b'"annotations"', b'"categories"')

MOST_SAMPLED = 6
"""Images whose gray values are looked at before the first is shown."""

KEPT = 16
"""Images held in memory."""

AXES = ("image", "y", "x")

EDGE_WIDTH = 2

MOST_WITH_TEXT = 500
"""Text slows napari down beyond this number of boxes (measured)."""

LayerTuple = tuple[Any, dict[str, Any], str]
Reader = Callable[[Any], list[Any]]


def coco_reader(path: str | list[str]) -> Reader | None:
    """A reader for `path` if it may be a COCO file, else None so that others can try."""
    if isinstance(path, list) or not path.lower().endswith(".json"):
        return None
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return None
    return read_coco_layers if any(mark in head for mark in MARKS) else None


def read_coco_layers(path: str) -> list[LayerTuple]:
    """The images and the boxes of a COCO file.

    Raises
    ------
    BadData
        When the file cannot be used or its images are not there.
    """
    source = read_source(Path(path))
    folder = images_folder(source)
    for note in source.notes:
        show_info(note)
    return [_image_layer(source, folder), _boxes_layer(source)]


def images_folder(source: CocoSource) -> Path:
    """Where the images of a COCO file lie: beside it, in ``images``, or where its info says.

    Raises
    ------
    BadData
        When they are in none of these places.
    """
    images, beside = source.label_set.images, source.path.parent
    if not images:
        raise BadData(source.path, "lists no images", "Give a file that lists them")
    told = source.info.get("images_folder")
    places = [beside / told] if isinstance(told, str) else []
    places += [beside, beside / "images", beside.parent / "images", beside.parent]
    for place in places:
        if (place / images[0].file_name).is_file():
            return _complete(source, place)
    raise BadData(
        source.path,
        f"lists image '{images[0].file_name}', which is not beside it",
        "Put the file into the folder of its images",
    )


def _complete(source: CocoSource, folder: Path) -> Path:
    for image in source.label_set.images:
        if not (folder / image.file_name).is_file():
            raise BadData(
                source.path,
                f"lists image '{image.file_name}', which is not in {folder}",
                "Add the image, or take it out of the labels",
            )
    return folder


class ImageStack:
    """Images of any size as an array (images, height, width[, 3]).

    Smaller images have black at their right and lower edges, so that pixels and boxes keep
    their coordinates. The first image says whether the stack is gray or colour and of which
    number type; images of another kind are shown in their 8-bit view. `sizes` are width and height
    of each in pixels; an image is read when it is looked at.
    """

    def __init__(self, paths: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
        self._paths = tuple(paths)
        first = read_image(self._paths[0])
        self.dtype: np.dtype[Any] = first.dtype
        height, width = max(h for _, h in sizes), max(w for w, _ in sizes)
        self.shape: tuple[int, ...] = (len(self._paths), height, width, *first.shape[2:])
        self._read = lru_cache(maxsize=KEPT)(self._padded)

    @property
    def ndim(self) -> int:
        """Axes, that of the colours included."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Numbers in the whole stack."""
        return int(np.prod(self.shape))

    @property
    def is_colour(self) -> bool:
        """Whether the last axis holds red, green and blue."""
        return self.ndim == 4

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        part: NDArray[Any]
        if first is Ellipsis:
            part = np.asarray(self)[key]
            return part
        wanted = np.arange(len(self))[first]
        if np.ndim(wanted) == 0:
            part = self._read(int(wanted))[tuple(rest)]
            return part
        images = [self._read(int(z))[tuple(rest)] for z in wanted]
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read everything, as NumPy asks for."""
        del copy  # every call makes a new array
        return np.stack([self._read(z) for z in range(len(self))]).astype(dtype or self.dtype)

    def _padded(self, position: int) -> Pixels:
        image = _of_kind(read_image(self._paths[position]), self.dtype, self.is_colour)
        height, width = image.shape[:2]
        if image.shape == self.shape[1:]:
            return image
        padded = np.zeros(self.shape[1:], self.dtype)
        padded[:height, :width] = image[: self.shape[1], : self.shape[2]]
        return padded


def _of_kind(image: Pixels, dtype: np.dtype[Any], colour: bool) -> Pixels:
    if image.dtype != dtype:
        share = normalise(image) / 255.0
        top = np.iinfo(dtype).max if dtype.kind in "ui" else 1.0
        image = (share * top).astype(dtype)
    if colour and image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    if not colour and image.ndim == 3:
        image = image.mean(axis=2).astype(dtype)
    return image


def _image_layer(source: CocoSource, folder: Path) -> LayerTuple:
    images = source.label_set.images
    stack = ImageStack(
        [folder / image.file_name for image in images],
        [(image.width, image.height) for image in images],
    )
    settings: dict[str, Any] = {
        "name": f"{source.path.stem} images",
        "rgb": stack.is_colour,
        "multiscale": False,
        "axis_labels": AXES,
        "translate": (0.0, HALF_PIXEL, HALF_PIXEL),
    }
    if not stack.is_colour:
        settings["contrast_limits"] = _contrast(stack)
    return stack, settings, "image"


def _contrast(stack: ImageStack) -> tuple[float, float]:
    """Limits that suit a few images of the stack, as exposures differ from image to image."""
    some = np.unique(np.linspace(0, len(stack) - 1, MOST_SAMPLED).astype(np.int64))
    limits = np.array([_limits(stack[int(z)]) for z in some])
    low, high = float(limits[:, 0].min()), float(limits[:, 1].max())
    return (low, high) if low < high else (low, low + 1)


def _limits(image: np.ndarray[Any, Any]) -> tuple[float, float]:
    """The values that the 8-bit view shows as black and white."""
    view = normalise(image)
    inner = image[(view > 0) & (view < 255)]
    inner = inner if inner.size else image
    return float(inner.min()), float(inner.max())


def _boxes_layer(source: CocoSource) -> LayerTuple:
    features = source.features
    regions = features.get("region", [""] * len(features[CATEGORY]))
    settings: dict[str, Any] = {
        "name": f"{source.path.stem} boxes",
        "shape_type": "rectangle",
        "ndim": 3,
        "axis_labels": AXES,
        "features": features,
        "edge_color": [COLOURS.get(region, COLOURS[CROWD]) for region in regions],
        "face_color": "transparent",
        "edge_width": EDGE_WIDTH,
        "opacity": 1.0,
        "metadata": {METADATA: source},
    }
    if len(source.label_set.categories) > 1 and 0 < len(regions) <= MOST_WITH_TEXT:
        settings["text"] = {"string": f"{{{CATEGORY}}}", "color": "yellow", "size": 11}
    return list(rectangles(source)), settings, "shapes"


def project_reader(path: str | list[str]) -> Reader | None:
    """A reader for `path` if it is a project's folder or its file project.toml, else None."""
    if isinstance(path, list):
        return None
    folder = Path(path).parent if Path(path).name == SETTINGS_FILE else Path(path)
    if not (folder / SETTINGS_FILE).is_file():
        return None

    def read(_path: Any) -> list[tuple[None]]:
        from napari_alc.plugin.widget import show

        show().open_project(folder)
        return [(None,)]

    return read


def sample_reader(path: str | list[str]) -> Reader | None:
    """A reader for the samples' addresses, as napari's menu Open Sample hands them over.

    The sample is made in the background by the dock widget; there is no layer to add yet.
    """
    key = "" if isinstance(path, list) else Path(urlparse(path).path).name
    if key not in SAMPLES:
        return None

    def read(_path: Any) -> list[tuple[None]]:
        from napari_alc.plugin.widget import show

        show().project_page.make_sample(key)
        return [(None,)]

    return read
