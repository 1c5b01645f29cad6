"""The command that computes the paper's tables, with rows that take no time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fake_units
from alc_experiments import command as comparing
from alc_experiments.figures import read_figures
from alc_experiments.runs.units import TABLES, ResultTable
from patience import PATIENCE


@pytest.fixture
def tables():
    """One table of fake rows instead of all."""
    before = dict(TABLES)
    TABLES.clear()

    def use(*names, table="table2"):
        TABLES[table] = ResultTable(table, "tiny", "fake_units", names)

    use("count", "threads")
    yield use
    TABLES.clear()
    TABLES.update(before)


@pytest.fixture
def compare(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return program("compare", "--progress", "none", "--workers", 1, *arguments)

    return call


def rows_in(path):
    return [(row.figure.method, row.seed) for row in read_figures(Path(path))]


def times_computed(seed):
    return len(Path("comparison", "store", f"count-{seed}").read_text())


@pytest.mark.usefixtures("tables")
def test_the_tables_are_written_with_how_they_came_about(compare):
    done = compare("--seeds", "0,1", "--results", "results")
    assert done.status == 0
    assert "table2.csv: 4 rows." in done.err
    assert rows_in("results/table2.csv") == [
        ("count", 0), ("count", 1), ("threads", 0), ("threads", 1),
    ]  # fmt: skip
    note = json.loads(Path("results", "runs.json").read_text())["table2"]
    assert note["command"] == "alc-experiments compare --seeds 0,1 --results results"
    assert note["device"].startswith("CPU")
    assert {"python", "torch"} <= set(note["versions"])
    assert (note["data"], note["noise_factor"]) == ("tiny", 1.0)
    assert (note["images"]["to clean"], note["images"]["categories"]) == (12, 1)
    assert note["seconds"] == pytest.approx(sum(row["seconds"] for row in note["rows"]), abs=0.3)
    [session] = note["sessions"]
    assert (session["rows"], session["processes"]) == (4, 1)
    assert session["seconds"] > 0


@pytest.mark.usefixtures("tables")
def test_a_row_is_computed_once_and_seeds_come_together(compare):
    compare("--seeds", 0)
    assert compare("--seeds", 1).status == 0
    assert rows_in("comparison/results/table2.csv")[:2] == [("count", 0), ("count", 1)]
    assert compare("--seeds", "0,1").status == 0
    assert (times_computed(0), times_computed(1)) == (1, 1)


@pytest.mark.usefixtures("tables")
def test_rows_that_another_computer_has_measured_are_not_computed_again(compare):
    compare("--seeds", "0,1", "--results", "results", "--out", "there")
    figures, before = Path("results", "table2.csv"), Path("results", "runs.json").read_text()
    measured = figures.read_bytes()
    done = compare("--seeds", "0,1,2", "--results", "results", "--out", "here")
    assert done.status == 0
    assert "4 rows were there already and were not computed again" in done.err
    assert figures.read_bytes().startswith(measured.splitlines()[0])
    assert rows_in("results/table2.csv") == [
        (name, seed) for name in ("count", "threads") for seed in (0, 1, 2)
    ]
    store = Path("here", "store")
    assert sorted(path.name for path in store.glob("count-*")) == ["count-2"]
    [first] = json.loads(before)["table2"]["sessions"]
    note = json.loads(Path("results", "runs.json").read_text())["table2"]
    assert first in note["sessions"]
    assert len(note["sessions"]) == 2


@pytest.mark.usefixtures("tables")
def test_rows_of_other_settings_are_not_taken_over(compare):
    compare("--seeds", 0, "--results", "results", "--out", "there")
    compare("--seeds", 0, "--results", "results", "--out", "here", "--set", "iterations=7")
    assert Path("here", "store", "count-0").exists()


@pytest.mark.usefixtures("tables")
def test_damaged_notes_on_earlier_rows_are_named(compare):
    compare("--seeds", 0, "--results", "results", "--out", "there")
    Path("results", "runs.json").write_text("{")
    done = compare("--seeds", 0, "--results", "results", "--out", "here")
    assert done.status == 1
    assert "runs.json" in done.complaint


@pytest.mark.usefixtures("tables")
def test_rows_of_other_settings_are_never_beside_the_new_ones(compare):
    compare("--seeds", "0,1")
    done = compare("--seeds", 0, "--set", "iterations=7")
    assert rows_in("comparison/results/table2.csv") == [("count", 0), ("threads", 0)]
    assert "no longer holds 2 rows made by other code or settings" in done.err
    note = json.loads(Path("comparison/results/runs.json").read_text())["table2"]
    assert note["detector"]["iterations"] == 7
    assert note["command"] == "alc-experiments compare --seeds 0 --set iterations=7"


@pytest.mark.usefixtures("tables")
def test_rows_may_be_picked(compare):
    compare("--seeds", 0, "--methods", "count")
    assert rows_in("comparison/results/table2.csv") == [("count", 0)]


def test_a_row_that_fails_leaves_the_others_and_ends_with_status_1(tables, compare):
    tables("refuse", "count")
    done = compare("--seeds", 0)
    assert done.status == 1
    assert "refuse on tiny, seed 0: There is nothing to learn from." in done.err
    assert "1 of the rows could not be computed" in done.err
    assert rows_in("comparison/results/table2.csv") == [("count", 0)]


def test_a_cancelled_comparison_keeps_what_is_complete(tables, compare, tmp_path):
    tables("count", "patient")
    cancel = tmp_path / "comparison" / "rows"  # Appears with the first row.
    done = compare("--seeds", 0, "--cancel-file", cancel)
    assert done.complaint.startswith("The comparison was cancelled")
    assert rows_in("comparison/results/table2.csv") == [("count", 0)]


def test_after_a_kill_the_same_command_goes_on(tables, compare, tmp_path):
    tables("count", "patient")
    call = (
        "from alc_experiments import command\n"
        "from alc_experiments.runs.units import TABLES, ResultTable\n"
        "TABLES.clear()\n"
        "TABLES['table2'] = ResultTable('table2', 'tiny', 'fake_units', ('count', 'patient'))\n"
        "command.main()"
    )
    command = [sys.executable, "-c", call, "compare", "--seeds", "0", "--workers", "1"]
    path = os.pathsep.join(
        [str(Path(fake_units.__file__).parent), os.environ.get("PYTHONPATH", "")]
    )
    killed = subprocess.Popen(
        [*command, "--progress", "json"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert any("train 3/300" in line for line in killed.stdout)
    killed.kill()
    # Its worker holds the other end of the pipe until it notices that it is alone.
    killed.communicate(timeout=PATIENCE)
    assert (tmp_path / "comparison" / "store" / "stopped").exists()
    assert rows_in("comparison/results/table2.csv") == [("count", 0)]
    tables("count", "threads")
    assert compare("--seeds", 0).status == 0
    assert times_computed(0) == 1


def test_a_table_that_has_no_row_yet_is_not_written(tables, compare):
    tables("refuse")
    done = compare("--seeds", 0)
    assert "table2.csv: no row is there yet" in done.err
    assert not Path("comparison/results/table2.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--tables", "table9"), "'table9' is no table; choose from table1, table2"),
        (("--seeds", "0,x"), "'x' is no seed"),
        (("--seeds", "-1"), "'-1' is no seed"),
        (("--data", "coco"), "'coco' is unknown"),
        (("--detector", "resnet18"), "resnet18"),
        (("--set", "iterations=0"), "iterations"),
        (("calibrate", "--factors", "nan"), "'nan' is no factor"),
        (("calibrate", "--data", "all"), "'all' is unknown"),
    ],
)
def test_wrong_usage_ends_with_status_2(program, arguments, complaint):
    done = program("compare", *arguments)
    assert done.status == 2
    assert complaint in " ".join(done.err.replace("│", " ").split())


@pytest.mark.usefixtures("tables")
def test_a_row_that_no_table_has_is_refused_with_those_there_are(compare):
    assert "'Magic' is in none of the tables" in compare("--methods", "Magic").complaint


def test_tables_of_other_data_are_not_asked_for(compare):
    assert "None of these tables is made from tem" in compare(
        "--tables", "table2", "--data", "tem"
    ).complaint  # fmt: skip


def test_bccd_is_asked_for_before_anything_is_computed(compare, monkeypatch):
    monkeypatch.delenv("NAPARI_ALC_DATA", raising=False)
    assert "--bccd" in compare("--tables", "table2").complaint


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ((), {}),
        (("--set", "iterations=9"), {"iterations": 9}),
        (
            ("--detector", "resnet50"),
            {"preset": "resnet50", "iterations": None, "threads": None, "input_size": None},
        ),
    ],
)
@pytest.mark.usefixtures("tables")
def test_numbers_of_the_data_are_for_the_compact_detector(
    compare, monkeypatch, arguments, settings
):
    seen = []
    monkeypatch.setattr(
        comparing, "make_rows", lambda _, order, *__, **___: seen.append(order) or []
    )
    compare("--seeds", 0, *arguments)
    assert dict(seen[0].config.detector) == settings


CALIBRATE = ("calibrate", "--data", "tiny", "--set", "iterations=3", "--progress", "none")


def test_calibrating_prints_the_gap_and_writes_it(compare):
    done = compare(*CALIBRATE, "--factors", "1,1.5", "--seeds", 0)
    assert done.status == 0
    assert rows_in("comparison/results/calibration_tiny.csv") == [
        ("Clean", 0), ("Noisy × 1", 0), ("Noisy × 1.5", 0),
    ]  # fmt: skip
    assert [line.partition(":")[0] for line in done.out.splitlines()] == [
        "Clean", "Noisy × 1", "Noisy × 1.5",
    ]  # fmt: skip
    assert done.out.count("below Clean") == 2


def test_calibrating_adds_factors_to_those_of_earlier_runs_and_notes_how_they_came_about(compare):
    compare(*CALIBRATE, "--factors", "1.5", "--seeds", 0)
    done = compare(*CALIBRATE, "--factors", "1", "--seeds", 0)
    assert done.out.count("below Clean") == 2
    assert rows_in("comparison/results/calibration_tiny.csv") == [
        ("Clean", 0), ("Noisy × 1", 0), ("Noisy × 1.5", 0),
    ]  # fmt: skip
    notes = json.loads(Path("comparison/results/runs.json").read_text(encoding="utf-8"))
    note = notes["calibration_tiny"]
    assert note["command"] == (
        "alc-experiments compare calibrate --data tiny --factors 1,1.5 --seeds 0 --set iterations=3"
    )
    assert note["versions"]["torch"]
    assert [session["rows"] for session in note["sessions"]] == [2, 1]


def test_calibrating_with_other_settings_says_what_is_no_longer_in_the_file(compare):
    compare(*CALIBRATE, "--factors", "1,1.5", "--seeds", 0)
    done = compare(*CALIBRATE, "--factors", "1", "--seeds", 0, "--set", "iterations=2")
    assert "no longer holds 1 row made by other code or settings" in done.err
    assert rows_in("comparison/results/calibration_tiny.csv") == [("Clean", 0), ("Noisy × 1", 0)]


def test_rendering_names_what_it_wrote(program, tmp_path):
    done = program("compare", "render", tmp_path)
    assert done.status == 0
    assert "index.md: written." in done.err
