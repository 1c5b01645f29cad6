"""Progress where nothing can be drawn over, and what a new project is told."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_alc.commands import running
from napari_alc.commands.running import ProgressStyle, watched
from napari_alc.formats.coco import write_coco
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered
from napari_alc.progress import Progress
from napari_alc.project.settings import read_settings
from tiny_projects import draw


@pytest.fixture
def clock(monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: seconds[0])
    return seconds


def test_a_log_gets_a_line_now_and_then_with_the_time_left(clock, capsys):
    with watched(ProgressStyle.BAR) as watch:
        for done in range(0, 61, 10):
            clock[0] = 6.0 * done
            watch.report(
                Progress("train mp", done, 120, f"iteration {done} of 120, about 9 s left")
            )
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "8%, about 11 min left · iteration 10 of 120"
    assert lines[-1] == "50%, about 6 min left · iteration 60 of 120"
    assert len(lines) == 6


def test_a_log_is_silent_between_the_lines(clock, capsys):
    with watched(ProgressStyle.BAR) as watch:
        for done in range(10):
            clock[0] = 0.1 * done
            watch.report(Progress("train mp", done, 10))
    assert capsys.readouterr().err == ""


def test_initial_weights_are_kept_by_their_whole_path(program, tmp_path, monkeypatch):
    write_coco(tmp_path / "crowd.json", draw(tmp_path / "images"))
    monkeypatch.chdir(tmp_path)
    made = program(
        "create", "study", "--images", "images", "--crowd", "crowd.json",
        "--initial", 3, "--weights", "start.pt", "--progress", "none",
    )  # fmt: skip
    assert made.status == 0
    assert read_settings(tmp_path / "study").detector.weights == str(tmp_path / "start.pt")
    assert "nothing is left to clean" not in made.err


def test_a_project_that_leaves_nothing_to_clean_says_so(program, tmp_path):
    write_coco(tmp_path / "crowd.json", draw(tmp_path / "images"))
    made = program(
        "create", tmp_path / "study", "--images", tmp_path / "images",
        "--crowd", tmp_path / "crowd.json", "--progress", "none",
    )  # fmt: skip
    assert made.status == 0
    assert "All 6 images go to the pathologists at once" in made.err


@pytest.mark.parametrize("labelled", [2, 6])
def test_first_images_that_are_labelled_already_are_not_said_to_go_to_anybody(
    program, tmp_path, labelled
):
    truth = draw(tmp_path / "images")
    write_coco(tmp_path / "crowd.json", truth)
    write_coco(tmp_path / "clean.json", truth.of_images(range(1, labelled + 1)))
    made = program(
        "create", tmp_path / "study", "--images", tmp_path / "images", "--split", "initial",
        "--crowd", tmp_path / "crowd.json", "--clean", tmp_path / "clean.json",
        "--progress", "none",
    )  # fmt: skip
    assert made.status == 0
    assert "go to the pathologists" not in made.err
    assert ("The clean labels list all 6 images" in made.err) == (labelled == 6)
    assert read_settings(tmp_path / "study").method.initial == labelled


def test_images_whose_files_say_that_they_are_turned_are_counted(program, tmp_path):
    (tmp_path / "images").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in (1, 2, 3):
        turned = {"exif": exif} if number < 3 else {}
        picture = Image.fromarray(np.full((30, 40), 9, np.uint8))
        picture.save(tmp_path / "images" / f"{number}.jpg", **turned)
    images = tuple(ImageRecord(number, f"{number}.jpg", 40, 30) for number in (1, 2, 3))
    box = numbered([1], [1], np.array([[2, 2, 20, 20]]))
    write_coco(tmp_path / "crowd.json", LabelSet(images, (Category(1, "square"),), box))
    made = program(
        "create", tmp_path / "study", "--images", tmp_path / "images",
        "--crowd", tmp_path / "crowd.json", "--progress", "none",
    )  # fmt: skip
    assert made.status == 0
    assert "2 images carry an orientation that is not applied." in made.err
