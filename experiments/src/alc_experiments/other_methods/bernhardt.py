"""ALC (Bernhardt et al. 2022): which images to annotate anew, lifted from images to boxes.

Certain (Bernhardt et al., "Active label cleaning for improved dataset quality under resource
constraints", Nature Communications 13, 1161): a sample's score is the cross entropy of its label
and the model's posterior less the posterior's entropy, so that a confident disagreement comes
before an ambiguous sample; the highest scores are annotated anew, and nothing is corrected
automatically. The authors' code takes logarithms to the base of the number of classes, here
K + 1, and counts of the entropy what exceeds `MARGIN`.

Our reading: the method is one of classification. A box is a sample, and its posterior R(b) the
detector's ROI head run on it; a prediction that no crowd box matches is a sample that the crowd
labelled background; an image's score is the mean of its samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alc_experiments.experiment import CACHE, Experiment, TrainedModel
from napari_alc.boxes import Boxes, Floats, Integers, Mask
from napari_alc.cleaning.matching import matching_pairs
from napari_alc.errors import Cancelled
from napari_alc.labels import Category, Detections, Labels, LabelSet, box_sets
from napari_alc.progress import Progress

MARGIN = 0.30
"""Entropy that is not held against a disagreement, in 0–1."""
TINY = 1e-12
"""Keeps logarithms finite."""
LEAST_SCORE, MATCH_IOU = 0.5, 0.5
"""A prediction at least as sure, and of no higher IoU with a crowd box, speaks for a miss."""
BACKGROUND = 0
"""Column of R(b)."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Boxes that somebody has labelled, if only by leaving them out.

    Parameters
    ----------
    image_ids
        int64, shape (N,).
    boxes
        float64, shape (N, 4), ``x1, y1, x2, y2`` in pixels.
    columns
        int64, shape (N,): column of the label in R(b), 0 for background.
    """

    image_ids: Integers
    boxes: Boxes
    columns: Integers


def box_scores(p: Floats, onehot: Floats) -> Floats:
    """The score phi = CE(onehot, p) − max(H(p) − `MARGIN`, 0) of each box; logs of base K + 1.

    Parameters
    ----------
    p
        Posteriors, shape (N, K + 1), rows sum to 1.
    onehot
        Labels, shape (N, K + 1).

    Returns
    -------
    Floats
        Shape (N,); near 0 where label and posterior agree.
    """
    logs = np.log(p + TINY) / np.log(p.shape[1])
    cross, entropy = -(onehot * logs).sum(axis=1), -(p * logs).sum(axis=1)
    return np.asarray(cross - np.maximum(entropy - MARGIN, 0.0))


def image_scores(image_ids: Integers, phi: Floats, asked: Sequence[int] | Integers) -> Floats:
    """Mean of `phi` over the boxes of each image in `asked`; 0 for one without any.

    Parameters
    ----------
    image_ids, phi
        Of the boxes, shape (N,).
    asked
        Image ids, shape (M,), each once.

    Returns
    -------
    Floats
        Shape (M,); the highest are annotated first.
    """
    ids = np.asarray(asked, dtype=np.int64)
    order = np.argsort(ids)
    known = np.isin(image_ids, ids)
    place = order[np.searchsorted(ids, image_ids[known], sorter=order)]
    sums, counts = np.zeros(len(ids)), np.zeros(len(ids))
    np.add.at(sums, place, phi[known])
    np.add.at(counts, place, 1)
    return np.asarray(sums / np.maximum(counts, 1))


def samples(crowd: Labels, found: Detections, categories: Sequence[Category]) -> Samples:
    """The crowd's boxes, and what the detector is sure of but no crowd box matches.

    Parameters
    ----------
    crowd
        Labels of some images.
    found
        Detections in the same images.
    categories
        In the order of R(b)'s columns.
    """
    sure = found.at_least(LEAST_SCORE)
    missed = sure.take(~_is_matched(sure, crowd))
    column = {category.id: number for number, category in enumerate(categories, start=1)}
    labelled = [column[int(category)] for category in crowd.category_ids]
    return Samples(
        np.concatenate([crowd.image_ids, missed.image_ids]),
        np.concatenate([crowd.boxes, missed.boxes]),
        np.array(labelled + [BACKGROUND] * len(missed), dtype=np.int64),
    )


def _is_matched(sure: Detections, crowd: Labels) -> Mask:
    matched = np.zeros(len(sure), dtype=np.bool_)
    ours, theirs = box_sets(sure, crowd)
    matched[matching_pairs(ours, theirs, MATCH_IOU).first] = True
    return matched


def score_images(
    experiment: Experiment, model: TrainedModel, labels: LabelSet, ids: Sequence[int] | Integers
) -> Floats:
    """The score of images of X under `model`, highest first to be annotated.

    Parameters
    ----------
    experiment
        Its crowd labels are not looked at.
    model
        A two-stage detector.
    labels
        What is labelled now; holds all images in `ids`.
    ids
        Of images, each once.

    Returns
    -------
    Floats
        Shape (M,), in the order of `ids`.

    Raises
    ------
    Cancelled
        When the experiment's ``should_stop`` says so.
    AlcError
        When the detector has one stage only.
    """
    wanted = [int(image_id) for image_id in ids]
    found = experiment.predict_all(model).of_images(wanted)
    asked = samples(labels.labels.of_images(wanted), found, labels.categories)
    p = _posteriors(experiment, model, labels, asked)
    return image_scores(asked.image_ids, box_scores(p, np.eye(p.shape[1])[asked.columns]), wanted)


def _posteriors(
    experiment: Experiment, model: TrainedModel, labels: LabelSet, asked: Samples
) -> Floats:
    """R(b) of all samples, shape (N, K + 1)."""
    from alc_experiments.other_methods.posterior import box_posteriors
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.devices import choose_device
    from napari_alc.detection.inference.prediction import ready
    from napari_alc.detection.models.weights import load_detector

    device = choose_device(experiment.device)
    detector = ready(load_detector(model.weights), device)
    cache = ImageCache(experiment.store / CACHE / experiment.data.name)
    found = np.empty((len(asked.boxes), len(labels.categories) + 1))
    paths = _paths(experiment, labels, asked)
    for done, (image_id, path) in enumerate(paths.items(), start=1):
        if experiment.should_stop():
            raise Cancelled("judge boxes")
        rows = asked.image_ids == image_id
        found[rows] = box_posteriors(detector, path, asked.boxes[rows], device, cache)
        message = f"image {done} of {len(paths)}"
        experiment.report(Progress("judge boxes", done, len(paths), message))
    return found


def _paths(experiment: Experiment, labels: LabelSet, asked: Samples) -> dict[int, Path]:
    with_samples = set(asked.image_ids.tolist())
    images = (image for image in labels.images if image.id in with_samples)
    return {image.id: experiment.data.path_of(image) for image in images}
