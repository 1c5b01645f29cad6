"""What is chosen from the training boxes: input size, anchors, proposals; imports no torch.

The rules, for a set of images of which the longest has ``longest`` pixels:

- **Input size** (longest side as the detector sees it). The 2nd percentile of the objects'
  relative sizes (``sqrt(area)`` / longest side of its image) shall keep `SMALL_OBJECT` pixels:
  ``input = SMALL_OBJECT / percentile``, at least `LEAST_INPUT`, at most `MOST_INPUT`, and never
  above ``longest``. So BCCD's 640×480 images (cells of 36 pixels and more) are seen at 320×240,
  and 2048×2048 images with particles of 8 pixels at their full size.
- **Tiles**: where the 2nd percentile object would have less than `VANISHING` pixels even at
  `MOST_INPUT`, or the settings ask for it, images are seen larger, up to their full size, and
  predicted tile by tile: so 9000×9000 images with particles of 10 pixels. A tile has `TILE`
  pixels, or more (at most `MOST_INPUT`), so that the largest object fits into the overlap.
  A given input size wins: tiles are then made on request only.
- **Strides** of the compact network's maps: 8/16/32, or 4/8/16 where the 2nd percentile object
  is smaller than `TINY_OBJECT` input pixels (which depends on the recipe).
- **Window**: where the input is larger than `LARGEST_WHOLE` pixels, the network is trained on
  random windows of side `WINDOW` (no larger than a tile), and predicts whole images or tiles.
  This bounds time and memory (anchors × boxes) whatever the image size.
- **Normalisation** of the compact network: by batch where whole images are trained on, two or
  more at a time; else by group, since a window's statistics are not those of its image (STEM
  images in windows of 320 pixels: AP50 0.04 by batch, 0.24 by group; synthetic TEM images as
  wholes, 300 iterations: 0.85 by batch, 0.79 by group; BCCD: 0.88 by either).
- **Anchors**: two sizes a map, log-spaced between 1.1 × the 2nd and 1/1.1 × the 98th percentile
  of ``sqrt(area)`` in input pixels.
- **Proposals and detections**: enough for twice the boxes of the densest training image, or
  tile, and 1.5 times those of the densest image. Recipe 2 predicts with more proposals than it
  trains with: after few images the first stage ranks poorly, and they cost no training time.
- **Looks** (recipe 2): 4 or 2 where the prediction of all images takes at most that share of a
  training that `PREDICTION_SHARES` tells; else 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from napari_alc.boxes import Boxes, Floats, areas
from napari_alc.detection.settings import DetectorSettings, Looks, Recipe
from napari_alc.labels import Labels, LabelSet

SMALL_OBJECT = 14.0
"""Input pixels that the 2nd percentile object keeps: nearly two steps of the usual finest map."""
TINY_OBJECT: Mapping[Recipe, float] = {1: 14.0, 2: 17.0}
"""Below this the finest map needs stride 4."""
LEAST_INPUT, MOST_INPUT = 320, 2048
VANISHING = 8.0
"""Below this, two steps of the finest map, too little is left of an object to be found."""
TILE = 1024
LARGEST_WHOLE, WINDOW = 512, 384
ANCHORS_A_MAP = 2
LEAST_SPAN = 2.0
"""Largest / smallest anchor at least, so that objects of one size leave some play."""
PROPOSALS, PREDICTED_PROPOSALS = 100, 300
"""At least, in training and (recipe 2) in prediction."""
LOOK_COST = 0.75
"""A look at an image takes this share of the time in which one is learned from, on a CPU."""
PREDICTION_SHARES: Mapping[Looks, float] = {4: 1 / 3, 2: 2 / 3}
"""Of the time of a training that as many looks at all images may take. The second look gains more
than the two after it, so it may cost more."""
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
        Proposals an image that reach the second stage in training.
    samples
        Anchors, and proposals, an image that enter the losses.
    max_detections
        Most detections an image.
    tile
        Side in input pixels of the tiles in which an image is looked at; 0: as a whole.
    overlap
        Share of a tile, at least, that it has in common with its neighbour.
    predicted_proposals
        Proposals an image, or tile, that reach the second stage in prediction; 0: as in training.
    looks
        How often an image is looked at in prediction.
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
    predicted_proposals: int = 0
    looks: Looks = 1

    def input_shape(self, width: int, height: int) -> tuple[int, int]:
        """Width and height at which an image of `width` × `height` pixels is seen."""
        scale = min(self.shorter / min(width, height), self.longer / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values; those of recipe 2 only where they say something."""
        # Fingerprints of trainings are made of it, so that of recipe 1 stays as it was.
        later = {"predicted_proposals": self.predicted_proposals, "looks": self.looks}
        told = {name: value for name, value in later.items() if value > 1}
        fields = {name: value for name, value in asdict(self).items() if name not in later}
        return fields | {
            "strides": list(self.strides),
            "anchor_sizes": list(self.anchor_sizes),
            **told,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            **dict(values)
            | {"strides": tuple(values["strides"]), "anchor_sizes": tuple(values["anchor_sizes"])}
        )


