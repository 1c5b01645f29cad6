"""OA-MIL (Liu et al. 2022): training on inaccurate boxes, as another loss of the ROI heads.

Source: Liu, Wang, Lu, Cao, Zhang, "Robust Object Detection With Inaccurate Bounding Boxes", ECCV
2022, and the authors' code, github.com/cxliu0/OA-MIL.

Certain (paper and code): the positive ROIs of an object are a bag of instances. Each is decoded
with the head's own regression; its confidence c is the probability of the object's category when
the head is run again on the decoded box. The best instance b of a bag and the labelled box g give
the regression target phi·b + (1 − phi)·g of the whole bag, phi = min(c^7.5, 0.85), through which
no gradient flows. A loss of 0.1 times (1 − the bags' highest confidences, averaged within each
category, then over the categories) is added. Late in the training four more passes take the
decoded boxes as ROIs in turn, and the same loss of their mean confidence is added; targets still
come from the first pass.

Our reading: the authors train 12 epochs and let the selection of instances begin with the second,
the extension with the ninth; here these are shares of the iterations, 1/12 and 2/3
(`SELECT_FROM`, `EXTEND_FROM`), before which the training is the plain one to the last bit. Theirs
has the confidence loss from the first iteration on. Bags follow from the assignment of ROIs to
boxes; theirs are told apart by the sums of the boxes' corners. Decoded boxes are cut to the image
and let no gradient through. Samples, regression loss and the coding of boxes stay the detector's
own: compact looks at 64 ROIs an image, half of them positive, so that a bag has about two
instances (theirs: 512 ROIs, a quarter positive; L1; corners instead of centre and size).

The module imports torch, so others import it only where they train.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.ops import clip_boxes_to_image

from napari_alc.errors import AlcError
from napari_alc.files import write_text

if TYPE_CHECKING:
    from napari_alc.detection.training.run import Run

SELECT_FROM, EXTEND_FROM = 1 / 12, 2 / 3
"""Shares of the iterations after which instances are selected, and looked at repeatedly."""
PASSES = 4
"""Passes beyond the first, once bags are extended."""
POWER, MOST = 7.5, 0.85
"""The weight of the best instance is its confidence to this power, and no more than this."""
WEIGHT = 0.1
"""Of the confidence loss."""

SELECTION = "selection.json"
SELECTED = ("selected_confidence", "selected_weight", "bag_size")
"""Means that are told of a training: confidence c and weight phi of the best instances, and
instances a bag."""

Features = Mapping[str, Tensor]
Shapes = Sequence[tuple[int, int]]


class OaMil:
    """A training of any torchvision Faster R-CNN by OA-MIL: a variant as `detection` takes it.

    The trained network has the tensors of a plain one.
    """

    name = "oa-mil"

    def __init__(self) -> None:
        self._forward: OaMilForward | None = None

    def prepare(self, network: nn.Module) -> None:
        """Let the network's ROI heads compute another loss.

        Raises
        ------
        AlcError
            When the network has no ROI heads.
        """
        heads: Any = getattr(network, "roi_heads", None)
        if not isinstance(heads, RoIHeads):
            raise AlcError(
                "OA-MIL trains detectors of two stages; take compact, resnet50 or another "
                "Faster R-CNN."
            )
        heads.forward = self._forward = OaMilForward(heads)

    def before_iteration(self, run: Run) -> None:
        """Begin to select and to extend when the time has come."""
        assert self._forward is not None
        self._forward.selects = run.iteration >= SELECT_FROM * run.total
        self._forward.passes = PASSES if run.iteration >= EXTEND_FROM * run.total else 0

    def state(self) -> Mapping[str, object]:
        """What the selection did; all else follows from the iteration."""
        assert self._forward is not None
        return {"selection": self._forward.selection.sums}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on counting."""
        assert self._forward is not None
        self._forward.selection.sums = list(cast("Sequence[float]", state["selection"]))

    def finish(self, network: nn.Module, folder: Path) -> None:
        """Let the ROI heads compute what they always do, and tell what the selection did."""
        assert self._forward is not None
        write_text(folder / SELECTION, json.dumps(self._forward.selection.means()) + "\n")
        heads: Any = network.roi_heads
        del heads.forward


