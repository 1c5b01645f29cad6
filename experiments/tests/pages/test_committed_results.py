"""The pages in docs/results are those of the CSV files beside them, byte for byte."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from invented_results import write_all

from alc_experiments.figures import read_figures, write_figures
from alc_experiments.pages.render import INDEX, render
from alc_experiments.pages.run_notes import RUNS

RESULTS = Path(__file__).parents[3] / "docs" / "results"
DATA = ("*.csv", RUNS)


def differences(committed: Path, scratch: Path) -> list[str]:
    """Names of pages that are not what the data files of `committed` give."""
    for pattern in DATA:
        for path in committed.glob(pattern):
            shutil.copy(path, scratch)
    render(scratch)
    names = {path.name for folder in (committed, scratch) for path in folder.glob("*.md")}
    return sorted(n for n in names if content(committed / n) != content(scratch / n))


def content(path: Path) -> bytes | None:
    """A page with the line ends of a checkout under Windows taken out; None where it is absent."""
    return path.read_bytes().replace(b"\r\n", b"\n") if path.exists() else None


def unpaired(folder: Path) -> set[str]:
    """Pages without data and data without a page, by their stems; the index needs no data."""
    pages = {path.stem for path in folder.glob("*.md") if path.name != INDEX}
    return pages ^ {path.stem for path in folder.glob("*.csv")}


def test_committed_pages_are_those_of_the_data(tmp_path):
    assert differences(RESULTS, tmp_path) == []


def test_every_committed_page_has_its_data_and_all_data_a_page():
    assert unpaired(RESULTS) == set()
    assert (RESULTS / INDEX).exists()


def test_figure_6_is_there_when_its_data_are():
    assert (RESULTS / "figure6.png").exists() == (RESULTS / "figure6.csv").exists()


@pytest.fixture
def rendered(tmp_path):
    folder, scratch = tmp_path / "committed", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    write_all(folder)
    render(folder)
    return folder, scratch


def test_a_figure_typed_by_hand_is_noticed(rendered):
    folder, scratch = rendered
    assert differences(folder, scratch) == []
    page = folder / "table2.md"
    page.write_text(page.read_text(encoding="utf-8").replace("88.63", "88.64"), encoding="utf-8")
    assert differences(folder, scratch) == ["table2.md"]


def test_data_that_changed_after_the_page_are_noticed(rendered):
    folder, scratch = rendered
    data = folder / "table3.csv"
    first, *rest = read_figures(data)
    write_figures(data, [replace(first, figure=replace(first.figure, value=1.0)), *rest])
    assert differences(folder, scratch) == ["table3.md"]


def test_a_page_without_data_and_data_without_a_page_are_noticed(rendered):
    folder, _ = rendered
    assert unpaired(folder) == set()
    (folder / "table2.csv").unlink()
    (folder / "table4.md").unlink()
    assert unpaired(folder) == {"table2", "table4"}
