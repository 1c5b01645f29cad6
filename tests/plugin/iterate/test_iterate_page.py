"""The steps by the buttons of the page Iterate, in real child processes."""

import json

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.errors import AlcError
from napari_alc.execution.outcome import SUCCESS, Ending, Outcome
from napari_alc.plugin.iterate import page as iterate_page
from napari_alc.plugin.settings.page import FREE, LOCKED
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps.correct import correct_remaining
from tiny_projects import draw, make_project

LEFT = Qt.MouseButton.LeftButton


pytestmark = pytest.mark.usefixtures("quick_jobs")


@pytest.fixture
def opened(docked):
    def open_(folder):
        viewer, widget = docked()
        assert widget.open_project(folder)
        return viewer, widget, widget.iterate_page

    return open_


def run_next(qtbot, page):
    with qtbot.waitSignal(page.changed):
        qtbot.mouseClick(page.next_button, LEFT)


def texts(table, row):
    model = table.model()
    return [model.data(model.index(row, column)) for column in range(model.columnCount())]


def test_one_click_trains_and_predicts(opened, reviewed, qtbot):
    _, widget, page = opened(reviewed)
    assert page.next_button.text() == "Train and predict"
    assert texts(page.tables.iterations, 0) == ["0", "3", "– / –", "–", "– / –", "– / –"]
    messages = []
    page.background.progressed.connect(lambda _: messages.append(page.job_bar.message.text()))
    run_next(qtbot, page)
    assert any(text.startswith("Training the expert's model (Mp): iteration") for text in messages)
    assert page.error.isHidden()
    assert page.next_button.text() == "Select next images"
    assert "select the next images" in widget.sentence.text()
    assert texts(page.tables.iterations, 0)[:5] == ["0", "3", "8 / 8", "0.50", "– / –"]


def test_selecting_leads_to_review(opened, predicted, qtbot):
    _, widget, page = opened(predicted)
    run_next(qtbot, page)
    assert widget.next_button.text().startswith("Review images")
    assert not page.next_button.isEnabled()


def test_correcting_and_writing_end_with_the_clean_dataset(opened, predicted, qtbot):
    toml = predicted / "project.toml"
    toml.write_text(toml.read_text().replace("iterations = 1\n", "iterations = 0\n"))
    _, widget, page = opened(predicted)
    assert page.next_button.text() == "Correct automatically"
    run_next(qtbot, page)
    review_everything(widget.project, draw(predicted.parent / "again").labels)
    widget.refresh()
    assert page.next_button.text() == "Write clean dataset"
    run_next(qtbot, page)
    assert (predicted / "exports" / "clean.json").is_file()
    assert "clean.json" in page.result.text()
    assert widget.sentence.text().startswith("The clean dataset is written")


def unsettled(folder):
    """Everything is finished, and somebody is unsure about a box."""
    project = Project.open(folder)
    project.change(method={"iterations": 0})
    correct_remaining(project)
    review_everything(project, draw(folder.parent / "again").labels)
    task = queue(project)[-1]
    document = open_document(project, task, "Bob")
    document.mark_unsure([document.labels[0].id])
    finish(project, task, "Bob")
    project.close()


def test_the_blue_button_asks_what_becomes_of_an_unsure_box_and_shows_it(opened, predicted, qtbot):
    unsettled(predicted)
    _, widget, page = opened(predicted)
    page.sections.sections["results"].collapsible.set_open(False)
    qtbot.mouseClick(page.next_button, LEFT)
    qtbot.waitUntil(page.question.isVisible)
    assert not page.is_busy
    remarks = widget.project_page.remarks
    qtbot.mouseClick(page.question.show_them, LEFT)
    qtbot.waitUntil(lambda: remarks.isVisible() and remarks.found is not None)
    assert len(remarks.found.boxes.unsure) == 1
    remarks.close()
    with qtbot.waitSignal(page.changed):
        qtbot.mouseClick(page.question.drop, LEFT)
    assert not page.question.isVisible()
    assert page.error.isHidden()
    sheet = json.loads((predicted / "exports" / "datasheet.json").read_text())
    assert sheet["unsure"] == {"boxes": 1, "rule": "drop"}
    assert "clean.json" in page.result.text()


def test_napari_is_usable_beside_a_training_and_cancel_keeps_the_last_good_state(
    opened, qtbot, tmp_path
):
    project = make_project(tmp_path / "long", iterations=100_000)
    viewer, _, page = opened(project.folder)
    with qtbot.waitSignal(page.background.progressed):
        qtbot.mouseClick(page.next_button, LEFT)
    assert not page.next_button.isEnabled()
    assert page.settings.note.text() == LOCKED
    assert not page.device_box.button.isEnabled()
    layer = viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]])
    assert len(layer.data) == 1
    with qtbot.waitSignal(page.changed):
        qtbot.mouseClick(page.job_bar.cancel, LEFT)
        assert page.job_bar.cancel.text() == "Cancelling…"
        assert not page.job_bar.cancel.isEnabled()
    assert page.result.text().startswith("Cancelled")
    assert page.next_button.isEnabled()
    assert page.settings.note.text() == FREE
    assert page.device_box.button.isEnabled()
    assert status(project).next_step is Step.TRAIN
    assert (project.run_folder(0, "mp") / "checkpoint.pt").is_file()