@dataclass
class Selection:
    """What the selection of instances did, summed over the iterations."""

    sums: list[float] = field(default_factory=lambda: [0.0] * (1 + len(SELECTED)))

    def note(self, confidences: Tensor, objects: Tensor) -> None:
        """Count one iteration's instances, of which there is at least one."""
        best, _ = _best(confidences, objects)
        seen = confidences[best]
        confidence, weight = float(seen.mean()), float(weights(seen).mean())
        more = (1.0, confidence, weight, len(confidences) / len(seen))
        self.sums = [old + new for old, new in zip(self.sums, more, strict=True)]

    def means(self) -> dict[str, float]:
        """By the names of `SELECTED`; nothing where none was selected."""
        count, *sums = self.sums
        return {name: one / count for name, one in zip(SELECTED, sums, strict=True) if count}


@dataclass(frozen=True, eq=False)
class Bags:
    """The positive ROIs of a batch; those of one object are its bag.

    Parameters
    ----------
    rois
        (R_i, 4) of each image, in its pixels.
    labels
        int64, (R,): label of each one's object, 1 and up.
    objects
        int64, (R,): number of its object in the batch.
    noisy
        (R, 4): the object's box as it is labelled.
    """

    rois: list[Tensor]
    labels: Tensor
    objects: Tensor
    noisy: Tensor


