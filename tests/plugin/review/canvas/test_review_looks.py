from __future__ import annotations

import hashlib

import numpy as np
import pytest
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import Driver, docked_page, make_project

from napari_alc.plugin import preferences
from napari_alc.plugin.palettes import PALETTES, STANDARD, colour_name
from napari_alc.plugin.review.messages import LABEL_WORDS

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3, size=256)
    yield project
    project.close()


@pytest.fixture
def at(window, project, qtbot):
    viewer, page = window
    page.view_commands.read_preferences()
    driver = Driver(viewer, project, qtbot, page=page)
    yield driver
    page.help.close()
    driver.close()


def test_the_labels_key_goes_through_every_kind_and_says_which(at):
    seen = []
    for _ in range(4):
        at.key(KEY.Key_F3)
        seen.append(preferences.labels())
        assert at.canvas.styles.labels == seen[-1]
        assert at.message == LABEL_WORDS[seen[-1]]
    assert seen == ["letters", "score", "category", "none"]


def test_the_palette_key_changes_boxes_and_legend(at):
    chips = at.page.panel.filter.chips
    for name in ("colour-blind", STANDARD):
        at.key(KEY.Key_F4)
        assert preferences.palette() == name
        assert name in at.message
        for region, chip in chips.items():
            assert PALETTES[name][region] in chip.styleSheet()
        colours = {
            box.id: transform_color(PALETTES[name][colour_name(box)])[0][:3]
            for box in at.document.shown
        }
        for row, box_id in enumerate(at.layer.features["id"]):
            np.testing.assert_allclose(at.layer.edge_color[row][:3], colours[box_id], atol=0.01)


CROWDED = [(8 * i, 7 * j, 8 * i + 7, 7 * j + 6) for i in range(6) for j in range(6)]
"""Boxes as close as can be, smaller than a letter when the whole image is seen."""


def show_crowded(at, corners):
    """Add boxes, and show the whole image in a window of 1280 × 720 pixels."""
    at.viewer.window.resize(1280, 720)
    at.canvas.set_category_names({1: "deposit"})
    for each in corners:
        at.document.add(each, 1)
    at.canvas.show_document(at.document)
    at.key(KEY.Key_G)


def rooms(at):
    """Where words lie on the canvas, in pixels of the screen, by box id."""
    words = at.canvas._layers.labels.shown
    return {
        box_id: (at.on_screen(x1, y1), at.on_screen(x2, y2))
        for box_id, (x1, y1, x2, y2) in words.items()
    }


def test_every_box_carries_its_letter_also_where_boxes_crowd(at):
    show_crowded(at, CROWDED)
    at.key(KEY.Key_F4)
    words = at.canvas._layers.labels.words.values()
    assert sorted(words) == sorted("Y" * len(CROWDED) + "AAGGPPRR")
    assert set(rooms(at)) == {box.id for box in at.document.shown}


def test_every_box_carries_its_letter_where_other_words_have_no_room(at):
    show_crowded(at, CROWDED)
    at.canvas.set_category_names({1: "electron dense deposit"})
    at.key(KEY.Key_F4)
    for _ in range(3):
        at.key(KEY.Key_F3)
    assert at.canvas.styles.labels == "category"
    words = list(at.canvas._layers.labels.words.values())
    assert len(words) == len(at.document.shown)
    assert {word[0] for word in words} == set("AGPRY")
    assert "Y" in words
    assert "R electron dense…" in words


def test_words_stay_on_the_canvas_at_the_borders_of_the_image(at):
    show_crowded(at, [(246, 100, 255, 110), (1, 180, 10, 190), (120, 246, 140, 255)])
    at.canvas.set_category_names({1: "electron dense deposit"})
    at.canvas.set_labels("category")
    at.settle()
    height, width = at.viewer.canvas.size
    found = rooms(at)
    assert len(found) == len(at.document.shown)
    for low, high in found.values():
        assert low.x() >= 0
        assert low.y() >= 0
        assert high.x() <= width
        assert high.y() <= height


def test_looks_are_remembered_in_the_next_window(at):
    at.key(KEY.Key_F3)
    at.key(KEY.Key_F4)
    page = docked_page(at.viewer)
    assert page.canvas.styles.labels == "letters"
    assert page.canvas.styles.palette == "colour-blind"
    assert PALETTES["colour-blind"]["red"] in page.panel.filter.chips["red"].styleSheet()
    at.viewer.window.remove_dock_widget(page)


