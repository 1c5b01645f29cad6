"""Regions while a pathologist edits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import make_fresh_project, make_project
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.boxes import as_boxes
from napari_alc.cleaning.regions import Region, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.live_regions import live_regions
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.storage.records import ReviewBox, ReviewStep

HALF = Thresholds()
SOURCES = ("crowd", "mp", "ma")

CROWD = ReviewBox(1, 1, (10, 10, 30, 30), "crowd", "gray")
MP = ReviewBox(2, 1, (11, 10, 31, 30), "mp", "gray", 0.9)
LONE_MP = ReviewBox(3, 1, (100, 10, 120, 30), "mp", "pink", 0.8)
LONE_MA = ReviewBox(4, 1, (200, 10, 220, 30), "ma", "red", 0.7)
DRAWN = ReviewBox(9, 1, LONE_MA.corners, "person", state="added", person="Ada")

small = st.integers(0, 24)
corners = st.builds(
    lambda x, y, w, h: (float(x), float(y), float(x + w), float(y + h)),
    small,
    small,
    st.integers(0, 14),
    st.integers(0, 14),
)
proposals = st.builds(
    lambda category, place, source: ReviewBox(0, category, place, source, "gray", 0.5),
    st.integers(1, 2),
    corners,
    st.sampled_from(SOURCES),
)


def number(boxes):
    return [replace(box, id=i) for i, box in enumerate(boxes, 1)]


def any_state(box, state):
    return replace(box, state=state, person="" if state == "open" else "Ada")


images = st.lists(proposals, max_size=14).map(number)
states = st.sampled_from(("open", "kept", "changed", "deleted"))
edited = st.lists(st.builds(any_state, proposals, states), max_size=14).map(number)
thresholds = st.builds(
    Thresholds,
    iou=st.sampled_from((0.0, 0.3, 0.5, 0.75, 1.0)),
    matching=st.sampled_from(("existential", "one-to-one")),
)


def sorted_by_the_method(boxes, settings):
    """Regions by id, by the LSM itself."""
    crowd, mp, ma = ([box for box in boxes if box.source == source] for source in SOURCES)
    sets = [
        (np.ones(len(part)), [b.category_id for b in part], as_boxes([b.corners for b in part]))
        for part in (crowd, mp, ma)
    ]
    rows = sort_labels(
        Labels(*sets[0], np.arange(len(crowd))),
        Detections(*sets[1], np.array([b.score for b in mp])),
        Detections(*sets[2], np.array([b.score for b in ma])),
        replace(settings, score=0.0),
    )
    names = [Region(region).label for region in rows.region.tolist()]
    return {box.id: name for box, name in zip([*crowd, *mp, *ma], names, strict=True)}


@given(images, thresholds)
def test_before_any_decision_regions_are_those_of_the_method(boxes, settings):
    offered, others = boxes[::2], boxes[1::2]
    assert live_regions(offered, others, settings) == sorted_by_the_method(boxes, settings)


@pytest.mark.parametrize("step", [ReviewStep.WHOLE_IMAGE, ReviewStep.OPEN_BOXES])
def test_an_image_just_opened_has_the_regions_that_are_stored(tmp_path, step):
    project = make_project(tmp_path, step=step)
    seen = [task for task in queue(project) if task.models is not None]
    for task in seen:
        document = open_document(project, task, "Ada")
        boxes = [*document.boxes.values(), *document.suggestions]
        stored = {box.id: box.region for box in boxes}
        assert set(stored.values()) == {"red", "green", "pink", "gray"}
        found = live_regions(list(document.boxes.values()), document.suggestions, HALF)
        assert found == stored
    assert seen
    project.close()


def test_without_models_there_are_no_regions(tmp_path):
    project = make_fresh_project(tmp_path)
    document = open_document(project, queue(project)[0], "Ada")
    assert document.boxes
    assert live_regions(list(document.boxes.values()), document.suggestions, HALF) == {}
    project.close()


def test_a_box_drawn_over_a_lone_one_turns_it_gray():
    assert live_regions([LONE_MP, LONE_MA], [], HALF) == {3: "pink", 4: "red"}
    assert live_regions([LONE_MP, LONE_MA, DRAWN], [], HALF) == {3: "pink", 4: "gray", 9: "gray"}


@given(edited, corners.filter(lambda c: c[2] > c[0] and c[3] > c[1]), st.sampled_from(("mp", "ma")))
def test_a_label_over_a_models_box_always_makes_it_gray(boxes, place, source):
    lone = ReviewBox(100, 1, place, source, "red", 0.5)
    drawn = replace(DRAWN, id=101, corners=place)
    found = live_regions([*boxes, lone, drawn], [], HALF)
    assert (found[100], found[101]) == ("gray", "gray")


def test_a_box_that_was_kept_agrees_with_its_label():
    kept = replace(LONE_MA, state="kept", person="Ada")
    assert live_regions([kept, LONE_MP], [], HALF) == {4: "gray", 3: "pink"}


def test_what_the_correction_kept_is_no_decision_of_a_person():
    automatic = replace(LONE_MP, state="kept")
    assert live_regions([automatic], [], HALF) == {3: "pink"}


def test_without_the_crowds_box_the_models_stands_alone():
    assert live_regions([CROWD, MP], [], HALF) == {1: "gray", 2: "gray"}
    deleted = replace(CROWD, state="deleted", person="Ada")
    assert live_regions([deleted, MP], [], HALF) == {2: "pink"}
    assert live_regions([deleted], [replace(MP, source="ma")], HALF) == {2: "red"}


def test_a_box_that_was_moved_away_is_a_label_and_no_models_box_any_more():
    moved = replace(MP, corners=LONE_MA.corners, state="changed", person="Ada")
    found = live_regions([moved, LONE_MA], [CROWD], HALF)
    assert found == {2: "gray", 4: "gray", 1: "green"}


@pytest.mark.parametrize("matching", ["existential", "one-to-one"])
def test_boxes_agree_above_the_threshold_and_not_at_it(matching):
    settings = Thresholds(matching=matching)
    half = replace(MP, corners=(10, 10, 20, 30))
    assert live_regions([CROWD, half], [], settings) == {1: "green", 2: "pink"}
    more = replace(MP, corners=(10, 10, 20.1, 30))
    assert live_regions([CROWD, more], [], settings) == {1: "gray", 2: "gray"}


def test_another_category_agrees_with_nothing():
    other = replace(MP, category_id=2, state="changed", person="Ada")
    assert live_regions([CROWD, other], [], HALF) == {1: "green", 2: "green"}


@given(edited, thresholds, st.randoms(use_true_random=False))
def test_the_order_of_boxes_does_not_matter(boxes, settings, random):
    mixed = random.sample(boxes, len(boxes))
    half = len(boxes) // 2
    as_they_were = live_regions(boxes[:half], boxes[half:], settings)
    assert live_regions(mixed, [], settings) == as_they_were


@given(edited, thresholds)
def test_every_box_that_is_not_deleted_has_a_region(boxes, settings):
    found = live_regions(boxes, [], settings)
    assert set(found) == {box.id for box in boxes if box.state != "deleted"}
    assert set(found.values()) <= {"red", "green", "pink", "gray"}