class OaMilForward:
    """Takes the place of the ROI heads' ``forward``; in evaluation it is the same.

    Parameters
    ----------
    heads
        Torchvision's; their parts and settings are used.
    """

    def __init__(self, heads: Any) -> None:
        self.heads = heads
        self.selects = False
        self.passes = 0
        self.selection = Selection()

    def __call__(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> Any:
        """Detections in evaluation, losses in training, as torchvision's."""
        heads = self.heads
        if not heads.training or not self.selects or targets is None:
            return RoIHeads.forward(heads, features, proposals, image_shapes, targets)
        rois, matched, labels, regression = heads.select_training_samples(proposals, targets)
        scores, moves = self._judge(features, rois, image_shapes)
        positive, losses = torch.cat(labels) > 0, {}
        wanted = torch.cat(regression)
        if positive.any():
            bags = _bags(rois, matched, labels, targets)
            boxes, seen = self._look_at(bags, features, moves[positive], image_shapes)
            chosen = selected(boxes, bags.noisy, seen[0].detach(), bags.objects)
            self.selection.note(seen[0].detach(), bags.objects)
            wanted[positive] = heads.box_coder.encode([chosen], [torch.cat(bags.rois)])[0]
            losses["loss_instances"] = WEIGHT * _doubt(seen, bags)
        of_class, of_box = fastrcnn_loss(scores, moves, labels, [wanted])
        return [], {"loss_classifier": of_class, "loss_box_reg": of_box, **losses}

    def _judge(
        self, features: Features, boxes: list[Tensor], shapes: Shapes
    ) -> tuple[Tensor, Tensor]:
        """Scores (R, C) and moves (R, 4·C) of boxes."""
        pooled = self.heads.box_roi_pool(features, boxes, shapes)
        scores, moves = self.heads.box_predictor(self.heads.box_head(pooled))
        return scores.float(), moves.float()

    def _look_at(
        self, bags: Bags, features: Features, moves: Tensor, shapes: Shapes
    ) -> tuple[Tensor, list[Tensor]]:
        """The instances' boxes (R, 4) of the first pass, and their confidences (R,) in each."""
        rois, found, seen = bags.rois, [], []
        each = torch.arange(len(bags.labels), device=bags.labels.device)
        for _ in range(1 + self.passes):
            rois = self._moved(rois, moves.detach(), bags.labels, shapes)
            scores, moves = self._judge(features, rois, shapes)
            found.append(torch.cat(rois))
            seen.append(scores.softmax(dim=1)[each, bags.labels])
        return found[0], seen

    def _moved(
        self, rois: list[Tensor], moves: Tensor, labels: Tensor, shapes: Shapes
    ) -> list[Tensor]:
        """Each ROI as the head regresses it for its label, cut to its image."""
        each = torch.arange(len(labels), device=labels.device)
        decoded = self.heads.box_coder.decode(moves, rois)[each, labels]
        parts = decoded.split([len(of_image) for of_image in rois])
        return [clip_boxes_to_image(part, shape) for part, shape in zip(parts, shapes, strict=True)]


def selected(boxes: Tensor, noisy: Tensor, confidences: Tensor, objects: Tensor) -> Tensor:
    """The regression target of every instance: its bag's best one, mixed with the labelled box.

    Parameters
    ----------
    boxes
        Instances, (R, 4).
    noisy
        The labelled box of each one's object, (R, 4).
    confidences
        (R,), in 0–1.
    objects
        Number of each one's object, (R,).

    Returns
    -------
    Tensor
        (R, 4): phi·b + (1 − phi)·g, the same for all of a bag, with phi = min(c^7.5, 0.85).
    """
    best, of_bag = _best(confidences, objects)
    phi = weights(confidences[best])[:, None]
    targets: Tensor = phi * boxes[best] + (1 - phi) * noisy[best]
    return targets[of_bag]


def weights(confidences: Tensor) -> Tensor:
    """The weight phi = min(c^7.5, 0.85) of best instances with confidence c, in 0–0.85."""
    return (confidences**POWER).clamp(max=MOST)


def object_confidence(confidences: Tensor, labels: Tensor, objects: Tensor) -> Tensor:
    """The highest confidence of each bag, averaged within each label, then over the labels.

    Parameters
    ----------
    confidences, labels, objects
        Of the instances, (R,) with R > 0.

    Returns
    -------
    Tensor
        A single number, in 0–1.
    """
    best, _ = _best(confidences, objects)
    _, of_label, counts = torch.unique(labels[best], return_inverse=True, return_counts=True)
    sums = confidences.new_zeros(len(counts)).index_add(0, of_label, confidences[best])
    mean: Tensor = (sums / counts).mean()
    return mean


def _best(confidences: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """Position of the most confident instance of each bag, and the bag's number of each."""
    _, of_bag, counts = torch.unique(objects, return_inverse=True, return_counts=True)
    order = torch.argsort(confidences.detach(), descending=True, stable=True)
    order = order[torch.argsort(of_bag[order], stable=True)]
    return order[counts.cumsum(0) - counts], of_bag


def _doubt(seen: Sequence[Tensor], bags: Bags) -> Tensor:
    """1 − confidence of the first pass, and of the mean of further passes where there are any."""
    found = [object_confidence(c, bags.labels, bags.objects) for c in seen]
    doubt = 1 - found[0]
    if not found[1:]:
        return doubt
    return doubt + 1 - torch.stack(found[1:]).mean()


def _bags(
    rois: Sequence[Tensor],
    matched: Sequence[Tensor],
    labels: Sequence[Tensor],
    targets: Sequence[Mapping[str, Tensor]],
) -> Bags:
    """The positive ones of the ROIs of a batch, as `select_training_samples` gives them."""
    positive = [of_image > 0 for of_image in labels]
    own = [found[mask] for found, mask in zip(matched, positive, strict=True)]
    boxes = [target["boxes"] for target in targets]
    first = [sum(len(b) for b in boxes[:number]) for number in range(len(boxes))]
    return Bags(
        rois=[of_image[mask] for of_image, mask in zip(rois, positive, strict=True)],
        labels=torch.cat([of_image[m] for of_image, m in zip(labels, positive, strict=True)]),
        objects=torch.cat([index + start for index, start in zip(own, first, strict=True)]),
        noisy=torch.cat([b[index] for b, index in zip(boxes, own, strict=True)]),
    )
