"""The report by the command, with and without true labels."""

from __future__ import annotations

import pytest

from napari_alc.formats.coco import write_coco
from tiny_projects import draw, make_project, pretend_predicted


@pytest.fixture
def study(tmp_path):
    project = make_project(tmp_path)
    pretend_predicted(project)
    project.close()
    return project.folder


def test_the_report_lands_in_the_project(program, study):
    ended = program("report", study)
    path = study / "exports" / "report" / "report.html"
    assert ended.err.splitlines()[-1] == f"The report is {path}."
    assert "No true labels were given" in path.read_text(encoding="utf-8")


def test_true_labels_may_be_numbered_otherwise(program, study, tmp_path):
    truth = draw(tmp_path / "again")
    write_coco(tmp_path / "truth.json", truth)
    out = tmp_path / "out"
    assert program("report", study, "--truth", tmp_path / "truth.json", "--output", out).status == 0
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "Judged by the true labels" in text
    assert (out / "tide.png").is_file()


def test_true_labels_of_other_images_are_refused(program, study, tmp_path):
    write_coco(tmp_path / "truth.json", draw(tmp_path / "again", 2))
    complaint = program("report", study, "--truth", tmp_path / "truth.json").complaint
    assert "squares_3.tif" in complaint
    assert "true labels do not list" in complaint
