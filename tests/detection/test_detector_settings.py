from __future__ import annotations

import subprocess
import sys

import pytest

from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError


def test_settings_import_no_torch():
    code = "import sys, napari_alc.detection.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_json_round_trip():
    settings = DetectorSettings(preset="resnet50", epochs=3, input_size=640, weights="a.pt", seed=4)
    assert DetectorSettings.parse(settings.model_dump()) == settings


def test_an_unknown_setting_is_named():
    with pytest.raises(AlcError, match="'batchsize' is an unknown setting"):
        DetectorSettings.parse({"batchsize": 2})


@pytest.mark.parametrize(
    "wrong",
    [
        {"iterations": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"input_size": 15},
        {"score_floor": -0.01},
        {"weight_decay": -1e-9},
        {"max_detections": 0},
        {"epochs": 0},
        {"threads": 0},
        {"seed": -1},
        {"score_floor": 1.0},
        {"weight_decay": float("inf")},
        {"threads": "four"},
        {"precision": "fp8"},
        {"tile_size": 15},
        {"tile_size": -1},
        {"tile_overlap": 0.51},
        {"tile_overlap": -0.1},
        {"tile_overlap": float("nan")},
        {"validate_every": 0},
        {"recipe": 3},
        {"looks": 3},
        {"paste": "often"},
    ],
)
def test_a_wrong_value_is_refused(wrong):
    with pytest.raises(AlcError):
        DetectorSettings.parse(wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_size", 16),
        ("tile_size", 16),
        ("tile_overlap", 0.5),
        ("tile_overlap", 0),
        ("score_floor", 0.0),
        ("weight_decay", 0),
        ("seed", 0),
        ("validate_every", 1),
    ],
)
def test_the_last_value_of_a_range_is_taken_as_it_is_written(name, value):
    assert repr(DetectorSettings.parse({name: value}).given) == repr({name: value})


def test_a_copy_is_checked_and_keeps_what_was_left_open():
    settings = DetectorSettings(preset="resnet50").changed(epochs=3)
    assert settings.given == {"preset": "resnet50", "epochs": 3}
    with pytest.raises(ValueError, match="epochs"):
        settings.changed(epochs=0)


def test_tiles_may_be_chosen_from_the_boxes_fixed_or_never_used():
    assert DetectorSettings().tile_size is None
    sizes = [DetectorSettings.parse({"tile_size": size}).tile_size for size in (None, 0, 512)]
    assert sizes == [None, 0, 512]


def test_precision_is_chosen_for_the_device_unless_given():
    assert DetectorSettings().precision == "auto"
    for precision in ("auto", "fp32", "bf16", "fp16"):
        assert DetectorSettings.parse({"precision": precision}).precision == precision


def test_compact_counts_iterations_whatever_the_number_of_images():
    assert DetectorSettings().total_iterations(11) == DetectorSettings().total_iterations(205)


def test_resnet50_has_a_floor_on_its_36_epochs():
    settings = DetectorSettings(preset="resnet50")
    assert settings.total_iterations(40) == 1500
    assert settings.total_iterations(205) == 36 * 205 // 4


def test_what_the_user_gives_wins():
    assert DetectorSettings(preset="resnet50", epochs=1, batch_size=2).total_iterations(9) == 5
    assert DetectorSettings(iterations=7, epochs=50).total_iterations(100) == 7


def test_compact_starts_from_scratch_and_others_from_imagenet():
    assert DetectorSettings().initial_weights == "none"
    assert DetectorSettings(preset="resnet50").initial_weights == "imagenet"
    assert DetectorSettings(preset="resnet50", weights="none").initial_weights == "none"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"iterations": "many"}, "iterations must be a whole number, not 'many'"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"threads": True}, "threads must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"weights": 5}, "weights must be a text"),
        ({"precision": 16}, "precision must be 'auto', 'fp32', 'bf16' or 'fp16'"),
        ({"precision": None}, "precision must be 'auto', 'fp32', 'bf16' or 'fp16'"),
        ({"tile_size": 512.5}, "tile_size must be a whole number"),
        ({"tile_overlap": None}, "tile_overlap must be a number"),
        ({"validate_every": "often"}, "validate_every must be a whole number"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named(values, words):
    with pytest.raises(AlcError, match=words):
        DetectorSettings.parse(values)


def test_a_detector_of_which_no_recipe_is_named_is_of_the_first():
    assert DetectorSettings.parse({}).recipe == 1
    assert (DetectorSettings().floor, DetectorSettings(recipe=2).floor) == (0.05, 0.01)
    assert DetectorSettings(recipe=2, score_floor=0.2).floor == 0.2
