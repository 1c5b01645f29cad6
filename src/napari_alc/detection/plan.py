"""What is chosen from the training boxes: input size, anchors, proposals; imports no torch.

The rules, for a set of images of which the longest has ``longest`` pixels:

- **Input size** (longest side as the detector sees it). The 2nd percentile of the objects'
  relative sizes (``sqrt(area)`` / longest side of its image) shall keep `SMALL_OBJECT` pixels:
  ``input = SMALL_OBJECT / percentile``, at least `LEAST_INPUT`, at most `MOST_INPUT`, and never
  above ``longest``. So BCCD's 640×480 images (cells of 36 pixels and more) are seen at 320×240,
  and 2048×2048 images with particles of 8 pixels at their full size.
- **Strides** of the compact network's maps: 8/16/32, or 4/8/16 where the 2nd percentile object
  is smaller than `TINY_OBJECT` input pixels.
- **Window**: where the input is larger than `LARGEST_WHOLE` pixels, the network is trained on
  random windows of side `WINDOW`, and predicts whole images. This bounds time and memory
  (anchors × boxes) whatever the image size.
- **Normalisation** of the compact network: by batch where whole images are trained on, two or
  more at a time; else by group, since a window's statistics are not those of its image (STEM
  images in windows of 320 pixels: AP50 0.04 by batch, 0.24 by group; synthetic TEM images as
  wholes, 300 iterations: 0.85 by batch, 0.79 by group; BCCD: 0.88 by either).
- **Anchors**: two sizes a map, log-spaced between 1.1 × the 2nd and 1/1.1 × the 98th percentile
  of ``sqrt(area)`` in input pixels.
- **Proposals and detections**: enough for twice, and 1.5 times, the boxes of the densest
  training image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from napari_alc.boxes import Boxes, Floats, areas
from napari_alc.detection.settings import DetectorSettings

SMALL_OBJECT = 14.0
"""Input pixels that the 2nd percentile object keeps: nearly two steps of the usual finest map."""
TINY_OBJECT = 14.0
"""Below this the finest map needs stride 4."""
LEAST_INPUT, MOST_INPUT = 320, 2048
LARGEST_WHOLE, WINDOW = 512, 384
ANCHORS_A_MAP = 2
LEAST_SPAN = 2.0
"""Largest / smallest anchor at least, so that objects of one size leave some play."""
PROPOSALS = 100
SAMPLES, MOST_SAMPLES = 64, 256
STOCK_SHORTER, STOCK_LONGER = 800, 1333
"""torchvision's and the paper's input size."""


@dataclass(frozen=True)
class Plan:
    """The sizes of a network and its input.

    Parameters
    ----------
    shorter, longer
        Bounds on the shorter and longer side of the input, in pixels; the image is scaled
        (aspect kept) until it meets the first of them.
    window
        Side of the training window in input pixels.
    norm
        ``"batch"`` or ``"group"`` (compact only).
    strides
        Input pixels a step of each feature map (compact only).
    anchor_sizes
        Sides of square anchors in input pixels, ascending, `ANCHORS_A_MAP` a map (compact only).
    proposals
        Proposals an image that reach the second stage.
    samples
        Anchors, and proposals, an image that enter the losses.
    max_detections
        Most detections an image.
    tile
        Side in input pixels of the tiles in which an image is looked at; 0: as a whole.
    overlap
        Share of a tile, at least, that it has in common with its neighbour.
    """

    shorter: int
    longer: int
    window: int
    norm: str
    strides: tuple[int, ...]
    anchor_sizes: tuple[float, ...]
    proposals: int
    samples: int
    max_detections: int
    tile: int = 0
    overlap: float = 0.0

    def input_shape(self, width: int, height: int) -> tuple[int, int]:
        """Width and height at which an image of `width` × `height` pixels is seen."""
        scale = min(self.shorter / min(width, height), self.longer / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return asdict(self) | {
            "strides": list(self.strides),
            "anchor_sizes": list(self.anchor_sizes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            **dict(values)
            | {
                "strides": tuple(values["strides"]),
                "anchor_sizes": tuple(values["anchor_sizes"]),
            }
        )


def object_sizes(boxes: Boxes) -> Floats:
    """``sqrt(area)`` of the boxes that have an area, in pixels."""
    area = areas(boxes)
    return np.asarray(np.sqrt(area[area > 0]))


def input_side(relative_sizes: Floats, longest: int) -> int:
    """Longest side of the input for objects of `relative_sizes` (see the module's rules)."""
    wanted = SMALL_OBJECT / float(np.percentile(relative_sizes, 2))
    bounded = min(max(wanted, LEAST_INPUT), MOST_INPUT, longest)
    return min(longest, math.ceil(bounded / 32) * 32)


def anchor_sizes(sizes: Floats, maps: int) -> tuple[float, ...]:
    """Anchor sides for objects of `sizes` input pixels, ascending, two a map."""
    lowest = 1.1 * float(np.percentile(sizes, 2))
    highest = float(np.percentile(sizes, 98)) / 1.1
    if highest < LEAST_SPAN * lowest:
        middle = math.sqrt(lowest * highest)
        lowest, highest = middle / math.sqrt(LEAST_SPAN), middle * math.sqrt(LEAST_SPAN)
    return tuple(float(size) for size in np.geomspace(lowest, highest, ANCHORS_A_MAP * maps))


def _input_bounds(
    settings: DetectorSettings, relative_sizes: Floats, longest: int
) -> tuple[int, int]:
    if settings.input_size is not None:
        return settings.input_size, settings.input_size
    side = input_side(relative_sizes, longest)
    if settings.preset == "compact":
        return side, side
    return max(STOCK_SHORTER, side), max(STOCK_LONGER, side)


def _window(preset: str, longer: int) -> int:
    whole, part = (LARGEST_WHOLE, WINDOW) if preset == "compact" else (STOCK_LONGER, STOCK_LONGER)
    return longer if longer <= whole else part


def make_plan(
    settings: DetectorSettings, image_sizes: Sequence[tuple[int, int]], boxes: Sequence[Boxes]
) -> Plan:
    """Choose the sizes of the network from the training set.

    Parameters
    ----------
    settings
        What the user fixed.
    image_sizes
        Width and height of each image in pixels.
    boxes
        The boxes of each image, (N, 4) in its pixels; at least one has an area.
    """
    sizes = [object_sizes(of_image) for of_image in boxes]
    relative = np.concatenate([s / max(wh) for s, wh in zip(sizes, image_sizes, strict=True)])
    longest = max(max(wh) for wh in image_sizes)
    shorter, longer = _input_bounds(settings, relative, longest)
    scales = [min(shorter / min(wh), longer / max(wh)) for wh in image_sizes]
    seen = np.concatenate([s * scale for s, scale in zip(sizes, scales, strict=True)])
    strides = (4, 8, 16) if np.percentile(seen, 2) < TINY_OBJECT else (8, 16, 32)
    window = _window(settings.preset, longer)
    by_batch = window == longer and settings.images_a_batch > 1
    densest = max(len(s) for s in sizes)
    return Plan(
        shorter=shorter,
        longer=longer,
        window=window,
        norm="batch" if by_batch else "group",
        strides=strides,
        anchor_sizes=anchor_sizes(seen, len(strides)),
        proposals=max(PROPOSALS, 2 * densest),
        samples=min(max(SAMPLES, densest), MOST_SAMPLES),
        max_detections=max(settings.max_detections, math.ceil(1.5 * densest)),
    )
