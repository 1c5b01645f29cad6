"""R(b): what the second stage of a detector says of boxes that somebody else has drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_alc.boxes import Boxes, Floats, Integers, clip, intersections
from napari_alc.detection.data.cache import Bytes, ImageCache
from napari_alc.detection.data.loading import seen_image
from napari_alc.detection.data.tiles import Tile
from napari_alc.detection.devices import cpu_threads, enough_memory
from napari_alc.detection.inference.two_stage import feature_maps, require_two_stages, tiles_of
from napari_alc.detection.models.weights import Detector
from napari_alc.detection.precision import choose_precision


def box_posteriors(
    detector: Detector,
    path: Path,
    boxes: Boxes,
    device: torch.device,
    cache: ImageCache | None = None,
) -> Floats:
    """Class probabilities of boxes: the softmax of the ROI head run on each of them as it is.

    The boxes take the place of the proposals; nothing moves or suppresses them. Where the
    detector looks at tiles, a box is judged in the tile that holds the largest share of it, of
    several the one in which it lies furthest from the border (our reading; the methods that ask
    for R know no tiles). Of a box that leaves its image or tile the part inside is judged.

    Parameters
    ----------
    detector
        Of two stages; its network lies on `device`, in evaluation mode, and is left as it is.
    boxes
        Shape (N, 4), ``x1, y1, x2, y2`` in the image's pixels.
    cache
        Images scaled earlier; the result is the same without.

    Returns
    -------
    Floats
        Shape (N, K + 1), rows sum to 1; column 0 is background, column k the k-th of the
        detector's K categories.

    Raises
    ------
    AlcError
        When the detector has one stage only, or the memory is too small for the image.
    BadData
        When the image cannot be read.
    """
    require_two_stages(detector, "to judge given boxes")
    found = np.zeros((len(boxes), len(detector.categories) + 1))
    if not len(boxes):
        return found
    seen = seen_image(path, detector.plan, cache, make_room=False)
    scaled = clip(boxes, *seen.size) * seen.scale
    tiles = tiles_of(detector, seen.pixels)
    chosen = _best_tiles(scaled, tiles)
    with enough_memory(), cpu_threads(detector.settings.threads), torch.inference_mode():
        for number in np.unique(chosen).tolist():
            rows, tile = chosen == number, tiles[number]
            pixels = tile.cut_from(seen.pixels)
            found[rows] = _judged(detector, pixels, scaled[rows] - tile.origin, device)
    return found


def _best_tiles(boxes: Boxes, tiles: list[Tile]) -> Integers:
    """Number of the tile in which each box is judged, shape (N,)."""
    held, room = np.empty((2, len(tiles), len(boxes)))
    for number, tile in enumerate(tiles):
        around = np.broadcast_to(tile.box, boxes.shape)
        held[number] = intersections(boxes, around)
        # Room between box and tile on each side; negative where the tile cuts the box.
        margins = np.concatenate([(boxes - around)[:, :2], (around - boxes)[:, 2:]], axis=1)
        room[number] = margins.min(axis=1)
    # By the share held first (last key), then by the room around it; the best is the last.
    return np.asarray(np.lexsort((room, held), axis=0)[-1])


def _judged(detector: Detector, pixels: Bytes, boxes: Boxes, device: torch.device) -> Floats:
    """Probabilities of boxes, in the pixels of one tile, of which the part inside counts."""
    network: Any = detector.network
    height, width = pixels.shape[:2]
    asked = torch.from_numpy(clip(boxes, width, height)).float().to(device)
    precision = choose_precision(detector.settings.precision, device)
    with precision.autocast():
        images, maps = feature_maps(detector, pixels, device)
        heads = network.roi_heads
        pooled = heads.box_roi_pool(maps, [asked], images.image_sizes)
        scores, _ = heads.box_predictor(heads.box_head(pooled))
    probabilities: Tensor = scores.float().softmax(dim=1)
    return np.asarray(probabilities.double().cpu().numpy())
