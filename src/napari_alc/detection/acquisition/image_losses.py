"""The loss of each image of a batch, where torchvision's detectors tell only that of the batch.

Every loss function of a network is run once more on what it was given, for one image at a time.
There is no second pass through the network, and nothing is drawn, so that a training goes the
same way with this and without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss

Ending = Callable[[], None]


class ImageLosses:
    """Listens to a network in training; works for detectors of one and of two stages.

    Parameters
    ----------
    network
        One of torchvision's detectors.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parts: list[Tensor] = []
        parts: Any = network
        if isinstance(getattr(parts, "roi_heads", None), RoIHeads):
            # Both stages of a two-stage detector have losses, and their sum is the image's.
            self._endings = [*self._hear_heads(parts.roi_heads), self._hear_proposals(parts.rpn)]
        else:
            self._endings = [self._hear_single_stage(parts)]

    def of_batch(self) -> Tensor:
        """Sum of all losses of each image of the latest batch, shape (B,); asked for once."""
        # One part for each loss function that was heard.
        summed = torch.stack(self._parts).sum(dim=0)
        self._parts.clear()
        return summed

    def forget(self) -> None:
        """Drop what is left of a batch that was given up."""
        self._parts.clear()

    def end(self) -> None:
        """Leave the network as it was."""
        for ending in self._endings:
            ending()

    def _add(self, of_images: Sequence[Sequence[Tensor]]) -> None:
        sums = [torch.stack([loss.float() for loss in losses]).sum() for losses in of_images]
        # An image in which the second stage has no sample has no mean over them.
        self._parts.append(torch.stack(sums).nan_to_num())

    def _hear_single_stage(self, network: Any) -> Ending:
        original = network.compute_loss

        def heard(*given: Any) -> Any:
            losses = original(*given)
            with torch.no_grad():
                each = [original(*_of_image(given, i)).values() for i in range(len(given[0]))]
                self._add([list(of_image) for of_image in each])
            return losses

        network.compute_loss = heard
        return lambda: delattr(network, "compute_loss")

    def _hear_proposals(self, proposing: Any) -> Ending:
        original, sampler = proposing.compute_loss, proposing.fg_bg_sampler

        def heard(scores: Tensor, moves: Tensor, labels: Any, targets: Any) -> Any:
            # Drawn once and used twice: for the losses of the images, and for the one that trains.
            drawn = sampler(labels)
            rows = _rows(labels)
            with torch.no_grad():
                each = []
                for i, of_image in enumerate(rows):
                    proposing.fg_bg_sampler = _known([kind[i : i + 1] for kind in drawn])
                    given = scores[of_image], moves[of_image], labels[i : i + 1]
                    each.append(original(*given, targets[i : i + 1]))
                self._add(each)
            # The sampler would draw anew; the network must be trained on the anchors drawn already.
            proposing.fg_bg_sampler = _known(drawn)
            return original(scores, moves, labels, targets)

        def end() -> None:
            del proposing.compute_loss
            proposing.fg_bg_sampler = sampler

        proposing.compute_loss = heard
        return end

    def _hear_heads(self, heads: Any) -> list[Ending]:
        original = heads.select_training_samples
        samples: list[Any] = []

        def select(*given: Any) -> Any:
            # Kept for the hook on the predictor, which sees only scores and offsets.
            samples[:] = original(*given)
            return tuple(samples)

        def predicted(predictor: nn.Module, inputs: object, outputs: Any) -> None:
            del inputs
            if not predictor.training:
                return
            _, _, labels, targets = samples
            with torch.no_grad():
                each = [
                    fastrcnn_loss(*(part[rows] for part in outputs), [label], [target])
                    for rows, label, target in zip(_rows(labels), labels, targets, strict=True)
                ]
                self._add(each)

        heads.select_training_samples = select
        handle = heads.box_predictor.register_forward_hook(predicted)
        return [handle.remove, lambda: delattr(heads, "select_training_samples")]


def _known(drawn: Any) -> Callable[[Any], Any]:
    """What stands in for the drawing of anchors: these and no others."""

    def draw(labels: Any) -> Any:
        del labels
        return drawn

    return draw


def _rows(labels: Sequence[Tensor]) -> list[slice]:
    """Where the rows of each image are in the tensors of the batch."""
    rows, start = [], 0
    for of_image in labels:
        rows.append(slice(start, start + len(of_image)))
        start += len(of_image)
    return rows


def _of_image(given: Sequence[Any], i: int) -> list[Any]:
    """What a loss function of a whole batch is given, for its image `i` alone."""
    return [_part_of_image(part, i) for part in given]


def _part_of_image(part: Any, i: int) -> Any:
    if isinstance(part, dict):
        return {name: values[i : i + 1] for name, values in part.items()}
    # Numbers are of the levels of the pyramid, the same for all images.
    return part if isinstance(part[0], int) else part[i : i + 1]
