"""Listing what people are unsure about, handing it to a second reader, and flagging images."""

from __future__ import annotations

import json

import pytest
from hand_made import A, B, C, make, see

from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import next_open_task
from napari_alc.project.steps.correct import correct_remaining


@pytest.fixture
def project(tmp_path):
    """Everything is reviewed; Ada is unsure about a box of image 2, Bob noted on another."""
    project = make(tmp_path, {1: [A], 2: [A, C]}, images=2, clean={1: [A]}, iterations=0)
    see(project, 0, [(2, A, 0.9)], [(2, A, 0.9), (2, B, 0.9)])
    correct_remaining(project)
    task = next_open_task(project)
    document = open_document(project, task, "Ada")
    unsure, noted = document.open_boxes
    document.mark_unsure([unsure.id])
    document.keep([noted.id])
    open_document(project, task, "Bob").note(noted.id, "a fold\nor dirt?")
    finish(project, task, "Ada")
    yield project
    project.close()


def test_unsure_boxes_notes_and_flags_are_listed_in_plain_words(program, project):
    program("flag", project.folder, "image1.tif", "bad-picture", "--words", "blurred")
    ended = program("unsure", project.folder)
    unsure, noted, flag = ended.out.splitlines()
    assert unsure.endswith("Ada is unsure")
    assert unsure.startswith("image2.tif  box ")
    assert noted.endswith("Bob: a fold or dirt?")
    assert flag.startswith("image1.tif  bad picture, by ")
    assert flag.endswith(": blurred")
    assert "1 box is marked as unsure, 1 box has a note." in ended.err


def test_the_list_is_one_json_object_too(program, project):
    found = json.loads(program("unsure", project.folder, "--json").out)
    assert [(box["file_name"], box["unsure"], box["note"]) for box in found["boxes"]] == [
        ("image2.tif", True, ""),
        ("image2.tif", False, "a fold\nor dirt?"),
    ]
    assert (found["in_readings"], found["flags"]) == (0, [])


def test_boxes_are_handed_to_a_second_reader_and_taken_back(program, project):
    ended = program("unsure", project.folder, "--hand-to", "Bob", "--person", "Ada")
    assert "Bob is asked to look at 1 box." in ended.err
    assert "1 box is left: Bob said so themselves." in ended.err
    for_bob = program("unsure", project.folder, "--for", "Bob").out.splitlines()
    assert [line.endswith("waits for Bob") for line in for_bob] == [True]
    program("unsure", project.folder, "--for", "Bob", "--take-back")
    assert program("unsure", project.folder, "--for", "Bob").out == ""


def test_wrong_use_is_refused(program, project):
    both = ("--hand-to", "Bob", "--take-back")
    assert program("unsure", project.folder, *both).status == 2
    assert "name is empty" in program("unsure", project.folder, "--hand-to", " ").complaint
    assert program("flag", project.folder, "image1.tif", "ugly").status == 2
    assert "has no image 'x.tif'" in program("flag", project.folder, "x.tif", "exclude").complaint
    complaint = program("flag", project.folder, "image1.tif", "exclude", "--undo").complaint
    assert complaint == "This image is not flagged as 'exclude'."
    long = ("--words", 501 * "x")
    assert "501 characters" in program("flag", project.folder, "image1.tif", "exclude", *long).err


def test_an_image_is_left_out_and_taken_in_again(program, project):
    ended = program("flag", project.folder, "image2.tif", "exclude", "--words", "torn")
    assert ended.err.splitlines()[-1] == (
        "image2.tif is flagged as 'exclude'. 1 image is left out of the dataset."
    )
    assert "1 image is left out of the dataset." in program("status", project.folder).out
    assert json.loads(program("status", project.folder, "--json").out)["excluded"] == 1
    ended = program("flag", project.folder, "image2.tif", "exclude", "--undo")
    assert "not flagged any more as 'exclude'. No image is left out" in ended.err


def test_the_export_asks_what_becomes_of_unsure_boxes(program, project):
    said = program("status", project.folder).out
    assert "1 box is marked as unsure; 'napari-alc unsure' lists them." in said
    assert (
        "'--unsure keep' writes them as they stand" in program("export", project.folder).complaint
    )
    assert not (project.folder / "exports").exists()
    ended = program("export", project.folder, "--unsure", "keep", "--format", "voc")
    assert "1 box that is marked as unsure is in the files as things stand." in ended.err
    assert "Pascal VOC cannot carry 1 unsure mark and 1 note; the datasheet has them." in ended.err
    sheet = project.folder / "exports" / "datasheet.json"
    assert program("export", project.folder, "--again", sheet).status == 0
    assert program("export", project.folder, "--again", sheet, "--unsure", "drop").status == 2


def test_a_project_without_any_says_so(program, tmp_path):
    project = make(tmp_path, {1: [A]}, images=1)
    ended = program("unsure", project.folder)
    assert ended.out == ""
    assert "0 boxes are marked as unsure, 0 boxes have a note." in ended.err
    project.close()


def test_steps_say_how_many_images_are_left_out(program, tmp_path):
    project = make(tmp_path, {1: [A], 2: [A], 3: [C], 4: [A]}, clean={1: [A]})
    see(project, 0, [(2, B, 0.9), (4, A, 0.9)], [(2, B, 0.9)])
    program("flag", project.folder, "image3.tif", "exclude")
    told = program("select", project.folder).err.splitlines()
    assert told[0] == "Selected 1 image."
    assert told[1] == "1 image is left out of the dataset."
    project.close()
