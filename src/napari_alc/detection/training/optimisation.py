"""Optimisers, and the learning rate as a function of the iteration alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import nn, optim

from napari_alc.detection.settings import SMALL_PRESETS, DetectorSettings

WARM_UP_COMPACT, SHARE_COMPACT = 100, 0.25
FINAL_SHARE = 0.01
WARM_UP_PAPER, SHARE_PAPER = 500, 0.10
STEPS = (0.75, 0.92)
"""Shares of the training at which the paper's rate falls tenfold (epochs 27 and 33 of 36)."""
MOMENTUM = 0.9
FUSED_ON = ("cpu", "cuda")
LARGEST_GRADIENT = 5.0
"""Norm at which the small presets' gradients are clipped; the paper clips none."""
RATE_SHARE = "rate_share"
"""In a group of parameters: its learning rate as a share of the others'."""
BODY_RATE = 0.25
"""That share for a pretrained body under the compact heads."""


def learning_rate_factor(preset: str, iteration: int, total: int) -> float:
    """What the peak learning rate is multiplied by at `iteration` (from 0) of `total`."""
    if preset in SMALL_PRESETS:
        # In short trainings a fixed warm-up would be most of it.
        warm_up = max(1, min(WARM_UP_COMPACT, int(SHARE_COMPACT * total)))
        progress = iteration / total
        shape = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * progress))
    else:
        warm_up = max(1, min(WARM_UP_PAPER, int(SHARE_PAPER * total)))
        shape = 0.1 ** sum(iteration >= int(step * total) for step in STEPS)
    return shape * min(1.0, (iteration + 1) / warm_up)


def make_optimiser(network: nn.Module, settings: DetectorSettings) -> optim.Optimizer:
    """AdamW for small presets (decay on matrices only), SGD with momentum for all others.

    All parameters are updated in one pass where torch can do that (fused), on the CPU and on
    CUDA cards.
    """
    schedule = settings.schedule
    rate = schedule.learning_rate if settings.learning_rate is None else settings.learning_rate
    decay = schedule.weight_decay if settings.weight_decay is None else settings.weight_decay
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    fused = all(parameter.device.type in FUSED_ON for parameter in trained)
    if not settings.is_small:
        return optim.SGD(trained, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=fused)
    body = getattr(network.backbone, "body", None)
    known = set(body.parameters()) if isinstance(body, nn.Module) else set()
    new = [parameter for parameter in trained if parameter not in known]
    groups = _groups(new, decay)
    # What the body knows is worth keeping, and only has to be fitted to these images.
    for group in _groups([p for p in trained if p in known], decay):
        groups += [{**group, RATE_SHARE: BODY_RATE}] if group["params"] else []
    return optim.AdamW(groups, lr=rate, fused=fused)


def _groups(parameters: Sequence[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    # Biases and the scales of normalisations are no simpler for being near zero: no decay.
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def set_learning_rate(optimiser: optim.Optimizer, rate: float) -> None:
    """Use `rate` for all parameters, and its share for those of a pretrained body."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get(RATE_SHARE, 1.0)
