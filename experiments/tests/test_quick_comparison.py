"""Every row of every table is computed once on tiny data with trainings of a moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alc_experiments.data import TINY
from alc_experiments.figures import read_figures
from alc_experiments.pages.paper import METHODS
from alc_experiments.runs.units import TABLES
from alc_experiments.strategies import TITLES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quick")


@pytest.fixture
def results(program, folder):
    """The folder of results, computed by the first test that asks for it."""
    if not (folder / "results").exists():
        done = program(
            "compare", "--quick", "--set", "iterations=5", "--out", folder, "--progress", "none"
        )
        assert (done.status, done.err.count(" rows.")) == (0, len(TABLES)), done.err
    return folder / "results"


def methods_in(path: Path) -> set[str]:
    return {row.figure.method for row in read_figures(path)}


def test_every_table_has_all_its_rows(results):
    assert {path.stem for path in results.glob("*.csv")} == set(TABLES)
    for table in ("table1", "table2", "table1_2048"):
        assert methods_in(results / f"{table}.csv") == set(METHODS)
    assert methods_in(results / "figure6.csv") == set(TITLES.values())
    notes = json.loads((results / "runs.json").read_text(encoding="utf-8"))
    assert {name: {row["name"] for row in note["rows"]} for name, note in notes.items()} == {
        name: set(table.names) for name, table in TABLES.items()
    }


def test_every_method_is_measured_by_its_detector_its_labels_and_its_price(results):
    rows = read_figures(results / "table2.csv")
    for method in METHODS:
        metrics = {row.figure.metric for row in rows if row.figure.method == method}
        assert {"AP50", "Bkg", "Miss", "Loc", "label_f1", "budget", "budget_crowd"} <= metrics


def test_figure_6_has_both_models_at_every_number_of_images(results):
    found = {
        (row.figure.method, row.figure.metric, row.figure.images)
        for row in read_figures(results / "figure6.csv")
    }
    images = (TINY.plan.initial, TINY.plan.initial + TINY.plan.per_iteration)
    assert {
        (title, f"AP50 {model}", count)
        for title in TITLES.values()
        for model in ("Mp", "Ma")
        for count in images
    } <= found


def test_what_it_took_is_noted(results):
    notes = json.loads((results / "runs.json").read_text(encoding="utf-8"))
    for note in notes.values():
        [session] = note["sessions"]
        assert session["rows"] == len(note["rows"])
        assert session["seconds"] > 0
        assert 0 < note["seconds"] <= session["seconds"] * session["processes"] + 1


def test_pages_are_made_of_it(program, results):
    assert program("compare", "render", results).status == 0
    assert (results / "table2.md").exists()
    assert (results / "figure6.png").exists()
