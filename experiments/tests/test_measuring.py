from __future__ import annotations

import pytest

from alc_experiments.measuring import budget_figures, detector_figures, label_figures
from napari_alc.cleaning.budget import Budget
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered


def values(figures, method="Ours"):
    assert {figure.method for figure in figures} == {method}
    return {figure.metric: figure.value for figure in figures}


def test_a_budget_is_told_in_all_its_parts():
    found = values(budget_figures("Ours", Budget(300, 100, 20, 10, 5)))
    assert found["budget"] == pytest.approx(10 + 20 + 5)
    parts = found["budget_crowd"], found["budget_step1_edits"], found["budget_step2"]
    assert parts == pytest.approx((10, 10, 5))
    assert [found[f"boxes_{name}"] for name in ("crowd", "clean", "step1", "step2")] == [
        300,
        100,
        20,
        5,
    ]


def test_labels_are_judged_by_the_truth():
    truth = LabelSet(
        (ImageRecord(1, "1.tif", 100, 100),),
        (Category(1, "cell"),),
        numbered([1, 1], [1, 1], [[0, 0, 10, 10], [50, 50, 60, 60]]),
    )
    labels = truth.with_labels(numbered([1, 1], [1, 1], [[0, 0, 10, 10], [80, 80, 90, 90]]))
    found = values(label_figures("Ours", truth, labels))
    assert (found["label_f1"], found["label_precision"], found["label_recall"]) == (0.5, 0.5, 0.5)
    assert (found["labels_clean"], found["labels_background"], found["labels_miss"]) == (1, 1, 1)


def test_a_detector_keeps_its_metrics():
    assert values(detector_figures("Ours", {"AP50": 88, "Bkg": 7.5})) == {"AP50": 88, "Bkg": 7.5}
