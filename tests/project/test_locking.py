from __future__ import annotations

import errno
import os
import sqlite3
import threading
from functools import partial

import pytest
from hand_made import A, make, see

from napari_alc.errors import AlcError, BadData
from napari_alc.project import locks
from napari_alc.project.locks import locked
from napari_alc.project.steps.select import select

HOLD = """
import sys
from pathlib import Path
from napari_alc.project.locks import locked
with locked(Path(sys.argv[1]), *sys.argv[2:]):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path, waiting):
    """Starts processes that hold a step, or a part of one, of the folder."""
    return partial(waiting.start, HOLD, tmp_path)


@pytest.fixture
def holder(hold):
    return hold("train")


@pytest.mark.parametrize(
    "full",
    [
        sqlite3.OperationalError("database or disk is full"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_on_a_full_disk_the_remedy_is_space(tmp_path, monkeypatch, full):
    def refuse(*_args, **_options):
        raise full

    monkeypatch.setattr(locks, "ReadWriteLock", refuse)
    words = r"cannot be written .*\. Free space"
    with pytest.raises(BadData, match=words), locked(tmp_path, "predict"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_lab_that_shares_its_folder_shares_the_locks(tmp_path):
    before = os.umask(0o002)
    try:
        with locked(tmp_path, "train", "mp"):
            pass
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("step*")}
    assert modes.pop("step.parts") == 0o644  # written anew, not written into
    assert modes == dict.fromkeys(("step.lock", "step.door", "step-mp.lock"), 0o664)


def test_a_folder_that_others_may_write_is_locked_all_the_same(tmp_path, hold):
    tmp_path.chmod(0o777)
    hold("train", "mp")
    assert "'train mp', process" in refused(tmp_path, "predict")
    assert not refused(tmp_path, "train", "ma")


def test_a_second_process_is_told_who_is_at_work(tmp_path, holder):
    with (
        pytest.raises(BadData, match=f"'train', process {holder.pid} on .*Wait for it"),
        locked(tmp_path, "predict"),
    ):
        pass


def test_the_lock_of_a_crashed_process_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with locked(tmp_path, "predict"):
        assert str(os.getpid()) in (tmp_path / "step.json").read_text()


def refused(folder, *step):
    """What is said to who wants to work in `folder`; empty where the way is free."""
    try:
        with locked(folder, *step):
            return ""
    except BadData as error:
        return str(error)


def test_two_processes_hold_two_parts_of_one_step(tmp_path, hold):
    hold("train", "mp")
    hold("train", "ma")
    assert not refused(tmp_path, "train", "third")


def test_a_part_excludes_itself_the_whole_step_and_other_steps(tmp_path, hold):
    process = hold("train", "mp")
    words = f"another step is under way ('train mp', process {process.pid} on"
    for step in (("train", "mp"), ("train",), ("predict",), ("predict", "mp"), ("predict", "ma")):
        assert words in refused(tmp_path, *step)


def test_a_whole_step_excludes_every_part(tmp_path, hold):
    hold("train")
    for step in (("train", "mp"), ("predict", "ma")):
        assert "'train', process" in refused(tmp_path, *step)


def test_both_parts_are_named_to_who_has_to_wait_and_a_crashed_one_is_not(tmp_path, hold):
    crashed, other = hold("train", "mp"), hold("train", "ma")
    said = refused(tmp_path, "predict")
    assert f"'train mp', process {crashed.pid}" in said
    assert f"'train ma', process {other.pid}" in said
    crashed.kill()
    crashed.wait()
    said = refused(tmp_path, "predict")
    assert "train mp" not in said
    assert f"'train ma', process {other.pid}" in said
    assert not refused(tmp_path, "train", "mp")


def test_the_parts_of_another_step_follow_when_all_have_ended(tmp_path, hold):
    first, second = hold("train", "mp"), hold("train", "ma")
    first.communicate()
    assert refused(tmp_path, "predict", "mp")
    second.communicate()
    hold("predict", "mp")
    assert not refused(tmp_path, "predict", "ma")
    assert refused(tmp_path, "train", "ma")


def test_the_whole_step_passes_inside_no_part_of_itself(tmp_path):
    with locked(tmp_path, "train", "mp"):
        assert refused(tmp_path, "train")
        assert not refused(tmp_path, "train", "mp")
    with locked(tmp_path, "train"):
        assert not refused(tmp_path, "train", "mp")


def test_a_step_inside_a_step_passes(tmp_path):
    with locked(tmp_path, "simulate"), locked(tmp_path, "train"):
        pass
    with locked(tmp_path, "train"):
        pass


def test_another_thread_has_to_wait(tmp_path):
    problems = []

    def work():
        try:
            with locked(tmp_path, "predict"):
                pass
        except BadData as error:
            problems.append(str(error))

    with locked(tmp_path, "train"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(problems) == 1
    assert "another step is under way" in problems[0]


def test_a_failed_step_gives_its_lock_back(tmp_path):
    with pytest.raises(AlcError, match="no"), locked(tmp_path, "train"):
        raise AlcError("no")
    with locked(tmp_path, "train"):
        pass
    assert not (tmp_path / "step.json").exists()


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(BadData, match="cannot be written"), locked(tmp_path / "none", "train"):
        pass


def test_steps_of_the_method_hold_the_lock(tmp_path):
    project = make(tmp_path, {1: [A]}, clean={1: [A]})
    see(project, 0, [], [])
    thread = threading.Thread(target=lambda: told.append(attempt(project)))
    told: list[bool] = []
    with locked(project.folder, "train"):
        thread.start()
        thread.join()
    assert told == [True]
    assert not attempt(project)


def attempt(project):
    try:
        select(project)
    except BadData:
        return True
    return False
