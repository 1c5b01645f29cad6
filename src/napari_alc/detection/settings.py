"""What a user may change about a detector and its training; imports no torch."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from napari_alc.errors import AlcError


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


PRECISIONS = ("auto", "fp32", "bf16", "fp16")
"""Numbers that a network may compute in."""

LARGEST_OVERLAP = 0.5
"""Share of a tile; beyond it a point would lie in more than two tiles a direction."""


@dataclass(frozen=True)
class DetectorSettings:
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
        One of `PRECISIONS`; ``"auto"`` is bf16 on a CUDA card that has it, fp16 on other CUDA
        cards, and fp32 elsewhere.
    tile_size
        Side of the tiles in which an image is looked at, in input pixels (16 or more); 0 never
        cuts an image up, None chooses from the training boxes.
    tile_overlap
        Share of a tile that it has in common with its neighbour, in 0–0.5.
    validate_every
        Iterations between two measurements of AP50 on the validation images; None takes about
        ten a training. It has no influence on the weights.

    Raises
    ------
    AlcError
        When a number is outside its range.
    """

    preset: str = "compact"
    iterations: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    input_size: int | None = None
    score_floor: float = 0.05
    max_detections: int = 300
    seed: int = 0
    weights: str | None = None
    threads: int | None = None
    precision: str = "auto"
    tile_size: int | None = None
    tile_overlap: float = 0.25
    validate_every: int | None = None

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            self._require(name, at_least=1)
        self._require("input_size", at_least=16)
        self._require("seed", at_least=0)
        self._require("weight_decay", at_least=0)
        self._require("score_floor", at_least=0)
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise AlcError(f"learning_rate must be above 0, not {self.learning_rate}.")
        if self.score_floor >= 1:
            raise AlcError(f"score_floor must be below 1, not {self.score_floor}.")
        self._require_tiles()
        if self.precision not in PRECISIONS:
            raise AlcError(
                f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}."
            )

    def _require_tiles(self) -> None:
        if self.tile_size != 0:
            self._require("tile_size", at_least=16)
        if not 0 <= self.tile_overlap <= LARGEST_OVERLAP:
            raise AlcError(
                f"tile_overlap must lie in 0–{LARGEST_OVERLAP:g}, not {self.tile_overlap}."
            )

    def _require(self, name: str, at_least: float) -> None:
        value = getattr(self, name)
        if value is not None and not at_least <= value < math.inf:
            raise AlcError(f"{name} must be {at_least} or more, not {value}.")

    @property
    def recipe(self) -> Recipe:
        """What holds where a field is None."""
        return COMPACT if self.preset == "compact" else PAPER

    @property
    def initial_weights(self) -> str:
        """``"none"``, ``"imagenet"`` or the path of a file."""
        return self.weights or ("none" if self.preset == "compact" else "imagenet")

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

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; fields left out keep their default.

        Raises
        ------
        AlcError
            When a field is unknown, of a wrong type, or out of its range.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise AlcError(f"{unknown[0]!r} is not a detector setting.")
        for name, value in values.items():
            _require_kind(name, value)
        return cls(**values)


_AT_LEAST_ONE = (
    "iterations",
    "epochs",
    "batch_size",
    "max_detections",
    "threads",
    "validate_every",
)
_WHOLE = (*_AT_LEAST_ONE, "input_size", "seed", "tile_size")
_TEXT = ("preset", "weights", "precision")
_REQUIRED = ("preset", "score_floor", "max_detections", "seed", "precision", "tile_overlap")


def _require_kind(name: str, value: object) -> None:
    """Refuse a setting that is of another kind than its field."""
    if value is None and name not in _REQUIRED:
        return
    if name in _TEXT:
        fits, kind = isinstance(value, str), "a text"
    elif name in _WHOLE:
        fits, kind = isinstance(value, int), "a whole number"
    else:
        fits, kind = isinstance(value, int | float), "a number"
    if not fits or isinstance(value, bool):
        raise AlcError(f"The detector setting {name} must be {kind}, not {value!r}.")
