from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtGui import QKeySequence

from napari_alc.labels import ImageRecord
from napari_alc.plugin.palettes import COLOURS, colour_name, screen_width
from napari_alc.plugin.review.commands import COMMANDS
from napari_alc.plugin.review.counterparts import neighbours
from napari_alc.plugin.review.keys.bindings import current_texts
from napari_alc.plugin.review.keys.help_window import help_html
from napari_alc.plugin.review.messages import (
    box_title,
    boxes_title,
    open_question,
    progress_words,
    task_words,
    why_here,
)
from napari_alc.plugin.review.state import VisitOrder
from napari_alc.plugin.tooltips import REGIONS
from napari_alc.project.storage.records import ReviewBox, ReviewStep, Task

CROWD = ReviewBox(1, 1, (0, 0, 10, 10), "crowd", "green")
MP = ReviewBox(2, 1, (0, 0, 10, 5), "mp", "gray", 0.87)
MA = ReviewBox(3, 1, (100, 0, 110, 10), "ma", "red", 0.66)
IMAGE = ImageRecord(1, "a.tif", 200, 200)


def task(step, done_by=None):
    done_at = "yesterday" if done_by else None
    return Task(1, 1, "a.tif", step, 0, 0, 0, 1.5, done_at, done_by)


def test_a_green_box_says_that_only_the_crowd_drew_it_and_what_is_near():
    words = why_here(CROWD, [CROWD, MP, MA], models_saw=True)
    assert words == (
        "Only the crowd drew this; neither model agrees. "
        "The closest box of Mp overlaps 0.50, confidence 0.87."
    )


def test_a_red_box_says_how_sure_ma_is():
    words = why_here(MA, [CROWD, MP, MA], models_saw=True)
    assert words == (
        "Only Ma found this, confidence 0.66; neither the crowd nor Mp agree. "
        "No box of the others touches it."
    )


def test_a_pink_box_says_that_the_crowd_missed_it():
    words = why_here(replace(MP, region="pink"), [], models_saw=True)
    assert words.startswith("Only Mp found this, confidence 0.87; the crowd probably missed it.")


def test_a_gray_box_says_who_agrees():
    larger = replace(MP, corners=(0, 0, 10, 6))
    words = why_here(larger, [CROWD, larger], models_saw=True)
    assert words.startswith("Mp found this, confidence 0.87, in agreement with the crowd.")


def test_without_models_there_is_only_the_crowd():
    words = why_here(replace(CROWD, region=""), [CROWD], models_saw=False)
    assert words == "The crowd drew this; no model has seen the image yet."


def test_a_persons_box_names_the_person():
    drawn = ReviewBox(9, 1, (0, 0, 5, 5), "person", state="added", person="Ada")
    assert why_here(drawn, [CROWD], models_saw=True) == "Drawn by Ada."


def test_the_closest_box_is_of_the_same_category_and_of_another_source():
    far = replace(MP, id=4, corners=(8, 8, 18, 18), score=0.99)
    other_kind = replace(MP, id=5, category_id=2, corners=CROWD.corners)
    own = replace(CROWD, id=6)
    [near] = neighbours(CROWD, [far, MP, other_kind, own])
    assert (near.source, near.overlap, near.score) == ("mp", 0.5, 0.87)


def test_both_steps_are_told_apart():
    assert task_words(task(ReviewStep.WHOLE_IMAGE))[0] == "Label every object in this image"
    assert task_words(task(ReviewStep.OPEN_BOXES))[0] == "Decide the red and green boxes"
    assert "Finished by Bob" in task_words(task(ReviewStep.OPEN_BOXES, "Bob"))[1]
    assert task_words(None) == ("", "")


def test_counts_read_as_plain_english():
    assert progress_words(12, 40, 31) == "12 of 40 images done, 31 boxes left"
    assert progress_words(0, 1, 1) == "0 of 1 image done, 1 box left"
    assert open_question(1, 0).startswith("1 box is")
    assert open_question(1500, 0).startswith("1,500 boxes are")
    assert boxes_title(0) == "No box picked"
    assert boxes_title(3) == "3 boxes picked"


def test_the_title_tells_place_kind_and_size():
    assert box_title(CROWD, "deposit", 3, 14) == "Open box 3 of 14 · deposit · 10 × 10 px"
    kept = replace(CROWD, state="kept")
    assert box_title(kept, "deposit", 0, 14).startswith("Box, kept · deposit")


def test_every_look_has_a_colour_of_its_own_and_a_meaning():
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert set(COLOURS) == set(REGIONS)
    drawn = ReviewBox(9, 1, (0, 0, 5, 5), "person", state="added")
    names = [colour_name(b) for b in (CROWD, MP, MA, drawn, replace(CROWD, region=""))]
    assert names == ["green", "gray", "red", "yours", "crowd"]
    assert colour_name(replace(MA, state="changed")) == "yours"
    assert screen_width(MA) > screen_width(replace(MA, state="kept"))


@pytest.fixture
def grid():
    """Nine boxes in three bands of the image."""
    return [
        ReviewBox(3 * row + column, 1, (60 * column, 52 * row, 60 * column + 9, 52 * row + 9), "mp")
        for row in range(3)
        for column in range(3)
    ]


def test_boxes_are_visited_band_by_band(grid):
    order = VisitOrder(reversed(grid), 208)
    assert [box.id for box in order.sorted(grid)] == list(range(9))
    assert order.step(grid, None, 1).id == 0
    assert order.step(grid, grid[4], 1).id == 5
    assert order.step(grid, grid[8], 1).id == 0
    assert order.step(grid, grid[0], -1).id == 8
    assert order.step(grid, grid[4], -1).id == 3


def test_a_walk_goes_on_behind_a_box_that_is_not_open_any_more(grid):
    order = VisitOrder(grid, 208)
    assert order.step([grid[1], grid[7]], grid[4], 1).id == 7
    assert order.step([grid[4]], grid[4], 1) is None
    assert order.step([], None, 1) is None
    drawn = ReviewBox(99, 1, (0, 0, 9, 9), "person")
    assert order.step([grid[1], drawn], grid[8], 1).id == 99


def test_no_key_does_two_things():
    keys = [key for command in COMMANDS.values() for key in command.keys]
    assert len(keys) == len(set(keys))
    assert all(QKeySequence(key).toString() for key in keys)


def test_buttons_and_help_show_the_keys():
    keys = current_texts()
    assert keys.button("keep") == "Keep  [K]"
    assert "hold H" in keys.button("hide_boxes")
    for command in COMMANDS.values():
        assert command.label in help_html(keys)
        assert all(key in keys.tip(command.name) for key in command.keys)


def test_only_boxes_that_overlap_enough_are_said_to_agree():
    gray, same = replace(CROWD, region="gray"), replace(MA, corners=CROWD.corners)
    words = why_here(gray, [MP, same], models_saw=True)
    assert words.startswith("The crowd drew this, in agreement with Ma.")
    assert "The closest box of Mp overlaps 0.50" in words
    loose = why_here(gray, [MP, same], models_saw=True, iou=0.4)
    assert loose.startswith("The crowd drew this, in agreement with Mp and Ma.")
