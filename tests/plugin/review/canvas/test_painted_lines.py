"""Lines as they are painted: readable on any ground, outside the box, as wide at every zoom."""

from __future__ import annotations

import numpy as np
import pytest
from review_driver import make_project, middle

from napari_alc.plugin.palettes import PALETTES
from napari_alc.project.storage.records import ReviewBox

READABLE = 3.0
"""Contrast that lines must have to what is around them (WCAG 2.2, 1.4.11)."""

BLACK, WHITE = 0, 255


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


@pytest.fixture
def painted(at):
    """The canvas as it is painted, shape (height, width, 3), and what it shows."""

    def paint():
        at.settle()
        return at.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)

    return paint


@pytest.fixture
def ground(at):
    """Sets the gray of the whole image."""

    def set_gray(gray):
        layer = at.canvas.image.layer
        layer.data = np.full((256, 256), gray, dtype=np.uint8)
        layer.contrast_limits = (0, 255)

    return set_gray


def luminance(colours):
    shares = np.asarray(colours) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    light, dark = (
        np.maximum(luminance(one), luminance(other)),
        np.minimum(luminance(one), luminance(other)),
    )
    return (light + 0.05) / (dark + 0.05)


def across(at, picture, box, share=0.2):
    """The pixels on the way out of a box through its left side, from its middle."""
    x1, y1, x2, y2 = box.corners
    inside, y = at.on_screen((x1 + x2) / 2, y1 + share * (y2 - y1)).toTuple()
    edge = at.on_screen(x1, y1).x()
    return picture[y, edge - 14 : inside][::-1], inside - edge


def open_box(at):
    at.page.controller.boxes.selection.select([])
    box = at.document.open_boxes[0]
    at.canvas.image.look_at(box)
    return box


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("gray", [BLACK, 128, WHITE])
def test_every_colour_can_be_read_on_any_ground(at, painted, ground, palette, gray):
    ground(gray)
    at.canvas.set_palette(palette)
    for name in PALETTES[palette]:
        box = open_box(at)
        at.canvas.set_regions({box.id: name})
        at.canvas.update([box.id])
        pixels, _ = across(at, painted(), box)
        brightest = pixels[np.argmax(luminance(pixels))] if gray != WHITE else None
        darkest = pixels[np.argmin(luminance(pixels))]
        if gray == WHITE:
            assert contrast(darkest, (gray,) * 3) >= READABLE, name
        else:
            assert contrast(brightest, darkest) >= READABLE, name
            assert max(contrast(brightest, (gray,) * 3), contrast(darkest, (gray,) * 3)) >= READABLE


@pytest.mark.parametrize("zoom", [0.6, 1.0, 5.0])
def test_nothing_is_painted_on_the_object(at, painted, ground, zoom):
    ground(128)
    open_box(at)
    at.document.add((205, 205, 215, 217), 1)
    at.canvas.show_document(at.document)
    at.viewer.scene.camera.center = (211, 210)
    at.viewer.scene.camera.zoom = zoom
    picture = painted()
    low, high = at.on_screen(205, 205), at.on_screen(215, 217)
    inside = picture[low.y() + 1 : high.y() - 1, low.x() + 1 : high.x() - 1]
    assert inside.size
    assert (inside == 128).all()
    around = picture[low.y() - 4 : high.y() + 4, low.x() - 4 : high.x() + 4]
    assert (around != 128).any()


def line_width(at, picture, box):
    pixels, _ = across(at, picture, box)
    return int((np.ptp(pixels, axis=1) > 30).sum())


def test_a_line_is_as_wide_in_the_very_next_picture_after_zooming(at, painted, ground):
    ground(BLACK)
    box = open_box(at)
    at.canvas.set_regions({box.id: "red"})
    at.canvas.update([box.id])
    before = line_width(at, painted(), box)
    assert before == 3
    x, y = middle(box)
    at.viewer.scene.camera.center = (y, x)
    for factor in (0.5, 0.7, 4):
        at.viewer.scene.camera.zoom *= factor
        picture = at.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
        assert line_width(at, picture, box) == before


def test_a_decided_box_is_told_from_an_open_one_without_its_colour(at, painted, ground):
    ground(128)
    box = open_box(at)
    assert is_drawn(at, painted(), box)
    at.page.controller.boxes.execute(lambda document, ids: document.keep(ids), [box.id])
    assert not is_drawn(at, painted(), box)
    pixels, _ = across(at, painted(), box, share=0.05)
    assert (pixels != 128).any()


def is_drawn(at, picture, box):
    """Whether there is a line in the middle of a box's left side."""
    pixels, _ = across(at, picture, box, share=0.5)
    return bool((pixels != 128).any())


def test_the_current_box_is_marked_in_black_and_white(at, painted, ground):
    ground(128)
    box = at.document.open_boxes[0]
    at.page.controller.boxes.selection.select([box.id], is_close=True)
    pixels, _ = across(at, painted(), box)
    colours = {tuple(pixel) for pixel in pixels.tolist()}
    assert {(0, 0, 0), (255, 255, 255)} <= colours
    at.page.controller.boxes.selection.select([])
    pixels, _ = across(at, painted(), box)
    assert (255, 255, 255) not in {tuple(pixel) for pixel in pixels.tolist()}


def test_a_box_is_painted_where_the_mouse_drags_it(at, ground):
    ground(BLACK)
    box = open_box(at)
    at.settle()
    x1, y1, x2, y2 = box.corners
    at.press((x1 + x2) / 2, (y1 + y2) / 2)
    at.move((x1 + x2) / 2 + 20, (y1 + y2) / 2)
    moved = ReviewBox(box.id, 1, (x1 + 20, y1, x2 + 20, y2), box.source)
    picture = at.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    assert line_width(at, picture, moved) >= 3 or (across(at, picture, moved)[0] > 200).any()
    at.release((x1 + x2) / 2 + 20, (y1 + y2) / 2)
    at.settle()
