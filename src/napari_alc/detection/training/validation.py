"""How good a detector is on clean images while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.inference.prediction import detect
from napari_alc.detection.models.weights import Detector
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.labels import Detections, LabelSet
from napari_alc.progress import ShouldStop, never

MOST_IMAGES = 16
"""Images looked at in one measurement: ten of them take a twentieth of a compact training."""


@dataclass(frozen=True)
class CleanImages:
    """Images with clean labels, to measure a detector on.

    Parameters
    ----------
    truth
        The clean labels; at least one box.
    paths
        The file of each of its images.
    """

    truth: LabelSet
    paths: Sequence[Path]


def chosen_images(truth: LabelSet, most: int = MOST_IMAGES) -> LabelSet:
    """At most `most` images of `truth`, spread evenly over it, at least one of them with a box.

    The same ones for every model and iteration, so that their curves can be compared. Images
    that are empty take part as they occur: what a detector finds in them is wrong.
    """
    ids = [image.id for image in truth.images]
    # Spread over the list: neighbours in it often come from one slide or patient.
    places = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
    chosen = truth.of_images(ids[place] for place in places)
    if len(chosen.labels):
        return chosen
    return truth.of_images(np.unique(truth.labels.image_ids)[:most].tolist())


def looking_once(detector: Detector) -> Detector:
    """The same detector, which takes a single look at an image."""
    return replace(detector, plan=replace(detector.plan, looks=1))


def validation_ap50(
    detector: Detector,
    images: CleanImages,
    should_stop: ShouldStop = never,
    step: str = "measure",
    cache: ImageCache | None = None,
) -> float:
    """AP50 of `detector` on clean images, in percent.

    Parameters
    ----------
    detector
        Its network is in evaluation mode and is left as it is; it computes where it lies. It
        looks once, however often it will look in prediction: what counts is the course.
    images
        Bounded by `chosen_images`, where this is to cost little.
    should_stop, step, cache
        As in `napari_alc.detection.inference.prediction.predict`.

    Raises
    ------
    BadData
        When an image cannot be read.
    Cancelled
        When `should_stop` says so.
    """
    truth = images.truth
    device = next(detector.network.parameters()).device
    asked = list(zip([image.id for image in truth.images], images.paths, strict=True))
    found = Detections.empty().joined(
        *detect(
            looking_once(detector), asked, device, should_stop=should_stop, step=step, cache=cache
        )
    )
    return average_precision(truth, found, detection_limit(found)).ap50
