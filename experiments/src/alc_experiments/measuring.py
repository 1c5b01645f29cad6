"""What was measured, as figures of a method: a detector, a label set, a budget."""

from __future__ import annotations

from collections.abc import Mapping

from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from napari_alc.cleaning.budget import Budget
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.labels import LabelSet

RATIOS = {"f1": "label_f1", "precision": "label_precision", "recall": "label_recall"}
"""Metrics in 0–1 by their names in `LabelNoise.figures`."""


def trained_figures(
    experiment: Experiment, method: str, labels: LabelSet, spent: Budget
) -> list[Figure]:
    """Train a detector on labels: figures of it, of the labels, and of their price."""
    model = experiment.train(labels, method)
    return [
        *detector_figures(method, experiment.measure(model)),
        *label_figures(method, experiment.data.truth, labels),
        *budget_figures(method, spent),
    ]


def detector_figures(method: str, measured: Mapping[str, float]) -> list[Figure]:
    """AP50 and TIDE's errors in percent, as `Experiment.measure` gives them."""
    return named_figures(method, measured)


def label_figures(method: str, truth: LabelSet, labels: LabelSet) -> list[Figure]:
    """How noisy `labels` are: F1, precision and recall in 0–1, and boxes of each type."""
    found = compare_labels(truth, labels).figures()
    return named_figures(
        method, {RATIOS.get(name, f"labels_{name}"): value for name, value in found.items()}
    )


def budget_figures(method: str, spent: Budget) -> list[Figure]:
    """The total at the full price and every part in percent, and the boxes that were counted.

    The total at the edit price is ``budget_crowd + budget_step1_edits + budget_step2``.
    """
    return named_figures(
        method,
        {
            "budget": spent.total,
            "budget_crowd": spent.crowd_part,
            "budget_step1": spent.step1_part,
            "budget_step1_edits": spent.step1_edit_part,
            "budget_step2": spent.step2_part,
            "boxes_crowd": spent.crowd,
            "boxes_clean": spent.clean,
            "boxes_step1": spent.step1_boxes,
            "boxes_step1_edits": spent.step1_edits,
            "boxes_step2": spent.step2_boxes,
        },
    )


def named_figures(method: str, values: Mapping[str, float]) -> list[Figure]:
    """One figure for each metric."""
    return [Figure(method, metric, float(value)) for metric, value in values.items()]
