"""The form of the detector, by mouse and keys."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.plugin.settings.detector_form import OTHER, DetectorForm
from napari_alc.project.settings import SETTINGS_FILE
from tiny_projects import make_project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def form(project, qtbot):
    def show():
        form.show_detector(project.settings)

    def save(changes):
        project.change(detector=changes)
        show()

    form = DetectorForm(save)
    qtbot.addWidget(form)
    show()
    form.resize(400, 700)
    form.show()
    return form


def choose(box, text):
    """Open a list and take an entry with the keys, as a person does."""
    box.setFocus()
    while box.currentText() != text:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() != before, f"{text} cannot be reached"


def type_in(field, text):
    field.line.setFocus()
    field.line.selectAll()
    QTest.keyClicks(field.line, text) if text else QTest.keyClick(field.line, Qt.Key.Key_Delete)
    QTest.keyClick(field.line, Qt.Key.Key_Return)


def open_advanced(form, qtbot):
    qtbot.mouseClick(form.advanced.heading, LEFT)
    assert form.numbers["epochs"].isVisible()


def test_advanced_numbers_are_folded_away_until_they_are_asked_for(form, qtbot):
    assert not form.numbers["epochs"].isVisible()
    assert form.advanced.heading.text() == "Advanced (2 changed)"
    open_advanced(form, qtbot)
    assert form.numbers["iterations"].line.text() == "6"
    assert form.numbers["batch_size"].line.placeholderText() == "as the preset: 2"


def test_a_number_is_saved_as_soon_as_it_is_entered(form, project, qtbot):
    open_advanced(form, qtbot)
    type_in(form.numbers["batch_size"], "3")
    assert "batch_size = 3" in (project.folder / SETTINGS_FILE).read_text(encoding="utf-8")
    assert form.advanced.heading.text() == "Advanced (3 changed)"
    type_in(form.numbers["batch_size"], "")
    assert "batch_size" not in project.settings.detector.given


def test_a_wrong_number_is_refused_beside_its_field_and_not_saved(form, project, qtbot):
    open_advanced(form, qtbot)
    field = form.numbers["iterations"]
    type_in(field, "0")
    assert field.problem.isVisible()
    assert field.problem.text() == "Enter a whole number, 1 or more, or leave it empty."
    assert project.settings.detector.iterations == 6
    type_in(field, "8")
    assert not field.problem.isVisible()
    assert project.settings.detector.iterations == 8


def test_a_preset_is_taken_with_its_own_numbers(form, project, qtbot):
    open_advanced(form, qtbot)
    assert form.preset.currentText().startswith("Compact")
    form.preset.setFocus()
    QTest.keyClick(form.preset, Qt.Key.Key_Home)
    assert project.settings.detector.preset == "resnet50"
    assert form.numbers["learning_rate"].line.placeholderText() == "as the preset: 0.01"
    assert form.weights.currentText() == "ImageNet"
    assert not form.other.isVisible()


def test_any_other_detector_of_torchvision_can_be_named(form, project):
    choose(form.preset, OTHER)
    assert form.other.isVisible()
    choose(form.other, "retinanet_resnet50_fpn")
    assert project.settings.detector.preset == "retinanet_resnet50_fpn"


def test_a_detector_that_the_program_does_not_list_stays_what_it_is(form, project):
    project.change(detector={"preset": "newer_detector"})
    form.show_detector(project.settings)
    assert form.preset.currentText() == OTHER
    assert form.other.currentText() == "newer_detector"


def test_the_compact_network_offers_no_imagenet_weights(form, project):
    assert "neither internet" in form.weights_words.text()
    form.weights.setFocus()
    QTest.keyClick(form.weights, Qt.Key.Key_Home)
    assert form.weights.currentText() == "A file"
    assert "weights" not in project.settings.detector.given


def test_weights_from_a_file_are_stored_once_the_file_is_chosen(form, project, tmp_path):
    form.weights.setFocus()
    choose(form.weights, "None (from scratch)")
    QTest.keyClick(form.weights, Qt.Key.Key_Up)
    assert form.weights.currentText() == "A file"
    assert form.file.isVisible()
    assert "weights" not in project.settings.detector.given
    form.file.set_path(tmp_path / "absent.pt")
    assert "There is no file" in form.weights_problem.text()
    (tmp_path / "w.pt").write_bytes(b"")
    form.file.set_path(tmp_path / "w.pt")
    assert project.settings.detector.weights == str((tmp_path / "w.pt").resolve())
    assert not form.weights_problem.isVisible()


def test_back_to_the_presets_own_empties_every_field(form, project, qtbot):
    qtbot.mouseClick(form.back, LEFT)
    assert project.settings.detector.given == {"preset": "compact"}
    assert form.numbers["iterations"].line.text() == ""
    assert form.advanced.heading.text() == "Advanced"
    assert not form.back.isEnabled()


def test_a_file_that_cannot_be_written_is_told_beside_the_field(form, project, qtbot):
    open_advanced(form, qtbot)
    (project.folder / SETTINGS_FILE).write_text("format = 1\n", encoding="utf-8")
    type_in(form.numbers["epochs"], "3")
    assert "'images' is missing" in form.numbers["epochs"].problem.text()
