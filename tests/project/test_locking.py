from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from hand_made import A, make, see

from napari_alc.errors import AlcError, BadData
from napari_alc.project.locking import locked
from napari_alc.project.sorting import select

HOLD = """
import sys
from pathlib import Path
from napari_alc.project.locking import locked
with locked(Path(sys.argv[1]), "train"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


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
    thread = threading.Thread(target=lambda: refused.append(attempt(project)))
    refused: list[bool] = []
    with locked(project.folder, "train"):
        thread.start()
        thread.join()
    assert refused == [True]
    assert not attempt(project)


def attempt(project):
    try:
        select(project)
    except BadData:
        return True
    return False
