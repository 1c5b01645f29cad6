"""LLAL: images on which a small head that learns beside Mp expects a large loss.

Yoo and Kweon 2019: a head on the feature maps learns to say which of two images of a batch has
the larger loss. Here it is detached from the detector in both directions, has an optimiser of
its own and draws nothing, so that the detector learns, to the last bit, what it would without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn, optim

from napari_alc.boxes import Floats
from napari_alc.detection.acquisition.image_losses import ImageLosses
from napari_alc.detection.acquisition.pool import Pool, each_image
from napari_alc.detection.data.cache import Bytes
from napari_alc.detection.devices import cpu_threads, enough_memory
from napari_alc.detection.inference.folding import PROBE_SIDE
from napari_alc.detection.inference.prediction import ready
from napari_alc.detection.inference.two_stage import feature_maps, tiles_of
from napari_alc.detection.models.tensor_files import read_tensors, write_tensors
from napari_alc.detection.models.weights import load_detector, saved_fingerprint
from napari_alc.detection.precision import choose_precision
from napari_alc.errors import AlcError, BadData
from napari_alc.progress import Report, ShouldStop

if TYPE_CHECKING:
    from napari_alc.detection.training.run import Run

FILE = "loss-prediction.pt"
"""Beside the detector's weights."""
MAPS, WIDTH = 4, 128
MARGIN = 1.0
LEARNING_RATE = 1e-3
"""Of Adam (our reading; the authors train the head with the task's own optimiser)."""


class LossHead(nn.Module):
    """Each map averaged over the image, to 128 numbers, all of them to one.

    Parameters
    ----------
    channels
        Of each map; of a pyramid the first four count, or all where there are fewer.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(count, WIDTH) for count in channels)
        self.together = nn.Linear(WIDTH * len(channels), 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map (B, C, H, W) feature maps to (B,) expected losses, on a scale of their own."""
        averaged = [of_level.float().mean(dim=(2, 3)) for of_level in maps]
        pairs = zip(self.branches, averaged, strict=True)
        parts = [branch(average).relu() for branch, average in pairs]
        expected: Tensor = self.together(torch.cat(parts, dim=1))
        return expected[:, 0]


def ranking_loss(expected: Tensor, losses: Tensor) -> Tensor:
    """Mean over pairs of max(0, margin − sign(l_i − l_j)(e_i − e_j)); i pairs with B − 1 − i.

    Parameters
    ----------
    expected, losses
        Shape (B,), B at least 2; of an odd number the middle one has no partner.
    """
    half = len(losses) // 2
    apart = (expected - expected.flip(0))[:half]
    sign = (losses - losses.flip(0))[:half].sign()
    return (MARGIN - sign * apart).clamp(min=0).mean()


