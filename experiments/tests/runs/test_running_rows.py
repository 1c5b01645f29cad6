"""Rows are computed in processes that may fail or die, are kept, and can be stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from alc_experiments.data import DataSource
from alc_experiments.runs import running
from alc_experiments.runs.running import Problem, environments, run
from alc_experiments.runs.units import Unit, code_now
from alc_experiments.runs.worker import RowTask
from fake_units import FAILING_STATUS
from napari_alc.errors import Cancelled
from napari_alc.execution import resources

CODE = code_now("fake_units")
ONE, TWO = [{"OMP_NUM_THREADS": "1"}], [{"OMP_NUM_THREADS": "1"}] * 2


@pytest.fixture
def task(tmp_path):
    def make(name, seed=0):
        unit = Unit("fake_units", name, "tiny", seed, 1.0)
        source = DataSource(tmp_path / "data")
        source.dataset("tiny", seed, 1.0)
        return RowTask(unit, source, tmp_path, "cpu", (), CODE, f"{name}-{seed}")

    return make


@pytest.mark.usefixtures("spawned")
def test_rows_are_kept_with_how_they_came_about(task):
    tasks = [task("count"), task("count", 1), task("threads")]
    told, said = [], []
    assert run(tasks, TWO, said.append, on_row=told.append) == []
    assert said[-1].message == "3 of 3 rows"
    assert said[-1].done == said[-1].total
    assert any("count on tiny, seed 1" in progress.message for progress in said)
    assert sorted(t.digest for t in told) == ["count-0", "count-1", "threads-0"]
    row = tasks[0].store.load("count-0")
    assert row.unit == tasks[0].unit
    assert row.figures[0].value == len(tasks[0].experiment().data.crowd.labels)
    assert row.device.startswith("CPU")
    assert {"python", "torch", "numpy"} <= set(row.versions)
    assert row.detector["iterations"] == 25
    assert row.seconds > 0
    assert tasks[2].store.load("threads-0").figures[0].value == 1.0


def test_a_row_that_fails_is_told_and_the_others_are_computed(task):
    tasks = [task("refuse"), task("count")]
    problems = run(tasks, ONE)
    assert problems == [Problem(tasks[0].unit, "There is nothing to learn from.")]
    assert tasks[1].store.load("count-0") is not None


def test_a_row_is_refused_when_the_program_was_changed_meanwhile(task):
    stale = replace(task("count"), code="what it was")
    [problem] = run([stale], ONE)
    assert "The program was changed meanwhile" in problem.words
    assert stale.store.load("count-0") is None


def test_a_process_that_dies_takes_only_its_row_with_it(task, capfd):
    tasks = [task("end"), task("count")]
    [problem] = run(tasks, ONE)
    assert problem.unit == tasks[0].unit
    assert f"status {FAILING_STATUS}" in problem.words
    assert tasks[1].store.load("count-0") is not None
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals that kill")
def test_a_process_that_is_killed_is_told_to_have_been(task):
    [problem] = run([task("killed")], ONE)
    assert "from outside (signal 9)" in problem.words


def test_a_stop_reaches_the_rows_under_way_and_no_other_is_begun(task, tmp_path):
    said = []

    def is_training():
        return any("train 3/300" in progress.message for progress in said)

    tasks = [task("patient"), task("count")]
    with pytest.raises(Cancelled):
        run(tasks, ONE, said.append, is_training)
    assert (tmp_path / "store" / "stopped").exists()
    assert tasks[1].store.load("count-0") is None
    assert tasks[0].store.seconds_spent("patient-0") > 0
    assert said[-2].message.startswith("0 of 2 rows; patient on tiny, seed 0: train 3/300")


def test_the_variables_of_this_process_stay_as_they_were(task, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    run([task("count")], [variables])
    assert running.os.environ["OMP_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in running.os.environ


@pytest.fixture
def machine(monkeypatch, tmp_path):
    monkeypatch.setattr(resources.platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.delenv(resources.VISIBLE, raising=False)

    def use(count, memory_gib=64, names=()):
        monkeypatch.setattr(running, "cores", lambda: count)
        monkeypatch.setattr(resources, "cores", lambda: count)
        free = SimpleNamespace(available=memory_gib * 1024**3)
        monkeypatch.setattr(resources.psutil, "virtual_memory", lambda: free)
        monkeypatch.setattr(resources, "_listed", lambda: names)

    return use


def found(device, preset="compact", wanted=None):
    with environments(device, preset, wanted) as processes:
        return processes


@pytest.mark.parametrize(
    ("count", "memory", "preset", "processes"),
    [(2, 64, "compact", 2), (1, 64, "compact", 1), (8, 4, "compact", 2), (2, 8, "resnet50", 1)],
)
def test_a_process_a_core_as_far_as_memory_goes(machine, count, memory, preset, processes):
    machine(count, memory)
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    assert found("cpu", preset) == [one_thread] * processes


def test_the_person_may_say_how_many(machine):
    machine(2)
    assert len(found("cpu", wanted=3)) == 3


def test_a_process_a_graphics_card(machine):
    machine(16, names=("GPU-a", "GPU-b"))
    assert [e[resources.VISIBLE] for e in found("cuda")] == ["GPU-a", "GPU-b"]
    assert len(found("cuda", wanted=1)) == 1


def test_other_jobs_are_kept_from_the_cards_meanwhile(machine, tmp_path):
    machine(16, names=("GPU-a",))
    with environments("cuda", "compact", None):
        assert any((tmp_path / "gpus" / "GPU-a").iterdir())
