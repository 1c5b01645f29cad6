"""Preview, dataset and report by the mouse."""

from __future__ import annotations

import shutil

import pytest
from qtpy.QtCore import QPoint, Qt, QThreadPool, QUrl
from qtpy.QtGui import QDesktopServices

from napari_alc.errors import BadData
from napari_alc.plugin.iterate import unsure_question
from napari_alc.plugin.iterate.correction_preview import LOOKING
from napari_alc.plugin.iterate.results_panel import NOT_SETTLED, ResultsPanel, written_words
from napari_alc.plugin.iterate.unsure_question import question_words
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.export.export import FORMATS, export
from napari_alc.project.project import Project
from napari_alc.project.reporting.html_report import report_file, write_report
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step
from napari_alc.project.steps.correct import correct_remaining
from patience import PATIENCE
from tiny_projects import draw

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(on_screen):
    return on_screen(ResultsPanel())


@pytest.fixture
def to_correct(predicted):
    """A project whose iterations are done."""
    toml = predicted / "project.toml"
    toml.write_text(toml.read_text().replace("iterations = 1\n", "iterations = 0\n"))
    project = Project.open(predicted)
    yield project
    project.close()


@pytest.fixture
def settled(to_correct):
    correct_remaining(to_correct)
    review_everything(to_correct, draw(to_correct.folder.parent / "again").labels)
    return to_correct


def tick(qtbot, box):
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def test_what_will_change_is_shown_before_it_is_done(panel, to_correct, qtbot):
    panel.set_project(to_correct)
    assert not panel.preview.lines.isVisible()
    with qtbot.waitSignal(panel.preview.looked):
        qtbot.mouseClick(panel.preview.look, LEFT)
        assert panel.preview.summary.text() == LOOKING
        assert not panel.preview.look.isEnabled()
    numbers = [int(label.text()) for label in panel.preview.numbers]
    done = correct_remaining(to_correct)
    assert numbers[0] + numbers[2] == done.automatic
    assert (numbers[1], numbers[3]) == (done.replaced, done.removed)
    assert numbers[4] + numbers[5] == done.review
    assert f"{done.automatic} labels are settled" in panel.preview.summary.text()
    assert panel.preview.look.isEnabled()


def measure(project, value):
    with project.store.transaction() as unit:
        for model in ("mp", "ma"):
            unit.runs.set_metrics(0, model, {"validation_AP50": value})


def test_the_numbers_that_a_correction_rests_on_are_shown_before_it(panel, to_correct, qtbot):
    measure(to_correct, 91.2)
    with qtbot.waitSignal(panel.grounds.shown):
        panel.set_project(to_correct)
    told = panel.grounds.numbers.text()
    assert "the expert's model (Mp) 91.2 and the shared model (Ma) 91.2 AP50" in told
    assert "not audited" in told
    assert not panel.grounds.advice.isVisible()


@pytest.mark.parametrize(("value", "why"), [(31.5, "has 31.5"), (None, "no AP50")])
def test_an_audit_is_recommended_where_the_numbers_are_poor(panel, to_correct, qtbot, value, why):
    if value is not None:
        measure(to_correct, value)
    with qtbot.waitSignal(panel.grounds.shown):
        panel.set_project(to_correct)
    assert "An audit is recommended before the correction" in panel.grounds.advice.text()
    assert why in panel.grounds.advice.text()
    correct_remaining(to_correct)
    panel.refresh()
    assert panel.grounds.advice.text() == ""


def test_the_pictures_fill_the_width_and_keep_their_shape(panel, to_correct, qtbot):
    labels = draw(to_correct.folder.parent / "again").labels
    with to_correct.store.begin() as connection:
        connection.exec_driver_sql("UPDATE box SET x1 = x1 + 40, x2 = x2 + 40 WHERE id > 12")
    assert len(labels) > 12
    panel.set_project(to_correct)
    with qtbot.waitSignal(panel.preview.looked):
        qtbot.mouseClick(panel.preview.look, LEFT)
    picture = panel.preview.picture
    assert picture.isVisible()
    wide = picture.pixmap().width(), picture.pixmap().height()
    assert wide[0] <= picture.width() == panel.preview.width()
    assert picture.height() == wide[1]
    panel.resize(300, 700)
    qtbot.waitUntil(lambda: picture.pixmap().width() < wide[0])
    narrow = picture.pixmap().width(), picture.pixmap().height()
    assert narrow[0] / narrow[1] == pytest.approx(wide[0] / wide[1], rel=0.02)


