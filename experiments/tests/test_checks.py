"""Checks of results that are other than the paper's."""

from __future__ import annotations

import numpy as np
import pytest
from invented_results import by_seed, cells

from alc_experiments.checks import ALL_DISPLACED, UNITS, WITH_ADDED, with_added
from alc_experiments.figures import write_figures
from alc_experiments.pages.check_tables import DISPLACED
from alc_experiments.pages.render import render
from napari_alc.labels import numbered
from tiny_experiments import make_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return make_experiment(tmp_path_factory.mktemp("checks"))


def test_every_box_is_there_and_displaced(experiment):
    figures = UNITS["own noise"](experiment)
    assert {figure.method for figure in figures} == {
        f"{name}{ALL_DISPLACED}" for name in ("Noisy", "OA-MIL", "Mao")
    }
    noisy = {f.metric: f.value for f in figures if f.method == f"Noisy{ALL_DISPLACED}"}
    assert noisy["labels_location"] > 0
    assert noisy["labels_background"] == noisy["labels_box_in_box"] == 0
    assert noisy["boxes_crowd"] == noisy["boxes_clean"]


def test_what_ours_adds_is_put_to_the_clean_labels(experiment):
    figures = UNITS["completed"](experiment)
    found = {(f.method, f.metric): f.value for f in figures}
    assert {method for method, _ in found} == {"Clean", WITH_ADDED}
    assert found[WITH_ADDED, "label_recall"] == 1.0
    assert (WITH_ADDED, "budget") not in found


def test_only_boxes_beside_all_clean_ones_are_added(experiment):
    truth = experiment.data.truth.of_images([1])
    [first, *_] = truth.labels.boxes.tolist()
    free = [0.0, 0.0, 4.0, 4.0]
    labels = truth.with_labels(numbered([1, 1], [1, 1], [first, free]))
    both = with_added(truth, labels).labels
    assert len(both) == len(truth.labels) + 1
    assert both.boxes[-1].tolist() == free
    assert len(np.unique(both.ids)) == len(both)


def test_the_page_pairs_each_row_with_its_own_reference(tmp_path):
    assert DISPLACED == ALL_DISPLACED
    rows = [
        *by_seed(f"Noisy{DISPLACED}", "AP50", 60.0, 62.0),
        *by_seed(f"OA-MIL{DISPLACED}", "AP50", 65.0, 66.0),
        *by_seed("Clean", "AP50", 87.0, 88.0),
        *by_seed(WITH_ADDED, "AP50", 88.0, 89.0),
    ]
    write_figures(tmp_path / "checks.csv", rows)
    render(tmp_path)
    text = (tmp_path / "checks.md").read_text(encoding="utf-8")
    assert "+4.50" in cells(text, f"OA-MIL{DISPLACED}")[3]
    assert "+1.00" in cells(text, WITH_ADDED)[3]
