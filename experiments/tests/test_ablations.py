"""Ablations change one thing at a time, and what they share is the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from alc_experiments import ablations, step2
from alc_experiments.ablations import UNITS, automatic, readings, table3, table4
from alc_experiments.campaign import CampaignRound, Protocol
from alc_experiments.experiment import TrainedModel
from alc_experiments.step2 import CleanedUp, clean_up, review_rest
from napari_alc.boxes import as_boxes
from napari_alc.cleaning.budget import Budget
from napari_alc.cleaning.regions import Thresholds
from napari_alc.labels import Detections, numbered
from napari_alc.simulation.crowd import NoiseRates, add_noise
from tiny_experiments import make_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """What one test has trained, the next finds in the store, as several ablations do."""
    return make_experiment(tmp_path_factory.mktemp("ablations"))


def rows(figures):
    """Values by method and metric."""
    found = {}
    for figure in figures:
        assert figure.metric not in found.setdefault(figure.method, {})
        found[figure.method][figure.metric] = figure.value
    return found


def test_all_units_agree_on_the_method_as_it_is(experiment):
    found = {name: rows(compute(experiment)) for name, compute in UNITS.items()}
    usual = found["readings"]["default"]
    assert found["automatic"]["reviewed, 2 rounds"] == usual
    assert found["table3"]["0.8"].items() >= usual.items()
    with_ma = found["table4"]["Ma on"]
    assert with_ma["AP50 after cleaning"] == usual["AP50"]
    assert with_ma.items() >= {k: usual[k] for k in ("label_f1", "budget", "labels_miss")}.items()
    assert {"AP50", "Bkg", "Miss", "budget_step1_edits", "budget_step2", "tau"} <= set(usual)
    names = Counter(name for unit in found.values() for name in unit)
    assert max(names.values()) == 1


def test_a_review_costs_and_helps_the_labels(experiment):
    found = rows(automatic(experiment))
    assert list(found) == [
        f"{way}, {rounds}"
        for rounds in ("1 round", "2 rounds")
        for way in ("automatic", "reviewed")
    ]
    for rounds in ("1 round", "2 rounds"):
        alone, reviewed = found[f"automatic, {rounds}"], found[f"reviewed, {rounds}"]
        assert alone["budget_step2"] == 0 < reviewed["budget_step2"]
        assert alone["budget_step1"] == reviewed["budget_step1"]
        assert alone["label_recall"] < reviewed["label_recall"]


def test_without_ma_nothing_is_red_and_mp_is_measured_as_the_cleaning_model(experiment):
    found = rows(table4(experiment))
    assert list(found) == ["Ma off", "Ma on"]
    on, off = clean_up(experiment, Protocol()), clean_up(experiment, Protocol(with_ma=False))
    assert off.step2.red == 0
    measured = {"Ma on": experiment.measure(on.last.mp), "Ma off": experiment.measure(off.last.mp)}
    assert {name: row["AP50 cleaning model"] for name, row in found.items()} == {
        name: figures["AP50"] for name, figures in measured.items()
    }


@pytest.fixture
def crowded(experiment, monkeypatch):
    """A crowd that draws boxes around several objects, and a model that sees every object."""
    data, first = experiment.data, CampaignRound(0, (1,), TrainedModel(experiment.store), None, 0.5)
    rates = NoiseRates(background=0.1, miss=0.0, location=0.0, box_in_box=0.6)
    crowd = add_noise(data.truth, rates, 1).label_set
    truth = data.truth.labels.of_images(range(2, 9))
    scores = np.full(len(truth), 0.9)
    seen = Detections(truth.image_ids, truth.category_ids, truth.boxes, scores)
    for module in (ablations, step2):
        monkeypatch.setattr(module, "rounds", lambda *_: iter([first]))
    monkeypatch.setattr(step2, "found", lambda *_: (seen, Detections.empty()))
    return replace(experiment, data=replace(data, crowd=crowd))


def test_the_box_in_box_module_saves_the_boxes_that_it_removes(crowded):
    found = rows(table3(crowded))
    assert list(found) == ["off", "0.7", "0.8", "0.9"]
    assert (found["off"]["removed"], found["off"]["time_percent"]) == (0, 100)
    without = found["off"]["boxes_step2"]
    for name in ("0.7", "0.8", "0.9"):
        row = found[name]
        assert row["removed"] > 0 == row["wrongly_removed"]
        assert row["time_percent"] == pytest.approx(100 * (1 - row["removed"] / without))
        assert row["AP50"] == found["off"]["AP50"]


def test_nothing_to_review_takes_the_whole_time(crowded):
    clean = replace(crowded, data=replace(crowded.data, crowd=crowded.data.truth))
    assert {row["time_percent"] for row in rows(table3(clean)).values()} == {100}


def test_a_removed_box_is_wrong_only_where_its_object_is_lost(experiment):
    whole, part, other = (10, 10, 50, 50), (12, 12, 30, 30), (60, 60, 80, 80)

    def labels(*boxes):
        columns = [2] * len(boxes), [1] * len(boxes), as_boxes(boxes)
        return experiment.data.truth.with_labels(numbered(*columns))

    def wrong(truth):
        data = replace(experiment.data, truth=truth, crowd=labels(whole))
        seen = Detections([2, 2], [1, 1], [part, other], [0.9, 0.9])
        settled = review_rest(data, [1], seen, Detections.empty(), Thresholds())
        assert len(settled.settlement.removed) == 1
        return ablations.wrongly_removed(settled, replace(experiment, data=data)).tolist()

    assert wrong(labels(part, other)) == [False]
    assert wrong(labels(whole, part)) == [True]


def test_every_reading_is_one_change_of_the_default(experiment, monkeypatch):
    asked = []

    def remember(where, protocol):
        asked.append((where, protocol.thresholds))
        nothing = Detections.empty()
        done = review_rest(where.data, [1], nothing, nothing, protocol.thresholds)
        return CleanedUp(
            CampaignRound(0, (1,), TrainedModel(where.store), None, 0.5), done, Budget(1, 1)
        )

    monkeypatch.setattr(ablations, "clean_up", remember)
    experiment = replace(experiment, data=replace(experiment.data, validation=experiment.data.test))
    named = dict(zip(rows(readings(experiment)), asked, strict=True))
    usual = named.pop("default")
    assert usual == (experiment, Thresholds())
    assert {name: where.settings.iterations for name, (where, _) in named.items()} == {
        **dict.fromkeys(named, 4),
        "half the iterations": 2,
        "twice the iterations": 8,
    }
    assert [name for name, (where, _) in named.items() if where.data.validation is None] == [
        "tau 0.5"
    ]
    assert len({thresholds for _, thresholds in named.values()}) == len(named) - 2


def test_iterations_that_follow_from_the_images_are_left_alone(experiment, monkeypatch):
    detector = (("iterations", None), ("preset", "resnet50"))
    monkeypatch.setattr(ablations, "clean_up", lambda *_: None)
    monkeypatch.setattr(ablations, "_figures", lambda _, method, __: [method])
    names = readings(replace(experiment, detector=detector))
    assert "tau 0.5" in names
    assert not [name for name in names if "iterations" in name]
    compact = readings(replace(experiment, detector=(("iterations", None),)))
    assert compact[-2:] == ["half the iterations", "twice the iterations"]
