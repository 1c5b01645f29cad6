"""What every test of the plugin needs: settings of its own, and a docked widget."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import pytest
import torchvision  # noqa: F401  (loaded after a window's OpenGL, which no program does, it crashes)
from review_driver import Driver, docked_page, shared_viewer

from napari_alc.errors import BadData
from napari_alc.execution.job_folder import last_jobs
from patience import PATIENCE
from running_jobs import at_ordinary_priority, end_all
from tiny_projects import make_project, pretend_predicted

MUCH_GARBAGE = 100_000
"""Objects made since the last search for garbage that are worth another one."""


@pytest.fixture(scope="session", autouse=True)
def _frozen():
    """What is loaded once and for all is no longer searched for garbage.

    Every viewer of a test is followed by such searches, each of which took a third of a second.
    """
    import napari.qt  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _shaders_read_once():
    """The text of a shader is read once, though every test makes layers that have it anew."""
    from vispy.gloo import glir
    from vispy.gloo.program import Program

    read, variables = Program._parse_variables_from_code, {}

    def remember(program, update_variables=True):
        code = tuple(shader.code for shader in program._shaders)
        if code not in variables:
            read(program, update_variables=False)
            variables[code] = program._code_variables
        program._code_variables = dict(variables[code])
        if update_variables:
            program._process_pending_variables()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "_parse_variables_from_code", remember)
        patch.setattr(glir, "_convert_desktop_shader", cache(glir._convert_desktop_shader))
        yield


@pytest.fixture(autouse=True)
def garbage_in_the_main_thread():
    """While a test runs, no thread that reads or asks collects what is left of windows.

    Python searches for garbage in whichever thread makes the next object. Widgets, and what draws
    on them, that are taken apart beside the main thread have crashed the process.
    """
    gc.disable()
    yield
    gc.enable()
    if gc.get_count()[0] > MUCH_GARBAGE:
        gc.collect()


@pytest.fixture
def qtbot(qtbot):
    """pytest-qt's, which waits as long as a busy machine needs."""
    for wait in ("waitUntil", "waitSignal", "waitSignals", "waitExposed"):
        setattr(qtbot, wait, partial(getattr(qtbot, wait), timeout=1000 * PATIENCE))
    return qtbot


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path_factory):
    """Plugin settings in a temporary folder: a test neither reads nor changes the person's."""
    from napari import settings

    folder = tmp_path_factory.mktemp("settings")
    monkeypatch.setattr(settings, "_CFG_PATH", str(folder / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield folder
    settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def own_samples(monkeypatch, tmp_path):
    """Sample projects in a temporary folder."""
    from napari_alc.plugin import sample_data

    monkeypatch.setattr(sample_data, "samples_folder", lambda: tmp_path / "samples")


@pytest.fixture(autouse=True)
def own_activity_file(monkeypatch, tmp_path_factory):
    """What is done in the tests' windows holds up no computation outside the test."""
    from napari_alc.execution import yield_to_user

    file = tmp_path_factory.mktemp("activity") / "user-activity"
    monkeypatch.setattr(yield_to_user, "activity_file", lambda: file)
    return file


@pytest.fixture(autouse=True)
def ordinary_priority(monkeypatch):
    """Computations that a window starts are not kept waiting by other tests."""
    at_ordinary_priority(monkeypatch)


@pytest.fixture(scope="module")
def module_viewer(qapp, tmp_path_factory):  # noqa: ARG001
    """A viewer shared by the tests of a module: each of its own would take most of their time."""
    with shared_viewer(tmp_path_factory.mktemp("settings")) as viewer:
        yield viewer


@pytest.fixture
def docked(module_viewer, qtbot):
    """The module's viewer with a new dock widget, in place of any earlier one.

    Its running job, if any, is over when the test ends.
    """
    from napari_alc.plugin.widget import dock

    widgets = []

    def make():
        for widget in widgets[-1:]:
            module_viewer.window.remove_dock_widget(widget)
        widget = dock(module_viewer)
        widgets.append(widget)
        return module_viewer, widget

    yield make
    for widget in widgets:
        start = widget.project_page
        for page in (widget.iterate_page, start, start.new_project, start.drawing):
            page.background.cancel()
            qtbot.waitUntil(lambda page=page: not page.background.is_busy)
        remarks = widget.project_page.remarks
        remarks.set_project(None)
        qtbot.waitUntil(lambda remarks=remarks: not remarks.query.is_running)
        if widget.project is not None:
            end_all(last_jobs(widget.project.folder)[:1])
            widget.review_page.controller.set_project(None, "")
            widget.project.close()
    for widget in widgets[-1:]:
        module_viewer.window.remove_dock_widget(widget)
    for widget in widgets:
        widget.deleteLater()
    module_viewer.layers.clear()


@pytest.fixture
def fresh(tmp_path) -> Path:
    """Folder of a project whose first images wait for review."""
    project = make_project(tmp_path / "fresh", reviewed=False)
    project.close()
    return project.folder


@pytest.fixture
def reviewed(tmp_path) -> Path:
    """Folder of a project that is ready to train."""
    project = make_project(tmp_path / "reviewed")
    project.close()
    return project.folder


@pytest.fixture
def predicted(tmp_path) -> Path:
    """Folder of a project whose detectors have looked at the remaining images."""
    project = make_project(tmp_path / "predicted")
    pretend_predicted(project)
    project.close()
    return project.folder


@pytest.fixture
def swept():
    """Widgets that a test leaves behind die in the main thread, not in whichever collects them.

    Ask for it before `qtbot`, which closes them.
    """
    yield
    gc.collect()


@pytest.fixture
def on_screen(swept, qtbot):  # noqa: ARG001
    """Shows a panel as wide as a dock; nothing is asked in it any more when the test ends."""
    shown = []

    def show(panel, *queries):
        qtbot.addWidget(panel)
        panel.resize(400, 700)
        panel.show()
        qtbot.waitExposed(panel)
        shown.append((panel, queries))
        return panel

    yield show
    for panel, queries in shown:
        panel.set_project(None)
        qtbot.waitUntil(lambda queries=queries: not any(query.is_running for query in queries))


@pytest.fixture
def locked_ranking(monkeypatch):
    """The database refuses the ranking until the block of this context ends."""

    def refuse(*_):
        raise BadData("project.db", "the database refused (database is locked)", "Try again")

    @contextmanager
    def lock():
        with monkeypatch.context() as locked:
            locked.setattr("napari_alc.project.steps.overrides.keep_ranking", refuse)
            yield

    return lock


@pytest.fixture(scope="module")
def window(module_viewer):
    """The module's viewer with the page Review docked."""
    return module_viewer, docked_page(module_viewer)


@pytest.fixture
def at(window, project, qtbot):
    """A pathologist before the module's window, with the module's own `project` open."""
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    yield driver
    driver.close()
