"""Computations yield to the window."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from napari_alc.execution import job_folder
from napari_alc.execution.child_process import run_child
from napari_alc.execution.outcome import Ending
from napari_alc.execution.yield_to_user import (
    FULL_SHARE,
    NICENESS,
    lower_priority,
    lower_priority_of_session,
    yield_environment,
)

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux schedules like this")
GROUPS = Path("/proc/self/autogroup")


@pytest.fixture
def priority():
    """As it is outside of tests."""


@pytest.fixture
def sleeper():
    """A process that leads its own session and waits for its end."""
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, start_new_session=True) as process:
        yield process


@ON_LINUX
def test_a_process_is_put_aside_when_another_has_work(sleeper):
    lower_priority(sleeper.pid)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == NICENESS
    assert os.sched_getscheduler(sleeper.pid) == os.SCHED_IDLE


@pytest.mark.skipif(not GROUPS.exists(), reason="this system does not group sessions")
def test_a_session_yields_to_other_sessions(sleeper):
    lower_priority_of_session(sleeper.pid)
    found = Path(f"/proc/{sleeper.pid}/autogroup").read_text()
    assert re.search(r"nice (-?\d+)", found).group(1) == str(NICENESS)


@pytest.mark.skipif(not GROUPS.exists(), reason="this system does not group sessions")
def test_the_session_of_the_caller_keeps_its_priority(sleeper):
    before = GROUPS.read_text()
    lower_priority_of_session(sleeper.pid)
    assert GROUPS.read_text() == before


@ON_LINUX
def test_with_a_full_share_nothing_yields(sleeper, monkeypatch):
    before = os.getpriority(os.PRIO_PROCESS, sleeper.pid), os.sched_getscheduler(sleeper.pid)
    monkeypatch.setenv(FULL_SHARE, "1")
    lower_priority(sleeper.pid)
    now = os.getpriority(os.PRIO_PROCESS, sleeper.pid), os.sched_getscheduler(sleeper.pid)
    assert now == before
    assert yield_environment() == {}
    monkeypatch.setenv(FULL_SHARE, "0")
    assert yield_environment() != {}


@pytest.mark.parametrize("full_share", [True, False])
def test_a_job_is_told_its_share_and_lowered_only_without_it(tmp_path, monkeypatch, full_share):
    told = f"import os, sys; sys.stdin.read(); print(os.environ['{FULL_SHARE}'])"
    lowered = []
    monkeypatch.setattr(job_folder, "PROGRAM", (sys.executable, "-c", told))
    monkeypatch.setattr(job_folder, "lower_priority_of_session", lowered.append)
    job = job_folder.start_job(tmp_path, (), "Train", full_share=full_share)
    outcome = job_folder.follow(job, lambda _progress: None)
    assert outcome.ending is Ending.FAILED, "it wrote no end"
    assert job.log.strip() == str(int(full_share))
    assert lowered == ([] if full_share else [job.record.pid])


def test_a_process_that_has_ended_is_no_error():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lower_priority(ended.pid)
    lower_priority_of_session(ended.pid)


@ON_LINUX
def test_commands_run_at_low_priority(monkeypatch):
    program = (
        "import os, sys, time\n"
        "waited = 0\n"
        "while os.sched_getscheduler(0) != os.SCHED_IDLE and waited < 500:\n"
        "    time.sleep(0.01); waited += 1\n"
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE, file=sys.stderr)"
    )
    monkeypatch.setattr(
        "napari_alc.execution.child_process.PROGRAM", (sys.executable, "-c", program)
    )
    log = []
    run_child(["train"], log=log.append)
    assert log[0].split() == [str(NICENESS), "True"]


@ON_LINUX
def test_a_command_that_a_person_waits_for_yields_to_nobody(monkeypatch):
    program = "import os, sys; print(os.nice(0), os.sched_getscheduler(0), file=sys.stderr)"
    monkeypatch.setattr(
        "napari_alc.execution.child_process.PROGRAM", (sys.executable, "-c", program)
    )
    lowered = []
    monkeypatch.setattr("napari_alc.execution.child_process.lower_priority", lowered.append)
    log = []
    run_child(["draw-sample"], log=log.append, is_awaited=True)
    assert log[0].split() == [str(os.nice(0)), str(os.sched_getscheduler(0))]
    assert not lowered
