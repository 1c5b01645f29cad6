"""Builds the network of a preset and fills in its initial weights."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.models.compact import compact_network
from napari_alc.detection.models.lite0 import lite0_network
from napari_alc.detection.models.tensor_files import read_tensors
from napari_alc.detection.plan import Plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData


def pairwise_iou(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Intersection over union of every box and every anchor.

    The same bits as `torchvision.ops.box_iou` in a third of the time: with thousands of anchors
    the memory for its (N, M, 2) corners is what costs it.

    Parameters
    ----------
    boxes, anchors
        float32, (N, 4) and (M, 4), ``x1, y1, x2, y2``.

    Returns
    -------
    Tensor
        float32, (N, M), in 0–1.
    """
    left, top, right, bottom = (side[:, None] for side in boxes.unbind(1))
    x1, y1, x2, y2 = anchors.t().contiguous().unbind(0)
    width = torch.minimum(right, x2).sub_(torch.maximum(left, x1)).clamp_(min=0)
    height = torch.minimum(bottom, y2).sub_(torch.maximum(top, y1)).clamp_(min=0)
    shared = width.mul_(height)
    # In place and in torchvision's order of operations, hence the same bits.
    union = ((right - left) * (bottom - top) + (x2 - x1) * (y2 - y1)).sub_(shared)
    return shared.div_(union)


TRAINABLE_STAGES = 3
"""ResNet stages that are trained when they start from ImageNet (torchvision's choice)."""
HEADS = ("head", "rpn.head", "roi_heads.box_predictor")
"""What predicts offsets and scores in torchvision's detectors."""
LEAST_SHARE = 0.25
"""Share of a network's tensors that a weights file must fill to count as meant for it."""


def _as_given(
    image: Tensor, target: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor] | None]:
    return image, target


def _keep_size(network: nn.Module) -> None:
    """Stop torchvision from resizing images that come in their final size already."""
    transform: Any = network.transform
    # SSD's network is made for one fixed size, so it keeps torchvision's own resizing.
    # What the transform is called with comes scaled by the plan, with its boxes.
    if transform.fixed_size is None:
        transform.resize = _as_given


def _match_faster(network: nn.Module) -> None:
    """Give the region proposal network, where there is one, the quicker overlaps."""
    # Thousands of anchors meet the boxes there; elsewhere the time does not show.
    if hasattr(network, "rpn"):
        proposing: Any = network.rpn
        proposing.box_similarity = pairwise_iou


def _with_full_maps(
    _generator: nn.Module, inputs: tuple[object, Sequence[Tensor]]
) -> tuple[object, list[Tensor]]:
    """Maps of the same shapes with 32 bits, for a generator that looks at nothing else."""
    images, maps = inputs
    return images, [torch.empty((), device=m.device).expand(m.shape) for m in maps]


def _with_full_output(_head: nn.Module, _inputs: object, output: Any) -> Any:
    """The tensors of a head's output, in lists, tuples or by name, with 32 bits."""
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, dict):
        return {name: _with_full_output(_head, _inputs, part) for name, part in output.items()}
    return type(output)(_with_full_output(_head, _inputs, part) for part in output)


def _keep_boxes_exact(network: nn.Module) -> None:
    """Let anchors and boxes have 32 bits whatever the network computes in.

    torchvision gives them the type of the maps and the heads, and in bf16 a corner at pixel 800
    can only move by 4 pixels.
    """
    for name, module in network.named_modules():
        if isinstance(module, AnchorGenerator | DefaultBoxGenerator):
            module.register_forward_pre_hook(_with_full_maps)
        if name in HEADS:
            module.register_forward_hook(_with_full_output)


def _limit_detections(network: nn.Module, score_floor: float, at_most: int) -> None:
    # In networks of two stages the heads hold the limits, in others the network itself.
    holder: Any = getattr(network, "roi_heads", network)
    holder.score_thresh = score_floor
    holder.detections_per_img = at_most


def _resnet50(classes: int, weights: str) -> nn.Module:
    scratch = weights == "none"
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50",
        weights=models.ResNet50_Weights.IMAGENET1K_V1 if weights == "imagenet" else None,
        # Pretrained statistics are kept frozen: batches of two to four images would spoil them.
        norm_layer=nn.BatchNorm2d if scratch else FrozenBatchNorm2d,
        trainable_layers=5 if scratch else TRAINABLE_STAGES,
    )
    network: nn.Module = FasterRCNN(backbone, num_classes=classes + 1)
    return network


