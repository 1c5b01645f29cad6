"""Words as they are painted: read on any ground, and beside the boxes, not on small ones."""

from __future__ import annotations

import numpy as np
import pytest
from review_driver import make_project
from test_painted_lines import BLACK, READABLE, WHITE, contrast, ground, luminance, painted  # noqa: F401

from napari_alc.plugin.palettes import PALETTES, STANDARD
from napari_alc.plugin.review.canvas import label_layer

SIZE = 256
"""Pixels of the image."""

COLOURED = 90
"""Difference of the channels from which a pixel is of a letter and not of its casing."""


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=SIZE)
    yield project
    project.close()


@pytest.fixture
def lettered(at):
    at.canvas.set_labels("letters")
    at.page.controller.boxes.selection.select([])
    at.canvas.image.look_at_whole()
    yield at
    at.canvas.set_palette(STANDARD)
    at.canvas.set_labels("none")


def labels(at):
    return at.canvas._layers.labels


def room(at, picture, box_id):
    """The pixels of the room of a word, shape (height, width, 3)."""
    x1, y1, x2, y2 = labels(at).shown[box_id]
    low, high = at.on_screen(x1, y1), at.on_screen(x2, y2)
    return picture[max(low.y(), 0) : high.y(), max(low.x(), 0) : high.x()]


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("gray", [BLACK, 128, WHITE])
def test_every_letter_is_read_on_any_ground(lettered, painted, ground, palette, gray):  # noqa: F811
    at = lettered
    at.canvas.set_category_names({1: "deposit"})
    ground(gray)
    at.canvas.set_palette(palette)
    picture = painted()
    assert set(labels(at).words.values()) == set("RGPA")
    for box_id, word in labels(at).words.items():
        pixels = room(at, picture, box_id).reshape(-1, 3)
        brightest = pixels[np.argmax(luminance(pixels))]
        darkest = pixels[np.argmin(luminance(pixels))]
        assert contrast(brightest, darkest) >= READABLE, word
        edge = darkest if gray == WHITE else brightest
        if gray != 128:
            assert contrast(edge, (gray,) * 3) >= READABLE, word


def test_a_letter_has_dark_all_around_it(lettered, painted, ground):  # noqa: F811
    at = lettered
    at.canvas.set_category_names({1: "deposit"})
    ground(WHITE)
    picture = painted()
    for box_id in (box_id for box_id, word in labels(at).words.items() if word != "A"):
        word = room(at, picture, box_id)
        is_ground = (word == WHITE).all(axis=2)
        beside = np.zeros_like(is_ground)
        beside[1:] |= is_ground[:-1]
        beside[:-1] |= is_ground[1:]
        beside[:, 1:] |= is_ground[:, :-1]
        beside[:, :-1] |= is_ground[:, 1:]
        assert not is_ground.all()
        assert np.ptp(word[beside], axis=1).max() < COLOURED < np.ptp(word, axis=2).max()


def test_a_word_stands_clear_of_lines_and_of_the_mark_of_the_current_box(at, painted, ground):  # noqa: F811
    ground(128)
    at.canvas.set_category_names({1: "deposit", 2: "artefact"})
    for box in at.document.open_boxes[:3]:
        for is_close in (True, False):
            at.selection.select([box.id], is_close=is_close)
            at.settle()
            assert (room(at, painted(), box.id) != 128).any()
            shown = dict(labels(at).shown)
            labels(at).hide()
            picture = painted()
            labels(at).shown = shown
            for box_id in (i for i, place in shown.items() if min(place) > 0 and max(place) < SIZE):
                assert (room(at, picture, box_id) == 128).all()
            labels(at).shown = {}
            at.canvas._label_again()


def test_the_current_box_has_its_word_also_where_boxes_crowd(lettered):
    at = lettered
    at.canvas.set_labels("none")
    at.canvas.set_category_names({1: "deposit", 2: "artefact"})
    for i in range(12):
        for j in range(12):
            at.document.add((4 * i, 4 * j, 4 * i + 3, 4 * j + 3), 1)
    at.canvas.show_document(at.document)
    at.settle()
    without = next(box.id for box in at.document.shown if box.id not in labels(at).words)
    at.selection.select([without])
    at.settle()
    assert labels(at).words[without] == "deposit"


def test_where_boxes_are_too_many_the_current_one_alone_has_its_word(lettered, monkeypatch):
    at = lettered
    at.canvas.set_category_names({1: "deposit"})
    monkeypatch.setattr(label_layer, "MOST_LABELS", 3)
    box = at.document.open_boxes[0]
    at.selection.select([box.id])
    at.settle()
    assert set(labels(at).words) == {box.id}
