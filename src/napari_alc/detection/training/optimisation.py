"""Optimisers, and the learning rate as a function of the iteration alone."""

from __future__ import annotations

import math

from torch import nn, optim

from napari_alc.detection.settings import DetectorSettings

WARM_UP_COMPACT, SHARE_COMPACT = 100, 0.25
FINAL_SHARE = 0.01
WARM_UP_PAPER, SHARE_PAPER = 500, 0.10
STEPS = (0.75, 0.92)
"""Shares of the training at which the paper's rate falls tenfold (epochs 27 and 33 of 36)."""
MOMENTUM = 0.9
FUSED_ON = ("cpu", "cuda")
LARGEST_GRADIENT = 5.0
"""Norm at which the compact preset's gradients are clipped; the paper clips none."""


def learning_rate_factor(preset: str, iteration: int, total: int) -> float:
    """What the peak learning rate is multiplied by at `iteration` (from 0) of `total`."""
    if preset == "compact":
        # In short trainings a fixed warm-up would be most of it.
        warm_up = max(1, min(WARM_UP_COMPACT, int(SHARE_COMPACT * total)))
        progress = iteration / total
        shape = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * progress))
    else:
        warm_up = max(1, min(WARM_UP_PAPER, int(SHARE_PAPER * total)))
        shape = 0.1 ** sum(iteration >= int(step * total) for step in STEPS)
    return shape * min(1.0, (iteration + 1) / warm_up)


def make_optimiser(network: nn.Module, settings: DetectorSettings) -> optim.Optimizer:
    """AdamW for compact (decay on matrices only), SGD with momentum for all others.

    All parameters are updated in one pass where torch can do that (fused), on the CPU and on
    CUDA cards.
    """
    schedule = settings.schedule
    rate = schedule.learning_rate if settings.learning_rate is None else settings.learning_rate
    decay = schedule.weight_decay if settings.weight_decay is None else settings.weight_decay
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    fused = all(parameter.device.type in FUSED_ON for parameter in trained)
    if settings.preset != "compact":
        return optim.SGD(trained, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=fused)
    # Biases and the scales of normalisations are no simpler for being near zero: no decay.
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return optim.AdamW(groups, lr=rate, fused=fused)


def set_learning_rate(optimiser: optim.Optimizer, rate: float) -> None:
    """Use `rate` for all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
