from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtTest import QTest
from review_driver import PERSON, Driver, make_project

from napari_alc.plugin.review.panel.queue_table import QueueTable
from napari_alc.plugin.review.queue import QueueEntry, ReviewQueue
from napari_alc.project.annotation.tasks import open_counts, queue
from napari_alc.project.storage.records import Task

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton
DONE = datetime(2024, 5, 17, tzinfo=UTC)


def entry(number, done=False, opened=0, holder=""):
    task = Task(
        id=100 + number,
        image_id=number,
        file_name=f"image{number}.tif",
        step=1,
        iteration=1,
        models=0,
        rank=number,
        score=None,
        done_at=DONE if done else None,
        done_by="Ada" if done else None,
    )
    return QueueEntry(task, opened, holder=holder)


@st.composite
def queues(draw, least=0):
    rows = draw(
        st.lists(
            st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from(["", "", "Bob"])),
            min_size=least,
            max_size=12,
        )
    )
    return ReviewQueue([entry(i, *row) for i, row in enumerate(rows)])


def entries(found):
    return [found[place] for place in range(len(found))]


@st.composite
def steps(draw):
    return draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("finish"), st.integers(100, 113)),
                st.tuples(st.just("reopen"), st.integers(100, 113)),
                st.tuples(st.just("boxes"), st.integers(100, 113), st.integers(0, 30)),
                st.tuples(
                    st.just("holders"),
                    st.dictionaries(st.integers(100, 113), st.sampled_from(["Bob", "Carl"])),
                ),
            ),
            max_size=20,
        )
    )


def carry_out(found, step):
    match step:
        case ("finish", task_id):
            found.finish(task_id, "Ada")
        case ("reopen", task_id):
            found.reopen(task_id)
        case ("boxes", task_id, opened):
            found.set_opened(task_id, opened)
        case ("holders", holders):
            found.set_holders(holders)


@given(queues(), steps())
def test_the_counts_equal_a_recount_whatever_is_done(found, todo):
    for step in todo:
        carry_out(found, step)
        assert found.done == sum(e.task.is_done for e in entries(found))
        assert found.boxes_left == sum(e.opened for e in entries(found))


@given(queues(), steps())
def test_the_next_image_is_the_first_behind_that_is_neither_done_nor_held(found, todo):
    for step in todo:
        carry_out(found, step)
    for after in (None, *(e.task.id for e in entries(found))):
        start = 0 if after is None else after - 100 + 1
        rotated = entries(found)[start:] + entries(found)[:start]
        free = [e.task for e in rotated if not e.task.is_done and not e.holder]
        assert found.first_open(after) == (free[0] if free else None)


@given(queues(least=1), st.integers(100, 113))
def test_finishing_and_opening_again_leave_everything_as_it_was(found, task_id):
    before, known = entries(found), found.find(task_id)
    if known is None or known.is_done:
        return
    found.finish(task_id, "Ada")
    assert found.find(task_id).is_done
    assert found.find(task_id).done_by == "Ada"
    found.reopen(task_id)
    assert entries(found) == before


@given(queues(), st.integers(100, 113))
def test_finishing_a_finished_image_changes_nothing(found, task_id):
    found.finish(task_id, "Bob")
    before = entries(found)
    found.finish(task_id, "Carl")
    assert entries(found) == before


@given(queues())
def test_neighbours_are_one_place_apart_and_end_at_the_ends(found):
    tasks = [e.task for e in entries(found)]
    assert found.neighbour(None, 1) == (tasks[0] if tasks else None)
    for place, task in enumerate(tasks):
        assert found.neighbour(task.id, 1) == (tasks[place + 1] if tasks[place + 1 :] else None)
        assert found.neighbour(task.id, -1) == (tasks[place - 1] if place else None)


@given(queues(), steps())
def test_images_that_are_not_in_the_queue_change_nothing(found, todo):
    before = entries(found)
    for step in todo:
        if isinstance(step[1], int):
            carry_out(found, (step[0], step[1] + 1000, *step[2:]))
    assert entries(found) == before


@pytest.fixture
def table(qtbot):
    table = QueueTable()
    qtbot.addWidget(table)
    table.resize(400, 400)
    table.show()
    return table


def names(table):
    model = table.table.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_ten_thousand_images_are_listed_found_and_followed(table):
    found = ReviewQueue([entry(i, done=i < 9990, opened=3) for i in range(10_000)])
    table.show_queue(found, 100 + 9995)
    assert table.table.model().rowCount() == 10_000
    assert table.index_of(100 + 9995).row() == 9995
    assert names(table)[9995] == "▶ image9995.tif"
    row = table.table.visualRect(table.index_of(100 + 9995))
    assert table.table.viewport().rect().contains(row.center())
    QTest.keyClicks(table.search, "image123.")
    assert names(table) == ["image123.tif"]
    table.search.clear()
    QTest.keyClicks(table.search, "left")
    assert names(table) == ["▶ image9995.tif"]
    table.search.clear()
    QTest.keyClicks(table.search, "3 open")
    assert len(names(table)) == 9
    found.finish(100 + 9996, "Ada")
    table.rows.update(100 + 9996)
    assert len(names(table)) == 8


