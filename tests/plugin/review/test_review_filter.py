from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_driver import make_project, middle

from napari_alc.plugin.palettes import COLOURS, colour_name
from napari_alc.plugin.review.messages import open_question
from napari_alc.plugin.review.state import EVERYTHING, BoxFilter, ReviewState
from napari_alc.project.storage.records import ReviewBox

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton
REGIONS = ("red", "green", "pink", "gray")

scores = st.none() | st.floats(0, 1)
boxes = st.lists(
    st.builds(
        ReviewBox,
        id=st.integers(1, 50),
        category_id=st.just(1),
        corners=st.just((0.0, 0.0, 5.0, 5.0)),
        source=st.sampled_from(["crowd", "mp", "ma", "person"]),
        region=st.sampled_from(["", *REGIONS]),
        score=scores,
    ),
    unique_by=lambda box: box.id,
)
filters = st.builds(BoxFilter, st.frozensets(st.sampled_from(list(COLOURS))), st.floats(0, 1))
live = st.dictionaries(st.integers(1, 50), st.sampled_from(REGIONS))


def shown_ids(found, regions, wanted):
    state = ReviewState(filter=wanted, regions=regions)
    return {box.id for box in found if state.passes(box)}


@given(boxes, live)
def test_no_filter_hides_nothing(found, regions):
    assert not EVERYTHING.is_on
    assert shown_ids(found, regions, EVERYTHING) == {box.id for box in found}
    assert all(EVERYTHING.passes(box, name) for box in found for name in COLOURS)


@given(boxes, live, filters)
def test_only_boxes_of_ticked_colours_and_enough_confidence_are_shown(found, regions, wanted):
    shown = shown_ids(found, regions, wanted)
    for box in found:
        hidden = colour_name(box, regions.get(box.id)) in wanted.hidden
        unsure = box.score is not None and box.score < wanted.least_score
        assert (box.id in shown) == (not hidden and not unsure)
        assert wanted.is_on or box.id in shown


@given(boxes, live, filters, st.frozensets(st.sampled_from(list(COLOURS))), st.floats(0, 1))
def test_asking_for_less_never_shows_more(found, regions, wanted, more, higher):
    stricter = BoxFilter(wanted.hidden | more, max(wanted.least_score, higher))
    assert shown_ids(found, regions, stricter) <= shown_ids(found, regions, wanted)


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3, size=256)
    yield project
    project.close()


def tick(at, name):
    """Tick or untick a colour with the mouse."""
    QTest.mouseClick(at.page.panel.filter.chips[name], LEFT)
    at.settle()


def on_screen(at):
    return set(at.layer.features["id"].tolist())


def of_region(at, *regions):
    return {box.id for box in at.document.open_boxes if box.region in regions}


def counts(at):
    chips = at.page.panel.filter.chips
    return {name: int(chip.text().split()[-1]) for name, chip in chips.items() if chip.isVisible()}


def pick(at, box_id):
    at.key(KEY.Key_G)
    at.click(*middle(at.document.boxes[box_id]))
    assert at.current.id == box_id


def test_every_colour_stands_with_its_boxes_in_the_legend(at):
    assert counts(at) == dict.fromkeys(REGIONS, 2)


def test_boxes_of_an_unticked_colour_are_neither_shown_nor_visited(at):
    tick(at, "gray")
    tick(at, "pink")
    at.key(KEY.Key_J)
    assert on_screen(at) == of_region(at, "red", "green")
    visited = set()
    for _ in range(6):
        visited.add(at.current.id)
        at.key(KEY.Key_J)
    assert visited == of_region(at, "red", "green")
    tick(at, "gray")
    assert on_screen(at) == of_region(at, "red", "green", "gray")
    tick(at, "pink")
    assert on_screen(at) == of_region(at, *REGIONS)
    at.assert_in_step()


def test_decisions_go_on_through_the_boxes_shown_only(at):
    for name in ("gray", "pink", "green"):
        tick(at, name)
    at.key(KEY.Key_J)
    reds = of_region(at, "red")
    for _ in range(2):
        assert at.current.id in reds
        at.key(KEY.Key_Q)
    assert at.state.current_boxes == ()
    assert at.message == "6 open boxes are hidden by your choice of colours and confidence."
    stored = at.stored()
    assert {i for i, box in stored.items() if box.state == "deleted"} == reds


def decide_the_reds(at):
    """Show only red boxes and delete both."""
    for name in ("gray", "pink", "green"):
        tick(at, name)
    at.key(KEY.Key_J)
    for _ in range(2):
        at.key(KEY.Key_Q)


def question(at):
    bar = at.page.panel.ask_bar
    return bar.sentence.text() if bar.isVisible() else ""


def test_the_question_before_finishing_says_how_many_open_boxes_are_hidden(at):
    tick(at, "gray")
    at.key(KEY.Key_J)
    at.key(KEY.Key_N)
    assert question(at) == (
        "8 boxes are still open. What are they? 2 of them are hidden by the filter, and shown now."
    )
    assert set(at.layer.features["id"]) >= {box.id for box in at.state.open_boxes}
    at.key(KEY.Key_Escape)
    assert question(at) == ""


def test_what_is_hidden_is_said_in_amber_beside_the_filter(at):
    hidden = at.page.panel.filter.hidden
    assert not hidden.isVisible()
    tick(at, "gray")
    at.selection.select([])
    count = sum(at.state.colour_of(box) == "gray" for box in at.document.shown)
    assert hidden.isVisible()
    assert hidden.text() == f"{count} boxes hidden"
    tick(at, "gray")
    assert not hidden.isVisible()


