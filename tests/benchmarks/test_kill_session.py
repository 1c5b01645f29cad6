from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from review_projects import Plan, make_project
from session_record import Record, check

from napari_alc.project.annotation import decisions, tasks
from napari_alc.project.project import Project
from patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_session.py"


@pytest.fixture
def decided(tmp_path):
    """A project, what a session on it has shown, and the box that was kept, then deleted."""
    folder = make_project(tmp_path, Plan(images=3, per_image=8, side=64))
    project = Project.open(folder)
    task = tasks.first_open(tasks.queue(project))
    document = decisions.open_document(project, task, "Ada")
    box = document.open_boxes[0].id
    lines = [{"event": "opened", "task": task.id}]
    for decide in (document.keep, document.delete):
        decide([box])
        lines.append(shown(task.id, document.boxes[box]))
    project.close()
    return folder, lines, box


def shown(task, box):
    return {
        "event": "shown",
        "task": task,
        "box": box.id,
        "state": box.state,
        "category": box.category_id,
        "corners": list(box.corners),
    }


def checked(folder, lines):
    record = Record()
    record.read(lines)
    return check(folder, record)


def test_nothing_is_missed_where_everything_shown_is_stored(decided):
    folder, lines, box = decided
    gone = {"event": "row", "task": lines[0]["task"], "box": box, "corners": None}
    found = checked(folder, [*lines, gone])
    assert (found.lost, found.problems, found.next_task) == (frozenset(), (), lines[0]["task"])


@pytest.mark.parametrize(
    "change", [{"state": "changed"}, {"category": 2}, {"corners": [1.0, 2.0, 9.0, 9.5]}]
)
def test_a_decision_that_is_not_stored_as_it_was_shown_is_lost(decided, change):
    folder, lines, box = decided
    found = checked(folder, [*lines, {**lines[-1], **change}])
    assert found.lost == {(lines[0]["task"], box, 2)}


def test_a_decision_that_is_stored_before_one_shown_earlier_is_lost(decided):
    folder, [opened, first, second], box = decided
    assert checked(folder, [opened, second, first]).lost == {(opened["task"], box, 1)}


def test_a_box_drawn_where_nobody_has_put_it_is_a_problem(decided):
    folder, lines, box = decided
    row = {"event": "row", "task": lines[0]["task"], "box": box, "corners": [1, 1, 9, 9]}
    [problem] = checked(folder, [*lines, row]).problems
    assert f"box {box}" in problem


def test_an_image_that_was_left_as_finished_and_is_open_is_a_problem(decided):
    folder, lines, _ = decided
    left = {"event": "left", "task": lines[0]["task"]}
    [problem] = checked(folder, [*lines, left]).problems
    assert "not finished" in problem
    undo = {"event": "doing", "what": "undo"}
    assert checked(folder, [*lines, left, undo]).problems == ()


def test_a_killed_session_loses_nothing_that_was_shown():
    command = [sys.executable, SCRIPT, "--kills", "2", "--json"]
    done = subprocess.run(
        [*command, "--longest", "3"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert list(found)[:3] == ["kills", "shown", "lost"]
    assert (found["kills"], found["lost"], found["problems"]) == (2, 0, [])
    assert found["shown"] > 0
