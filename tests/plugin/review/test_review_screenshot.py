from __future__ import annotations

import subprocess
import sys

import pytest
import window_states
from PIL import Image
from review_driver import make_project

from patience import PATIENCE


def run(project, out):
    command = [sys.executable, "-m", "napari_alc.plugin.screenshot", str(project), str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture
def folder(tmp_path):
    project = make_project(tmp_path, size=256)
    project.close()
    return project.folder


def test_a_picture_of_the_review_shows_boxes_of_every_region(folder, tmp_path):
    out = tmp_path / "review.png"
    done = run(folder, out)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        assert picture.width >= 1600
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert {(255, 59, 59), (55, 224, 90), (255, 138, 226), (232, 232, 232)} <= colours


def test_without_a_display_there_is_one_line_and_no_picture(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = run(folder, tmp_path / "review.png")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no display" in done.stderr
    assert not (tmp_path / "review.png").exists()


def test_a_folder_without_a_project_is_named(tmp_path):
    done = run(tmp_path, tmp_path / "review.png")
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr.strip().splitlines()[-1]


def test_the_review_window_never_imports_torch(folder):
    code = f"""
import sys, napari
from pathlib import Path
from napari_alc.plugin.widget import ActiveLabelCleaning
from napari_alc.project.project import Project
widget = ActiveLabelCleaning(napari.Viewer(show=False))
widget.review_page.controller.set_project(Project.open(Path({str(folder)!r})), "Ada")
assert not {{"torch", "torchvision"}} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr


def test_every_state_that_a_picture_shows_can_be_brought_about(docked, folder, qtbot, monkeypatch):
    monkeypatch.setattr(window_states, "REST_MS", 0)
    viewer, widget = docked()
    assert widget.open_project(folder)
    review = widget.review_page
    qtbot.waitUntil(lambda: review.state.document is not None)
    theme = viewer.theme
    for page in window_states.PAGES.values():
        window = page(widget)
        if window is not None:
            assert window.isVisible()
            window.close()
    viewer.theme = theme
