"""Sharing images among readers, and their agreement, through the program's commands."""

from __future__ import annotations

import json

import pytest
from builders import make_project

from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import queue_of
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import finish_task, readers
from napari_alc.project.reporting.report_tables import agreement_table, markdown


@pytest.fixture
def study(tmp_path):
    """Folder of a project with two images that wait."""
    project = make_project(tmp_path, images=3)
    project.close()
    return project.folder


def names_in(folder):
    project = Project.open(folder)
    found = readers(project)
    project.close()
    return found


def read_everything(folder, reader, delete=0):
    project = Project.open(folder)
    for task in queue_of(project, reader):
        if task.is_reading:
            document = open_document(project, task, reader)
            ids = [box.id for box in document.open_boxes]
            document.delete(ids[:delete])
            document.keep(ids[delete:])
            finish_task(project, task, reader)
    project.close()


def test_images_are_shared_among_the_readers_named(program, study):
    ended = program("share", study, "Ada", "Bob", "Cy")
    assert ended.status == 0
    assert ended.err == "2 images are read by Ada, Bob and Cy, each on their own.\n"
    assert names_in(study) == ("Ada", "Bob", "Cy")


def test_sharing_a_project_whose_images_were_all_begun_is_for_later_images(program, study):
    program("share", study, "Ada", "Bob")
    for reader in ("Ada", "Bob"):
        read_everything(study, reader)
    ended = program("share", study, "Bob", "Cy")
    assert ended.err == "No image waits untouched; later ones are read by Bob and Cy.\n"


def test_sharing_ends_only_when_that_is_said(program, study):
    program("share", study, "Ada", "Bob")
    assert program("share", study).status == 2
    assert program("share", study, "Ada", "Bob", "--end").status == 2
    assert names_in(study) == ("Ada", "Bob")
    assert program("share", study, "--end").err == "New images are not shared any more.\n"
    assert names_in(study) == ()


def test_one_reader_is_refused_in_a_line(program, study):
    assert "at least two names" in program("share", study, "Ada").complaint


def test_agreement_is_one_object_and_a_table_for_people(program, study):
    program("share", study, "Ada", "Bob")
    read_everything(study, "Ada", delete=1)
    read_everything(study, "Bob")
    ended = program("agreement", study)
    [pair] = json.loads(ended.out)["pairs"]
    assert pair["f1"] == pytest.approx(2 * 14 / 30)
    assert (pair["first"], pair["second"], pair["images"], pair["boxes"]) == ("Ada", "Bob", 2, 16)
    assert (pair["kappa"], pair["why_no_kappa"]) == (0, "")
    assert "| Ada, Bob | 2 | 16 | 0.933 | 0.000 |" in ended.err


def test_agreement_says_why_there_is_no_kappa(program, study):
    program("share", study, "Ada", "Bob")
    read_everything(study, "Ada")
    read_everything(study, "Bob")
    ended = program("agreement", study)
    assert json.loads(ended.out)["pairs"][0]["kappa"] is None
    assert "No kappa for Ada and Bob: both said the same of every box" in ended.err


def test_agreement_of_nobody(program, study):
    ended = program("agreement", study)
    assert json.loads(ended.out) == {"pairs": []}
    assert "No image has been read by two readers yet." in ended.err


def test_a_report_tells_the_agreement_where_there_are_readers():
    pair = {"first": "Ada", "second": "Bob", "images": 2, "boxes": 9, "f1": 0.5, "kappa": 0.25}
    counts = {"crowd": 1, "step1_boxes": 1, "step1_edits": 1, "step2_boxes": 1}
    parts = ("crowd_part", "step1_part", "step1_edit_part", "step2_part", "total", "edit_total")
    report = {
        "iterations": [],
        "labels": {},
        "budget": {"counts": counts, **dict.fromkeys(parts, 1.0)},
        "detectors": {},
    }
    assert "readers" not in markdown({**report, "agreement": []})
    text = markdown({**report, "agreement": [pair]})
    assert f"## Agreement of readers\n\n{agreement_table([pair])}\n" in text
    assert "| Ada, Bob | 2 | 9 | 0.500 | 0.250 |" in text
