"""The dock widget: what comes next, opening a project, the person's name, the command gui."""

import napari
import pytest
from sqlalchemy.event import listen

from napari_alc.commands.gui import gui
from napari_alc.errors import AlcError, BadData
from napari_alc.plugin import launch, preferences
from napari_alc.plugin.launch import require_window
from napari_alc.plugin.widget import NAME, show
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.steps.select import select
from running_jobs import pretend


def test_without_a_project_only_the_first_page_is_open(docked):
    _, widget = docked()
    assert "Open a project" in widget.sentence.text()
    assert [widget.tabs.isTabEnabled(page) for page in range(3)] == [True, False, False]
    assert widget.next_button.isHidden()


def test_napari_shows_one_widget_however_often_it_is_asked(docked):
    viewer, widget = docked()
    assert show() is widget
    assert [name for name in viewer.window.dock_widgets if NAME in name] == [f"{NAME} (napari-alc)"]


def test_opening_a_project_leads_to_what_comes_next(docked, fresh):
    _, widget = docked()
    assert widget.open_project(fresh)
    assert widget.sentence.text() == "3 images wait for a pathologist."
    assert widget.tabs.currentWidget() is widget.review_page


def test_the_prominent_button_goes_to_the_next_step(docked, reviewed, qtbot):
    from qtpy.QtCore import Qt

    _, widget = docked()
    widget.open_project(reviewed)
    widget.tabs.setCurrentIndex(0)
    assert widget.next_button.text().startswith("Train and predict")
    qtbot.mouseClick(widget.next_button, Qt.MouseButton.LeftButton)
    assert widget.tabs.currentIndex() == 1
    assert widget.next_button.isHidden()


def test_a_folder_without_a_project_is_told_beside_the_button(docked, tmp_path):
    _, widget = docked()
    assert not widget.open_project(tmp_path)
    assert "there is no napari-alc project here" in widget.project_page.error.text()
    assert not widget.project_page.error.isHidden()
    assert widget.project is None


def test_a_second_project_takes_the_place_of_the_first(docked, fresh, reviewed):
    _, widget = docked()
    widget.open_project(fresh)
    assert widget.open_project(reviewed)
    assert widget.project.folder == reviewed
    assert "train" in widget.sentence.text()


@pytest.fixture
def under_review(docked, fresh, qtbot):
    """The widget with the second image of a project open, its first box kept."""
    _, widget = docked()
    widget.open_project(fresh)
    page = widget.review_page
    page.controller.images.step(1)
    wait_for_image(page, qtbot)
    page.controller.boxes.keep()
    qtbot.waitUntil(lambda: page.canvas.is_settled)
    return widget


def wait_for_image(page, qtbot):
    """Until an image has been seen."""
    qtbot.waitUntil(lambda: page.state.document is not None and page.canvas.is_settled)


def test_the_end_of_a_step_leaves_the_review_as_it_is(under_review):
    page = under_review.review_page
    task, document, left = page.state.task, page.state.document, len(page.state.open_boxes)
    under_review.iterate_page.changed.emit()
    assert page.state.task == task
    assert page.state.task.rank == 1
    assert page.state.document is document
    page.controller.boxes.revert("undo")
    assert len(page.state.open_boxes) == left + 1


def test_a_step_that_hands_out_images_shows_them_in_the_review(docked, predicted, qtbot):
    _, widget = docked()
    widget.open_project(predicted)
    page = widget.review_page
    assert page.state.task is None
    select(widget.project)
    widget.iterate_page.changed.emit()
    qtbot.waitUntil(lambda: page.state.document is not None)
    assert not page.state.task.is_done
    assert "wait for a pathologist" in widget.sentence.text()


