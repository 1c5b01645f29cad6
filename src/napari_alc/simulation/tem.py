"""Synthetic TEM images of glomerular basement membrane with electron dense deposits.

Made to be hard enough to be honest: deposits are blurred, pale or touch each other, and dark
things that are no deposits lie in the cytoplasm and on the membrane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_alc.boxes import Boxes, Floats, as_boxes, iof_matrix
from napari_alc.errors import Cancelled
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.simulation.fields import Blob, Field, random_blob, smooth_noise
from napari_alc.simulation.tissue import (
    Tissue,
    Wall,
    random_points,
    random_tissue,
    stamp,
    window_of,
)

DEPOSIT = Category(1, "electron dense deposit")

DRAWN_SIZE = 512
"""Side at which a pixel of the drawing is a pixel of the image."""

PIXEL_SIZE_NM = 8.0
"""Side of a pixel of the drawing in nanometres."""

DEPOSITS_PER_LENGTH = 1 / 95
"""Deposits for each pixel of membrane length (touching neighbours come on top)."""

MOST_COVERED = 0.25
"""Share of a deposit's box that another's may cover."""

SMALLEST_SIDE = 8
"""Least width and height of what the image shows of a deposit, in pixels of the drawing."""

DARK = 1.05
"""Density of a full deposit."""


def make_tem_images(
    folder: Path,
    count: int,
    size: int = 512,
    seed: int = 0,
    report: Report = silent,
    should_stop: ShouldStop = never,
    start: int = 0,
) -> LabelSet:
    """Draw TEM images with deposits and write them as 16-bit deflate TIFFs.

    Objects and their number both grow with the image: at 2048 pixels they are twice as large
    as at 512, and about twice as many.

    Parameters
    ----------
    folder
        Where ``tem_0000.tif``, … go; made if absent.
    size
        Their width and height in pixels, 64 or more.
    seed, start
        Image number i (counted from `start`) depends on the seed and i only: a later call with
        a higher `start` goes on with other images.
    report, should_stop
        Asked and told after every image.

    Returns
    -------
    LabelSet
        The true boxes; image ids are the image numbers plus 1.

    Raises
    ------
    BadData
        When an image cannot be written.
    Cancelled
        When `should_stop` says so; images written before stay.
    """
    boxes = []
    for number in range(start, start + count):
        if should_stop():
            raise Cancelled("Making images")
        boxes.append(draw_tem_image(folder, number, size, seed))
        report(Progress("make images", number + 1 - start, count, f"{_name(number)} drawn"))
    return tem_label_set(boxes, size, start)


def draw_tem_image(folder: Path, number: int, size: int, seed: int) -> Boxes:
    """Draw and write image `number` as `make_tem_images` does; returns its deposits' boxes.

    Raises
    ------
    BadData
        When it cannot be written.
    """
    # A generator for each image: where one is left out or added, the others stay as they are.
    pixels, boxes = tem_image(size, np.random.default_rng([seed, number]))
    write_tiff(folder / _name(number), pixels, pixel_size_nm=PIXEL_SIZE_NM / _scale(size))
    return boxes


def tem_label_set(boxes: Sequence[Boxes], size: int, start: int = 0) -> LabelSet:
    """The true boxes of images `start`, `start` + 1, … as `make_tem_images` returns them."""
    numbers = range(start, start + len(boxes))
    images = [ImageRecord(number + 1, _name(number), size, size) for number in numbers]
    image_ids = np.repeat([image.id for image in images], [len(found) for found in boxes])
    everything = as_boxes(np.concatenate([as_boxes([]), *boxes]))
    labels = numbered(image_ids.tolist(), [DEPOSIT.id] * len(everything), everything)
    return LabelSet(tuple(images), (DEPOSIT,), labels)


def _name(number: int) -> str:
    return f"tem_{number:04d}.tif"


def tem_image(size: int, rng: np.random.Generator) -> tuple[NDArray[np.uint16], Boxes]:
    """Draw one image, shape (size, size), and its deposits' boxes in pixels, shape (N, 4)."""
    drawn = round(size / _scale(size))
    tissue = random_tissue(drawn, rng)
    deposits, boxes = _random_deposits(tissue.wall, rng)
    _add_distractors(tissue, len(deposits), rng)
    for blob in deposits:
        strength, softness = rng.uniform(0.5, 0.95), rng.uniform(0.12, 0.75)
        stamp(tissue.density, blob, DARK * rng.uniform(0.8, 1.0), strength, softness)
    return _expose(tissue.density, size, rng), boxes * (size / drawn)