def require_preset(name: str) -> None:
    """Refuse what is neither a preset nor a torchvision builder of a box detector.

    Raises
    ------
    AlcError
        Listing what there is.
    """
    known = [n for n in models.list_models(models.detection) if "mask" not in n and "key" not in n]
    if name not in ("compact", "lite0", "resnet50", *known):
        raise AlcError(
            f"{name!r} is no detector preset; take compact, lite0, resnet50 or one of "
            f"{', '.join(known)}."
        )


def _named(name: str, classes: int, weights: str) -> nn.Module:
    require_preset(name)
    stock = inspect.signature(models.get_model_builder(name)).parameters["weights_backbone"].default
    # The weights that the builder was published with, not the newest of their kind.
    backbone = (stock or "DEFAULT") if weights == "imagenet" else None
    network: nn.Module = models.get_model(
        name, weights=None, weights_backbone=backbone, num_classes=classes + 1
    )
    return network


def _architecture(preset: str, plan: Plan, classes: int, weights: str) -> nn.Module:
    if preset == "compact":
        if weights == "imagenet":
            raise AlcError("The compact preset has no ImageNet weights; take weights none.")
        compact: nn.Module = compact_network(plan, classes)
        return compact
    if preset == "lite0":
        lite0: nn.Module = lite0_network(plan, classes, is_pretrained=weights == "imagenet")
        return lite0
    with _told_in_words(preset, weights):
        return (
            _resnet50(classes, weights)
            if preset == "resnet50"
            else _named(preset, classes, weights)
        )


@contextmanager
def _told_in_words(preset: str, weights: str) -> Iterator[None]:
    """Say what failed when torchvision fetched ImageNet weights inside the block."""
    choices = (
        "or give a file (--weights FILE), or train from scratch (--weights none). Of a project "
        "that is there, both are set on the page Iterate under Settings, 'Weights from' "
        "(weights under [detector] in project.toml)."
    )
    try:
        # torch announces downloads on stdout, which belongs to this program's own results.
        with redirect_stdout(sys.stderr):
            yield
    except (OSError, HTTPException) as error:
        raise AlcError(
            f"The ImageNet weights for {preset} could not be downloaded ({error}). Connect to the "
            f"internet, {choices}"
        ) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        if weights != "imagenet":
            raise
        raise AlcError(
            f"The ImageNet weights for {preset} that were downloaded are damaged. Delete them in "
            f"{Path(torch.hub.get_dir()) / 'checkpoints'} and try again, {choices}"
        ) from error


def build_network(
    settings: DetectorSettings, plan: Plan, classes: int, weights: str | None = None
) -> nn.Module:
    """The network of a preset for `classes` categories, labelled 1 to `classes`.

    Parameters
    ----------
    classes
        Number of categories, background not counted.
    weights
        Overrides where the weights start; ``"none"`` needs neither network nor files.

    Raises
    ------
    AlcError
        When the preset is unknown, or ImageNet weights cannot be downloaded or are damaged.
    BadData
        When the file of initial weights cannot be used.
    """
    weights = settings.initial_weights if weights is None else weights
    network = _architecture(settings.preset, plan, classes, weights)
    _keep_size(network)
    _match_faster(network)
    _keep_boxes_exact(network)
    _limit_detections(network, settings.floor, plan.max_detections)
    if weights not in ("none", "imagenet"):
        fill_from_file(network, Path(weights))
    return network


def _candidates(content: Mapping[str, object]) -> dict[str, Tensor]:
    inner = content.get("model", content)
    tensors = inner if isinstance(inner, dict) else content
    return {name: value for name, value in tensors.items() if isinstance(value, Tensor)}


def fill_from_file(network: nn.Module, path: Path) -> None:
    """Fill in every tensor that the file has under the same name and shape.

    Takes this program's weights, a torchvision detector's, or a plain classifier's (whose names
    lack the prefix ``backbone.body.``).

    Raises
    ------
    BadData
        When the file cannot be read or fits less than `LEAST_SHARE` of the network.
    """
    if not path.is_file():
        raise BadData(path, "no such weights file", "Give another file, or take weights none")
    given = _candidates(read_tensors(path))
    state = network.state_dict()
    fitting = {}
    for name, current in state.items():
        # A classifier's names lack the prefix under which a detector holds its backbone.
        value = given.get(name, given.get(name.removeprefix("backbone.body.")))
        if value is not None and value.shape == current.shape:
            fitting[name] = value
    # A file for another network fits here and there by chance (biases of equal length).
    if len(fitting) < LEAST_SHARE * len(state):
        raise BadData(
            path,
            f"fits only {len(fitting)} of the network's {len(state)} tensors",
            "Give weights of the same architecture",
        )
    network.load_state_dict(fitting, strict=False)
