"""The bench makes each thing once, and gives what the program itself gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_alc.detection.training import training
from napari_alc.errors import Cancelled
from tiny_benches import make_bench


@pytest.fixture
def bench(tmp_path):
    return make_bench(tmp_path)


@pytest.fixture
def trainings(monkeypatch):
    """Counts the iterations that are really done."""
    done = []
    advance = training.advance
    monkeypatch.setattr(
        training, "advance", lambda run, batch: (done.append(run.step), advance(run, batch))
    )
    return done


def test_what_was_trained_is_not_trained_again(bench, trainings):
    first = bench.train(bench.data.crowd, "Noisy")
    again = bench.train(bench.data.crowd, "another name")
    assert first == again
    assert trainings == ["Noisy"] * 4


def test_other_labels_seeds_and_settings_make_other_models(bench):
    crowd = bench.data.crowd
    models = {
        bench.train(crowd, "one").folder,
        bench.train(bench.data.truth, "two").folder,
        replace(bench, seed=1).train(crowd, "three").folder,
        replace(bench, detector=(("iterations", 3),)).train(crowd, "four").folder,
    }
    assert len(models) == 4


def test_a_training_that_was_stopped_goes_on(bench, trainings):
    stopped = replace(bench, should_stop=lambda: len(trainings) == 2)
    with pytest.raises(Cancelled):
        stopped.train(bench.data.crowd, "Noisy")
    bench.train(bench.data.crowd, "Noisy")
    assert len(trainings) == 4


def test_detections_and_measures_are_kept(bench, monkeypatch):
    model = bench.train(bench.data.crowd, "Noisy")
    seen, measured = bench.predict_all(model), bench.measure(model)
    monkeypatch.setattr(
        "napari_alc.project.storage.prediction_files._predicted", lambda *_: iter(())
    )
    assert np.array_equal(bench.predict_all(model).boxes, seen.boxes)
    assert bench.measure(model) == measured
    assert set(measured) == {"AP50", "Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"}


def test_tau_is_a_half_without_validation_images_and_found_on_them(bench):
    model = bench.train(bench.data.crowd, "Noisy")
    assert bench.tau(model) == 0.5
    with_images = replace(bench, data=replace(bench.data, validation=bench.data.test))
    found = with_images.predict(model, bench.data.test.images, "squares-validation")
    assert with_images.tau(model) in {0.5, *found.scores.tolist()}
