"""What a user may change about a detector and its training; imports no torch."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from napari_alc.settings_model import Number, Positive, SettingsModel


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained where the user leaves it open.

    Parameters
    ----------
    iterations
        Number of batches; None where `epochs` and `least_iterations` decide.
    epochs
        Passes over the training images.
    least_iterations
        Lower bound on the batches that `epochs` gives.
    batch_size
        Images a batch.
    learning_rate, weight_decay
        Of the optimiser (AdamW for compact, SGD for all others).
    """

    iterations: int | None
    epochs: int
    least_iterations: int
    batch_size: int
    learning_rate: float
    weight_decay: float


COMPACT = Recipe(600, 36, 0, batch_size=2, learning_rate=2e-3, weight_decay=0.01)
"""About a minute on one core for BCCD at 320×240; twice the iterations gain 0.01–0.02 of AP50."""

PAPER = Recipe(None, 36, 1500, batch_size=4, learning_rate=0.01, weight_decay=1e-4)
"""The paper's training (36 epochs, batch 4) with method.md's floor on the iterations."""


def default_preset() -> str:
    """The paper's detector where there is an NVIDIA card, else the one for a laptop."""
    return "resnet50" if shutil.which("nvidia-smi") else "compact"


PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
"""Numbers that a network may compute in."""

LEAST_SIDE = 16
"""Pixels; smaller images and tiles vanish in the network's strides."""

MEASUREMENTS = 10
"""Of the validation images in a training, where the settings leave it open."""

LARGEST_OVERLAP = 0.5
"""Share of a tile; beyond it a point would lie in more than two tiles a direction."""


def _tile_side(pixels: int) -> int:
    if pixels and pixels < LEAST_SIDE:
        raise ValueError(f"0 (no tiles) or {LEAST_SIDE} or more")
    return pixels


class DetectorSettings(SettingsModel):
    """A detector and its training.

    Parameters
    ----------
    preset
        ``"compact"`` (a laptop without GPU), ``"resnet50"`` (the paper's Faster R-CNN) or the
        name of another torchvision detection builder, such as ``"retinanet_resnet50_fpn"``.
    iterations
        Batches to train for; None takes `epochs`, or the preset's own number without it.
    epochs
        Passes over the training images; ignored where `iterations` is given.
    batch_size, learning_rate, weight_decay
        None takes the preset's own.
    input_size
        Longest side of an image as the detector sees it, in pixels (16 or more); None chooses
        it from the training boxes (see `napari_alc.detection.plan`).
    score_floor
        Detections with a lower score are dropped, in 0–1.
    max_detections
        Most detections an image; raised where a training image has nearly as many boxes.
    seed
        Of initial weights, data order, augmentation and sampling.
    weights
        Where the weights start: ``"none"`` (from scratch), ``"imagenet"`` (downloaded by
        torchvision), or a file; None is ``"none"`` for compact and ``"imagenet"`` for others.
    threads
        CPU threads; None leaves torch's own number.
    precision
        ``"auto"`` is bf16 on a CUDA card that has it, fp16 on other CUDA
        cards, and fp32 elsewhere.
    tile_size
        Side of the tiles in which an image is looked at, in input pixels (16 or more); 0 never
        cuts an image up, None chooses from the training boxes.
    tile_overlap
        Share of a tile that it has in common with its neighbour, in 0–0.5.
    validate_every
        Iterations between two measurements of AP50 on the validation images; None takes about
        ten a training. It has no influence on the weights.
    """

    preset: str = "compact"
    iterations: Positive | None = None
    epochs: Positive | None = None
    batch_size: Positive | None = None
    learning_rate: Annotated[Number, Field(gt=0)] | None = None
    weight_decay: Annotated[Number, Field(ge=0)] | None = None
    input_size: Annotated[int, Field(ge=LEAST_SIDE)] | None = None
    score_floor: Annotated[Number, Field(ge=0, lt=1)] = 0.05
    max_detections: Positive = 300
    seed: Annotated[int, Field(ge=0)] = 0
    weights: str | None = None
    threads: Positive | None = None
    precision: PrecisionName = "auto"
    tile_size: Annotated[int, AfterValidator(_tile_side)] | None = None
    tile_overlap: Annotated[Number, Field(ge=0, le=LARGEST_OVERLAP)] = 0.25
    validate_every: Positive | None = None

    @property
    def recipe(self) -> Recipe:
        """What holds where a field is None."""
        return COMPACT if self.preset == "compact" else PAPER

    @property
    def initial_weights(self) -> str:
        """``"none"``, ``"imagenet"`` or the path of a file."""
        return self.weights or ("none" if self.preset == "compact" else "imagenet")

    def validation_interval(self, iterations: int) -> int:
        """Iterations between two measurements in a training of `iterations`."""
        # Rounded up, so that there are never more than `MEASUREMENTS`.
        return self.validate_every or -(-iterations // MEASUREMENTS)

    @property
    def images_a_batch(self) -> int:
        """The batch size that holds."""
        return self.batch_size or self.recipe.batch_size

    def total_iterations(self, image_count: int) -> int:
        """Batches of a whole training on `image_count` images."""
        recipe = self.recipe
        if self.iterations is not None:
            return self.iterations
        if self.epochs is None and recipe.iterations is not None:
            return recipe.iterations
        batches = math.ceil((self.epochs or recipe.epochs) * image_count / self.images_a_batch)
        return batches if self.epochs is not None else max(batches, recipe.least_iterations)
