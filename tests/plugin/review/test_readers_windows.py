"""Sharing images and looking at differences, with the mouse."""

from __future__ import annotations

import pytest
from builders import make_project
from qtpy.QtCore import QPoint, Qt
from review_driver import Driver

from napari_alc.plugin.review.messages import ALL_DONE, ALL_ELSEWHERE, READ_AGAIN
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.plugin.review.readers_windows import (
    NO_DIFFERENCE,
    NOTHING_READ,
    ReadersDialog,
    ReadersView,
)
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import queue, queue_of, reopen
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import finish_task, readers, share

LEFT = Qt.MouseButton.LeftButton
DRAWN = (1.0, 1.0, 41.0, 21.0)


@pytest.fixture
def project(tmp_path):
    """Two images of eight boxes wait."""
    project = make_project(tmp_path, images=3)
    yield project
    project.close()


@pytest.fixture
def dialog(project, qtbot):
    return shown(ReadersDialog(project), qtbot)


def shown(widget, qtbot):
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def write(dialog, qtbot, text):
    dialog.names.selectAll()
    qtbot.keyClick(dialog.names, Qt.Key.Key_Delete)
    first, *more = text.split("\n")
    qtbot.keyClicks(dialog.names, first)
    for line in more:
        qtbot.keyClick(dialog.names, Qt.Key.Key_Return)
        qtbot.keyClicks(dialog.names, line)


def read_all(project, reader, delete=(), add=()):
    """A reader keeps everything except the boxes at these places of the first image."""
    tasks = [task for task in queue_of(project, reader) if task.is_reading]
    for number, task in enumerate(tasks):
        document = open_document(project, task, reader)
        ids = [box.id for box in document.open_boxes]
        if number == 0:
            document.delete([ids[place] for place in delete])
            for corners in add:
                document.add(corners, 1)
        document.keep([box.id for box in document.open_boxes])
        finish_task(project, task, reader)