def test_enter_jumps_to_the_first_image_found(table, qtbot):
    table.show_queue(ReviewQueue([entry(i) for i in range(20)]), 100)
    QTest.keyClicks(table.search, "IMAGE1")
    with qtbot.waitSignal(table.chosen) as chosen:
        QTest.keyClick(table.search, KEY.Key_Return)
    assert chosen.args[0].file_name == "image1.tif"


def test_the_whole_queue_is_listed_again_once_enter_has_opened_an_image(table):
    table.show_queue(ReviewQueue([entry(i) for i in range(200)]), 100)
    table.chosen.connect(lambda task: table.show_here(task.id))
    QTest.keyClicks(table.search, "image150")
    assert names(table) == ["image150.tif"]
    QTest.keyClick(table.search, KEY.Key_Return)
    assert table.search.text() == ""
    assert len(names(table)) == 200
    row = table.table.visualRect(table.index_of(250))
    assert table.table.viewport().rect().contains(row.center())


def test_enter_with_nothing_found_goes_nowhere(table, qtbot):
    table.show_queue(ReviewQueue([entry(i) for i in range(20)]), 100)
    QTest.keyClicks(table.search, "no such name")
    assert names(table) == []
    with qtbot.assertNotEmitted(table.chosen):
        QTest.keyClick(table.search, KEY.Key_Return)
    assert table.search.text() == "no such name"


def test_enter_without_a_search_goes_nowhere(table, qtbot):
    table.show_queue(ReviewQueue([entry(i) for i in range(20)]), 100)
    with qtbot.assertNotEmitted(table.chosen):
        QTest.keyClick(table.search, KEY.Key_Return)


def test_the_image_shown_is_marked_alone(table):
    table.show_queue(ReviewQueue([entry(i, opened=2) for i in range(5)]), 101)
    table.show_here(103)
    assert [name.startswith("▶") for name in names(table)] == [False, False, False, True, False]
    states = [table.rows.data(table.rows.index(row, 5)) for row in range(5)]
    assert states == ["2 open", "2 open", "2 open", "2 left", "2 open"]
    table.show_here(None)
    assert not any(name.startswith("▶") for name in names(table))
    assert table.index_of(None) == QModelIndex()


def test_who_holds_an_image_stands_in_its_row(table):
    table.show_queue(ReviewQueue([entry(0, holder="Bob"), entry(1, done=True)]), None)
    assert [table.rows.data(table.rows.index(row, 5)) for row in (0, 1)] == ["with Bob", "done"]


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=10, size=256, per_kind=1)
    yield project
    project.close()


@pytest.fixture
def at(window, project, qtbot):
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    yield driver
    page.panel.queue.search.clear()
    driver.close()


def test_a_search_leads_to_the_image_and_gives_the_keys_back(at):
    search = at.page.panel.queue.search
    assert search.isVisible()
    QTest.mouseClick(search, LEFT)
    QTest.keyClicks(search, "image7")
    QTest.keyClick(search, KEY.Key_Return)
    at.qtbot.waitUntil(lambda: at.state.task.file_name == "image7.tif" and at.document is not None)
    at.settle()
    assert not search.hasFocus()
    box = at.current
    at.key(KEY.Key_K)
    assert at.stored()[box.id].state == "kept"


def test_keys_typed_in_the_search_decide_nothing(at):
    search = at.page.panel.queue.search
    QTest.mouseClick(search, LEFT)
    stored = at.stored()
    QTest.keyClicks(search, "kq3")
    for key in (KEY.Key_Up, KEY.Key_Down, KEY.Key_Left, KEY.Key_Right, KEY.Key_Backspace):
        QTest.keyClick(search, key)
    assert search.text() == "kq"
    assert at.stored() == stored


def test_the_queue_in_memory_says_what_the_store_says_after_every_step(at):
    def check():
        stored = ReviewQueue.read(at.project, PERSON, {})
        assert at.state.queue.done == stored.done
        assert (
            at.state.queue.boxes_left
            == stored.boxes_left
            == sum(open_counts(at.project).get(task.id, 0) for task in queue(at.project))
        )

    first = at.state.task
    for key in (KEY.Key_K, KEY.Key_Q, KEY.Key_U, KEY.Key_Q, KEY.Key_K, KEY.Key_K):
        at.key(key)
        check()
    at.key(KEY.Key_N)
    at.qtbot.waitUntil(lambda: at.state.task.id != first.id and at.document is not None)
    at.settle()
    check()
    at.key(KEY.Key_U)
    at.qtbot.waitUntil(lambda: at.state.task.id == first.id and at.document is not None)
    at.settle()
    check()
    at.qtbot.waitUntil(lambda: at.page.panel.bar.value() == at.state.queue.done)


def test_reading_the_queue_again_shows_the_same_numbers(at):
    rows = at.page.panel.queue.rows

    def shown():
        return [[rows.data(rows.index(row, col)) for col in (3, 4, 5)] for row in range(10)]

    while at.document.open_boxes:
        at.key(KEY.Key_K)
    before = shown()
    assert at.page.controller.refresh()
    assert shown() == before