def object_sizes(boxes: Boxes) -> Floats:
    """``sqrt(area)`` of the boxes that have an area, in pixels."""
    area = areas(boxes)
    return np.asarray(np.sqrt(area[area > 0]))


def input_side(relative_sizes: Floats, longest: int, most: int = MOST_INPUT) -> int:
    """Longest side of the input for objects of `relative_sizes` (see the module's rules)."""
    # Not of the smallest object: a single speck would ask for images of full size.
    wanted = SMALL_OBJECT / float(np.percentile(relative_sizes, 2))
    bounded = min(max(wanted, LEAST_INPUT), most, longest)
    return min(longest, _in_steps(bounded))


def _in_steps(side: float) -> int:
    """`side` rounded up to whole steps of the coarsest map."""
    return math.ceil(side / 32) * 32


def anchor_sizes(sizes: Floats, maps: int) -> tuple[float, ...]:
    """Anchor sides for objects of `sizes` input pixels, ascending, two a map."""
    lowest = 1.1 * float(np.percentile(sizes, 2))
    highest = float(np.percentile(sizes, 98)) / 1.1
    # Of objects of one size all anchors would be the same, and a box a little off meet none.
    if highest < LEAST_SPAN * lowest:
        middle = math.sqrt(lowest * highest)
        lowest, highest = middle / math.sqrt(LEAST_SPAN), middle * math.sqrt(LEAST_SPAN)
    return tuple(float(size) for size in np.geomspace(lowest, highest, ANCHORS_A_MAP * maps))


def _are_tiled(settings: DetectorSettings, relative_sizes: Floats, longest: int) -> bool:
    if settings.tile_size is not None:
        return settings.tile_size > 0
    largest = float(np.percentile(relative_sizes, 2)) * MOST_INPUT
    return settings.input_size is None and longest > MOST_INPUT and largest < VANISHING


def _input_bounds(
    settings: DetectorSettings, relative_sizes: Floats, longest: int, most: int
) -> tuple[int, int]:
    if settings.input_size is not None:
        return settings.input_size, settings.input_size
    side = input_side(relative_sizes, longest, most)
    if settings.is_small:
        return side, side
    return max(STOCK_SHORTER, side), max(STOCK_LONGER, side)


def _tile(settings: DetectorSettings, seen: Sequence[Boxes], longer: int) -> int:
    """Side of a tile for boxes in input pixels; 0 where it would hold a whole image."""
    side = settings.tile_size
    if side is None:
        largest = max(float((boxes[:, 2:] - boxes[:, :2]).max(initial=0)) for boxes in seen)
        wanted = largest / settings.tile_overlap if settings.tile_overlap else 0
        # In whole steps of the coarsest map nothing of a tile is padding.
        side = min(max(TILE, _in_steps(wanted)), MOST_INPUT)
    return side if side < longer else 0


def _window(settings: DetectorSettings, longer: int, tile: int) -> int:
    whole, part = (LARGEST_WHOLE, WINDOW) if settings.is_small else (STOCK_LONGER, STOCK_LONGER)
    side = longer if longer <= whole else part
    return min(side, tile or side)


