"""The methods of the paper's Tables 1 and 2 on squares."""

from __future__ import annotations

import numpy as np
import pytest

from alc_experiments import methods
from alc_experiments.methods import UNITS
from napari_alc.cleaning.loop import relabelled
from napari_alc.simulation.pathologist import edits
from tiny_experiments import make_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return make_experiment(tmp_path_factory.mktemp("methods"))


@pytest.fixture(scope="module")
def found(experiment):
    """Every method's figures by their metric."""
    return {
        name: {figure.metric: figure.value for figure in compute(experiment)}
        for name, compute in UNITS.items()
    }


@pytest.mark.parametrize("name", UNITS)
def test_every_method_tells_its_detector_its_labels_and_its_price(found, name):
    told = set(found[name])
    assert {"AP50", "Bkg", "Miss", "Loc", "label_f1", "budget", "budget_step2"} <= told


@pytest.mark.parametrize("name", UNITS)
def test_figures_bear_the_method_s_name(experiment, name):
    assert {figure.method for figure in UNITS[name](experiment)} == {name}


def test_clean_costs_everything_and_methods_without_people_the_crowd_only(found):
    assert found["Clean"]["budget"] == 100.0
    assert found["Clean"]["label_f1"] == 1.0
    crowd = found["Noisy"]["budget_crowd"]
    for name in ("Noisy", "OA-MIL", "Mao"):
        assert found[name]["budget"] == crowd > 0


def test_alc_spends_no_more_than_ours(found):
    assert found["Noisy"]["budget"] < found["ALC"]["budget"] <= found["Ours"]["budget"]


def test_alc_goes_on_until_the_budget_is_spent(experiment, found):
    dearest = max(len(rows) for rows in experiment.data.truth.labels.by_image().values())
    a_further_image = 100 * dearest / len(experiment.data.truth.labels)
    assert found["ALC"]["budget"] + a_further_image > found["Ours"]["budget"]


def test_alc_takes_all_images_where_the_budget_allows(experiment, monkeypatch):
    monkeypatch.setattr(methods, "_affordable", lambda b, chosen, _: given(b, chosen))

    def given(experiment, chosen):
        ids = experiment.data.truth.image_ids.tolist()
        return tuple(ids[len(chosen) : len(chosen) + 2])

    figures = {figure.metric: figure.value for figure in methods.alc(experiment)}
    assert figures["clean_images"] == len(experiment.data.truth.images)
    assert figures["label_f1"] == 1.0
    data = experiment.data
    assert figures["boxes_step1_edits"] == edits(data.crowd.labels, data.truth.labels)
    assert figures["boxes_step1"] == len(data.truth.labels)


def test_images_labelled_anew_are_clean_and_others_the_crowd_s(experiment):
    data = experiment.data
    labels = relabelled(experiment.data.crowd, experiment.data.truth.of_images((2, 5))).labels
    for image_id in data.truth.image_ids.tolist():
        source = data.truth if image_id in (2, 5) else data.crowd
        expected = source.labels.of_images([image_id]).boxes
        assert np.array_equal(labels.of_images([image_id]).boxes, expected)