class LossPrediction:
    """The way of training that teaches a `LossHead` beside the detector."""

    name = "llal"

    def __init__(self) -> None:
        self._maps: list[Tensor] = []
        self._fingerprint = ""

    def prepare(self, network: nn.Module) -> None:
        """Make the head, from the seed of the training, and listen to maps and losses."""
        # The head's first weights are drawn apart: Mp's own draws stay those of a plain training.
        with torch.random.fork_rng():
            self.head = LossHead(_channels(network))
        self.optimiser = optim.Adam(self.head.parameters(), lr=LEARNING_RATE)
        self._listening = [
            network.register_forward_pre_hook(self._begin),
            _backbone(network).register_forward_hook(self._see_maps),
            network.register_forward_hook(self._learn),
        ]
        self._losses = ImageLosses(network)

    def before_iteration(self, run: Run) -> None:
        """Note whose head this is."""
        self._fingerprint = run.fingerprint

    def state(self) -> Mapping[str, object]:
        """The head, its optimiser, and the training that they belong to."""
        return {
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "fingerprint": self._fingerprint,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._fingerprint = str(state["fingerprint"])

    def finish(self, network: nn.Module, folder: Path) -> None:
        """Stop listening, and write the head beside the weights."""
        del network
        for handle in self._listening:
            handle.remove()
        self._losses.end()
        content = {"fingerprint": self._fingerprint, "head": self.head.state_dict()}
        write_tensors(folder / FILE, content)

    def _begin(self, network: nn.Module, inputs: object) -> None:
        del network, inputs
        # Of a batch that did not fit into the memory: its halves come next and are added anew.
        self._losses.forget()

    def _see_maps(self, backbone: nn.Module, inputs: object, maps: Any) -> None:
        del inputs
        if backbone.training:
            # Detached: nothing that the head learns reaches Mp.
            self._maps = [of_level.detach() for of_level in _chosen(maps)]

    def _learn(self, network: nn.Module, inputs: object, output: object) -> None:
        """Teach the head on the batch that the network has just been through."""
        del inputs, output
        # The loss compares two images; a batch that memory has halved to one teaches nothing.
        if not network.training or len(self._maps[0]) < 2:
            return
        losses = self._losses.of_batch()
        self._follow(losses.device)
        # Differences of losses are small: 16 bits would round many of them to ties.
        with torch.autocast(losses.device.type, enabled=False):
            loss = ranking_loss(self.head(self._maps), losses)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()

    def _follow(self, device: torch.device) -> None:
        """Move to where the network is; a variant is prepared before the network moves."""
        if next(self.head.parameters()).device != device:
            self.head.to(device)
            # Loading is what moves an optimiser's state to its parameters.
            self.optimiser.load_state_dict(self.optimiser.state_dict())


def _backbone(network: nn.Module) -> nn.Module:
    backbone = network.backbone
    assert isinstance(backbone, nn.Module)
    return backbone


def _chosen(maps: Any) -> list[Tensor]:
    return [maps] if isinstance(maps, Tensor) else list(maps.values())[:MAPS]


def _channels(network: nn.Module) -> list[int]:
    """Channels of the maps that count."""
    # In evaluation mode, so that zeros do not enter the running statistics.
    backbone = _backbone(network).eval()
    with torch.inference_mode():
        maps = backbone(torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE))
    backbone.train()
    return [of_level.shape[1] for of_level in _chosen(maps)]


def measure_expected_loss(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """The loss that the head expects of each unlabelled image, shape (M,), of any sign.

    Where the detector looks at tiles, the mean over them (our reading).
    """
    detector = ready(load_detector(pool.weights), device)
    head = load_head(pool.weights).to(device)
    precision = choose_precision(detector.settings.precision, device)

    def value(image_id: int, pixels: Bytes) -> float:
        del image_id
        with precision.autocast():
            maps = [
                feature_maps(detector, tile.cut_from(pixels), device)[1]
                for tile in tiles_of(detector, pixels)
            ]
        expected = [head([of_level.float() for of_level in _chosen(m)]) for m in maps]
        return float(torch.cat(expected).mean())

    with enough_memory(), cpu_threads(detector.settings.threads), torch.inference_mode():
        return each_image(pool, detector.plan, value, report, should_stop)


def load_head(weights: Path) -> LossHead:
    """The head that learned beside a detector.

    Raises
    ------
    AlcError
        When the detector was trained without one.
    """
    path = weights.with_name(FILE)
    content: dict[str, Any] = read_tensors(path) if path.exists() else {}
    if content.get("fingerprint", "") != saved_fingerprint(weights):
        raise AlcError(
            "The expected errors cannot be told: Mp was trained before this way of choosing "
            "images was set, so nothing learned to expect them. Train this iteration again."
        )
    try:
        branches = [
            name
            for name in content["head"]
            if name.startswith("branches") and name.endswith("weight")
        ]
        head = LossHead([content["head"][name].shape[1] for name in branches])
        head.load_state_dict(content["head"])
    except (KeyError, RuntimeError, TypeError, AttributeError):
        raise BadData(path, "lacks a part of what predicts the errors", "Train again") from None
    return head.eval()
