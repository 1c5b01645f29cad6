"""Writing the clean dataset, and making it again, by the command."""

from __future__ import annotations

import json

import pytest

from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.correct import correct_remaining
from tiny_projects import draw, make_project, pretend_predicted


@pytest.fixture
def settled(tmp_path):
    """Folder of a project whose labels are settled."""
    project = make_project(tmp_path)
    pretend_predicted(project)
    correct_remaining(project)
    review_everything(project, draw(tmp_path / "again").labels)
    project.close()
    return project.folder


def test_formats_are_chosen(program, settled, tmp_path):
    out = tmp_path / "data"
    ended = program("export", settled, "--output", out, "--format", "voc", "--format", "yolo")
    assert ended.err.splitlines()[-1] == f"The clean dataset is {out}."
    assert len(list((out / "voc").glob("*.xml"))) == 6
    assert not (out / "clean.json").exists()


def test_progress_is_told_and_a_cancelled_export_writes_nothing(program, settled, tmp_path):
    (tmp_path / "stop").touch()
    ended = program("export", settled, "--progress", "json", "--cancel-file", tmp_path / "stop")
    assert "was cancelled" in ended.complaint
    assert not (settled / "exports").exists()
    ended = program("export", settled, "--progress", "json")
    assert json.loads(ended.out.splitlines()[-1])["done"] == 6
    assert (settled / "exports" / "clean.json").is_file()


def test_an_export_is_checked_and_put_right(program, settled):
    program("export", settled, "--format", "coco", "--format", "yolo")
    sheet = settled / "exports" / "datasheet.json"
    assert (
        "All 8 files are there and unchanged." in program("export", settled, "--again", sheet).err
    )
    for path in (settled / "exports" / "yolo").iterdir():
        path.write_text("")
    (settled.parent / "images" / "squares_2.tif").unlink()
    said = program("export", settled, "--again", sheet).err
    assert "put right: yolo/classes.txt, yolo/squares_1.txt" in said
    assert "and 2 more." in said
    assert "other images than those of the export: squares_2.tif." in said


def test_again_takes_no_other_place(program, settled, tmp_path):
    ended = program("export", settled, "--again", tmp_path / "x.json", "--output", tmp_path)
    assert ended.status == 2
