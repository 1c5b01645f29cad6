"""AP50 on the validation images while a detector is trained."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from training_runs import StopAfter, same_bits

from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.plan import Plan
from napari_alc.detection.training.training import train
from napari_alc.errors import Cancelled

EVERY_TWO = QUICK.changed(validate_every=2)


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 5)


def disturbing(detector):
    """A measurement that draws numbers and runs the network; its result tells the calls apart."""
    torch.rand(5)
    with torch.inference_mode():
        detector.network([torch.rand(3, 64, 96)])
    return float(next(iter(detector.network.parameters())).detach().sum())


class Constant:
    """Measures the same AP50 each time and counts."""

    def __init__(self, ap50=50.0, cancel_at=None):
        self.ap50, self.cancel_at = ap50, cancel_at
        self.modes = []

    def __call__(self, detector):
        self.modes.append(detector.network.training)
        if len(self.modes) == self.cancel_at:
            raise Cancelled("train mp")
        return self.ap50


def metrics_in(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_measuring_does_not_change_the_weights(images, tmp_path):
    plain = train(images, CATEGORIES, EVERY_TWO, tmp_path / "plain")
    measured = train(images, CATEGORIES, EVERY_TWO, tmp_path / "measured", measure=disturbing)
    assert same_bits(plain, measured)
    assert metrics_in(tmp_path / "plain")["validation"] == []
    assert len(metrics_in(tmp_path / "measured")["validation"]) == 3


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_resumed_measured_training_ends_with_the_same_bits_and_curve(images, tmp_path, cut):
    whole = train(images, CATEGORIES, EVERY_TWO, tmp_path / "whole", measure=disturbing)
    stop = StopAfter(cut)
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, EVERY_TWO, tmp_path / "cut", should_stop=stop, measure=disturbing)
    resumed = train(images, CATEGORIES, EVERY_TWO, tmp_path / "cut", measure=disturbing)
    assert same_bits(whole, resumed)
    assert metrics_in(whole.parent)["validation"] == metrics_in(resumed.parent)["validation"]


def test_the_result_comes_with_the_report_that_follows(images, tmp_path):
    reports = []
    train(
        images, CATEGORIES, EVERY_TWO, tmp_path, report=reports.append, measure=Constant(ap50=61.5)
    )
    with_result = [report for report in reports if "validation_AP50" in report.values]
    assert [report.done for report in with_result] == [2, 4, 6]
    assert {report.values["validation_AP50"] for report in with_result} == {61.5}
    assert reports[-1] is with_result[-1]


def test_the_detector_is_measured_as_it_predicts_and_goes_on_as_it_trains(images, tmp_path):
    measure = Constant()
    train(images, CATEGORIES, EVERY_TWO, tmp_path, measure=measure)
    assert measure.modes == [False, False, False]


@pytest.mark.parametrize(
    ("iterations", "every", "expected"),
    [
        (6, 4, [4, 6]),
        (6, 100, [6]),
        (6, None, [1, 2, 3, 4, 5, 6]),
        (25, None, [3, 6, 9, 12, 15, 18, 21, 24, 25]),
    ],
)
def test_it_is_measured_as_often_as_asked_and_at_the_end(
    images, tmp_path, iterations, every, expected
):
    settings = QUICK.changed(iterations=iterations, validate_every=every)
    train(images, CATEGORIES, settings, tmp_path, measure=Constant())
    assert [at for at, _ in metrics_in(tmp_path)["validation"]] == expected


def test_cancelling_within_a_measurement_loses_neither_weights_nor_measurement(images, tmp_path):
    whole = train(images, CATEGORIES, EVERY_TWO, tmp_path / "whole", measure=Constant())
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, EVERY_TWO, tmp_path / "cut", measure=Constant(cancel_at=3))
    resumed = train(images, CATEGORIES, EVERY_TWO, tmp_path / "cut", measure=Constant())
    assert same_bits(whole, resumed)
    assert metrics_in(tmp_path / "cut")["validation"] == [[2, 50.0], [4, 50.0], [6, 50.0]]


def test_another_measuring_interval_is_no_other_training(images, tmp_path):
    weights = train(images, CATEGORIES, QUICK, tmp_path)
    before = weights.stat().st_mtime_ns
    train(images, CATEGORIES, EVERY_TWO, tmp_path)
    assert weights.stat().st_mtime_ns == before


def test_a_given_plan_is_followed_and_another_plan_is_another_training(images, tmp_path):
    weights = train(images, CATEGORIES, QUICK, tmp_path)
    plan = metrics_in(tmp_path)["plan"]
    assert plan["max_detections"] == QUICK.max_detections
    given = replace(Plan.from_json(plan), max_detections=4)
    train(images, CATEGORIES, QUICK, tmp_path, plan=given)
    assert metrics_in(tmp_path)["plan"]["max_detections"] == 4
    assert all(len(found) <= 4 for found in predict(weights, [(1, images[0].path)]))
