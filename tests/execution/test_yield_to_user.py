"""A computation rests while its user is active at a window."""

from __future__ import annotations

import os
import time

import pytest

from napari_alc.execution import yield_to_user as module
from napari_alc.execution.yield_to_user import (
    LONGEST_REST,
    NOTE_SECONDS,
    REST_SECONDS,
    VARIABLE,
    UserActivity,
    is_user_active,
    yielding_to_user,
)
from napari_alc.progress import never


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "of this user" / "user-activity"
    monkeypatch.setattr(module, "activity_file", lambda: path)
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass while a computation rests, and how often it looked."""
    start = time.time()
    rests = []
    monkeypatch.setattr(module.time, "sleep", rests.append)
    monkeypatch.setattr(module.time, "monotonic", lambda: sum(rests))
    monkeypatch.setattr(module.time, "time", lambda: start + sum(rests))
    return rests


def touched(path, at):
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.utime(path, (at, at))


def test_a_computation_rests_until_nothing_was_done_for_a_moment(file, clock):
    touched(file, module.time.time())
    assert yielding_to_user(never)() is False
    assert sum(clock) == pytest.approx(REST_SECONDS, abs=0.03)


def test_without_a_person_it_does_not_rest(file, clock):
    asked = yielding_to_user(never)
    asked()
    touched(file, module.time.time() - 1)
    asked()
    assert clock == []


def test_a_person_who_never_pauses_cannot_hold_it_up_for_ever(file, clock, monkeypatch):
    monkeypatch.setattr(module, "is_user_active", lambda path: path == file)
    assert yielding_to_user(never)() is False
    assert sum(clock) == pytest.approx(LONGEST_REST, abs=0.03)


def test_it_can_be_cancelled_while_it_rests(file, clock):
    touched(file, module.time.time())
    assert yielding_to_user(lambda: len(clock) == 3)() is True
    assert len(clock) == 3


def test_a_command_of_no_job_yields_to_nobody(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert yielding_to_user(never) is never


def test_a_time_that_was_set_back_holds_nobody_up(file):
    touched(file, time.time() + 3600)
    assert not is_user_active(file)


def test_a_window_notes_activity_but_not_each(file, clock):
    activity = UserActivity()
    activity.note()
    assert is_user_active(file)
    file.unlink()
    activity.note()
    assert not file.exists()
    clock.append(NOTE_SECONDS)
    activity.note()
    assert file.exists()


def test_where_nothing_can_be_noted_the_window_works_on(file):
    file.parent.touch()
    UserActivity().note()
    assert file.parent.is_file()
