from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.inference.folding import EXACT, NORMS, folded
from napari_alc.detection.models.compact import NORMS as COMPACT_NORMS
from napari_alc.detection.models.compact import CompactBackbone

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def lived_in(network):
    """`network` with normalisations as a training leaves them: none of their numbers trivial."""
    noise = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, NORMS):
            for tensor in (module.running_mean, module.weight.data, module.bias.data):
                tensor.add_(0.2 * torch.randn(tensor.shape, generator=noise))
            module.running_var.mul_(torch.rand(module.running_var.shape, generator=noise) + 0.5)
    return network.eval()


def norms_in(network):
    return sum(isinstance(module, NORMS) for module in network.modules())


def differs(one, other):
    with torch.inference_mode():
        maps = zip(one(IMAGES).values(), other(IMAGES).values(), strict=True)
        return max(float((a - b).abs().max() / a.abs().max()) for a, b in maps)


def resnet(norm):
    return resnet_fpn_backbone(backbone_name="resnet18", weights=None, norm_layer=norm)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda: CompactBackbone((8, 16, 32), COMPACT_NORMS["batch"]), id="compact by batch"
        ),
        pytest.param(lambda: resnet(nn.BatchNorm2d), id="ResNet trained from scratch"),
        pytest.param(lambda: resnet(FrozenBatchNorm2d), id="ResNet trained from ImageNet"),
    ],
)
def test_folding_is_exact_to_rounding_and_leaves_the_original_alone(make):
    torch.manual_seed(0)
    network = lived_in(make())
    before = norms_in(network)
    other = folded(network)
    assert before > 10
    assert (norms_in(network), norms_in(other)) == (before, 0)
    assert differs(network, other) <= EXACT


def test_normalisation_by_group_is_left_as_it_is():
    network = CompactBackbone((8, 16, 32), COMPACT_NORMS["group"]).eval()
    assert folded(network) is network


class Crossed(nn.Module):
    """Uses its parts in another order than it defines them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.norm(self.second(self.first(x).relu()))


def test_a_network_that_would_change_is_left_as_it_is():
    torch.manual_seed(0)
    network = lived_in(Crossed())
    assert folded(network) is network
