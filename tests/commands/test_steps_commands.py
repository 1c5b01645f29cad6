"""The steps of the method through the program's commands, one after the other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from napari_alc import cli
from napari_alc.commands import simulating as simulating_command
from napari_alc.errors import Cancelled
from napari_alc.formats.coco import read_coco, write_coco
from napari_alc.project.project import Project
from napari_alc.project.simulated_review import review_everything
from tiny_projects import draw, make_project, pretend_predicted
from zygote import process_behind


def progress_of(out):
    return [json.loads(line) for line in out.splitlines()]


def review(folder):
    project = Project.open(folder)
    review_everything(project, draw(folder.parent / "again").labels)
    project.close()


def next_step(program, folder):
    return json.loads(program("status", folder, "--json").out)["next_step"]


def test_the_whole_method_through_the_commands(program, tmp_path):
    write_coco(tmp_path / "crowd.json", draw(tmp_path / "images"))
    study = tmp_path / "study"
    made = program(
        "create", study, "--images", tmp_path / "images", "--crowd", tmp_path / "crowd.json",
        "--initial", 3, "--per-iteration", 2, "--iterations", 1,
        "--set", "iterations=4", "--set", "threads=1", "--progress", "json",
    )  # fmt: skip
    assert made.status == 0
    assert [line["done"] for line in progress_of(made.out)] == [1, 2, 3, 4, 5, 6]
    assert "3 images wait for a pathologist" in made.err
    assert "Next: review." in program("status", study).out
    done = []
    while (step := next_step(program, study)) != "export":
        done.append(step)
        if step == "review":
            review(study)
            continue
        more = ("--progress", "json") if step in ("train", "predict") else ()
        ended = program(step, study, *more)
        assert ended.status == 0, ended
        if more:
            lines = progress_of(ended.out)
            assert {line["step"] for line in lines} == {f"{step} mp", f"{step} ma"}
            assert all(0 <= line["done"] <= line["total"] for line in lines)
    assert done[:6] == ["review", "train", "predict", "select", "review", "train"]
    assert done[7] == "correct"
    assert program("export", study, "--output", tmp_path / "clean.json").status == 0
    assert len(read_coco(tmp_path / "clean.json").label_set.images) == 6


def test_a_cancel_file_stops_cleanly_and_the_next_call_goes_on(program, tmp_path):
    folder = make_project(tmp_path).folder
    (tmp_path / "stop").touch()
    stopped = program("train", folder, "--progress", "none", "--cancel-file", tmp_path / "stop")
    assert "train mp was cancelled; everything finished before is kept" in stopped.complaint
    assert next_step(program, folder) == "train"
    (tmp_path / "stop").unlink()
    assert program("train", folder, "--progress", "none").status == 0
    assert next_step(program, folder) == "predict"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
def test_a_termination_request_stops_cleanly(program, loaded_program, tmp_path):
    folder = make_project(tmp_path, iterations=100_000).folder
    call = [*loaded_program, "train", str(folder), "--progress", "json"]
    with subprocess.Popen(
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = json.loads(process.stdout.readline())
        assert first["step"] == "train mp"
        complaint = program("predict", folder).complaint
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    at_work = process_behind(loaded_program, process.pid)
    assert "another step is under way ('train ma', process" in complaint
    assert f"'train mp', process {at_work} on" in complaint
    assert process.returncode == 1
    assert err == ("napari-alc: train mp was cancelled; everything finished before is kept.\n")
    assert (folder / "runs" / "0" / "mp" / "checkpoint.pt").is_file()


def test_steps_out_of_turn_say_what_comes_next(program, tmp_path):
    folder = make_project(tmp_path, reviewed=False).folder
    for step in ("train", "predict", "select", "correct", "export"):
        assert "Next comes 'review'" in program(step, folder).complaint


def test_select_and_correct_tell_what_they_did(program, tmp_path):
    project = make_project(tmp_path)
    pretend_predicted(project)
    assert "Selected 2 images." in program("select", project.folder).err
    other = make_project(tmp_path / "other")
    pretend_predicted(other)
    assert "labels were settled automatically" in program("correct", other.folder).err


USAGE = {
    "--strategy best": "'best' is unknown",
    "--initial 0": "greater than or equal to 1",
    "--iterations -1": "greater than or equal to 0",
    "--tau 1.5": "1.5 is not in the range",
    "--tau nan": "nan is not in the range",
    "--seed -1": "greater than or equal to 0",
    "--seed 99999999999999999999": "less than or equal to 4294967295",
    "--detector best": "'best' is no detector preset",
    "--set iterations": "write it as name=value",
    "--set iterations=0": "iterations must be 1 or more",
    "--set iterations=many": "iterations must be a whole number",
    "--set speed=3": "'speed' is an unknown setting",
    "--split training": "'training' is not one of",
    "--progress loud": "'loud' is not one of",
    "--nonsense 1": "No such option",
}


@pytest.mark.parametrize("wrong", USAGE)
def test_wrong_usage_is_told_with_status_2(program, tmp_path, wrong):
    write_coco(tmp_path / "crowd.json", draw(tmp_path / "images", 2))
    ended = program(
        "create", tmp_path / "study", "--images", tmp_path / "images",
        "--crowd", tmp_path / "crowd.json", *wrong.split(),
    )  # fmt: skip
    assert ended.status == 2
    told = " ".join(word for word in ended.err.split() if word not in "│╭╰─")
    assert USAGE[wrong] in told
    assert not (tmp_path / "study").exists()


def simulating(base, *more):
    return [
        "simulate", base / "sim", "--images", base / "images", "--crowd", base / "crowd.json",
        "--truth", base / "crowd.json", "--initial", 2, "--progress", "none", *more,
    ]  # fmt: skip


OTHER = {
    "--initial 3": "settings",
    "--iterations 1": "settings",
    "--seed 5": "settings",
    "--set iterations=9": "settings of the detector",
}


def test_a_simulation_goes_on_with_the_same_settings_only(program, tmp_path, monkeypatch):
    def stop(*_arguments):
        raise Cancelled("The simulation")

    monkeypatch.setattr(simulating_command, "run_simulation", stop)
    labels = draw(tmp_path / "images", 4)
    write_coco(tmp_path / "crowd.json", labels)
    assert "The simulation was cancelled" in program(*simulating(tmp_path)).err
    assert "Going on with" in program(*simulating(tmp_path)).err
    for wrong, what in OTHER.items():
        complaint = program(*simulating(tmp_path, *wrong.split())).complaint
        assert f"holds a simulation with other {what}. Choose another folder" in complaint
    write_coco(tmp_path / "crowd.json", labels.with_labels(labels.labels.take([0, 1])))
    assert "other labels of the crowd" in program(*simulating(tmp_path)).complaint


def test_a_simulation_needs_the_truth_of_the_same_images(program, tmp_path):
    labels = draw(tmp_path / "images", 4)
    write_coco(tmp_path / "crowd.json", labels)
    write_coco(tmp_path / "truth.json", labels.of_images([1, 2]))
    few = program(*simulating(tmp_path, "--truth", tmp_path / "truth.json"))
    assert "crowd.json: lists the image 'squares_3.tif', which the clean labels" in few.complaint
    write_coco(tmp_path / "truth.json", labels.with_labels(labels.labels.take([])))
    empty = program(*simulating(tmp_path, "--truth", tmp_path / "truth.json"))
    assert "truth.json: has no box to learn from" in empty.complaint
    assert not (tmp_path / "sim").exists()


@pytest.mark.parametrize("command", [c.__name__.replace("_", "-") for c in cli.COMMANDS])
def test_the_help_of_every_command_shows_an_example(program, command):
    ended = program(command, "--help")
    assert ended.status == 0
    assert "Example: napari-alc " in " ".join(ended.out.split())
