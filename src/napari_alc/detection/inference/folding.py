"""Batch normalisation folded into the convolutions before it, for prediction.

A trained normalisation multiplies and shifts each channel by numbers that stay the same, and so
can the convolution: less to compute, and the same result to rounding.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.ops.misc import FrozenBatchNorm2d

EXACT = 1e-4
"""Largest difference of feature maps, as a share of their largest value, that is rounding."""
PROBE_SIDE = 320
NORMS = (nn.BatchNorm2d, FrozenBatchNorm2d)


def folded(backbone: nn.Module) -> nn.Module:
    """A copy of `backbone` with its normalisations folded; itself where that is not exact.

    Parameters
    ----------
    backbone
        On the CPU and in evaluation mode; maps (B, 3, H, W) to feature maps by name.
    """
    # A copy, so that the original is still there where the two do not agree.
    copied = copy.deepcopy(backbone)
    is_any = False
    for module in copied.modules():
        for (_, first), (name, second) in pairwise(list(module.named_children())):
            # By the order of definition, as all networks at hand have it; others are noticed.
            if isinstance(first, nn.Conv2d) and isinstance(second, NORMS):
                _fold(first, second)
                setattr(module, name, nn.Identity())
                is_any = True
    return copied if is_any and _agree(backbone, copied) else backbone


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d | FrozenBatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert isinstance(mean, Tensor) and isinstance(variance, Tensor)
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )


def _agree(one: nn.Module, other: nn.Module) -> bool:
    """Whether both make the same feature maps of noise."""
    # Noise reaches every channel; a fixed seed lets the answer be the same each time.
    noise = torch.Generator().manual_seed(0)
    probe = torch.randn(1, 3, PROBE_SIDE, PROBE_SIDE, generator=noise)
    with torch.inference_mode():
        pairs = zip(_maps(one(probe)), _maps(other(probe)), strict=True)
        return all((a - b).abs().max() <= EXACT * a.abs().max() for a, b in pairs)


def _maps(output: Tensor | dict[str, Tensor]) -> list[Tensor]:
    return list(output.values()) if isinstance(output, dict) else [output]
