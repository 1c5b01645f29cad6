"""Making a project by hand, and work beside the window."""

from threading import Event

import pytest
from qtpy.QtCore import Qt

from napari_alc.execution.outcome import SUCCESS, Ending
from napari_alc.formats.coco import write_coco
from napari_alc.plugin.project.source_preview import (
    OF_CROWD,
    OF_EXPERT,
    Inputs,
    first_images_words,
    look,
)
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Progress
from tiny_projects import draw

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(docked):
    _, widget = docked()
    return widget.project_page


@pytest.fixture
def labels(tmp_path):
    """Images in ``images`` and labels of them in ``crowd.json``."""
    truth = draw(tmp_path / "images")
    write_coco(tmp_path / "crowd.json", truth)
    return tmp_path


def enter(qtbot, row, path):
    row.line.clear()
    qtbot.keyClicks(row.line, str(path))
    qtbot.keyClick(row.line, Qt.Key.Key_Return)


def fill(qtbot, page, images, crowd):
    qtbot.mouseClick(page.new_button, LEFT)
    form = page.new_project
    enter(qtbot, form.images, images)
    enter(qtbot, form.crowd, crowd)
    qtbot.waitUntil(lambda: not form.background.is_busy)
    return form


def test_what_was_found_is_shown_before_the_project_is_made(page, labels, qtbot):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    assert form.preview.text().splitlines() == [
        "Folder: 6 images.",
        "Crowd: 15 boxes in 6 images; categories: square.",
    ]
    assert form.create_button.isEnabled()
    assert not (labels / "images cleaning").exists()


def colours_of(label):
    image = label.pixmap().toImage()
    places = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return {image.pixelColor(x, y).name() for x, y in places}


def test_one_image_is_shown_with_its_labels(page, labels, qtbot):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    qtbot.waitUntil(form.picture.isVisible)
    assert OF_CROWD.colour in colours_of(form.picture)
    assert OF_EXPERT.colour not in colours_of(form.picture)
    write_coco(labels / "expert.json", draw(labels / "again").of_images([4]))
    enter(qtbot, form.clean, labels / "expert.json")
    qtbot.waitUntil(lambda: not form.background.is_busy and form.create_button.isEnabled())
    assert OF_EXPERT.colour in colours_of(form.picture)
    enter(qtbot, form.crowd, labels / "none.json")
    assert form.picture.isHidden()


def test_an_example_that_cannot_be_shown_is_told_and_hinders_nothing(page, labels, qtbot):
    image = labels / "images" / "squares_1.tif"
    image.write_bytes(image.read_bytes()[:-20])
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    assert "squares_1.tif: " in form.preview.text()
    assert form.picture.isHidden()
    assert form.create_button.isEnabled()


def test_it_is_said_when_nearly_all_images_would_be_first_images(page, labels, qtbot):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    assert form.first_images.text() == (
        "All 6 images would be first images, which the pathologists label whole: none is left for "
        "the detectors to clean. Set First images to fewer, such as 2."
    )
    form.initial.setValue(5)
    assert form.first_images.text().startswith("5 of 6 images would be first images")
    assert "only 1 is left" in form.first_images.text()
    form.initial.setValue(4)
    assert form.first_images.isHidden()


@pytest.mark.parametrize(
    ("use", "expert", "initial", "said"),
    [
        ("initial", 2, 40, ""),
        ("initial", 6, 1, "All 6 images would be first images, as the expert labels list them"),
        ("initial", 5, 1, "5 of 6 images would be first images, as the expert labels list them"),
        ("validation", 2, 3, ""),
        ("validation", 2, 4, "All 4 images would be first images, which the pathologists label"),
        ("validation", 5, 9, "All 1 image would be first images"),
    ],
)
def test_first_images_are_counted_as_the_project_will_have_them(labels, use, expert, initial, said):
    write_coco(labels / "expert.json", draw(labels / "again").of_images(range(1, expert + 1)))
    inputs = Inputs(labels / "images", labels / "crowd.json", labels / "expert.json", use)
    words = first_images_words(look(inputs).sources, initial)
    assert words.startswith(said) if said else not words


def test_a_project_is_made_and_opened(page, labels, qtbot):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    enter(qtbot, form.folder, labels / "study")
    form.initial.setValue(2)
    with qtbot.waitSignal(page.chosen) as chosen:
        qtbot.mouseClick(form.create_button, LEFT)
    assert chosen.args == [labels / "study"]
    assert "6 images" in page.facts.text()
    assert "First images: 2; rounds after them: 4" in page.facts.text()
    assert page.recent.item(0).text().startswith("study")


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_detector_whose_weights_are_missing_is_grayed_with_the_reason(
    docked, monkeypatch, is_installed
):
    name = "napari_alc.plugin.project.new_project_form.is_pretrained_installed"
    monkeypatch.setattr(name, lambda: is_installed)
    _, widget = docked()
    choice = widget.project_page.new_project.detector
    item = choice.model().item(choice.findData("lite0"))
    assert item.isEnabled() is is_installed
    assert ("napari-alc[pretrained]" in item.toolTip()) is not is_installed


def test_a_folder_without_images_is_told_in_the_form(page, labels, qtbot, tmp_path):
    (tmp_path / "empty").mkdir()
    form = fill(qtbot, page, tmp_path / "empty", labels / "crowd.json")
    assert "holds no images" in form.error.text()
    assert not form.create_button.isEnabled()
    enter(qtbot, form.images, labels / "images")
    qtbot.waitUntil(form.create_button.isEnabled)
    assert form.error.isHidden()


