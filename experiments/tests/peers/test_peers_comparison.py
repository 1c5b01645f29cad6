from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alc_experiments import peers
from alc_experiments.campaign import Protocol, last_round
from alc_experiments.experiment import Experiment
from alc_experiments.peers.comparison import SECONDS, case_of, cross_validated
from napari_alc.errors import AlcError
from tiny_experiments import make_experiment

METHODS = ["Ours", "Ours, gray ranked", "Distance to Mp", "ObjectLab", "Mistakenness"]
CROSSVAL = ["ObjectLab (crossval)", "Mistakenness (crossval)"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return make_experiment(tmp_path_factory.mktemp("experiment"))


@pytest.fixture(scope="module")
def figures(experiment):
    pytest.importorskip("cleanlab", reason="needs cleanlab")
    return peers.UNITS["Peers"](experiment)


def test_every_method_is_judged_for_the_same_errors(figures):
    by_method = {}
    for figure in figures:
        by_method.setdefault(figure.method, set()).add(figure.metric)
    assert set(by_method) == {*METHODS, *CROSSVAL, "Chance"}
    assert {frozenset(found - {SECONDS}) for found in by_method.values()} == {
        frozenset(by_method["Chance"])
    }
    for what in ("any", "background", "location", "miss"):
        assert f"AP {what}" in by_method["Chance"]
    assert all(SECONDS in by_method[method] for method in METHODS + CROSSVAL)


def test_shares_lie_between_0_and_1_and_chance_is_a_half(figures):
    shares = [figure for figure in figures if figure.metric != SECONDS]
    assert all(0 <= figure.value <= 1 for figure in shares)
    by_chance = [f.value for f in shares if f.method == "Chance" and f.metric.startswith("AUROC")]
    assert set(by_chance) == {0.5}


def test_images_that_taught_the_models_are_not_judged(experiment):
    done = last_round(experiment, Protocol())
    case = case_of(experiment, done.image_ids)
    judged = {image.id for image in case.crowd.images}
    assert judged.isdisjoint(done.image_ids)
    assert set(case.crowd.labels.image_ids) | set(case.truth.labels.image_ids) <= judged
    assert len(case.noise.of_crowd) == len(case.crowd.labels)
    assert len(case.noise.of_truth) == len(case.truth.labels)


def test_cross_validation_asks_detectors_that_have_not_seen_the_image(experiment, monkeypatch):
    learned = {}

    def train(self, labels, *arguments):
        model = original(self, labels, *arguments)
        learned[model.folder] = set(labels.image_ids.tolist())
        return model

    def predict(self, model, images, name):
        asked = {image.id for image in images}
        assert not asked & learned[model.folder]
        seen.extend(asked)
        return see(self, model, images, name)

    original, see, seen = Experiment.train, Experiment.predict, []
    monkeypatch.setattr(Experiment, "train", train)
    monkeypatch.setattr(Experiment, "predict", predict)
    found = cross_validated(experiment)
    assert sorted(seen) == experiment.data.truth.image_ids.tolist()
    assert set(found.image_ids) <= set(seen)
    assert len(np.unique(list(map(len, learned.values())))) == 1


def test_a_campaign_that_leaves_nothing_is_refused(experiment):
    everything = tuple(experiment.data.truth.image_ids.tolist())
    with pytest.raises(AlcError, match="leaves no box"):
        case_of(experiment, everything)


def test_noise_without_a_log_is_refused(experiment):
    without = replace(experiment, data=replace(experiment.data, noise=()))
    with pytest.raises(AlcError, match="log of the noise"):
        case_of(without, ())