def test_another_name_decides_from_now_on_and_the_image_stays(under_review, qtbot):
    page = under_review.review_page
    task, before = page.state.task, page.state.document
    under_review.project_page.person_changed.emit("Dr. Lee")
    wait_for_image(page, qtbot)
    assert page.state.task == task
    assert page.state.document is not before
    box = page.state.open_boxes[0]
    page.controller.boxes.execute(type(before).keep, [box.id])
    names = [page.state.document.boxes[i].person for i in page.state.document.boxes]
    assert names.count("Dr. Lee") == 1
    assert page.state.document.boxes[box.id].person == "Dr. Lee"


QUEUE = "ORDER BY task.step, task.iteration, task.rank, task.reader"
"""Ends the question for the queue."""


def test_finishing_an_image_asks_for_the_queue_once_for_the_status_after_it_is_drawn(
    under_review, qtbot
):
    page, asked = under_review.review_page, []
    page.controller.boxes.execute(ReviewDocument.keep, [box.id for box in page.state.open_boxes])
    first = page.state.task
    engine = under_review.project.store.engine
    listen(engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split())))
    page.controller.images.done()
    qtbot.waitUntil(lambda: page.state.document is not None)
    assert page.state.task != first
    assert not any(QUEUE in statement for statement in asked)
    qtbot.waitSignal(page.changed).wait()
    assert sum(QUEUE in statement for statement in asked) == 1
    assert not any("GROUP BY task.id, region" in statement for statement in asked)
    assert under_review.sentence.text() == "2 images wait for a pathologist."


def test_a_running_step_keeps_its_project_open(docked, fresh, reviewed, monkeypatch):
    pretend(monkeypatch)
    _, widget = docked()
    widget.open_project(reviewed)
    widget.iterate_page.start_next_step()
    assert not widget.open_project(fresh)
    assert widget.project.folder == reviewed
    assert "still running" in widget.project_page.error.text()


def test_the_name_is_the_login_name_until_another_is_given(docked, qtbot, monkeypatch):
    from qtpy.QtCore import Qt

    monkeypatch.setattr("getpass.getuser", lambda: "mlee")
    _, widget = docked()
    field = widget.project_page.person
    assert field.text() == "mlee"
    field.clear()
    qtbot.keyClicks(field, "Dr. Lee")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert preferences.person() == "Dr. Lee"
    _, other = docked()
    assert other.project_page.person.text() == "Dr. Lee"


def test_preferences_are_kept_in_a_file_of_napari(own_settings, fresh):
    preferences.set_person("Dr. Lee")
    preferences.remember_project(fresh)
    text = (own_settings / "napari-alc.yaml").read_text()
    assert "Dr. Lee" in text
    assert str(fresh) in text


def test_projects_that_are_gone_are_no_longer_recent(fresh, reviewed):
    preferences.remember_project(fresh)
    preferences.remember_project(reviewed)
    assert preferences.recent_projects() == (reviewed, fresh)
    (reviewed / "project.toml").unlink()
    assert preferences.recent_projects() == (fresh,)


def test_gui_opens_the_project(module_viewer, fresh, monkeypatch):
    viewer = module_viewer
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    gui(fresh)
    widget = viewer.window.dock_widgets[f"{NAME} (napari-alc)"]
    assert widget.project.folder == fresh
    widget.review_page.controller.set_project(None, "")
    widget.project.close()
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()


def test_gui_tells_of_a_wrong_folder_before_a_window_opens(tmp_path, monkeypatch):
    monkeypatch.setattr(napari, "Viewer", lambda **_: pytest.fail("a window was opened"))
    with pytest.raises(BadData, match="there is no napari-alc project here"):
        gui(tmp_path)


def test_gui_tells_that_there_is_no_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(AlcError, match="There is no display"):
        require_window()


@pytest.mark.parametrize(("missing", "name"), [("napari", "napari"), ("PySide6", "Qt")])
def test_gui_tells_what_to_install(monkeypatch, missing, name):
    others = {"napari"} - {missing}
    monkeypatch.setattr(launch, "find_spec", lambda found: found in others or None)
    with pytest.raises(AlcError, match=rf"^{name} is not installed. Run: pip install"):
        require_window()