def _scale(size: int) -> float:
    """Pixels of the image for each pixel of the drawing."""
    return float(np.sqrt(size / DRAWN_SIZE))


def _on_wall(
    wall: Wall, x: float, y: float, depth: float, along: float, rng: np.random.Generator
) -> Blob:
    """Return a blob that lies along the membrane near (x, y), `depth` pixels from its middle."""
    size = len(wall.distance)
    row, column = np.clip([int(y), int(x)], 1, size - 2)
    slope_x = wall.distance[row, column + 1] - wall.distance[row, column - 1]
    slope_y = wall.distance[row + 1, column] - wall.distance[row - 1, column]
    steepness = max(float(np.hypot(slope_x, slope_y)), 1e-3)
    # Along the slope of the distance from the membrane's middle, until that is `depth`.
    shift = (depth - wall.distance[row, column]) / steepness
    angle = float(np.arctan2(slope_x, -slope_y)) + rng.normal(0, 0.15)
    across = along * rng.uniform(0.5, 0.9)
    return random_blob(x + shift * slope_x, y + shift * slope_y, along, across, angle, rng)


def _depth(wall: Wall, x: float, y: float, rng: np.random.Generator) -> float:
    """Draw where across the membrane: mostly towards the podocytes, also within or inside."""
    half = float(wall.half[int(y), int(x)])
    where = rng.choice(3, p=[0.7, 0.2, 0.1])
    return half * float(
        [rng.uniform(0.6, 1.2), rng.uniform(-0.4, 0.4), rng.uniform(-1.1, -0.7)][where]
    )


def _surface(wall: Wall) -> NDArray[np.bool_]:
    """Mark the membrane's middle, away from the image's border."""
    middle = np.abs(wall.distance) < 1
    border = 8
    middle[:border], middle[-border:], middle[:, :border], middle[:, -border:] = (False,) * 4
    return np.asarray(middle)


def _random_deposits(wall: Wall, rng: np.random.Generator) -> tuple[list[Blob], Boxes]:
    """Draw deposits, and the boxes of what the image shows of them."""
    middle = _surface(wall)
    # The middle is marked two pixels wide.
    wanted = max(2, round(rng.uniform(0.6, 1.4) * middle.sum() / 2 * DEPOSITS_PER_LENGTH))
    found: list[Blob] = []
    boxes = as_boxes([])
    for x, y in random_points(middle, 3 * wanted, rng).tolist():
        if len(found) >= wanted:
            break
        blob = _on_wall(wall, x, y, _depth(wall, x, y, rng), float(rng.uniform(11, 26)), rng)
        for new in [blob, *_neighbour(wall, blob, rng)]:
            box = as_boxes(_extent(new, wall.distance.shape))
            if _distinct(box, boxes):
                found.append(new)
                boxes = np.concatenate([boxes, box])
    return found, boxes


def _neighbour(wall: Wall, blob: Blob, rng: np.random.Generator) -> Iterator[Blob]:
    """Now and then a second deposit that touches the first along the membrane."""
    if rng.random() < 0.4:
        along = float(rng.uniform(11, 22))
        apart = (blob.along + along) * rng.uniform(0.85, 1.1)
        x, y = blob.x + apart * np.cos(blob.angle), blob.y + apart * np.sin(blob.angle)
        size = len(wall.distance)
        if 8 <= x < size - 8 and 8 <= y < size - 8:
            yield _on_wall(wall, x, y, _depth(wall, x, y, rng), along, rng)


