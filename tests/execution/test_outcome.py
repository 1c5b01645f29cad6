"""What is said of steps that die, by real processes that die that way where they can be had."""

import sys
from pathlib import Path
from shutil import rmtree

import pytest

from napari_alc.detection.settings import DetectorSettings
from napari_alc.execution import child_process
from napari_alc.execution.child_process import run_child
from napari_alc.execution.outcome import (
    ASKED_TO_END,
    GOES_ON,
    KILLED,
    OUT_OF_GPU_MEMORY,
    OUT_OF_MEMORY,
    Cause,
    Ending,
    failure,
)
from tiny_projects import make_project, pretend_predicted

TRACEBACK = "Traceback (most recent call last):"


@pytest.fixture
def dies(monkeypatch):
    """Runs a program as a step and tells how it ended."""

    def run(source):
        monkeypatch.setattr(child_process, "PROGRAM", (sys.executable, "-u", "-c", source))
        outcome = run_child(["train"])
        assert outcome.ending is Ending.FAILED
        return outcome

    return run


def test_a_killed_step_may_have_lacked_memory_and_goes_on_from_its_checkpoint(dies):
    outcome = dies("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert outcome.message == KILLED
    assert GOES_ON in outcome.message


def test_a_step_that_is_asked_to_end_by_the_system(dies):
    assert dies("import os, signal; os.kill(os.getpid(), signal.SIGTERM)").message == ASKED_TO_END


def test_a_crash_is_named_and_asks_for_the_log(dies):
    message = dies("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").message
    assert message.startswith("The step crashed (SIGSEGV). What it wrote is in the log.")


def test_memory_that_runs_out(dies):
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX")
    assert resource.RLIMIT_AS is not None
    outcome = dies(
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n"
        "held = [bytearray(2**28) for _ in range(4)]"
    )
    assert outcome.message == OUT_OF_MEMORY
    assert outcome.cause is Cause.MEMORY


@pytest.mark.parametrize("words", [OUT_OF_MEMORY, OUT_OF_GPU_MEMORY, KILLED])
def test_where_memory_lacks_the_settings_are_named_in_the_window_and_in_the_file(words):
    assert "on the page Iterate under Settings, Detector, Advanced" in words
    assert "batch_size and input_size under [detector]" in words
    assert {"batch_size", "input_size"} <= DetectorSettings().model_dump().keys()


def test_memory_that_numpy_cannot_have(dies):
    assert dies("import numpy; numpy.ones(2**55)").message == OUT_OF_MEMORY


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_names_what_could_not_be_written(dies):
    message = dies(
        "with open('/dev/full', 'w') as full:\n    full.write('x')\n    full.flush()"
    ).message
    assert message.startswith("The disk is full: OSError: [Errno 28] No space left on device. Free")


def test_a_file_for_which_there_is_no_space_is_named_and_the_step_can_go_on():
    line = "napari-alc: w.pt: could not be written (No space left on device). Free space or choose"
    message = failure(1, [line]).message
    assert message.startswith(
        "The disk is full: w.pt: could not be written (No space left on device). Free space on"
    )
    assert message.endswith(GOES_ON)


def test_an_image_that_is_gone_is_named_with_what_to_do(tmp_path):
    project = make_project(tmp_path)
    (project.images_folder / "squares_1.tif").unlink()
    outcome = run_child(["train", str(project.folder), "--model", "mp", "--device", "cpu"])
    assert outcome.ending is Ending.FAILED
    assert "squares_1.tif: the image is not there any more. Bring it back" in outcome.message


def test_a_prediction_without_weights_says_to_train_again(tmp_path):
    project = make_project(tmp_path)
    pretend_predicted(project)  # without weights
    rmtree(project.run_folder(0, "mp") / "detections")
    outcome = run_child(["predict", str(project.folder), "--device", "cpu"])
    assert outcome.ending is Ending.FAILED
    assert "a trained detector is missing or damaged on the disk: train it again" in outcome.message


@pytest.mark.parametrize(
    ("status", "log", "words"),
    [
        (1, [TRACEBACK, "torch.OutOfMemoryError: CUDA out of memory. Tried"], OUT_OF_GPU_MEMORY),
        (1, [TRACEBACK, "RuntimeError: MPS backend out of memory"], OUT_OF_GPU_MEMORY),
        (1, [TRACEBACK, "RuntimeError: DefaultCPUAllocator: can't allocate memory"], OUT_OF_MEMORY),
        (1, [TRACEBACK, "RuntimeError: CUDA error: an illegal memory access"], "driver up to date"),
        (1, [TRACEBACK, "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL"], "choose the CPU"),
        (1, [TRACEBACK, "sqlite3.OperationalError: database or disk is full"], "The disk is full"),
        (1, [TRACEBACK, "ValueError: odd"], "an error it does not know: ValueError: odd."),
        (1, ["MemoryError", "napari-alc: w.pt: is damaged. Train again"], "w.pt: is damaged."),
        (0xC0000005, [], "crashed (Windows code 0xc0000005)"),
        (0xC0000017, [], KILLED),
        (0xC000013A, [], ASKED_TO_END),
        (3, ["", "  "], "without a reason (exit status 3)"),
    ],
)
def test_ways_to_fail_in_plain_words(status, log, words):
    assert words in failure(status, log).message