def _most_at_once(seen: Sequence[Boxes], tile: int) -> int:
    """Boxes in the densest image, or in the densest of the squares of a tile's size."""
    if not tile:
        return max(len(boxes) for boxes in seen)
    # By the centres (half the sum of two corners), counted in squares of a tile's size.
    places = [(boxes[:, :2] + boxes[:, 2:]) // (2 * tile) for boxes in seen if len(boxes)]
    return max(int(np.unique(place, axis=0, return_counts=True)[1].max()) for place in places)


def plan_for(labels: LabelSet, settings: DetectorSettings, to_see: int = 0) -> Plan:
    """The plan for detectors that learn from `labels`; at least one box has an area.

    `to_see` is as in `make_plan`.
    """
    by_image = labels.labels.by_image()
    boxes = [by_image.get(image.id, Labels.empty()).boxes for image in labels.images]
    sizes = [(image.width, image.height) for image in labels.images]
    return make_plan(settings, sizes, boxes, to_see)


def looks_for(settings: DetectorSettings, learned: int, to_see: int) -> Looks:
    """How often an image is looked at, where the settings leave it to the recipe.

    By counts, not by a clock: what a detector finds shall not depend on the computer.

    Parameters
    ----------
    learned
        Images that a training learns from, each as often as it does.
    to_see
        Images that will be predicted.
    """
    if settings.looks is not None or settings.recipe == 1:
        return settings.looks or 1
    for looks, share in PREDICTION_SHARES.items():
        if looks * to_see * LOOK_COST <= share * learned:
            return looks
    return 1


def make_plan(
    settings: DetectorSettings,
    image_sizes: Sequence[tuple[int, int]],
    boxes: Sequence[Boxes],
    to_see: int = 0,
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
    to_see
        Images that will be predicted; they decide how often each is looked at.
    """
    learned = settings.total_iterations(len(boxes)) * settings.images_a_batch
    # Labels drawn as points or lines say nothing of sizes.
    boxes = [of_image[areas(of_image) > 0] for of_image in boxes]
    sizes = [object_sizes(of_image) for of_image in boxes]
    relative = np.concatenate([s / max(wh) for s, wh in zip(sizes, image_sizes, strict=True)])
    longest = max(max(wh) for wh in image_sizes)
    is_tiled = _are_tiled(settings, relative, longest)
    # Tiles bound the memory, so the image itself may be as large as it is.
    most = longest if is_tiled else MOST_INPUT
    shorter, longer = _input_bounds(settings, relative, longest, most)
    scales = [min(shorter / min(wh), longer / max(wh)) for wh in image_sizes]
    seen = [of_image * scale for of_image, scale in zip(boxes, scales, strict=True)]
    looks = looks_for(settings, learned, to_see)
    return _plan_for(settings, shorter, longer, seen, is_tiled, looks)


def _plan_for(
    settings: DetectorSettings,
    shorter: int,
    longer: int,
    seen: Sequence[Boxes],
    is_tiled: bool,
    looks: Looks,
) -> Plan:
    """The plan for boxes in input pixels."""
    sizes = np.concatenate([object_sizes(of_image) for of_image in seen])
    # Finer maps cost time in every image, so only where small objects ask for them.
    strides = (4, 8, 16) if np.percentile(sizes, 2) < TINY_OBJECT[settings.recipe] else (8, 16, 32)
    tile = _tile(settings, seen, longer) if is_tiled else 0
    window = _window(settings, longer, tile)
    # See the module's rules: a window's statistics are not those of its image.
    by_batch = window == longer and settings.images_a_batch > 1
    at_once, most = _most_at_once(seen, tile), _most_at_once(seen, 0)
    predicted = max(PREDICTED_PROPOSALS, 2 * at_once) if settings.recipe > 1 else 0
    return Plan(
        shorter=shorter,
        longer=longer,
        window=window,
        norm="batch" if by_batch else "group",
        strides=strides,
        anchor_sizes=anchor_sizes(sizes, len(strides)),
        proposals=max(PROPOSALS, 2 * at_once),
        samples=min(max(SAMPLES, at_once), MOST_SAMPLES),
        max_detections=max(settings.max_detections, math.ceil(1.5 * most)),
        tile=tile,
        overlap=settings.tile_overlap if tile else 0.0,
        predicted_proposals=predicted,
        looks=looks,
    )