def test_a_palette_chosen_in_the_preferences_is_shown_at_once(at):
    page = docked_page(at.viewer)
    preferences.set_palette("colour-blind")
    at.qtbot.waitUntil(lambda: page.canvas.styles.palette == "colour-blind")
    chip = page.panel.filter.chips["green"]
    assert PALETTES["colour-blind"]["green"] in chip.styleSheet()
    at.viewer.window.remove_dock_widget(page)


def test_contrast_is_told_in_words_and_never_changes_the_image(at):
    path = at.project.images_folder / at.state.task.file_name
    stored = hashlib.sha256(path.read_bytes()).digest()
    read = at.page.reader.take(path)
    pixels = read.pixels.copy()
    contrast = at.page.panel.contrast
    assert contrast.text() == "Image: stretched."
    for key, text in (
        (KEY.Key_0, "as stored"),
        (KEY.Key_9, "as stored, brightness 1.2"),
        (KEY.Key_8, "as stored"),
        (KEY.Key_8, "as stored, brightness 0.8"),
        (KEY.Key_0, "stretched, brightness 0.8"),
        (KEY.Key_F2, "stretched, brightness 0.8, local"),
    ):
        at.key(key)
        assert contrast.text() == f"Image: {text}."
    layer = at.canvas.image.layer
    at.qtbot.waitUntil(lambda: layer.data.dtype == np.uint8)
    at.key(KEY.Key_F2)
    assert layer.data is read.pixels
    np.testing.assert_array_equal(read.pixels, pixels)
    assert hashlib.sha256(path.read_bytes()).digest() == stored


def test_contrast_stays_on_the_next_image_and_is_told_there(at):
    at.key(KEY.Key_0)
    first = at.state.task
    at.key(KEY.Key_PageDown)
    at.qtbot.waitUntil(lambda: at.state.task.id != first.id and at.document is not None)
    assert at.page.panel.contrast.text() == "Image: as stored."
    assert tuple(at.canvas.image.layer.contrast_limits) != at.canvas.image._image.stretched


def test_another_project_has_a_contrast_of_its_own(at, tmp_path):
    at.key(KEY.Key_0)
    project, at.project = at.project, make_project(tmp_path / "other", images=2, size=256)
    at.open()
    assert at.page.panel.contrast.text() == "Image: stretched."
    at.key(KEY.Key_8)
    other, at.project = at.project, project
    at.open()
    assert at.page.panel.contrast.text() == "Image: as stored."
    other.close()


def test_the_contrast_of_the_last_projects_is_remembered(tmp_path):
    folders = [tmp_path / f"slides in epoxy {n}" for n in range(preferences.MOST_RECENT + 1)]
    for n, folder in enumerate(folders):
        preferences.set_contrast(folder, f"contrast {n}")
    preferences.set_contrast(folders[3], "another")
    told = [preferences.contrast(folder) for folder in folders]
    assert told == [
        "",
        "contrast 1",
        "contrast 2",
        "another",
        *(f"contrast {n}" for n in range(4, 9)),
    ]


def test_looks_decide_nothing(at):
    stored = at.stored()
    for key in (KEY.Key_F2, KEY.Key_F3, KEY.Key_F4, KEY.Key_8, KEY.Key_9, KEY.Key_0, KEY.Key_G):
        at.key(key)
    assert at.stored() == stored
    at.assert_in_step()


def test_the_question_mark_opens_the_keys_and_closes_them(at):
    assert not at.page.help.isVisible()
    at.key(KEY.Key_Question)
    assert at.page.help.isVisible()
    text = at.page.help.table.toPlainText()
    for label in ("Take Mp's box", "Pause", "Local contrast", "Done, next image", "Pick below"):
        assert label in text
    at.key(KEY.Key_Question)
    assert not at.page.help.isVisible()


def test_the_menus_do_what_their_keys_do(at):
    menus = at.page.panel.menus
    menus["view"].entries["contrast"].trigger()
    assert at.page.panel.contrast.text() == "Image: as stored."
    menus["view"].entries["labels"].trigger()
    assert preferences.labels() == "letters"
    menus["more"].entries["help"].trigger()
    assert at.page.help.isVisible()
    menus["more"].entries["pause"].trigger()
    assert at.page.panel.pause_bar.isVisible()
    QTest.mouseClick(at.page.panel.pause_bar.go_on, LEFT)
    assert at.page.panel.pause_bar.isHidden()