def test_a_persons_own_boxes_are_never_hidden_unsaid(at):
    at.key(KEY.Key_W)
    at.drag((200, 235), (240, 250))
    at.key(KEY.Key_W)
    at.selection.select([])
    tick(at, "yours")
    assert at.page.panel.filter.hidden.text() == "1 box hidden, 1 of them yours"


def test_the_question_follows_the_filter_while_it_stands(at):
    at.key(KEY.Key_N)
    assert question(at) == "8 boxes are still open. What are they?"
    at.selection.select([])
    tick(at, "red")
    assert "2 of them are hidden" in question(at)
    tick(at, "red")
    assert question(at) == "8 boxes are still open. What are they?"


def test_going_back_shows_the_hidden_open_boxes_and_goes_to_the_first(at):
    task = at.state.task
    decide_the_reds(at)
    at.key(KEY.Key_N)
    assert "6 boxes are still open. What are they? All of them are hidden" in question(at)
    QTest.mouseClick(at.page.panel.ask_bar.go_back, LEFT)
    at.settle()
    assert question(at) == ""
    assert all(chip.isChecked() for chip in at.page.panel.filter.chips.values())
    assert on_screen(at) == of_region(at, "gray", "pink", "green")
    assert at.current == at.state.open_boxes[0]
    assert at.state.task == task
    assert not any(box.state == "kept" for box in at.stored().values())
    at.assert_in_step()


def test_going_back_keeps_a_filter_that_hides_no_open_box(at):
    decide_the_reds(at)
    for name in ("gray", "pink", "green"):
        tick(at, name)
    tick(at, "red")
    at.key(KEY.Key_N)
    assert question(at) == "6 boxes are still open. What are they?"
    QTest.mouseClick(at.page.panel.ask_bar.go_back, LEFT)
    assert at.current.id in of_region(at, "gray", "pink", "green")
    assert not at.page.panel.filter.chips["red"].isChecked()


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1, 0), "1 box is still open. What is it?"),
        ((1, 1), "1 box is still open. What is it? It is hidden"),
        ((3, 1), "1 of them is hidden by the filter, and shown now"),
        ((2500, 1200), "1,200 of them are hidden"),
        ((2, 2), "All of them are hidden"),
    ],
)
def test_the_question_counts_in_plain_english(numbers, told):
    assert told in open_question(*numbers)


def test_the_slider_hides_what_the_models_were_less_sure_of(at):
    slider = at.page.panel.filter.score
    assert slider.isVisible()
    at.selection.select([])
    slider.setValue(80)
    at.settle()
    sure = {b.id for b in at.document.shown if b.score is None or b.score >= 0.8}
    assert on_screen(at) == sure != {box.id for box in at.document.shown}
    assert at.page.panel.filter.score_words.text() == "Confidence ≥ 0.80"
    assert of_region(at, "green") <= on_screen(at)
    slider.setValue(0)
    at.settle()
    at.assert_in_step()


def test_a_box_drawn_while_a_filter_is_on_is_seen(at):
    for name in ("gray", "pink", "green", "red", "yours"):
        if at.page.panel.filter.chips[name].isVisible():
            tick(at, name)
    at.key(KEY.Key_G)
    at.key(KEY.Key_W)
    at.drag((200, 235), (240, 250))
    drawn = at.current
    assert drawn.source == "person"
    assert drawn.id in on_screen(at)
    assert at.stored()[drawn.id] == drawn
    at.key(KEY.Key_Escape)
    for name in REGIONS:
        tick(at, name)
    at.assert_in_step()


def test_the_filter_stays_from_image_to_image_and_ends_with_the_project(at):
    tick(at, "gray")
    first = at.state.task
    at.key(KEY.Key_PageDown)
    at.qtbot.waitUntil(lambda: at.state.task.id != first.id and at.document is not None)
    at.settle()
    assert not on_screen(at) & (of_region(at, "gray") - {box.id for box in at.state.current_boxes})
    assert at.current.region != "gray"
    at.page.controller.set_project(None, "")
    at.open()
    at.assert_in_step()
    assert at.page.panel.filter.chips["gray"].isChecked()


def test_a_red_box_becomes_gray_once_a_person_has_drawn_over_it_and_red_again(at):
    box = next(box for box in at.document.open_boxes if box.region == "red")
    x1, y1, x2, y2 = box.corners
    at.key(KEY.Key_G)
    at.key(KEY.Key_W)
    at.drag((x1, y1), (x2, y2))
    at.key(KEY.Key_Escape)
    assert at.state.colour_of(at.document.boxes[box.id]) == "gray"
    assert counts(at) == {"red": 1, "green": 2, "pink": 2, "gray": 3, "yours": 1}
    row = at.layer.features["id"].tolist().index(box.id)
    at.selection.look_at_box(box.id)
    at.settle()
    assert "As the labels stand now, they agree with it." in at.page.panel.why.text()
    row = at.layer.features["id"].tolist().index(box.id)
    assert tuple(at.layer.edge_color[row][:3]) == pytest.approx(
        tuple(int(COLOURS["gray"][i : i + 2], 16) / 255 for i in (1, 3, 5)), abs=0.01
    )
    at.key(KEY.Key_U)
    assert at.state.colour_of(at.document.boxes[box.id]) == "red"
    assert counts(at) == dict.fromkeys(REGIONS, 2)
    at.assert_in_step()


def test_keeping_a_red_box_makes_it_gray_in_the_legend(at):
    box = next(box for box in at.document.open_boxes if box.region == "red")
    pick(at, box.id)
    at.key(KEY.Key_K)
    assert counts(at) == {"red": 1, "green": 2, "pink": 2, "gray": 3}