def test_correcting_is_asked_for_and_the_preview_is_forgotten_afterwards(panel, to_correct, qtbot):
    panel.set_project(to_correct)
    with qtbot.waitSignal(panel.preview.looked):
        qtbot.mouseClick(panel.preview.look, LEFT)
    with qtbot.waitSignal(panel.wanted) as asked:
        qtbot.mouseClick(panel.correct, LEFT)
    assert asked.args == [Step.CORRECT, "Correct automatically"]
    correct_remaining(to_correct)
    panel.refresh()
    assert not panel.correction.isVisible()
    assert not panel.preview.lines.isVisible()


def test_a_preview_that_fails_says_why(panel, to_correct, qtbot):
    panel.set_project(to_correct)
    shutil.rmtree(to_correct.run_folder(0, "mp") / "detections")
    with qtbot.waitSignal(panel.preview.looked):
        qtbot.mouseClick(panel.preview.look, LEFT)
    assert "is missing or damaged on the disk" in panel.preview.error.text()
    assert panel.preview.error.isVisible()
    assert panel.preview.look.isEnabled()


def test_between_iterations_one_may_look_but_not_correct(panel, predicted):
    project = Project.open(predicted)
    panel.set_project(project)
    assert panel.preview.look.isVisible()
    assert not panel.correct.isVisible()
    panel.set_project(None)
    project.close()


def test_formats_are_ticked_and_the_dataset_is_asked_for(panel, settled, qtbot):
    panel.set_project(settled)
    tick(qtbot, panel.formats["yolo"])
    with qtbot.waitSignal(panel.wanted) as asked:
        qtbot.mouseClick(panel.write, LEFT)
    command, title = asked.args
    assert command == (
        "export", str(settled.folder), "--format", "coco", "--format", "yolo",
    )  # fmt: skip
    assert title == "Write clean dataset"
    for name in ("coco", "yolo"):
        tick(qtbot, panel.formats[name])
    assert not panel.write.isEnabled()
    assert str(settled.exports_folder) in panel.dataset_words.text()


def test_labels_that_are_not_settled_are_not_written(panel, to_correct):
    panel.set_project(to_correct)
    assert not panel.write.isEnabled()
    assert panel.dataset_words.text() == NOT_SETTLED


def test_the_report_is_asked_for_and_opened(panel, to_correct, qtbot, monkeypatch):
    opened = []

    def open_url(url):
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    panel.set_project(to_correct)
    assert not panel.open.isEnabled()
    with qtbot.waitSignal(panel.wanted) as asked:
        qtbot.mouseClick(panel.report, LEFT)
    assert asked.args == [("report", str(to_correct.folder)), "Write report"]
    path = write_report(to_correct)
    panel.refresh()
    assert str(path) in panel.report_words.text()
    qtbot.mouseClick(panel.open, LEFT)
    assert opened == [QUrl.fromLocalFile(str(report_file(to_correct)))]
    assert not panel.error.isVisible()
    qtbot.mouseClick(panel.open, LEFT)
    assert f"Open it by hand: {path}" in panel.error.text()


