"""One job per graphics card, without any GPU: by their names."""

import os
import subprocess
import sys

import pytest

from napari_alc.errors import AlcError
from napari_alc.execution import resources
from napari_alc.execution.job_folder import JobFolder, JobRecord
from napari_alc.execution.job_steps import commands
from napari_alc.execution.outcome import Ending
from napari_alc.execution.resources import VISIBLE, Gpu, gpus_of, reserved
from napari_alc.execution.supervisor import run_job
from napari_alc.project.settings import ProjectSettings, write_settings
from napari_alc.project.status import Step
from running_jobs import use_cache
from waiting_processes import waiting_processes

ONE, TWO = Gpu("GPU-1", {}), Gpu("GPU-2", {})

HOLD = """
import sys
from napari_alc.execution.resources import Gpu, reserved
with reserved([Gpu(sys.argv[1], {})], 1, "Train and predict of /data/study"):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def other_job(tmp_path_factory):
    """A process at work on the first GPU, and the cache in which that can be seen."""
    cache = tmp_path_factory.mktemp("cache")
    with waiting_processes() as waiting:
        with pytest.MonkeyPatch.context() as patch:
            use_cache(patch, cache)
            process = waiting.start(HOLD, ONE.name)
        yield process, cache


@pytest.fixture
def holder(other_job, monkeypatch):
    """Another job, at work on the first GPU."""
    process, cache = other_job
    use_cache(monkeypatch, cache)
    return process


def test_a_second_job_on_the_only_gpu_is_told_who_has_it(holder):
    with (
        pytest.raises(AlcError, match=rf"'Train and predict of /data/study', process {holder.pid}"),
        reserved([ONE], 1, "another"),
    ):
        pass


def test_a_second_job_takes_the_gpu_that_is_free(holder):
    assert holder.poll() is None
    with reserved([ONE, TWO], 2, "another") as own:
        assert own == (TWO,)


def test_a_job_whose_gpu_is_taken_fails_with_the_words(tmp_path, monkeypatch, holder):
    monkeypatch.setenv(VISIBLE, ONE.name)
    write_settings(tmp_path, ProjectSettings(images="images"))
    job = JobFolder(tmp_path / "jobs" / "1")
    job.path.mkdir(parents=True)
    job.begin(JobRecord("Train", "cuda", commands(Step.TRAIN, tmp_path, "cuda"), 0, 0.0, "now"))
    outcome = run_job(job.path)
    assert outcome == job.record.outcome
    assert outcome.ending is Ending.FAILED
    assert outcome.message.startswith(f"The graphics card works for another job ({ONE.name}: ")
    assert f"process {holder.pid}" in outcome.message
    assert outcome.message.endswith("or choose the CPU as the device.")


def test_the_gpu_of_a_killed_job_is_free(holder):
    holder.kill()
    holder.wait()
    with reserved([ONE], 1, "another") as own:
        assert own == (ONE,)


def test_a_job_takes_no_more_gpus_than_it_can_use():
    with reserved([ONE, TWO], 1, "one") as first:
        assert first == (ONE,)
    with reserved([ONE, TWO], 5, "all") as both:
        assert both == (ONE, TWO)


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Stands for the program of the driver that lists gpus."""

    def lists(text):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    monkeypatch.delenv(VISIBLE, raising=False)
    return lists


WHOLE_GPUS = (
    "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aa-1)\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bb-2)"
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="the listing is a shell script")


@posix
def test_each_gpu_is_seen_alone(driver):
    driver(WHOLE_GPUS)
    assert gpus_of("cuda") == (
        Gpu("GPU-aa-1", {VISIBLE: "GPU-aa-1"}),
        Gpu("GPU-bb-2", {VISIBLE: "GPU-bb-2"}),
    )
    assert gpus_of("cuda:1") == (Gpu("GPU-bb-2", {}),)


@posix
def test_slices_of_a_gpu_count_as_gpus(driver):
    driver("GPU 0: NVIDIA H100 (UUID: GPU-a)\n  MIG 1g.10gb Device 0: (UUID: MIG-b)")
    assert [gpu.name for gpu in gpus_of("cuda")] == ["MIG-b"]


@posix
def test_gpus_that_the_person_hides_are_left_alone(driver, monkeypatch):
    driver(WHOLE_GPUS)
    monkeypatch.setenv(VISIBLE, "1")
    assert [gpu.name for gpu in gpus_of("cuda")] == ["GPU-bb-2"]
    monkeypatch.setenv(VISIBLE, "")
    assert gpus_of("auto") == ()


@posix
@pytest.mark.parametrize("knows", [True, False])
def test_auto_means_gpus_only_where_torch_can_use_them(driver, monkeypatch, knows):
    driver(WHOLE_GPUS)
    monkeypatch.setattr(resources, "_torch_knows_cuda", lambda: knows)
    assert len(gpus_of("auto")) == 2 * knows


def test_what_torch_was_made_for_is_known_without_importing_it():
    source = (
        "import sys\n"
        "from napari_alc.execution.resources import _torch_knows_cuda\n"
        "known = _torch_knows_cuda()\n"
        "assert 'torch' not in sys.modules\n"
        "import torch\n"
        "sys.exit(known != (torch.version.cuda is not None))"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


def test_other_devices(monkeypatch):
    monkeypatch.setattr(resources, "_listed", lambda: ())
    monkeypatch.delenv(VISIBLE, raising=False)
    assert gpus_of("cpu") == ()
    assert gpus_of("auto") == ()
    assert [gpu.name for gpu in gpus_of("mps")] == ["mps"]
    assert [gpu.name for gpu in gpus_of("cuda")] == ["cuda"], "named, but not listed"
