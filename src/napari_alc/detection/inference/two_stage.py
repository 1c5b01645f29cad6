"""What a detector of two stages sees in one image: detections, full softmax and proposals.

`napari_alc.detection.inference.prediction` tells where something is and how sure the detector is.
Some strategies ask for more: what else a detection might have been, and where the first stage had
proposed it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from napari_alc.boxes import Boxes, Floats, Integers
from napari_alc.detection.data.cache import Bytes
from napari_alc.detection.data.samples import as_input
from napari_alc.detection.data.tiles import SAME, Tile, tile_grid
from napari_alc.detection.devices import cpu_threads, enough_memory
from napari_alc.detection.models.weights import Detector
from napari_alc.detection.precision import choose_precision
from napari_alc.errors import AlcError


def require_two_stages(detector: Detector, purpose: str) -> None:
    """Refuse a detector without proposals and ROI heads.

    Parameters
    ----------
    detector
        Of one stage or two.
    purpose
        What the proposals or heads are needed for, such as ``"to judge given boxes"``.

    Raises
    ------
    AlcError
        Naming what can be taken instead.
    """
    if not isinstance(getattr(detector.network, "roi_heads", None), RoIHeads):
        raise AlcError(
            f"The detector {detector.settings.preset} has a single stage; {purpose} it takes two. "
            "Take the detector compact, resnet50 or another Faster R-CNN and train again."
        )


LEAST_SIDE = 1e-2
"""Thinner boxes are none, as in torchvision."""


@dataclass(frozen=True, eq=False)
class TwoStageDetections:
    """The detections in an image, best score first, in pixels of the detector's input.

    Parameters
    ----------
    boxes
        float64, shape (N, 4).
    labels
        int64, shape (N,): label l stands for the detector's ``categories[l - 1]``.
    scores
        float64, shape (N,).
    proposals
        float64, shape (N, 4): the box that each detection was regressed from.
    probabilities
        float64, shape (N, K + 1): softmax over background (column 0) and categories.
    """

    boxes: Boxes
    labels: Integers
    scores: Floats
    proposals: Boxes
    probabilities: Floats

    def take(self, index: Integers) -> Self:
        """Some of them, by position."""
        return type(self)(*(getattr(self, column.name)[index] for column in fields(self)))

    def shifted(self, tile: Tile) -> Self:
        """The same, in pixels of the image that `tile` was cut from."""
        return replace(self, boxes=self.boxes + tile.origin, proposals=self.proposals + tile.origin)


def detect_two_stage(detector: Detector, pixels: Bytes, device: torch.device) -> TwoStageDetections:
    """What a detector of two stages sees in one image, and how it came to it.

    Boxes, labels and scores are those of `inference.prediction.detect`, to rounding.
    Where the detector looks at tiles, the detections of all of them are taken, and of those that
    overlap (IoU > 0.5) and agree in their category the best; cut objects are not joined, as no
    single proposal stands for the whole (our reading).

    Parameters
    ----------
    detector
        Its network lies on `device`, in evaluation mode; it is left as it is.
    pixels
        uint8, (H, W) or (H, W, 3), scaled as `napari_alc.detection.data.loading.seen_image` does.

    Raises
    ------
    AlcError
        When the detector has one stage only, or the memory is too small for the image.
    """
    require_two_stages(detector, "to choose images in this way")
    with enough_memory(), cpu_threads(detector.settings.threads), torch.inference_mode():
        seen = [
            _detect_in(detector, tile.cut_from(pixels), device).shifted(tile)
            for tile in tiles_of(detector, pixels)
        ]
    # A single tile is the whole image, and its detections have been through suppression already.
    return seen[0] if len(seen) == 1 else _together(seen, detector.plan.max_detections)


def tiles_of(detector: Detector, pixels: Bytes) -> list[Tile]:
    """All that the detector looks at in an image: tiles of it, or one that is the whole."""
    height, width = pixels.shape[:2]
    return tile_grid(width, height, detector.plan.tile, detector.plan.overlap)


def feature_maps(detector: Detector, pixels: Bytes, device: torch.device) -> tuple[Any, Any]:
    """The image as the backbone takes it, and the backbone's maps of it by name."""
    network: Any = detector.network
    images, _ = network.transform([as_input(pixels).to(device)])
    maps = network.backbone(images.tensors)
    return images, {"0": maps} if isinstance(maps, Tensor) else maps


def _detect_in(detector: Detector, pixels: Bytes, device: torch.device) -> TwoStageDetections:
    network: Any = detector.network
    heads = network.roi_heads
    with choose_precision(detector.settings.precision, device).autocast():
        images, maps = feature_maps(detector, pixels, device)
        [proposals], _ = network.rpn(images, maps)
        pooled = heads.box_roi_pool(maps, [proposals], images.image_sizes)
        logits, regression = heads.box_predictor(heads.box_head(pooled))
    # Outside of autocast: in 16 bits a corner at pixel 800 can only move by 4 pixels.
    decoded = heads.box_coder.decode(regression, [proposals])
    boxes = clip_boxes_to_image(decoded, images.image_sizes[0])
    return _kept(heads, boxes, logits.softmax(-1), proposals)


def _kept(
    heads: Any, boxes: Tensor, probabilities: Tensor, proposals: Tensor
) -> TwoStageDetections:
    """The detections among the boxes (P, K + 1, 4) of all proposals, chosen as torchvision does."""
    # torchvision's own post-processing forgets which proposal and which softmax a detection had.
    sure = probabilities[:, 1:] > heads.score_thresh
    # A proposal may become a detection of several categories, each with its own box.
    row, column = torch.where(sure)
    label = column + 1
    scores, found = probabilities[row, label], boxes[row, label]
    has_area = remove_small_boxes(found, LEAST_SIDE)
    # Category by category, so that objects of two kinds may lie on each other.
    best = batched_nms(found[has_area], scores[has_area], label[has_area], heads.nms_thresh)
    kept = has_area[best[: heads.detections_per_img]]
    return TwoStageDetections(
        _array(found[kept]),
        np.asarray(label[kept].cpu().numpy(), dtype=np.int64),
        _array(scores[kept]),
        _array(proposals[row[kept]]),
        _array(probabilities[row[kept]]),
    )


def _array(values: Tensor) -> Floats:
    return np.asarray(values.double().cpu().numpy())


def _together(seen: list[TwoStageDetections], most: int) -> TwoStageDetections:
    columns = [
        np.concatenate([getattr(one, f.name) for one in seen]) for f in fields(TwoStageDetections)
    ]
    joined = TwoStageDetections(*columns)
    tensors = (torch.from_numpy(c) for c in (joined.boxes, joined.scores, joined.labels))
    return joined.take(batched_nms(*tensors, SAME).numpy()[:most])