def test_an_image_that_is_missing_is_told_in_the_form(page, labels, qtbot):
    (labels / "images" / "squares_2.tif").unlink()
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    assert "'squares_2.tif', which is not in" in form.error.text()


def test_a_folder_that_holds_a_project_is_told_in_the_form(page, labels, qtbot, fresh):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    enter(qtbot, form.folder, fresh)
    qtbot.mouseClick(form.create_button, LEFT)
    qtbot.waitUntil(lambda: not form.background.is_busy)
    assert "there is a project already" in form.error.text()
    assert page.currentIndex() == 1


def test_expert_labels_can_be_the_first_images(page, labels, qtbot):
    truth = draw(labels / "again")
    write_coco(labels / "expert.json", truth.of_images([1, 4]))
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    assert not form.clean_use.isEnabled()
    enter(qtbot, form.clean, labels / "expert.json")
    form.clean_use.setCurrentText("the first images")
    qtbot.waitUntil(lambda: not form.background.is_busy and form.create_button.isEnabled())
    assert "Expert: 5 boxes in 2 images" in form.preview.text()
    with qtbot.waitSignal(page.chosen):
        qtbot.mouseClick(form.create_button, LEFT)
    assert "6 images" in page.facts.text()


def test_the_labels_looked_at_last_are_those_that_were_entered_last(page, labels, qtbot):
    form = fill(qtbot, page, labels / "images", labels / "none.json")
    enter(qtbot, form.crowd, labels / "other.json")
    enter(qtbot, form.crowd, labels / "crowd.json")
    qtbot.waitUntil(form.create_button.isEnabled)
    assert "15 boxes" in form.preview.text()


def test_a_recent_project_opens_by_one_click_and_a_second_one_opens_no_other(
    page, qtbot, fresh, reviewed
):
    page.chosen.emit(fresh)
    page.chosen.emit(reviewed)
    opened = []
    page.chosen.connect(opened.append)
    where = page.recent.visualItemRect(page.recent.item(1)).center()
    qtbot.mouseClick(page.recent.viewport(), LEFT, pos=where)
    assert opened == [fresh]
    assert page.recent.item(0).text().startswith(fresh.name)
    qtbot.mouseDClick(page.recent.viewport(), LEFT, pos=where)
    assert opened == [fresh]


def test_what_was_wrong_with_one_folder_is_not_told_of_the_next(page, labels, qtbot, fresh):
    form = fill(qtbot, page, labels / "images", labels / "crowd.json")
    qtbot.waitUntil(form.create_button.isEnabled)
    enter(qtbot, form.folder, fresh)
    qtbot.mouseClick(form.create_button, LEFT)
    qtbot.waitUntil(lambda: "there is a project already" in form.error.text())
    enter(qtbot, form.folder, fresh.parent / "another")
    assert form.error.text() == ""


@pytest.fixture
def background(qtbot):
    from qtpy.QtWidgets import QWidget

    owner = QWidget()
    qtbot.addWidget(owner)
    yield Background(owner)
    del owner  # until here it must live


def test_work_tells_its_progress_and_its_end(background, qtbot):
    seen = []
    background.progressed.connect(seen.append)

    def job(report, _should_stop):
        report(Progress("create", 1, 2))
        return SUCCESS

    with qtbot.waitSignal(background.ended) as ended:
        background.start(job, "Work")
    assert ended.args == [SUCCESS]
    assert seen == [Progress("create", 1, 2)]


def test_work_may_end_while_its_progress_is_drawn(background, qtbot, monkeypatch):
    drawn = []

    class Bar:
        n = total = 0

        def set_description(self, words):
            drawn.append(words)
            qtbot.waitUntil(lambda: not background.is_busy)

        def close(self):
            drawn.append("closed")

    monkeypatch.setattr("napari_alc.plugin.widgets.workers.ActivityBar", lambda **_options: Bar())

    def job(report, _should_stop):
        report(Progress("create", 1, 2))
        return SUCCESS

    with qtbot.waitSignal(background.ended):
        background.start(job, "Work")
    qtbot.waitUntil(lambda: len(drawn) == 2)
    assert drawn[-1] == "closed"


def test_work_that_is_cancelled_stops(background, qtbot):
    def job(_report, should_stop):
        while not should_stop():
            Event().wait(0.01)
        return SUCCESS

    background.start(job, "Work")
    with qtbot.waitSignal(background.ended):
        background.cancel()
    assert not background.is_busy


def test_work_with_an_unknown_error_ends_as_failed(background, qtbot):
    def job(_report, _should_stop):
        raise ZeroDivisionError

    with qtbot.captureExceptions() as shown, qtbot.waitSignal(background.ended) as ended:
        background.start(job, "Work")
    assert ended.args[0].ending is Ending.FAILED
    # Where there is a viewer, napari's own note of the error fails with a TypeError after it.
    assert shown[0][0] is ZeroDivisionError


def test_only_one_piece_of_work_runs_at_a_time(background, qtbot):
    def job(_report, should_stop):
        while not should_stop():
            Event().wait(0.01)
        return SUCCESS

    background.start(job, "Work")
    with pytest.raises(RuntimeError):
        background.start(job, "More work")
    with qtbot.waitSignal(background.ended):
        background.cancel()
