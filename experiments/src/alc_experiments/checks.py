"""Checks: why two results are other than the paper's.

OA-MIL and Mao's method are made for boxes that are displaced, while a crowd also leaves objects
out and draws boxes around nothing. And a detector trained on the labels that Ours has cleaned
may become better than one trained on the clean labels, which can only be where these are not
complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from alc_experiments.campaign import Protocol
from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from alc_experiments.measuring import detector_figures, label_figures
from alc_experiments.methods import clean, mao, noisy, oa_mil
from alc_experiments.step2 import clean_up
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.labels import LabelSet, numbered
from napari_alc.simulation.crowd import NoiseRates, add_noise

DISPLACED = NoiseRates(background=0.0, miss=0.0, location=1.0, box_in_box=0.0)
"""Every box is drawn, and drawn badly: like the noise of Liu et al. (2022) at its strongest."""

ALL_DISPLACED = ", every box displaced"
WITH_ADDED = "Clean with the boxes that Ours adds"


def own_noise(experiment: Experiment) -> list[Figure]:
    """Noisy, OA-MIL and Mao where the crowd displaces every box and does nothing else."""
    spoiled = add_noise(experiment.data.truth, DISPLACED, experiment.seed)
    data = replace(experiment.data, crowd=spoiled.label_set, noise=spoiled.log)
    figures = [
        figure
        for compute in (noisy, oa_mil, mao)
        for figure in compute(replace(experiment, data=data))
    ]
    return [replace(figure, method=figure.method + ALL_DISPLACED) for figure in figures]


def completed(experiment: Experiment) -> list[Figure]:
    """Clean, and Clean with those boxes of Ours that overlap no clean one (IoU at most 0.1)."""
    truth = experiment.data.truth
    both = with_added(truth, clean_up(experiment, Protocol()).step2.labels)
    model = experiment.train(both, WITH_ADDED)
    return [
        *clean(experiment),
        *detector_figures(WITH_ADDED, experiment.measure(model)),
        *label_figures(WITH_ADDED, truth, both),
    ]


def with_added(truth: LabelSet, labels: LabelSet) -> LabelSet:
    """The clean labels and those of `labels` that count as background beside them."""
    added = labels.labels.take(compare_labels(truth, labels).types == "background")
    both = truth.labels.joined(added)
    return truth.with_labels(
        numbered(both.image_ids.tolist(), both.category_ids.tolist(), both.boxes)
    )


UNITS: Mapping[str, Callable[[Experiment], list[Figure]]] = {
    "own noise": own_noise,
    "completed": completed,
}
"""What there is to compute; each gives several rows."""
