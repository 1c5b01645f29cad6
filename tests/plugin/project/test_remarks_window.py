"""The list of unsure boxes, notes and flags across images, with the mouse and the keyboard."""

from __future__ import annotations

import pytest
from builders import PERSON, make_project
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.errors import BadData
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.project import remarks_window
from napari_alc.plugin.project.remarks_window import (
    NOTHING_AT_ALL,
    NOTHING_SAID,
    TITLE,
    RemarksWindow,
)
from napari_alc.plugin.review.canvas.image_layer import canvas_widget
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.remarks import flag_image, flagged_images, remarked_boxes
from napari_alc.project.annotation.tasks import queue, queue_of
from napari_alc.project.readers.second_reader import hand_over
from napari_alc.project.readers.sharing import share
from napari_alc.project.storage.records import FlagKind

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    """Three images wait."""
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def remarks(on_screen, project, asked):
    """Opens the window at Eve's computer."""
    preferences.set_person("Eve")

    def open_window():
        window = RemarksWindow()
        window.set_project(project)
        return asked(on_screen(window, window.query))

    return open_window


@pytest.fixture
def asked(qtbot):
    """Waits until a window has read the project."""

    def wait(window):
        qtbot.waitUntil(lambda: not window.query.is_running)
        return window

    return wait


def waiting(project):
    return [task for task in queue(project) if not task.is_done]


def say(project, task, person=PERSON, unsure=(), notes=None):
    """What somebody is unsure about and notes, by the places of the boxes that are open."""
    document = open_document(project, task, person)
    ids = [box.id for box in document.open_boxes]
    document.mark_unsure([ids[place] for place in unsure])
    for place, text in (notes or {}).items():
        document.note(ids[place], text)
    return ids


