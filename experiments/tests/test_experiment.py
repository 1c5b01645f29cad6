"""The experiment makes each thing once, and gives what the program itself gives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from alc_experiments import code_version
from alc_experiments.experiment import TrainedModel, detector_version
from alc_experiments.other_methods.mao import Mao
from alc_experiments.other_methods.oa_mil import OaMil
from napari_alc.detection.acquisition import strategies
from napari_alc.detection.acquisition.strategies import training_variant
from napari_alc.detection.training import training
from napari_alc.errors import Cancelled
from tiny_experiments import make_experiment


@pytest.fixture
def experiment(tmp_path):
    return make_experiment(tmp_path)


@pytest.fixture
def trainings(monkeypatch):
    """Counts the iterations that are really done."""
    done = []
    advance = training.advance
    monkeypatch.setattr(
        training, "advance", lambda run, batch: (done.append(run.step), advance(run, batch))
    )
    return done


def test_what_was_trained_is_not_trained_again(experiment, trainings):
    first = experiment.train(experiment.data.crowd, "Noisy")
    again = experiment.train(experiment.data.crowd, "another name")
    assert first == again
    assert trainings == ["Noisy"] * 4


def test_other_labels_seeds_and_settings_make_other_models(experiment):
    crowd = experiment.data.crowd
    models = {
        experiment.train(crowd, "one").folder,
        experiment.train(experiment.data.truth, "two").folder,
        replace(experiment, seed=1).train(crowd, "three").folder,
        replace(experiment, detector=(("iterations", 3),)).train(crowd, "four").folder,
    }
    assert len(models) == 4


def test_a_training_that_was_stopped_goes_on(experiment, trainings):
    stopped = replace(experiment, should_stop=lambda: len(trainings) == 2)
    with pytest.raises(Cancelled):
        stopped.train(experiment.data.crowd, "Noisy")
    experiment.train(experiment.data.crowd, "Noisy")
    assert len(trainings) == 4


def test_detections_and_measures_are_kept(experiment, monkeypatch):
    model = experiment.train(experiment.data.crowd, "Noisy")
    seen, measured = experiment.predict_all(model), experiment.measure(model)
    monkeypatch.setattr(
        "napari_alc.project.storage.prediction_files._predicted", lambda *_: iter(())
    )
    assert np.array_equal(experiment.predict_all(model).boxes, seen.boxes)
    assert experiment.measure(model) == measured
    assert set(measured) == {"AP50", "Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"}


class Plain:
    """A way of training that changes nothing; its code is this module's."""

    name = "plain"

    def prepare(self, network):
        pass

    def before_iteration(self, run):
        pass

    def state(self):
        return {}

    def restore(self, state):
        pass

    def finish(self, network, folder):
        pass


@pytest.fixture
def changed(monkeypatch):
    """Lets modules that define a name count as changed."""

    def change(marks):
        usual = code_version.without_texts

        def with_more(source):
            return usual(source + "\nMORE = 1" if marks in source else source)

        monkeypatch.setattr(code_version, "without_texts", with_more)
        code_version.code_version.cache_clear()
        code_version.code_of.cache_clear()
        detector_version.cache_clear()

    yield change
    monkeypatch.undo()
    code_version.code_version.cache_clear()
    code_version.code_of.cache_clear()
    detector_version.cache_clear()


@pytest.mark.parametrize(
    ("marks", "make_variant"),
    [
        pytest.param("class Plain:", Plain, id="any"),
        pytest.param("class LossHead(", partial(training_variant, "llal"), id="LLAL"),
        pytest.param("class ImageLosses:", partial(training_variant, "llal"), id="LLAL's losses"),
        pytest.param("class OaMil:", OaMil, id="OA-MIL"),
        pytest.param("class Mao:", Mao, id="Mao"),
    ],
)
def test_a_training_is_another_when_the_code_of_its_way_is(
    experiment, changed, marks, make_variant
):
    def trained(make):
        return experiment.train(experiment.data.truth, "training", make_variant=make).folder

    plain, before = trained(None), trained(make_variant)
    assert before == trained(make_variant) != plain
    changed(marks)
    assert trained(make_variant) != before
    assert trained(None) == plain


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param("def least_confidence(", id="the formulas"),
        pytest.param("def measure_confidence(", id="what measures"),
        pytest.param("def each_image(", id="how images are read"),
        pytest.param("def detect_two_stage(", id="how is predicted"),
    ],
)
def test_images_are_measured_again_when_the_code_that_decides_is_another(
    experiment, changed, monkeypatch, marks
):
    asked = []
    monkeypatch.setattr(
        strategies, "measure", lambda name, *_: (asked.append(name), np.arange(5.0))[1]
    )
    model = TrainedModel(experiment.store / "models" / "mp")
    model.folder.mkdir(parents=True)
    for _ in range(2):
        experiment.measure_images("lc", model, [1, 2, 3])
    assert asked == ["lc"]
    changed(marks)
    experiment.measure_images("lc", model, [1, 2, 3])
    assert asked == ["lc"] * 2


def test_tau_is_a_half_without_validation_images_and_found_on_them(experiment):
    model = experiment.train(experiment.data.crowd, "Noisy")
    assert experiment.tau(model) == 0.5
    with_images = replace(
        experiment, data=replace(experiment.data, validation=experiment.data.test)
    )
    found = with_images.predict(model, experiment.data.test.images, "squares-validation")
    assert with_images.tau(model) in {0.5, *found.scores.tolist()}