def texts(table):
    model = table.model()
    return [
        [model.data(model.index(row, column)) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def click_row(table, qtbot, row):
    place = table.visualRect(table.model().index(row, 2)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)


def test_names_are_entered_and_images_shared(dialog, project, qtbot):
    assert dialog.count.text().startswith("2 images are shared now")
    assert not dialog.share.isEnabled()
    write(dialog, qtbot, "Ada, Bob\nCy")
    with qtbot.waitSignal(dialog.shared) as told:
        qtbot.mouseClick(dialog.share, LEFT)
    assert told.args == ["2 images are read by Ada, Bob and Cy, each on their own."]
    assert dialog.result() == dialog.DialogCode.Accepted
    assert not dialog.isVisible()
    assert readers(project) == ("Ada", "Bob", "Cy")


def test_names_that_cannot_be_used_are_said_and_mended(dialog, project, qtbot):
    write(dialog, qtbot, "Ada")
    qtbot.mouseClick(dialog.share, LEFT)
    assert "at least two names" in dialog.error.text()
    assert dialog.error.isVisible()
    assert dialog.isVisible()
    qtbot.keyClicks(dialog.names, ", ada")
    assert not dialog.error.isVisible()
    qtbot.mouseClick(dialog.share, LEFT)
    assert "ada is named twice" in dialog.error.text()
    assert readers(project) == ()


def test_cancel_changes_nothing(dialog, project, qtbot):
    write(dialog, qtbot, "Ada, Bob")
    qtbot.mouseClick(dialog.cancel, LEFT)
    assert dialog.result() == dialog.DialogCode.Rejected
    assert readers(project) == ()


def test_taking_all_names_out_ends_sharing(project, qtbot):
    share(project, ["Ada", "Bob"])
    dialog = shown(ReadersDialog(project), qtbot)
    assert dialog.names.toPlainText() == "Ada\nBob"
    write(dialog, qtbot, "")
    assert dialog.share.text() == "Stop sharing"
    with qtbot.waitSignal(dialog.shared) as told:
        qtbot.mouseClick(dialog.share, LEFT)
    assert told.args == ["New images are not shared any more."]
    assert readers(project) == ()


def test_nothing_is_cut_off_in_the_dialog(dialog):
    for label in dialog.findChildren(type(dialog.count)):
        if label.isVisible():
            assert label.height() >= label.heightForWidth(label.width())
    for button in (dialog.share, dialog.cancel):
        assert button.width() >= button.sizeHint().width()


@pytest.fixture
def view(project, qtbot):
    view = ReadersView()
    view.resize(700, 500)
    view.set_project(project)
    return shown(view, qtbot)


def test_before_anybody_has_read_there_is_nothing_to_show(view):
    assert view.summary.text() == NOTHING_READ
    assert texts(view.objects) == texts(view.pairs) == []
    assert not view.only_open.isVisible()


def test_a_click_on_a_difference_leads_to_its_box(view, project, qtbot):
    share(project, ["Ada", "Bob"])
    read_all(project, "Ada", delete=[0])
    read_all(project, "Bob", add=[DRAWN])
    view.set_project(project)
    consensus = next(task for task in queue(project) if not task.is_done)
    boxes = open_document(project, consensus, "Eve").open_boxes
    assert view.summary.text() == "2 objects in 1 image; 2 still open."
    rows = texts(view.objects)
    assert [
        consensus.file_name,
        "deposit, 40 × 20 px",
        "Ada did not draw it, Bob drew it",
        "–",
    ] in rows
    assert "Ada deleted it, Bob kept it" in [row[2] for row in rows]
    chosen = []
    view.chosen.connect(lambda *found: chosen.append(found))
    for row in range(2):
        click_row(view.objects, qtbot, row)
    assert sorted(chosen) == [(consensus.id, box.id) for box in boxes]


def test_what_the_majority_settled_can_be_hidden(view, project, qtbot):
    share(project, ["Ada", "Bob", "Cy"])
    read_all(project, "Ada", add=[DRAWN])
    read_all(project, "Bob", delete=[0])
    read_all(project, "Cy")
    view.set_project(project)
    assert {row[3] for row in texts(view.objects)} == {"majority"}
    assert view.summary.text() == "2 objects in 1 image; all of them settled."
    chosen = []
    view.chosen.connect(lambda *found: chosen.append(found))
    for row in range(2):
        click_row(view.objects, qtbot, row)
    assert [box_id is None for _, box_id in chosen] == [True, False]
    qtbot.mouseClick(view.only_open, LEFT, pos=QPoint(8, view.only_open.height() // 2))
    assert texts(view.objects) == []


def test_the_agreement_of_each_pair_is_told(view, project):
    share(project, ["Ada", "Bob", "Cy"])
    read_all(project, "Ada", delete=[0])
    read_all(project, "Bob")
    view.set_project(project)
    assert view.summary.text() == NO_DIFFERENCE
    assert texts(view.pairs) == [["Ada, Bob", "2", "16", "0.97", "0.00"]]
    read_all(project, "Cy")
    view.set_project(project)
    assert texts(view.pairs)[2] == ["Bob, Cy", "2", "16", "1.00", "–"]
    assert "Bob and Cy: no kappa, both said the same of every box" in view.reasons.text()


def test_a_project_that_cannot_be_read_is_said(view, project):
    project.close()
    (project.folder / "project.db").write_bytes(b"no database" * 100)
    view.set_project(project)
    assert "damaged" in view.error.text()
    assert view.error.isVisible()


def test_without_a_project_nothing_is_shown(view, project):
    share(project, ["Ada", "Bob"])
    read_all(project, "Ada", delete=[0])
    read_all(project, "Bob")
    view.set_project(project)
    assert len(texts(view.objects)) == 1
    view.set_project(None)
    assert texts(view.objects) == texts(view.pairs) == []


@pytest.fixture
def shared(project):
    """Ada and Bob read both images."""
    share(project, ["Ada", "Bob"])
    return project


@pytest.fixture
def elsewhere(shared):
    """The project as the window of another person opens it."""
    other = Project.open(shared.folder)
    yield other
    other.close()


@pytest.fixture
def ada(window, shared, qtbot):
    """Ada at her window."""
    viewer, page = window
    driver = Driver(viewer, shared, qtbot, page=page)
    yield driver
    driver.close()


def keep_all(at):
    """Keep every box of the image with the keyboard, and finish it."""
    while at.document.open_boxes:
        at.key(Qt.Key.Key_K)
    at.key(Qt.Key.Key_N)


def wait_for(at, task):
    at.qtbot.waitUntil(lambda: at.state.task == task and at.document is not None)
    at.settle()


def open_consensus(project):
    """The first consensus task that waits."""
    return next(task for task in queue(project) if not task.is_done)


def choose_difference(at):
    """Click the first row of the window that tells where readers differ."""
    at.page.readers.show_differences()
    at.qtbot.waitExposed(at.page.readers.view)
    click_row(at.page.readers.view.objects, at.qtbot, 0)


def test_an_image_whose_last_reading_ends_comes_into_the_queue(ada, elsewhere):
    read_all(elsewhere, "Bob", delete=[0])
    first, second = ada.state.queue[1].task, ada.state.queue[2].task
    assert ada.state.task == first
    keep_all(ada)
    wait_for(ada, second)
    consensus = open_consensus(elsewhere)
    assert consensus.image_id == first.image_id
    ada.qtbot.waitUntil(lambda: ada.state.queue.find(consensus.id) == consensus)
    rows = ada.page.panel.queue.table.model()
    assert rows.rowCount() == len(ada.state.queue) == 4
    assert ada.state.task == second
    assert "2 of 4 images done, 9 boxes left" in ada.page.panel.progress.text()
    choose_difference(ada)
    wait_for(ada, consensus)
    assert ada.current.state == "open"
    assert "Ada kept it, Bob deleted it" in ada.page.panel.why.text()
    keep_all(ada)
    ada.qtbot.waitUntil(lambda: ada.state.task == second)
    assert next(task for task in queue(elsewhere) if task.id == consensus.id).done_by == "Ada"


def test_the_next_image_is_shown_before_the_queue_is_read_again(ada, elsewhere, monkeypatch):
    read_all(elsewhere, "Bob", delete=[0])
    second = ada.state.queue[2].task
    ada.qtbot.waitUntil(lambda: ada.page.controller.opener.is_there(second))
    asked = []
    read = ReviewQueue.read

    def watched(*arguments):
        asked.append((ada.state.task, ada.document))
        return read(*arguments)

    monkeypatch.setattr(ReviewQueue, "read", watched)
    keep_all(ada)
    assert ada.state.task == second
    ada.qtbot.waitUntil(lambda: bool(asked))
    assert asked == [(second, ada.document)]


def test_before_all_is_said_to_be_done_the_queue_is_read_again(ada, elsewhere):
    read_all(elsewhere, "Bob", delete=[0])
    second = ada.state.queue[2].task
    keep_all(ada)
    wait_for(ada, second)
    ada.page.rest.stop()  # as if the second image took no time at all
    keep_all(ada)
    wait_for(ada, open_consensus(elsewhere))
    assert ada.message == ""
    keep_all(ada)
    assert ada.document is None
    assert ada.message == ALL_DONE


def test_who_has_finished_before_the_others_is_not_told_that_all_is_done(ada):
    second = ada.state.queue[2].task
    keep_all(ada)
    wait_for(ada, second)
    keep_all(ada)
    assert ada.document is None
    assert ada.message == ALL_ELSEWHERE


def test_a_difference_that_arose_elsewhere_meanwhile_can_be_opened(ada, elsewhere):
    second = ada.state.queue[2].task
    keep_all(ada)
    wait_for(ada, second)
    keep_all(ada)
    ada.qtbot.waitUntil(lambda: not ada.page.rest.isActive())
    read_all(elsewhere, "Bob", delete=[0])
    consensus = open_consensus(elsewhere)
    assert ada.state.queue.find(consensus.id) is None
    choose_difference(ada)
    wait_for(ada, consensus)
    assert ada.message == ""
    assert "Ada kept it, Bob deleted it" in ada.page.panel.why.text()


def test_a_difference_that_a_reader_has_taken_up_again_says_so(ada, elsewhere):
    read_all(elsewhere, "Bob", delete=[0])
    first, second = ada.state.queue[1].task, ada.state.queue[2].task
    keep_all(ada)
    wait_for(ada, second)
    ada.page.readers.show_differences()
    again = next(
        task
        for task in queue_of(elsewhere, "Bob")
        if task.reader == "Bob" and task.image_id == first.image_id
    )
    ada.qtbot.waitUntil(lambda: not ada.page.rest.isActive())
    reopen(elsewhere, again)
    assert ada.page.controller.refresh()
    click_row(ada.page.readers.view.objects, ada.qtbot, 0)
    assert ada.message == READ_AGAIN
    assert ada.state.task == second


def test_a_reading_taken_up_again_takes_its_consensus_image_out_of_the_queue(ada, elsewhere):
    read_all(elsewhere, "Bob", delete=[0])
    first, second = ada.state.queue[1].task, ada.state.queue[2].task
    keep_all(ada)
    wait_for(ada, second)
    consensus = open_consensus(elsewhere)
    ada.qtbot.waitUntil(lambda: ada.state.queue.find(consensus.id) is not None)
    ada.page.controller.images.go_to(ada.state.queue.find(first.id))
    ada.qtbot.waitUntil(lambda: ada.state.task.id == first.id and ada.document is not None)
    ada.settle()
    ada.selection.look_at_box(ada.document.labels[0].id)
    ada.key(Qt.Key.Key_Q)
    ada.qtbot.waitUntil(lambda: ada.state.queue.find(consensus.id) is None)
    assert ada.state.task.id == first.id
    assert not ada.state.task.is_done
