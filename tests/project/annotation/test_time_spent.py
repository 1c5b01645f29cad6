from __future__ import annotations

import json

import pytest
from builders import make_project
from hand_made import A, B, C, make, rows_of, see
from test_stopwatch import Clock
from typer.testing import CliRunner

from napari_alc.cli import app
from napari_alc.project.annotation import time_spent as time_spent_module
from napari_alc.project.annotation.decisions import finish
from napari_alc.project.annotation.session import ReviewSession, Stopwatch
from napari_alc.project.annotation.tasks import next_open_task
from napari_alc.project.annotation.time_spent import box_in_box_time, pace, time_record, time_spent
from napari_alc.project.reporting.report_tables import markdown
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import ReviewStep


def work(project, person, on_image, on_box):
    """Settle the next image, taking so many seconds; returns ids of its boxes."""
    clock, session = Clock(), ReviewSession(project, person)
    session.stopwatch = Stopwatch(clock)
    task = next_open_task(project)
    document = session.open(task).document
    clock.at += on_image
    ids = [box.id for box in document.open_boxes]
    for box_id in ids:
        session.look_at(task.id, box_id)
        clock.at += on_box
        document.keep([box_id])
    finish(project, task, person)
    session.leave()
    return ids


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3)
    yield project
    project.close()


def test_time_adds_up_by_step_person_and_box(project):
    first = work(project, "Ada", on_image=10, on_box=2)
    second = work(project, "Bob", on_image=0, on_box=3)
    spent = time_spent(project)
    assert spent.by_step == {ReviewStep.WHOLE_IMAGE: 26 + 24}
    assert spent.by_person == {"Ada": 26, "Bob": 24}
    assert spent.by_box == {**dict.fromkeys(first, 2), **dict.fromkeys(second, 3)}
    assert spent.total == 50


def test_the_pace_is_all_time_on_finished_images_over_their_boxes(project):
    assert pace(project, "Ada") is None
    work(project, "Ada", on_image=16, on_box=2)
    assert pace(project, "Ada") == (16 + 8 * 2) / 8
    assert pace(project, "Bob") is None


def test_the_pace_is_told_from_enough_boxes_on(project, monkeypatch):
    work(project, "Ada", on_image=0, on_box=2)
    monkeypatch.setattr(time_spent_module, "ENOUGH_BOXES", 8)
    assert pace(project, "Ada") == 2
    monkeypatch.setattr(time_spent_module, "ENOUGH_BOXES", 9)
    assert pace(project, "Ada") is None


def test_time_on_an_image_that_is_not_finished_does_not_change_the_pace(project):
    work(project, "Ada", on_image=0, on_box=2)
    clock, session = Clock(), ReviewSession(project, "Ada")
    session.stopwatch = Stopwatch(clock)
    document = session.open(next_open_task(project)).document
    clock.at += 25
    document.keep([document.open_boxes[0].id])
    assert pace(project, "Ada") == 2


def test_nothing_measured_is_said_to_nobody(project):
    assert not time_spent(project).total
    assert time_record(project) == {}
    assert box_in_box_time(project) is None


@pytest.fixture
def second_step(tmp_path):
    """Of image 2, two boxes are for a person; box-in-box has taken one out."""
    around = (5, 5, 75, 35)
    project = make(tmp_path, {1: [A], 2: [around, C]}, images=2, clean={1: [A]}, iterations=0)
    see(project, 0, [(2, A, 0.9)], [(2, B, 0.9)])
    correct_remaining(project)
    yield project
    project.close()


def test_box_in_box_saves_what_its_boxes_would_have_cost(second_step):
    outcomes = [row["outcome"] for row in rows_of(second_step, schema.correction)]
    assert outcomes.count("removed") == 1
    assert outcomes.count("review") >= 1
    boxes = len(work(second_step, "Ada", on_image=5, on_box=4))
    seconds = 5 + 4 * boxes
    assert time_spent(second_step).by_step == {ReviewStep.OPEN_BOXES: seconds}
    assert box_in_box_time(second_step) == pytest.approx(100 * seconds / (seconds + 4))


def test_box_in_box_is_not_judged_before_the_step_is_done(second_step):
    clock, session = Clock(), ReviewSession(second_step, "Ada")
    session.stopwatch = Stopwatch(clock)
    task = next_open_task(second_step)
    document = session.open(task).document
    session.look_at(task.id, document.open_boxes[0].id)
    clock.at += 4
    session.leave()
    assert box_in_box_time(second_step) is None


def test_minutes_are_told_by_the_status_and_in_the_report(second_step):
    work(second_step, "Ada", on_image=20, on_box=20)
    minutes = time_spent(second_step).total / 60
    said = CliRunner().invoke(app, ["status", str(second_step.folder)]).output
    assert f"worked {minutes:.1f} minutes so far: 0.0 on whole images" in said
    found = CliRunner().invoke(app, ["status", str(second_step.folder), "--json"]).output
    assert json.loads(found)["minutes"] == pytest.approx(minutes)
    counts = {"crowd": 1, "step1_boxes": 1, "step1_edits": 1, "step2_boxes": 1}
    parts = ("crowd_part", "step1_part", "step1_edit_part", "step2_part", "total", "edit_total")
    report = {
        "iterations": [],
        "labels": {},
        "budget": {"counts": counts, **dict.fromkeys(parts, 1.0)},
        "detectors": {},
    }
    text = markdown({**report, "time": time_record(second_step)})
    assert f"| Ada | {minutes:.1f} minutes |" in text
    assert "without box-in-box" in text
    assert "Time measured" not in markdown({**report, "time": {}})
