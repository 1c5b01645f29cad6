"""The state of a training under way, and the checkpoint that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from napari_alc.detection.data.samples import Batches
from napari_alc.detection.models.tensor_files import read_tensors, write_tensors
from napari_alc.detection.models.weights import Detector
from napari_alc.detection.precision import Precision
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData

KEPT = ("iteration", "seconds", "losses", "validation", "batch_size", "halved")
"""Fields of a run that a checkpoint keeps as they are."""


@dataclass
class Run:
    """A training under way.

    Parameters
    ----------
    detector, batches, optimiser, scaler
        What is trained, on what, and how.
    precision
        How, and on which device.
    total
        Iterations of the whole training.
    fingerprint
        Of all that decides the outcome.
    step
        Name in progress reports.
    batch_size
        Images that enter one step of the optimiser; less than the settings say where the
        device's memory is too small.
    iteration, seconds
        Done so far.
    losses
        One an iteration.
    validation
        Iteration and AP50 in percent of each measurement on the validation images.
    halved
        Iteration and new batch size of each time that the memory did not suffice.
    variant
        Another way of training than the plain one.
    boxes_until
        Iteration before which the variant may change the training boxes next; no batch from
        there on is read earlier. None where they stay as they are to the end.
    is_anew
        Whether a training that was stopped here could not go on, as it was of something else.
    """

    detector: Detector
    batches: Batches
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    precision: Precision
    total: int
    fingerprint: str
    step: str
    batch_size: int
    iteration: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    halved: list[tuple[int, int]] = field(default_factory=list)
    variant: Variant | None = None
    boxes_until: int | None = None
    is_anew: bool = False

    @property
    def settings(self) -> DetectorSettings:
        """What the detector is trained with."""
        return self.detector.settings

    @property
    def peak_rate(self) -> float:
        """Learning rate after the warm-up, for a whole batch."""
        return self.settings.learning_rate or self.settings.schedule.learning_rate

    @property
    def learning_rate(self) -> float:
        """Of the latest step."""
        return float(self.optimiser.param_groups[0]["lr"])

    @property
    def is_measurement_due(self) -> bool:
        """Whether the validation images come now: every so often, and at the end."""
        every = self.settings.validation_interval(self.total)
        on_time = self.iteration % every == 0 or self.iteration == self.total
        # A training resumed right after a measurement does not measure again.
        measured = self.validation[-1][0] if self.validation else 0
        return on_time and self.iteration > measured


def save_checkpoint(run: Run, path: Path) -> None:
    """Write all that `resume` needs to go on as if there had been no interruption."""
    content = {name: getattr(run, name) for name in KEPT} | {
        "fingerprint": run.fingerprint,
        "model": run.detector.network.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        # fp16's scale adapts while it trains; begun anew it would skip other steps.
        "scaler": run.scaler.state_dict(),
        "variant": dict(run.variant.state()) if run.variant else {},
    }
    write_tensors(path, content)


def resume(run: Run, path: Path) -> None:
    """Go on from the checkpoint of the same training, where there is one."""
    try:
        saved: dict[str, Any] = read_tensors(path)
    except BadData:  # None there, or unreadable: everything in it can be computed again.
        return
    # A checkpoint of other data or settings, or of an older version, is no beginning of this one.
    if saved.get("fingerprint") != run.fingerprint or not set(KEPT) <= set(saved):
        run.is_anew = True
        return
    run.detector.network.load_state_dict(saved["model"])
    # With the momentum of every weight: without it the next steps, and all bits, would differ.
    run.optimiser.load_state_dict(saved["optimiser"])
    run.scaler.load_state_dict(saved["scaler"])
    if run.variant:
        run.variant.restore(saved["variant"])
    for name in KEPT:
        setattr(run, name, saved[name])


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
