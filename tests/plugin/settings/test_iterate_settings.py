"""The page of the settings, by mouse and keys."""

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_alc.cleaning.regions import Thresholds
from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.errors import AlcError
from napari_alc.plugin.settings.method_form import READINGS
from napari_alc.plugin.settings.page import LOCKED, SettingsPage, require_address
from napari_alc.project.settings import SETTINGS_FILE, read_settings
from tiny_projects import make_project


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def page(project, qtbot):
    page = SettingsPage()
    qtbot.addWidget(page)
    page.set_project(project)
    page.resize(420, 900)
    page.show()
    return page


def type_in(field, text):
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def wheel_over(field):
    QApplication.sendEvent(
        field,
        QWheelEvent(
            QPointF(5, 5),
            field.mapToGlobal(QPointF(5, 5)),
            QPoint(0, 0),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


def test_a_number_of_the_method_is_saved_once_it_is_typed(page, project):
    saved = []
    page.changed.connect(lambda: saved.append(project.settings.method.per_iteration))
    type_in(page.method.fields["per_iteration"].native, "5")
    assert saved == [5]
    assert read_settings(project.folder).method.per_iteration == 5


def test_more_images_a_round_than_the_project_has_are_not_taken(page, project):
    before = (project.folder / SETTINGS_FILE).read_bytes()
    type_in(page.method.fields["per_iteration"].native, "1000")
    problem = page.method.limited["per_iteration"].problem
    assert not problem.isHidden()
    assert "The project has 6 images. It stays 2." in problem.text()
    assert page.method.fields["per_iteration"].value == 2
    assert (project.folder / SETTINGS_FILE).read_bytes() == before


def test_showing_a_project_saves_nothing(page, project):
    before = (project.folder / SETTINGS_FILE).read_bytes()
    page.set_project(project)
    assert (project.folder / SETTINGS_FILE).read_bytes() == before


def test_a_training_that_was_stopped_is_told_where_settings_would_end_it(page, project):
    assert page.stopped.isHidden()
    folder = project.run_folder(0, "ma")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.pt").touch()
    page.refresh()
    assert "begins anew" in page.stopped.text()
    (folder / "checkpoint.pt").unlink()
    page.refresh()
    assert page.stopped.isHidden()


def test_the_score_threshold_is_found_by_itself_or_set(page, project, qtbot):
    qtbot.mouseClick(page.method.thresholds.heading, Qt.MouseButton.LeftButton)
    tau = page.method.fields["tau"].native
    assert tau.text() == "automatic"
    type_in(tau, "0.4")
    assert project.settings.method.tau == 0.4
    tau.setFocus()
    QTest.keyClick(tau, Qt.Key.Key_PageDown)
    while tau.text() != "automatic":
        QTest.keyClick(tau, Qt.Key.Key_PageDown)
    assert project.settings.method.tau == -1.0


def test_the_strategy_is_one_of_the_registry(page, project):
    strategy = page.method.fields["strategy"].native
    strategy.setFocus()
    QTest.keyClick(strategy, Qt.Key.Key_End)
    assert strategy.currentText() == list(STRATEGIES.values())[-1].title
    assert project.settings.method.strategy == list(STRATEGIES)[-1]


def test_readings_of_the_method_are_chosen_in_words(page, project, qtbot):
    form = page.method
    assert not form.fields["matching"].native.isVisible()
    qtbot.mouseClick(form.readings.heading, Qt.MouseButton.LeftButton)
    for name in READINGS:
        QTest.keyClick(form.fields[name].native, Qt.Key.Key_Down)
    thresholds = read_settings(project.folder).method.thresholds(0.5)
    assert thresholds == Thresholds(
        matching="one-to-one",
        gray_without_mp="crowd",
        green_argmax="literal",
        green_score_from_all=False,
    )


def test_the_wheel_scrolls_the_page_and_changes_no_field(page, project):
    page.cluster.setFocus()
    for name in ("per_iteration", "strategy", "gamma"):
        wheel_over(page.method.fields[name].native)
    wheel_over(page.detector.preset)
    assert project.settings == read_settings(project.folder)
    assert project.settings.method.per_iteration == 2
    assert project.settings.method.gamma == 0.8
    assert page.detector.preset.currentData() == "compact"


def test_the_wheel_changes_the_number_that_was_clicked(page, project, qtbot):
    field = page.method.fields["per_iteration"].native
    page.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    wheel_over(field)
    assert project.settings.method.per_iteration == 3


def test_the_clusters_address_is_saved(page, project):
    type_in(page.cluster, "tcp://lab:8786")
    assert read_settings(project.folder).cluster.address == "tcp://lab:8786"


def test_what_is_no_address_is_refused_beside_the_field(page, project):
    type_in(page.cluster, "the big computer")
    assert "tcp://host:8786" in page.cluster_problem.text()
    assert page.cluster_problem.isVisible()
    assert project.settings.cluster.address == ""


@pytest.mark.parametrize("address", ["", "tcp://h:1", "tls://10.0.0.1:8786", "h:8786"])
def test_an_address_is_taken(address):
    require_address(address)


@pytest.mark.parametrize("address", ["h", "tcp://h", "tcp://:1", "://h:1", "tcp://h:port"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(AlcError, match="Write the address"):
        require_address(address)


def test_a_locked_page_takes_nothing_says_why_and_can_be_looked_at(page, project, qtbot):
    page.set_locked(True)
    assert page.note.text() == LOCKED
    type_in(page.method.fields["per_iteration"].native, "5")
    type_in(page.cluster, "tcp://lab:8786")
    assert project.settings == read_settings(project.folder)
    assert project.settings.method.per_iteration == 2
    qtbot.mouseClick(page.detector.advanced.heading, Qt.MouseButton.LeftButton)
    assert page.detector.numbers["iterations"].isVisible()
    assert not page.detector.numbers["iterations"].isEnabled()
    page.set_locked(False)
    type_in(page.method.fields["per_iteration"].native, "5")
    assert project.settings.method.per_iteration == 5


def test_a_setting_that_cannot_be_saved_is_told(page, project):
    (project.folder / SETTINGS_FILE).unlink()
    type_in(page.method.fields["per_iteration"].native, "5")
    assert "project.toml is missing" in page.method.problem.text()
