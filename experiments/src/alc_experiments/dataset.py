"""The data that methods are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_alc.labels import ImageRecord, LabelSet
from napari_alc.simulation.crowd import NoiseRecord


@dataclass(frozen=True)
class DatasetPlan:
    """How a campaign goes: |X^0| images at random, then k in each of g iterations."""

    initial: int
    per_iteration: int
    iterations: int


@dataclass(frozen=True)
class Dataset:
    """Images with clean and crowd labels, for one seed of the noise.

    Parameters
    ----------
    name
        ``"bccd"``, ``"tem"`` or another.
    folder
        Of the images of all parts.
    truth
        Clean labels of X.
    crowd
        The crowd's labels of X, made from `truth`.
    validation
        Clean labels of further images on which tau is found; None takes 0.5.
    test
        Clean labels of the images that measure the detectors.
    plan
        Of the campaign.
    detector
        Settings of the detector other than its defaults (see `DetectorSettings`).
    noise
        What was done to each box of `truth`.
    """

    name: str
    folder: Path
    truth: LabelSet
    crowd: LabelSet
    validation: LabelSet | None
    test: LabelSet
    plan: DatasetPlan
    detector: Mapping[str, object] = field(default_factory=dict)
    noise: tuple[NoiseRecord, ...] = ()

    def path_of(self, image: ImageRecord) -> Path:
        """The file of an image of any part."""
        return self.folder / image.file_name
