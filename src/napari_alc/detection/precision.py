"""The numbers that a network computes in, and how its tensors lie in memory.

On a CUDA card most of the work is done in 16 bits (`torch.autocast`; weights, losses and the
optimiser stay in 32), elsewhere all of it in 32. The channels of a pixel lie side by side: a
card's tensor cores ask for that, and on the CPU it takes a tenth off the time of a training step.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MethodType

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.errors import AlcError

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """How a network computes on one device.

    Parameters
    ----------
    name
        ``"fp32"``, ``"bf16"`` or ``"fp16"``.
    """

    name: str
    device: torch.device

    @property
    def memory_format(self) -> torch.memory_format:
        """Order of a feature map's numbers in memory: a pixel's channels side by side, or not."""
        faster = self.device.type in ("cpu", "cuda")
        return torch.channels_last if faster else torch.contiguous_format

    def place(self, network: nn.Module) -> nn.Module:
        """Move `network` to the device, its convolutions in the right memory format."""
        if self.name != "fp32":
            _keep_half(network)
        return network.to(self.device).to(memory_format=self.memory_format)

    def autocast(self) -> AbstractContextManager[None]:
        """Inside the block, what gains from it is computed in this precision."""
        return torch.autocast(self.device.type, dtype=TYPES[self.name], enabled=self.name != "fp32")

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps fp16's small gradients from vanishing; lets the other precisions pass as is."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def _keep_half(network: nn.Module) -> None:
    """Let frozen normalisations give 16 bits for 16 bits.

    torchvision's own multiply with 32-bit numbers, so that every map between two convolutions
    has 32 bits again, with twice the memory and traffic.
    """
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            # A bound method, unlike a closure, follows its module when that is copied.
            module.forward = MethodType(_normalised, module)


def _normalised(norm: FrozenBatchNorm2d, x: Tensor) -> Tensor:
    mean, variance = norm.running_mean, norm.running_var
    return functional.batch_norm(x, mean, variance, norm.weight, norm.bias, eps=norm.eps)


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """The precision for `device`.

    Parameters
    ----------
    wanted
        A `napari_alc.detection.settings.PrecisionName`. Where there is no CUDA card it is
        fp32 whatever was wanted, so that the settings of one machine run on another.
    device
        See `napari_alc.detection.devices.choose_device`.

    Raises
    ------
    AlcError
        When bf16 is wanted of a CUDA card that does not have it.
    """
    # Settings made where there is a card must run elsewhere too; there only fp32 was tested.
    if device.type != "cuda":
        return Precision("fp32", device)
    has_bf16 = _has_bf16(device)
    if wanted == "bf16" and not has_bf16:
        raise AlcError(
            f"The card {torch.cuda.get_device_name(device)} does not compute in bf16; "
            "set precision to auto, fp16 or fp32."
        )
    # bf16 has the range of fp32, so that no gradient needs scaling.
    if wanted == "auto":
        wanted = "bf16" if has_bf16 else "fp16"
    return Precision(wanted, device)


def _has_bf16(device: torch.device) -> bool:
    # Cards before Ampere emulate bf16, slower than 32 bits.
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
