from __future__ import annotations

import json

import pytest
from hand_made import A, B, C, D, label_set, make, see

from napari_alc.project.annotation.tasks import queue
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps.overrides import overrides_of

CROWD = {1: [A], 2: [A, B], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, D, 0.8), (3, A, 0.7), (3, D, 0.6), (4, B, 0.3)]
MA = [(2, A, 0.8), (2, C, 0.75), (3, D, 0.95), (4, A, 0.9)]
TRUTH = label_set({i: [A] for i in range(1, 5)}, 4).labels


@pytest.fixture
def project(tmp_path):
    """Ready to select two images; the ranking by hand is 4, 2, 3."""
    project = make(tmp_path, CROWD, clean={1: [A]}, per_iteration=2)
    see(project, 0, MP, MA)
    yield project
    project.close()


def test_the_ranking_is_printed_with_what_it_costs(program, project):
    ended = program("ranking", project.folder)
    assert ended.status == 0
    first, second, third = ended.out.splitlines()
    words = ["→", "1", "0.900", *["red", "1", "green", "1", "pink", "0", "gray", "0", "image4.tif"]]
    assert first.split() == words
    assert second.startswith("→")
    assert third.startswith(" ")
    assert "2 of 3 images chosen: about 6 boxes; how long a box takes is not" in ended.err


def test_the_ranking_is_one_json_object_too(program, project):
    found = json.loads(program("ranking", project.folder, "--top", 1, "--json").out)
    assert (found["strategy"], found["k"], found["iteration"]) == ("score", 1, 0)
    assert found["cost"] == {"images": 1, "boxes": 2, "minutes": None}
    assert [(i["file_name"], i["chosen"]) for i in found["images"]] == [
        ("image4.tif", True),
        ("image2.tif", False),
        ("image3.tif", False),
    ]


def test_images_taken_out_and_added_are_shown_with_the_reason_and_selected_so(program, project):
    who = ("--person", "Ada")
    out = program("take-out", project.folder, "image4.tif", "--reason", "out of focus", *who)
    assert "2 images are chosen now" in out.err
    program("add-image", project.folder, "image3.tif", "--reason", "a rare lesion", *who)
    told = program("ranking", project.folder).out
    assert "image4.tif  taken out by Ada: out of focus" in told
    assert "image3.tif  added by Ada: a rare lesion" in told
    assert program("select", project.folder).status == 0
    assert {t.image_id for t in queue(project) if not t.is_done} == {2, 3}


def test_a_choice_is_taken_back(program, project):
    program("take-out", project.folder, "image4.tif", "--reason", "out of focus")
    assert overrides_of(project, 0)
    assert program("take-out", project.folder, "image4.tif", "--undo").status == 0
    assert not overrides_of(project, 0)


def test_a_choice_needs_a_reason_and_an_image_that_is_there(program, project):
    assert "Say why" in program("take-out", project.folder, "image4.tif").complaint
    wrong = program("add-image", project.folder, "image77.tif", "--reason", "test")
    assert "no image 'image77.tif'" in wrong.complaint
    assert not overrides_of(project, 0)


def test_select_takes_as_many_as_asked_for(program, project):
    assert "Selected 1 image." in program("select", project.folder, "--top", 1).err


def test_nothing_is_selected_where_everything_was_taken_out(program, project):
    for image in (2, 3, 4):
        program("take-out", project.folder, f"image{image}.tif", "--reason", "test")
    assert "No image is left to be selected" in program("select", project.folder).complaint
    assert status(project).next_step is Step.SELECT


def test_an_audit_is_drawn_reviewed_and_told(program, project):
    assert "No image was drawn" in program("audit", project.folder).err
    assert json.loads(program("audit", project.folder, "--json").out) is None
    assert "2 images drawn" in program("audit", project.folder, "--images", 2).err
    waiting = program("audit", project.folder)
    assert "0 images of the audit are done, 2 wait for a pathologist" in waiting.err
    review_everything(project, TRUTH)
    found = json.loads(program("audit", project.folder, "--json").out)
    assert (found["images"], found["waiting"]) == (2, 0)
    assert set(found["noise"]) == {"background", "location", "box_in_box", "miss"}
    told = program("audit", project.folder).err
    assert "Objects without a box of the crowd: " in told
    assert "(95 %)" in told


def test_the_forecast_is_told_with_a_recommendation(program, project):
    told = program("forecast", project.folder).err
    assert "With all iterations: about" in told
    assert "It is too early to tell" in told
    found = json.loads(program("forecast", project.folder, "--json").out)
    assert found["to_the_end"]["boxes"] >= found["stop_now"]["boxes"]
    assert "too early" in found["recommendation"]


def test_stopping_is_in_a_persons_name_and_can_be_taken_back(program, project):
    assert "comes the correction" in program("stop", project.folder, "--person", "Ada").err
    assert status(project).stopped_by == "Ada"
    assert status(project).next_step is Step.CORRECT
    assert "go on" in program("stop", project.folder, "--undo").err
    assert status(project).next_step is Step.SELECT


@pytest.mark.parametrize("command", ["ranking", "audit --images 1", "stop"])
def test_commands_out_of_turn_say_so(program, tmp_path, command):
    fresh = make(tmp_path, CROWD)
    name, *more = command.split()
    assert program(name, fresh.folder, *more).complaint
    fresh.close()