def test_folders_of_what_was_written_are_opened(panel, settled, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    panel.set_project(settled)
    assert not panel.dataset_folder.isVisible()
    assert not panel.report_folder.isVisible()
    written = export(settled), write_report(settled)
    panel.refresh()
    for button in (panel.dataset_folder, panel.report_folder):
        qtbot.mouseClick(button, LEFT)
    assert opened == [str(path.parent) for path in written]
    assert panel.report_folder.text() == "No program opened it"


def test_nothing_is_started_beside_a_running_job(panel, settled):
    panel.set_project(settled)
    panel.set_locked(True)
    assert not panel.write.isEnabled()
    assert not panel.report.isEnabled()
    panel.set_locked(False)
    assert panel.write.isEnabled()


def test_what_was_looked_for_in_another_project_is_not_shown(panel, to_correct, qtbot, qapp):
    panel.set_project(to_correct)
    with qtbot.assertNotEmitted(panel.preview.looked):
        qtbot.mouseClick(panel.preview.look, LEFT)
        panel.set_project(None)
        assert QThreadPool.globalInstance().waitForDone(1000 * PATIENCE)
        qapp.processEvents()
    assert not panel.preview.lines.isVisible()
    assert not panel.preview.look.isEnabled()


def test_the_formats_written_last_are_ticked_and_named(panel, settled, qtbot):
    panel.set_project(settled)
    assert [name for name, box in panel.formats.items() if box.isChecked()] == ["coco"]
    assert written_words(settled) == ""
    path = export(settled)
    assert written_words(settled) == str(path)
    export(settled, formats=("voc", "yolo"))
    assert written_words(settled) == f"Pascal VOC and YOLO in {settled.exports_folder}"
    panel.set_project(settled)
    assert panel.export_command[2:] == ("--format", "voc", "--format", "yolo")
    export(settled, formats=FORMATS)
    assert written_words(settled).startswith("COCO, Pascal VOC and YOLO in ")
    for name in ("voc", "yolo"):
        tick(qtbot, panel.formats[name])
    assert panel.export_command == ()


@pytest.fixture
def unsure(settled):
    """The ids of two boxes about which somebody was unsure; every image is finished."""
    task = queue(settled)[-1]
    document = open_document(settled, task, "Bob")
    boxes = [box.id for box in document.labels[:2]]
    document.mark_unsure(boxes)
    finish(settled, task, "Bob")
    return boxes


def asked(panel, qtbot):
    """Press the button and wait for the question."""
    qtbot.mouseClick(panel.write, LEFT)
    qtbot.waitUntil(panel.question.isVisible)


@pytest.mark.parametrize("rule", ["keep", "drop"])
def test_before_the_dataset_is_written_it_is_asked_what_becomes_of_unsure_boxes(
    panel, settled, unsure, qtbot, rule
):
    panel.set_project(settled)
    assert not panel.question.isVisible()
    with qtbot.assertNotEmitted(panel.wanted):
        asked(panel, qtbot)
    assert panel.question.sentence.text() == (
        f"{len(unsure)} boxes are unsure and nobody has settled them. What becomes of them?"
    )
    tick(qtbot, panel.formats["voc"])  # counts, though ticked after the question
    with qtbot.waitSignal(panel.wanted) as told:
        qtbot.mouseClick(getattr(panel.question, rule), LEFT)
    command, title = told.args
    assert command[2:] == ("--format", "coco", "--format", "voc", "--unsure", rule)
    assert title == "Write clean dataset"
    assert not panel.question.isVisible()


def test_unsure_boxes_can_be_looked_at_and_the_question_stays(panel, settled, unsure, qtbot):
    assert unsure
    panel.set_project(settled)
    asked(panel, qtbot)
    with qtbot.waitSignal(panel.question.list_wanted):
        qtbot.mouseClick(panel.question.show_them, LEFT)
    assert panel.question.isVisible()
    with qtbot.assertNotEmitted(panel.wanted):
        qtbot.mouseClick(panel.question.not_now, LEFT)
    assert not panel.question.isVisible()
    assert panel.write.isEnabled()


@pytest.mark.parametrize("what", ["lock", "no format", "another project"])
def test_nothing_is_asked_any_more_when_nothing_can_be_written(panel, settled, unsure, qtbot, what):
    assert unsure
    panel.set_project(settled)
    asked(panel, qtbot)
    if what == "lock":
        panel.set_locked(True)
    elif what == "no format":
        tick(qtbot, panel.formats["coco"])
    else:
        panel.set_project(None)
    assert not panel.question.isVisible()


def test_a_question_that_cannot_be_put_says_why(panel, settled, qtbot, monkeypatch):
    def refuse(_):
        raise BadData("project.db", "the database refused (database is locked)", "Try again")

    panel.set_project(settled)
    monkeypatch.setattr(unsure_question, "remarked_boxes", refuse)
    asked(panel, qtbot)
    assert "database is locked" in panel.question.error.text()
    assert not panel.question.keep.isVisible()
    monkeypatch.undo()
    with qtbot.waitSignal(panel.wanted):
        qtbot.mouseClick(panel.write, LEFT)
    assert not panel.question.isVisible()


def test_one_box_is_spoken_of_as_one():
    assert question_words(1) == "1 box is unsure and nobody has settled it. What becomes of it?"


def test_nothing_in_the_question_is_cut_off(panel, settled, unsure, qtbot):
    assert unsure
    panel.set_project(settled)
    asked(panel, qtbot)
    question = panel.question
    assert question.sentence.height() >= question.sentence.heightForWidth(question.sentence.width())
    for button in (question.keep, question.drop, question.show_them, question.not_now):
        assert button.width() >= button.sizeHint().width()
        assert question.rect().contains(button.mapTo(question, button.rect().bottomRight()))
