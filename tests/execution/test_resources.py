"""Which commands run side by side, and on what."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_alc.cores import cores
from napari_alc.execution import resources, yield_to_user
from napari_alc.execution.job_steps import commands
from napari_alc.execution.resources import Slot, slots, threads_each
from napari_alc.execution.yield_to_user import VARIABLE
from napari_alc.project.status import Step

GIB = 1024**3
ACTIVITY_FILE = "user-activity"
CPU = {VARIABLE: ACTIVITY_FILE}
"""What computes on the CPU yields to a person at a window; a GPU does not disturb them."""


@pytest.fixture
def machine(monkeypatch):
    """A computer with so many cores, so much free memory, and these graphics cards."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv(resources.VISIBLE, raising=False)
    monkeypatch.setattr(yield_to_user, "activity_file", lambda: Path(ACTIVITY_FILE))

    def use(count, memory=64 * GIB, names=()):
        monkeypatch.setattr(resources, "cores", lambda: count)
        free = SimpleNamespace(available=memory)
        monkeypatch.setattr(resources.psutil, "virtual_memory", lambda: free)
        monkeypatch.setattr(resources, "_listed", lambda: names)

    return use


def found(device, step=Step.TRAIN, preset="compact", cluster=""):
    with slots(commands(step, "study", device, cluster), device, preset, "job") as own:
        return own


def test_two_trainings_share_the_cores(machine):
    machine(5)
    threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    assert found("cpu") == (Slot(CPU, threads), Slot(CPU, threads))


def test_what_the_person_has_set_is_not_passed(machine, monkeypatch):
    machine(16)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_each(2) == 3


@pytest.mark.parametrize(
    ("count", "memory", "preset"), [(1, 64, "compact"), (8, 1, "compact"), (8, 8, "resnet50")]
)
def test_on_one_core_or_with_little_memory_one_follows_the_other(machine, count, memory, preset):
    machine(count, memory * GIB)
    assert found("cpu", preset=preset) == (Slot(CPU),)


def test_one_command_has_all_cores(machine):
    machine(8)
    assert found("cpu", Step.PREDICT) == (Slot(CPU),)
    assert found("cpu", Step.SELECT) == (Slot(CPU),)
    assert found("cpu", cluster="tcp://host:1") == (Slot(CPU),)


def test_each_training_has_a_gpu_of_its_own(machine):
    machine(8, names=("GPU-1", "GPU-2", "GPU-3"))
    assert found("cuda") == (Slot({resources.VISIBLE: "GPU-1"}), Slot({resources.VISIBLE: "GPU-2"}))


def test_on_one_gpu_one_follows_the_other_though_there_are_cores(machine):
    machine(8, names=("GPU-1",))
    assert found("cuda") == (Slot({resources.VISIBLE: "GPU-1"}),)


def test_other_steps_leave_the_gpus_alone(machine):
    machine(8, names=("GPU-1",))
    with slots(commands(Step.TRAIN, "study", "cuda"), "cuda", "compact", "job"):
        assert found("cuda", Step.SELECT) == (Slot(CPU),)
        assert found("cuda", cluster="tcp://host:1") == (Slot(CPU),)


def test_this_computer_has_a_core():
    assert cores() >= 1
