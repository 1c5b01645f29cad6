"""Ways of training that differ from the plain one: what a comparison method may hook into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import nn

if TYPE_CHECKING:
    from napari_alc.detection.run import Run


class Variant(Protocol):
    """A way of training; every training needs an object of its own.

    A training calls `prepare`, then `restore` where it goes on from a checkpoint, then
    `before_iteration` for each iteration that is left, and `finish`.
    """

    @property
    def name(self) -> str:
        """Name and settings: trainings of different names never share their weights."""

    def prepare(self, network: nn.Module) -> None:
        """Change the network before the first iteration: another head, or a further one."""

    def before_iteration(self, run: Run) -> None:
        """Look at the run, or change its training boxes, before ``run.iteration`` is done.

        One who changes ``run.batches.images`` sets ``run.boxes_until`` to the iteration before
        which the next change may come, in the first call already: batches are read ahead.
        """

    def state(self) -> Mapping[str, object]:
        """What a checkpoint keeps beside the network's tensors; what torch saves safely."""

    def restore(self, state: Mapping[str, object]) -> None:
        """The inverse of `state`."""

    def finish(self, network: nn.Module, folder: Path) -> None:
        """Leave a plain network behind; what else was learned may be written to `folder`.

        Comes again where the program was killed before it had written the weights.
        """