def texts(table):
    model = table.model()
    return [
        [model.data(model.index(row, column)) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def place_of(table, row):
    return table.visualRect(table.model().index(row, 1)).center()


def click(table, qtbot, row, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(table.viewport(), LEFT, modifier, pos=place_of(table, row))


def double_click(table, qtbot, row):
    click(table, qtbot, row)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=place_of(table, row))


def enter_name(window, qtbot, name):
    window.name.lineEdit().selectAll()
    qtbot.keyClicks(window.name.lineEdit(), name)


def test_without_anything_it_says_so(remarks):
    window = remarks()
    assert window.summary.text() == NOTHING_SAID
    assert texts(window.boxes) == []
    assert not window.flags.isVisible()
    assert not window.take_in.isVisible()
    assert not window.error.isVisible()


def test_boxes_of_all_images_are_listed_in_the_order_of_the_queue(remarks, project):
    first, second, _ = waiting(project)
    say(project, second, "Bob", unsure=[1], notes={0: "a\nfold?"})
    say(project, first, unsure=[0])
    window = remarks()
    rows = texts(window.boxes)
    assert [row[:4] for row in rows] == [
        [first.file_name, "deposit", "unsure", PERSON],
        [second.file_name, "deposit", "note", "Bob"],
        [second.file_name, "deposit", "unsure", "Bob"],
    ]
    said = remarked_boxes(project).rows[1].box.note
    assert rows[1][4] == f"{said.at.astimezone():%Y-%m-%d %H:%M}"
    assert [row[5] for row in rows] == ["", "a fold?", ""]
    assert window.summary.text() == "2 boxes are marked as unsure, 1 box has a note."


def test_the_note_of_somebody_else_on_an_unsure_box_has_its_author(remarks, project):
    task = waiting(project)[0]
    say(project, task, unsure=[0])
    [row] = remarked_boxes(project).rows
    open_document(project, task, "Bob").note(row.box.id, "an edge")
    rows = texts(remarks().boxes)
    assert [rows[0][column] for column in (2, 3, 5)] == ["unsure, note", PERSON, "Bob: an edge"]


@pytest.mark.parametrize("way", ["double click", "Enter"])
def test_a_row_leads_to_its_box(remarks, project, qtbot, way):
    task = waiting(project)[1]
    ids = say(project, task, unsure=[0, 2])
    window = remarks()
    with qtbot.waitSignal(window.chosen) as told:
        if way == "Enter":
            click(window.boxes, qtbot, 1)
            qtbot.keyClick(window.boxes, Qt.Key.Key_Return)
        else:
            double_click(window.boxes, qtbot, 1)
    assert told.args == [task.id, ids[2]]


def test_one_click_only_marks_a_row(remarks, project, qtbot):
    say(project, waiting(project)[0], unsure=[0])
    window = remarks()
    with qtbot.assertNotEmitted(window.chosen):
        click(window.boxes, qtbot, 0)
    assert len(window.marked_boxes) == 1


def test_marked_rows_go_to_a_second_reader_and_back(remarks, project, qtbot, asked):
    say(project, waiting(project)[0], unsure=[0, 1, 2])
    window = remarks()
    assert not window.ask.isEnabled()
    click(window.boxes, qtbot, 0)
    click(window.boxes, qtbot, 2, CONTROL)
    assert not window.ask.isEnabled()
    enter_name(window, qtbot, "Bob")
    qtbot.mouseClick(window.ask, LEFT)
    assert window.message.text() == "Bob is asked to look at 2 boxes."
    asked(window)
    assert [row[6] for row in texts(window.boxes)] == ["Bob", "", "Bob"]
    assert [row.second.person for row in remarked_boxes(project).of_reader("Bob")] == ["Eve"] * 2
    assert len(window.marked_boxes) == 2  # so that it can be taken back at once
    qtbot.mouseClick(window.back, LEFT)
    assert window.message.text() == "Nobody is asked to look at 2 boxes any more."
    asked(window)
    assert not window.back.isEnabled()
    assert remarked_boxes(project).of_reader("Bob") == ()


def test_nobody_is_their_own_second_reader(remarks, project, qtbot, asked):
    first, second, _ = waiting(project)
    say(project, first, PERSON, unsure=[0])
    say(project, second, "Bob", unsure=[0])
    window = remarks()
    enter_name(window, qtbot, "bob")
    click(window.boxes, qtbot, 1)
    qtbot.mouseClick(window.ask, LEFT)
    assert "ask somebody else" in window.error.text()
    click(window.boxes, qtbot, 0, CONTROL)
    qtbot.mouseClick(window.ask, LEFT)
    assert window.message.text() == (
        "bob is asked to look at 1 box. 1 box is left: bob said so themselves."
    )
    asked(window)
    assert not window.error.isVisible()
    assert [row[6] for row in texts(window.boxes)] == ["bob", ""]


def test_people_of_the_project_are_offered_and_what_is_typed_stays(remarks, project, qtbot, asked):
    first, second, _ = waiting(project)
    say(project, first, "Cy", unsure=[0])
    ids = say(project, second, "Ada", unsure=[0])
    hand_over(project, [(second.id, ids[0])], "Bob", "Ada")
    window = remarks()
    assert [window.name.itemText(i) for i in range(window.name.count())] == ["Ada", "Bob", "Cy"]
    assert window.name.currentText() == ""
    enter_name(window, qtbot, "De")
    say(project, second, "Ada", unsure=[1])
    window.refresh()
    asked(window)
    assert len(texts(window.boxes)) == 3
    assert window.name.currentText() == "De"


def test_what_is_in_readings_of_others_is_only_counted(remarks, project):
    share(project, ["Ada", "Bob"])
    task = next(t for t in queue_of(project, "Ada") if t.reader == "Ada" and not t.is_done)
    say(project, task, "Ada", unsure=[0])
    window = remarks()
    assert texts(window.boxes) == []
    assert "1 more is in readings that are not finished" in window.summary.text()


def test_flags_are_listed_and_a_left_out_image_is_taken_in_again(remarks, project, qtbot, asked):
    first, second, _ = waiting(project)
    flag_image(project, first.image_id, FlagKind.BAD_PICTURE, "Ada", "out of focus")
    flag_image(project, second.image_id, FlagKind.EXCLUDE, "Bob")
    window = remarks()
    titles = [tooltips.FLAGS[kind][0] for kind in (FlagKind.BAD_PICTURE, FlagKind.EXCLUDE)]
    assert [[row[0], row[1], row[2], row[4]] for row in texts(window.flags)] == [
        [first.file_name, titles[0], "Ada", "out of focus"],
        [second.file_name, titles[1], "Bob", ""],
    ]
    click(window.flags, qtbot, 0)
    assert not window.take_in.isEnabled()  # it is not left out
    click(window.flags, qtbot, 1)
    with qtbot.waitSignal(window.taken_in) as told:
        qtbot.mouseClick(window.take_in, LEFT)
    assert told.args == [[second.image_id]]
    assert f"{second.file_name} is taken in again" in window.message.text()
    asked(window)
    assert [row[0] for row in texts(window.flags)] == [first.file_name]
    assert [image.is_excluded for image in flagged_images(project)] == [False]


def test_a_flag_leads_to_its_image(remarks, project, qtbot):
    task = waiting(project)[1]
    flag_image(project, task.image_id, FlagKind.WRONG_TISSUE, "Ada")
    window = remarks()
    with qtbot.waitSignal(window.chosen) as told:
        double_click(window.flags, qtbot, 0)
    assert told.args == [task.id, None]


def test_a_project_that_cannot_be_read_is_said(remarks, monkeypatch, asked):
    def refuse(*_):
        raise BadData("project.db", "the database refused (database is locked)", "Try again")

    monkeypatch.setattr(remarks_window, "remarked_boxes", refuse)
    window = remarks()
    assert "database is locked" in window.error.text()
    monkeypatch.undo()
    window.refresh()
    assert not asked(window).error.isVisible()


def test_another_project_shows_nothing_of_the_one_before(remarks, project):
    say(project, waiting(project)[0], unsure=[0])
    window = remarks()
    assert len(texts(window.boxes)) == 1
    window.set_project(None)
    assert texts(window.boxes) == []
    assert not window.isVisible()


@pytest.fixture
def shell(docked):
    """The whole plugin with the project open on its first page, at Ada's computer."""
    _, widget = docked()
    preferences.set_person(PERSON)
    return widget


def on_first_page(shell, project, qtbot):
    assert shell.open_project(project.folder)
    shell.tabs.setCurrentWidget(shell.project_page)
    page = shell.project_page
    qtbot.waitUntil(lambda: page.remarks.found is not None)
    return page


def test_the_button_says_why_there_is_nothing_to_open(shell, project, qtbot):
    assert shell.project_page.remarks_button.isHidden()
    button = on_first_page(shell, project, qtbot).remarks_button
    assert button.isVisible()
    assert not button.isEnabled()
    assert (button.text(), button.toolTip()) == (f"{TITLE} (0)", NOTHING_AT_ALL)


def test_the_button_counts_and_opens_the_list_which_leads_to_the_review(shell, project, qtbot):
    task = waiting(project)[1]
    ids = say(project, task, "Bob", unsure=[1], notes={2: "a fold?"})
    flag_image(project, task.image_id, FlagKind.BAD_PICTURE, "Bob")
    page = on_first_page(shell, project, qtbot)
    assert page.remarks_button.text() == f"{TITLE} (2), flagged images (1)"
    qtbot.mouseClick(page.remarks_button, LEFT)
    qtbot.waitExposed(page.remarks)
    assert not page.remarks.isModal()
    double_click(page.remarks.boxes, qtbot, 0)
    assert shell.tabs.currentWidget() is shell.review_page
    state = shell.review_page.state
    qtbot.waitUntil(lambda: state.document is not None and state.task.id == task.id)
    assert [box.id for box in state.current_boxes] == [ids[1]]


def test_a_decision_in_the_review_takes_a_box_off_the_list(shell, module_viewer, project, qtbot):
    task = waiting(project)[0]
    say(project, task, "Bob", unsure=[0, 1])
    page = on_first_page(shell, project, qtbot)
    qtbot.mouseClick(page.remarks_button, LEFT)
    qtbot.waitExposed(page.remarks)
    double_click(page.remarks.boxes, qtbot, 0)
    review = shell.review_page
    qtbot.waitUntil(lambda: review.state.document is not None and review.canvas.is_settled)
    QTest.keyClick(canvas_widget(module_viewer), Qt.Key.Key_K)
    qtbot.waitUntil(lambda: len(texts(page.remarks.boxes)) == 1)
    assert len(remarked_boxes(project).rows) == 1


def test_an_image_taken_in_again_waits_in_the_review_that_shows_it(shell, project, qtbot):
    first = waiting(project)[0]
    flag_image(project, first.image_id, FlagKind.EXCLUDE, "Bob")
    page = on_first_page(shell, project, qtbot)
    qtbot.mouseClick(page.remarks_button, LEFT)
    qtbot.waitExposed(page.remarks)
    double_click(page.remarks.flags, qtbot, 0)
    state = shell.review_page.state
    qtbot.waitUntil(lambda: state.document is not None and state.task.id == first.id)
    assert state.document.is_excluded
    click(page.remarks.flags, qtbot, 0)
    qtbot.mouseClick(page.remarks.take_in, LEFT)
    qtbot.waitUntil(lambda: state.document is not None and not state.document.is_excluded)
    assert state.task.id == first.id
    assert not state.queue.find(first.id).is_done
    assert shell.sentence.text() == "3 images wait for a pathologist."


def test_the_button_shows_what_others_said_while_the_list_was_open(shell, project, qtbot):
    task = waiting(project)[0]
    say(project, task, "Bob", unsure=[0])
    page = on_first_page(shell, project, qtbot)
    qtbot.mouseClick(page.remarks_button, LEFT)
    qtbot.waitUntil(lambda: page.remarks.isVisible() and not page.remarks.query.is_running)
    say(project, task, "Bob", unsure=[1])
    qtbot.mouseClick(page.remarks_button, LEFT)
    qtbot.waitUntil(lambda: len(texts(page.remarks.boxes)) == 2)
    assert page.remarks_button.text() == f"{TITLE} (2)"


def test_another_person_at_this_window_has_another_list(shell, project, qtbot):
    share(project, ["Ada", "Bob"])
    task = next(t for t in queue_of(project, "Ada") if t.reader == "Ada" and not t.is_done)
    say(project, task, "Ada", unsure=[0])
    page = on_first_page(shell, project, qtbot)
    assert page.remarks_button.text() == f"{TITLE} (1)"
    page.person.setFocus()
    page.person.selectAll()
    qtbot.keyClicks(page.person, "Bob")
    qtbot.keyClick(page.person, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.remarks_button.text() == f"{TITLE} (0)")
    assert page.remarks_button.isEnabled()  # the window tells that there is one


def test_rows_that_are_still_there_stay_marked(remarks, project, qtbot, asked):
    task = waiting(project)[0]
    ids = say(project, task, unsure=[0, 1, 2])
    window = remarks()
    click(window.boxes, qtbot, 2)
    open_document(project, task, "Bob").keep(ids[:1])
    window.refresh()
    asked(window)
    assert [row.box.id for row in window.marked_boxes] == [ids[2]]
    assert window.boxes.currentIndex().row() == 1
