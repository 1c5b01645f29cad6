"""Looking at a large image tile by tile, without cut boxes where the tiles meet.

Tiles overlap, so that an object no larger than the overlap lies whole in one of them at least.
Where two tiles meet both see what lies in their common zone, and of an object there both see
the same part, however differently each cuts it off. So, one to one and best first, boxes of one
category that agree within the zone (IoU > 0.5) are the same object. Of its boxes

- one that ends inside its tile counts, the best scored one where there are several;
- where all are cut off (the object is larger than the overlap), they are joined.

What is cut off, or joined from such parts, is dropped where a tile that does not cut it off saw
all of it and more, and found nothing there that agrees. Non-maximum suppression over the whole
image follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torchvision.ops import batched_nms

from napari_alc.boxes import (
    Boxes,
    Floats,
    Integers,
    Mask,
    as_boxes,
    intersections,
    ious,
    one_to_one,
)

SAME = 0.5
"""IoU above which two boxes stand for one object, in a common zone as in the whole image."""
TOUCH, TOUCH_SHARE = 2.0, 0.05
"""A box this near a tile's border, in input pixels or as a share of its side, is cut off there."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> Floats:
        """``x1, y1, x2, y2``."""
        right, bottom = self.left + self.width, self.top + self.height
        return np.array([self.left, self.top, right, bottom], dtype=np.float64)

    @property
    def origin(self) -> Floats:
        """What is taken from corners, shape (4,), to count them from the tile's own corner."""
        return np.array([self.left, self.top] * 2)

    def cut_from(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The tile's part of an image, (H, W) or (H, W, 3)."""
        rows = slice(self.top, self.top + self.height)
        return pixels[rows, self.left : self.left + self.width]


@dataclass(frozen=True, eq=False)
class Found:
    """What a network found: boxes (N, 4) in pixels of its input, labels (N,), scores (N,)."""

    boxes: Boxes
    labels: Integers
    scores: Floats

    def take(self, index: Integers | Mask | slice) -> Self:
        """Some of them, by position or mask."""
        return type(self)(self.boxes[index], self.labels[index], self.scores[index])


def tile_grid(width: int, height: int, side: int, overlap: float) -> list[Tile]:
    """Tiles that cover an image, row by row.

    Parameters
    ----------
    width, height
        Of the image as the detector sees it, in input pixels.
    side
        Of a tile; 0, or one at least as long as the image, leaves that direction whole.
    overlap
        Share of a tile, at least, that it has in common with its neighbour.
    """
    columns, rows = _starts(width, side, overlap), _starts(height, side, overlap)
    across, down = (min(side or length, length) for length in (width, height))
    return [Tile(left, top, across, down) for top in rows for left in columns]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if not 0 < side < length:
        return [0]
    # Spread evenly, so that the last tile does not overlap its neighbour more than the others do.
    step = max(1, math.floor(side * (1 - overlap)))
    gaps = math.ceil((length - side) / step)
    return [round(i * (length - side) / gaps) for i in range(gaps + 1)]


def merged(tiles: Sequence[Tile], found: Sequence[Found], most: int) -> Found:
    """What was found in all tiles of an image, as if it had been seen as a whole.

    Parameters
    ----------
    tiles
        As `tile_grid` gives them.
    found
        Of each tile, in its own pixels.
    most
        Boxes at most; the best scored stay.

    Returns
    -------
    Found
        In pixels of the whole image, best score first.
    """
    together, of_tile = _in_one_image(tiles, found)
    if len(tiles) > 1:
        together = _one_box_an_object(together, of_tile, np.array([tile.box for tile in tiles]))
    # Stable, so that of equal scores the order of the tiles decides, not the sort.
    order = np.argsort(-together.scores, kind="stable")
    return together.take(order[:most])


def _in_one_image(tiles: Sequence[Tile], found: Sequence[Found]) -> tuple[Found, Integers]:
    shifted = [of_tile.boxes + tile.origin for tile, of_tile in zip(tiles, found, strict=True)]
    together = Found(
        as_boxes(np.concatenate(shifted)),
        np.concatenate([of_tile.labels for of_tile in found]),
        np.concatenate([of_tile.scores for of_tile in found]),
    )
    return together, np.repeat(np.arange(len(tiles)), [len(boxes) for boxes in shifted])


def _one_box_an_object(found: Found, of_tile: Integers, tiles: Boxes) -> Found:
    if not len(found.boxes):
        return found
    cut = _is_cut(found.boxes, tiles[of_tile], tiles)
    groups = _groups(list(_same_objects(found, of_tile, tiles)), len(cut))
    objects = [_best(found.take(group), cut[group]) for group in groups]
    together = Found(*(np.array(column) for column in zip(*objects, strict=True)))
    is_part = np.array([cut[group].all() for group in groups])
    together = together.take(~(is_part & _is_seen_better(together.boxes, tiles)))
    columns = (together.boxes, together.scores, together.labels)
    return together.take(batched_nms(*map(torch.from_numpy, columns), SAME).numpy())


def _is_cut(boxes: Boxes, within: Boxes, tiles: Boxes) -> Mask:
    """Whether a border of its tile that is none of the image's cuts a box off, shape (N,)."""
    image = np.concatenate([tiles[:, :2].min(axis=0), tiles[:, 2:].max(axis=0)])
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    # A network seldom draws a box to the very border, and the less so the larger the box.
    near = np.abs(boxes - within) < np.maximum(TOUCH, TOUCH_SHARE * sides)
    # At the image's own border nothing is cut off: there is no tile that sees more.
    return np.asarray((near & (within != image)).any(axis=1))


def _is_seen_better(boxes: Boxes, tiles: Boxes) -> Mask:
    """Whether a box lies in a tile that does not cut it off, shape (N,)."""
    better = np.zeros(len(boxes), dtype=bool)
    for tile in tiles:
        inside = (boxes[:, :2] >= tile[:2]).all(axis=1) & (boxes[:, 2:] <= tile[2:]).all(axis=1)
        better |= inside & ~_is_cut(boxes, np.broadcast_to(tile, boxes.shape), tiles)
    return better


def _same_objects(found: Found, of_tile: Integers, tiles: Boxes) -> Iterator[tuple[int, int]]:
    """Positions of boxes from two tiles that stand for one object."""
    positions = [np.flatnonzero(of_tile == number) for number in range(len(tiles))]
    # All pairs of tiles, not neighbours only: at a corner four of them meet.
    one, other = np.triu_indices(len(tiles), 1)
    low = np.maximum(tiles[one, :2], tiles[other, :2])
    high = np.minimum(tiles[one, 2:], tiles[other, 2:])
    zones = np.concatenate([low, high], axis=1)
    for k in np.flatnonzero((low < high).all(axis=1)):
        yield from _partners(found, positions[one[k]], positions[other[k]], zones[k])


def _partners(
    found: Found, one: Integers, other: Integers, zone: Floats
) -> Iterable[tuple[int, int]]:
    """Pairs of boxes that agree within `zone`, one to one, best first."""
    one, other = (_reaching(found.boxes, positions, zone) for positions in (one, other))
    i, j = (grid.ravel() for grid in np.meshgrid(one, other, indexing="ij"))
    i, j = (index[found.labels[i] == found.labels[j]] for index in (i, j))
    agreement = ious(_within(found.boxes[i], zone), _within(found.boxes[j], zone))
    # Two objects that look alike within the zone are told apart by their scores.
    order = np.lexsort([np.abs(found.scores[i] - found.scores[j]), -agreement])
    order = order[: np.count_nonzero(agreement > SAME)]
    kept = order[one_to_one(i[order], j[order])]
    return zip(i[kept].tolist(), j[kept].tolist(), strict=True)


def _reaching(boxes: Boxes, positions: Integers, zone: Floats) -> Integers:
    chosen = boxes[positions]
    return positions[intersections(chosen, np.broadcast_to(zone, chosen.shape)) > 0]


def _within(boxes: Boxes, zone: Floats) -> Boxes:
    corners = [np.maximum(boxes[:, :2], zone[:2]), np.minimum(boxes[:, 2:], zone[2:])]
    return np.concatenate(corners, axis=1)


def _groups(pairs: Sequence[tuple[int, int]], count: int) -> list[Integers]:
    """Positions of `count` boxes, those of one object together."""
    i, j = np.reshape(pairs, (-1, 2)).astype(np.int64).T
    links = coo_array((np.ones(len(i)), (i, j)), shape=(count, count))
    # A long object may reach through three tiles: its boxes in the first and the third share no
    # zone, and meet through the second.
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _best(same: Found, cut: Mask) -> tuple[Floats, int, float]:
    """Box, label and score of one object from all that was seen of it."""
    # Where one tile saw all of it, corners of cut boxes must not take part: they end at borders.
    whole = same if cut.all() else same.take(~cut)
    best = int(np.argmax(whole.scores))
    # Parts of one object: around all of them.
    corners = [same.boxes[:, :2].min(axis=0), same.boxes[:, 2:].max(axis=0)]
    box = np.concatenate(corners) if cut.all() else whole.boxes[best]
    return box, int(whole.labels[best]), float(whole.scores[best])
