"""The compact Faster R-CNN: 1.1 M parameters, trained from scratch in about a minute on a CPU."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from napari_alc.detection.plan import ANCHORS_A_MAP, Plan
from napari_alc.detection.pooling import PyramidPooling

STEM = (16, 24)
STAGES = {4: 24, 8: 48, 16: 96, 32: 128}
"""Channels of the residual block at each stride."""
PYRAMID = 64
POOLED = 5
HEAD = 256
CANONICAL_SIDE = 7
"""Objects up to twice this many steps of the finest map are pooled from that map."""
POSITIVE_SHARE = 0.5
"""Of the samples in the second stage; on BCCD torchvision's 0.25 gave an AP50 lower by 0.015."""
ASPECT_RATIOS = (0.7, 1.0, 1.4)
BATCH_NORM_MOMENTUM = 0.1
"""MobileNet's 0.01 leaves the running statistics near their start in runs this short."""
NORM_GROUPS = 8

Norm = Callable[[int], nn.Module]


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(NORM_GROUPS, channels)


NORMS: dict[str, Norm] = {"batch": _batch_norm, "group": _group_norm}


def _convolution(
    norm: Norm, inputs: int, outputs: int, stride: int = 1, kernel: int = 3
) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, norm(outputs))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, norm: Norm, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(norm, inputs, outputs, stride)
        self.second = _convolution(norm, outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity() if same else _convolution(norm, inputs, outputs, stride, kernel=1)
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        inner: Tensor = self.second(self.activation(self.first(x)))
        output: Tensor = self.activation(inner + self.shortcut(x))
        return output


class CompactBackbone(nn.Module):
    """Feature maps of `PYRAMID` channels at `strides`, finest first."""

    def __init__(self, strides: tuple[int, ...], norm: Norm) -> None:
        super().__init__()
        self.strides = strides
        self.out_channels = PYRAMID
        self.stem = nn.Sequential(
            _convolution(norm, 3, STEM[0], stride=2),
            nn.ReLU(inplace=True),
            _convolution(norm, STEM[0], STEM[1], stride=2),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleDict()
        channels, at = STEM[1], 4
        for stride in (stride for stride in STAGES if stride <= strides[-1]):
            self.stages[str(stride)] = ResidualBlock(norm, channels, STAGES[stride], stride // at)
            channels, at = STAGES[stride], stride
        self.pyramid = FeaturePyramidNetwork(
            [STAGES[stride] for stride in strides], PYRAMID, norm_layer=norm
        )

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Map images (B, 3, H, W) to one (B, `PYRAMID`, H / stride, W / stride) a stride."""
        x = self.stem(x)
        maps: OrderedDict[str, Tensor] = OrderedDict()
        for name, stage in self.stages.items():
            x = stage(x)
            if int(name) in self.strides:
                maps[name] = x
        pyramid: OrderedDict[str, Tensor] = self.pyramid(maps)
        return pyramid


def _pooling(strides: tuple[int, ...]) -> MultiScaleRoIAlign:
    finest, coarsest = int(math.log2(strides[0])), int(math.log2(strides[-1]))
    side = CANONICAL_SIDE * strides[0]
    pooling = MultiScaleRoIAlign([str(stride) for stride in strides], POOLED, sampling_ratio=2)
    # torchvision guesses the scales once, from the unpadded size of the first batch; small
    # images padded to a multiple of the coarsest stride make that guess wrong.
    pooling.scales = [1 / stride for stride in strides]
    pooling.map_levels = LevelMapper(finest, coarsest, canonical_scale=side, canonical_level=finest)
    return pooling


def compact_network(plan: Plan, classes: int) -> FasterRCNN:
    """A network with random weights for `classes` categories and background."""
    backbone = CompactBackbone(plan.strides, NORMS[plan.norm])
    sizes = plan.anchor_sizes
    per_map = [sizes[i : i + ANCHORS_A_MAP] for i in range(0, len(sizes), ANCHORS_A_MAP)]
    network = FasterRCNN(
        backbone,
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
        size_divisible=plan.strides[-1],
        rpn_anchor_generator=AnchorGenerator(tuple(per_map), (ASPECT_RATIOS,) * len(per_map)),
        rpn_pre_nms_top_n_train=2 * plan.proposals,
        rpn_pre_nms_top_n_test=2 * plan.proposals,
        rpn_post_nms_top_n_train=plan.proposals,
        rpn_post_nms_top_n_test=plan.proposals,
        rpn_batch_size_per_image=plan.samples,
        box_batch_size_per_image=plan.samples,
        box_positive_fraction=POSITIVE_SHARE,
        box_roi_pool=_pooling(plan.strides),
        box_head=TwoMLPHead(PYRAMID * POOLED**2, HEAD),
        box_predictor=FastRCNNPredictor(HEAD, classes + 1),
    )
    network.roi_heads.box_roi_pool = PyramidPooling(network.roi_heads.box_roi_pool)
    return network