def test_a_failing_step_says_why_and_shows_its_log_on_demand(opened, predicted, qtbot):
    project = Project.open(predicted)
    project.change(method={"iterations": 0})
    correct_remaining(project)
    review_everything(project, draw(predicted.parent / "again").labels)
    project.close()
    _, _, page = opened(predicted)
    assert page.next_button.text() == "Write clean dataset"
    for image in (predicted.parent / "images").iterdir():
        image.unlink()
    run_next(qtbot, page)
    assert "the image is not there any more" in page.error.text()
    assert not page.error.isHidden()
    assert page.next_button.isEnabled()
    assert page.job_bar.log.isHidden()
    qtbot.mouseClick(page.job_bar.show_log, LEFT)
    assert page.error.text() in page.job_bar.log.toPlainText()
    assert not page.job_bar.log.isHidden()


def test_what_people_decide_is_seen_at_once(opened, fresh):
    _, widget, page = opened(fresh)
    assert page.next_button.text() == "Waiting for Review"
    review_everything(widget.project, draw(fresh.parent / "again").labels)
    widget.review_page.changed.emit()
    assert page.next_button.text() == "Train and predict"
    assert page.next_button.isEnabled()


def test_the_noise_found_is_told_once_images_are_reviewed(opened, fresh, qtbot):
    _, widget, page = opened(fresh)
    assert page.tables.noise.isHidden()
    review_everything(widget.project, draw(fresh.parent / "again").labels)
    page.refresh()
    qtbot.waitUntil(lambda: not page.tables.noise.isHidden())
    right = len(pathologist_labels(widget.project, 0).labels)
    assert texts(page.tables.noise, 0) == ["0", str(right), "0", "0", "0", "0"]


def test_a_setting_changes_what_comes_next_on_every_page(opened, predicted, qtbot):
    _, widget, page = opened(predicted)
    assert page.next_button.text() == "Select next images"
    qtbot.mouseClick(page.settings_section.heading, LEFT)
    assert not page.settings.isHidden()
    field = page.settings.method.fields["iterations"].native
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "0")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert page.next_button.text() == "Correct automatically"
    assert "All iterations are done" in widget.sentence.text()


def test_a_store_that_cannot_be_read_after_a_step_is_told(opened, reviewed, monkeypatch):
    _, _, page = opened(reviewed)

    def refuse(_project):
        raise AlcError("The disk is gone.")

    monkeypatch.setattr(iterate_page, "status", refuse)
    page.background.ended.emit(SUCCESS)
    assert page.error.text() == "The disk is gone."
    page.background.ended.emit(Outcome(Ending.FAILED, "The step crashed."))
    assert page.error.text() == "The step crashed.\nThe disk is gone."


def test_a_step_that_was_found_again_is_told_like_one_that_was_started_here(opened, reviewed):
    _, _, page = opened(reviewed)
    page.background.title = "Train and predict"
    page.background.ended.emit(SUCCESS)
    assert page.result.text() == (
        "Both detectors are trained and have looked at the remaining images."
    )


def test_what_a_step_came_to_is_forgotten_once_more_was_done(opened, predicted, qtbot):
    _, widget, page = opened(predicted)
    run_next(qtbot, page)
    assert page.result.text() == "The next images wait for a pathologist in Review."
    widget.refresh()
    assert page.result.text() == "The next images wait for a pathologist in Review."
    review_everything(widget.project, draw(predicted.parent / "again").labels)
    widget.refresh()
    assert page.result.text() == ""


def test_a_section_opens_when_it_is_its_time(opened, predicted, qtbot):
    _, widget, page = opened(predicted)
    results = page.sections.sections["results"]
    assert not results.collapsible.is_open
    widget.project.change(method={"iterations": 0})
    page.refresh()
    assert page.next_button.text() == "Correct automatically"
    assert results.collapsible.is_open
    qtbot.mouseClick(results.collapsible.heading, LEFT)
    page.refresh()
    assert not results.collapsible.is_open


def test_what_a_section_wants_runs_as_a_job(opened, reviewed, qtbot):
    _, _, page = opened(reviewed)
    with qtbot.waitSignal(page.changed):
        page.sections.wanted.emit(("report", str(reviewed)), "Write report")
        assert not page.next_button.isEnabled()
    assert page.result.text() == "Write report: done."
    assert page.next_button.isEnabled()