def _distinct(box: Boxes, others: Boxes) -> bool:
    """Whether enough of a deposit is in the image, and apart from the others, to be seen."""
    covered = np.maximum(iof_matrix(others, box).T, iof_matrix(box, others))
    large = (box[:, 2:] - box[:, :2] >= SMALLEST_SIDE).all()
    return bool(large and (covered < MOST_COVERED).all())


def _extent(blob: Blob, shape: tuple[int, ...]) -> Floats:
    """Box of a blob's outline within an image of `shape`; empty where none of it is inside."""
    window, x, y = window_of(blob, shape)
    rows, columns = np.nonzero(blob.inside(x, y) > 0)
    if not len(rows):
        return np.zeros(4)
    x1, x2 = columns.min(), columns.max() + 1
    y1, y2 = rows.min(), rows.max() + 1
    left, top = window[1].start, window[0].start
    return np.array([x1 + left, y1 + top, x2 + left, y2 + top], dtype=np.float64)


def _add_distractors(tissue: Tissue, deposits: int, rng: np.random.Generator) -> None:
    """Dark things that are no deposits: lysosomes, and streaks, dots and smears on the wall."""
    density, wall = tissue.density, tissue.wall
    for x, y in random_points(tissue.cytoplasm, rng.binomial(2 * deposits, 0.35), rng):
        radius = rng.uniform(5, 13)
        blob = random_blob(x, y, radius, radius * rng.uniform(0.7, 1), rng.uniform(0, np.pi), rng)
        stamp(density, blob, DARK, rng.uniform(0.6, 0.95), 0.25)
    for x, y in random_points(_surface(wall), rng.binomial(2 * deposits, 0.5), rng).tolist():
        _draw_on_wall(density, wall, x, y, rng)


def _draw_on_wall(density: Field, wall: Wall, x: float, y: float, rng: np.random.Generator) -> None:
    depth = float(wall.half[int(y), int(x)]) * rng.uniform(-1.1, 1.1)
    kind = rng.choice(["streak", "dot", "smear"])
    if kind == "smear":
        blob = _on_wall(wall, x, y, depth, rng.uniform(12, 26), rng)
        stamp(density, blob, DARK, rng.uniform(0.12, 0.26), 1.2)
    elif kind == "dot":
        radius = rng.uniform(2, 4)
        blob = random_blob(x, y, radius, radius, 0.0, rng)
        stamp(density, blob, DARK, rng.uniform(0.5, 0.9), 0.6)
    else:
        lying = _on_wall(wall, x, y, depth, rng.uniform(12, 30), rng)
        blob = random_blob(lying.x, lying.y, lying.along, rng.uniform(1.8, 3.2), lying.angle, rng)
        stamp(density, blob, DARK, rng.uniform(0.5, 0.85), 0.5)


def _expose(density: Field, size: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Take the picture: uneven illumination, defocus, shot noise, 16-bit counts."""
    scale = size / len(density)
    grown = ndimage.zoom(density, scale, order=1, grid_mode=True, mode="nearest")
    grown = ndimage.gaussian_filter(grown, scale * rng.uniform(0.6, 1.2))
    light = 1 + 0.14 * smooth_noise(size, 1.3 * size, rng)
    electrons = rng.uniform(150, 350) / scale * np.clip(light, 0.5, 1.6) * np.exp(-1.5 * grown)
    # At such counts a Poisson distribution is as good as normal.
    noise = rng.standard_normal(grown.shape, dtype=np.float32)
    counted = electrons + np.sqrt(electrons) * noise
    counts: NDArray[np.uint16] = np.clip(80 * counted + 1000, 0, 65535).astype(np.uint16)
    return counts
