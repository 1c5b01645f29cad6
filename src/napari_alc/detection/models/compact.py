"""The compact Faster R-CNN: 1.1 M parameters, trained from scratch in about a minute on a CPU."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from napari_alc.detection.plan import ANCHORS_A_MAP, Plan


class PyramidPooling(nn.Module):
    """A torchvision pooling, faster on the CPU; values agree to rounding.

    Parameters
    ----------
    by_torchvision
        With its scales and level mapper set; does the work on other devices.
    """

    def __init__(self, by_torchvision: MultiScaleRoIAlign) -> None:
        super().__init__()
        self.by_torchvision = by_torchvision
        self.side: int = by_torchvision.output_size[0]
        self.points: int = by_torchvision.sampling_ratio

    def forward(
        self, x: Mapping[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """Pool (N, C, H, W) maps to (R, C, side, side) for all R boxes of the batch."""
        maps = [x[name] for name in self.by_torchvision.featmap_names]
        if maps[0].device.type != "cpu":
            pooled: Tensor = self.by_torchvision(x, boxes, image_shapes)
            return pooled
        return self._sum_pixels(maps, boxes)

    def _sum_pixels(self, maps: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        channels = maps[0].shape[1]
        pixels = torch.cat(
            [of_level.permute(0, 2, 3, 1).reshape(-1, channels) for of_level in maps]
        )
        indices, weights = self._pixels_of_bins(maps, boxes)
        # A weighted sum of rows by index is what embeddings are made of, and fast on the CPU.
        bins = functional.embedding_bag(indices, pixels, per_sample_weights=weights, mode="sum")
        return bins.view(-1, self.side, self.side, channels).permute(0, 3, 1, 2)

    def _pixels_of_bins(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Row of each pixel of each bin, (R · side², 4 · points²), and their weights."""
        # The pixels of all levels and images are rows of one table, so that one weighted sum serves
        # every box of the batch; torchvision loops over levels and copies what it samples.
        level = self.by_torchvision.map_levels(list(boxes))
        counts = torch.tensor([len(of_image) for of_image in boxes])
        image = torch.repeat_interleave(counts)
        shapes = torch.tensor([of_level.shape for of_level in maps])
        pixels = shapes[:, 2] * shapes[:, 3]
        first = (shapes[:, 0] * pixels).cumsum(0) - shapes[:, 0] * pixels
        scaled = torch.cat(list(boxes)) * torch.tensor(self.by_torchvision.scales)[level, None]
        x, x_weights = self._along(scaled[:, 0], scaled[:, 2], shapes[level, 3])
        y, y_weights = self._along(scaled[:, 1], scaled[:, 3], shapes[level, 2])
        starts = (first[level] + image * pixels[level])[:, None, None]
        rows = starts + y * shapes[level, 3, None, None]
        indices = rows[:, :, None, :, None] + x[:, None, :, None, :]
        # Bilinear weights are products of those along either axis.
        weights = y_weights[:, :, None, :, None] * x_weights[:, None, :, None, :]
        taken = 4 * self.points**2
        return indices.view(-1, taken), weights.view(-1, taken)

    def _along(self, low: Tensor, high: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels of each bin along one axis, (R, side, 2 · points), and their weights."""
        count = self.side * self.points
        step = (high - low).clamp(min=1) / count
        # RoIAlign's sampling points lie in the middle of `points` equal parts of a bin.
        at = low[:, None] + (torch.arange(count) + 0.5) * step[:, None]
        last = (length - 1)[:, None]
        # As in torchvision: up to a pixel beyond the border a point takes the border's value,
        # further out it counts as 0.
        outside = (at < -1) | (at > length[:, None])
        at = torch.minimum(at.clamp(min=0), last.to(at.dtype))
        before = at.long()
        share = at - before
        pixels = torch.stack([before, torch.minimum(before + 1, last)], dim=-1)
        weights = torch.stack([1 - share, share], dim=-1) / self.points
        weights = weights.masked_fill(outside[..., None], 0)
        shape = (len(low), self.side, 2 * self.points)
        return pixels.view(shape), weights.view(shape)


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
    # Not ImageNet's: the network starts from scratch, and gray images have equal channels.
    return with_compact_heads(backbone, plan, classes, mean=0.5, deviation=0.25)


def with_compact_heads(
    backbone: nn.Module, plan: Plan, classes: int, mean: float, deviation: float
) -> FasterRCNN:
    """Both stages over a backbone of `PYRAMID` channels at the strides of `plan`.

    `mean` and `deviation`, in 0–1, are those by which the backbone wants its input normalised.
    """
    sizes = plan.anchor_sizes
    predicted = plan.predicted_proposals or plan.proposals
    before = 4 if plan.predicted_proposals else 2
    per_map = [sizes[i : i + ANCHORS_A_MAP] for i in range(0, len(sizes), ANCHORS_A_MAP)]
    network = FasterRCNN(
        backbone,
        image_mean=[mean] * 3,
        image_std=[deviation] * 3,
        size_divisible=plan.strides[-1],
        rpn_anchor_generator=AnchorGenerator(tuple(per_map), (ASPECT_RATIOS,) * len(per_map)),
        rpn_pre_nms_top_n_train=2 * plan.proposals,
        rpn_pre_nms_top_n_test=before * predicted,
        rpn_post_nms_top_n_train=plan.proposals,
        rpn_post_nms_top_n_test=predicted,
        rpn_batch_size_per_image=plan.samples,
        box_batch_size_per_image=plan.samples,
        box_positive_fraction=POSITIVE_SHARE,
        box_roi_pool=_pooling(plan.strides),
        box_head=TwoMLPHead(PYRAMID * POOLED**2, HEAD),
        box_predictor=FastRCNNPredictor(HEAD, classes + 1),
    )
    network.roi_heads.box_roi_pool = PyramidPooling(network.roi_heads.box_roi_pool)
    return network
