"""Colours that can be told apart, also with eyes that lack red, green or blue cones."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_alc.errors import AlcError
from napari_alc.plugin.palettes import COLOURS, LETTERS, PALETTES, SUGGESTIONS, palette
from napari_alc.plugin.review.panel.bars import GROUND, HIDDEN
from napari_alc.plugin.tooltips import REGIONS
from napari_alc.plugin.widgets.controls import ERROR, PRIMARY

# Machado, Oliveira and Fernandes 2009, complete lack of one kind of cones, on linear RGB
VISION = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}

TOLD_APART = 12.0
"""CIE difference (2000) of colours that two thin lines still show as two."""


LEGIBLE = 4.5
"""Contrast of text and ground from which WCAG 2 calls text legible."""


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0-1."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(colour: str, ground: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1-21."""
    dark, light = sorted((luminance(colour), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, vision: str) -> np.ndarray:
    """A colour in CIE Lab as such eyes see it."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    light = np.clip(VISION[vision] @ linear, 0, 1)
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return rgb2lab(shown[None, None])[0, 0]


def least_difference(colours, vision: str) -> float:
    as_seen = [seen(colour, vision) for colour in colours]
    return min(float(deltaE_ciede2000(a, b)) for a, b in combinations(as_seen, 2))


@pytest.mark.parametrize("vision", VISION)
def test_the_colour_blind_palette_is_told_apart_by_everybody(vision):
    assert least_difference(palette("colour-blind").values(), vision) >= TOLD_APART


def test_the_standard_palette_is_for_eyes_with_all_cones():
    assert least_difference(COLOURS.values(), "all cones") >= 2 * TOLD_APART
    assert least_difference(COLOURS.values(), "protanopia") < TOLD_APART


@pytest.mark.parametrize("name", PALETTES)
def test_every_colour_is_told_from_the_grays_of_membranes(name):
    grays = [f"#{level:02x}{level:02x}{level:02x}" for level in (60, 90, 120, 150)]
    for colour in palette(name).values():
        against = [deltaE_ciede2000(seen(colour, "all cones"), seen(g, "all cones")) for g in grays]
        assert min(against) >= TOLD_APART


def test_every_palette_has_every_colour_and_every_colour_its_letter():
    for colours in PALETTES.values():
        assert set(colours) == set(COLOURS) == set(LETTERS) == set(REGIONS)
    assert len(set(LETTERS.values())) == len(LETTERS)


@pytest.mark.parametrize("name", PALETTES)
def test_the_legend_is_legible_on_its_ground(name):
    lines = [style.colour for style in SUGGESTIONS.values()]
    for colour in (*palette(name).values(), *lines, HIDDEN):
        assert contrast(colour, GROUND) >= LEGIBLE


@pytest.mark.parametrize("style", [PRIMARY, ERROR])
def test_white_on_buttons_and_errors_is_legible(style):
    usable = style.partition(":disabled")[0]
    grounds = re.findall(r"background-color: (#[0-9a-f]{6})", usable)
    assert grounds
    for ground in grounds:
        assert contrast("#ffffff", ground) >= LEGIBLE


def test_an_unknown_palette_is_told():
    with pytest.raises(AlcError, match="'rainbow'; choose standard or colour-blind"):
        palette("rainbow")
