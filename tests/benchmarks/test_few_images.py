"""The benchmark of detectors that learned from few images."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import few_images
import pytest


def in_threads(workers, _context):
    return ThreadPoolExecutor(workers)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """The command on tiny images; returns what it prints."""
    monkeypatch.setitem(few_images.SIZES, "tiny", (4,))
    # In this process, which has loaded torch already.
    monkeypatch.setattr(few_images, "ProcessPoolExecutor", in_threads)

    def run(*arguments):
        results = tmp_path / "rows.jsonl"
        command = ["few_images.py", "--out", tmp_path / "out", "--results", results]
        command += ["--data", "tiny", "--draws", "0", "--workers", "1", *arguments]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        few_images.main()
        return capsys.readouterr().out

    return run


def test_rows_are_measured_once_and_told(run, monkeypatch, tmp_path):
    trainings = ("--trainings", "stride 8;half, on")
    told = run(*trainings)
    rows = [line for line in told.splitlines() if line.startswith("| tiny | 4 |")]
    assert [len(row.split(" | ")) for row in rows] == [15, 15, 6]
    assert "| tiny | stride 8 |" in told
    rows = few_images.known_rows(tmp_path / "nowhere", tmp_path / "rows.jsonl")
    half, whole = rows.values()
    assert (half.cell.training, whole.cell.training) == ("half, on", "stride 8")
    assert len(whole.curve) > 1
    assert set(half.figures["2 looks"]) == {"other half", "ms"}
    monkeypatch.setattr(few_images, "measure", pytest.fail)
    (tmp_path / "out").rename(tmp_path / "gone")
    assert run(*trainings) == told


def measured(training, ap50, part):
    figures = {name: {part: ap50, "ms": 1.0} for name in few_images.LOOKS}
    return few_images.Measured(few_images.Cell("tem", 6, 0, training), 1.0, 16.0, figures)


def test_what_decides_on_pasting_stands_beside_what_comes_of_it():
    rows = [
        measured("stride 4", 90.0, "test"),
        measured("stride 4, pasted", 85.0, "test"),
        measured("stride 8", 1.0, "test"),
        measured("half, off", 70.0, "other half"),
    ]
    last = few_images.decisions(rows).splitlines()[-1]
    assert last == "| tem | 6 | 0 | – / – | 70.0 / – | 90.0 / 85.0 |"


@pytest.mark.parametrize(("off", "on", "auto"), [(80.0, 81.0, "2.0"), (80.0, 79.0, "1.0")])
def test_the_table_takes_what_validation_decides_and_the_strides_of_each_recipe(off, on, auto):
    found = {
        "stride 8": {"validation": 1.0, "test": 0.5},
        "stride 4": {"validation": off, "test": 1.0},
        "stride 4, pasted": {"validation": on, "test": 2.0},
    }
    rows = []
    for training, parts in found.items():
        figures = {name: {**parts, "ms": 1.0} for name in few_images.LOOKS}
        cell = few_images.Cell("tem", 6, 0, training)
        rows.append(few_images.Measured(cell, 1.0, 16.0, figures))
    last = few_images.table(rows, "test").splitlines()[-1]
    assert last.split(" | ")[2:9] == ["0.5", "0.5", "0.5", "0.5", "1.0", "2.0", auto]
