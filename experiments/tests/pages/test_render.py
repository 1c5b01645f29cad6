"""Pages and plot are made from the CSV files."""

from __future__ import annotations

import json

import pytest
from invented_results import INVENTED, by_seed, write_all
from PIL import Image

from alc_experiments.figures import write_figures
from alc_experiments.pages.render import missing, render
from alc_experiments.pages.tables import SHEETS
from napari_alc.errors import BadData


def note(command: str, seconds: float) -> dict[str, object]:
    versions = {"python": "3.11.9"}
    return {"command": command, "versions": versions, "device": "CPU", "seconds": seconds}


def test_every_file_becomes_a_page_and_figure_6_a_plot(tmp_path):
    write_all(tmp_path)
    written = {path.name for path in render(tmp_path)}
    assert written == {*(f"{name}.md" for name in INVENTED), "figure6.png", "index.md"}
    assert all((tmp_path / name).stat().st_size > 100 for name in written)
    assert set(missing(tmp_path)) == set(SHEETS) - set(INVENTED)


def test_the_same_files_give_the_same_bytes(tmp_path):
    write_all(tmp_path)
    first = {path: path.read_bytes() for path in render(tmp_path)}
    assert {path: path.read_bytes() for path in render(tmp_path)} == first


def test_the_plot_is_wide_enough_to_be_read(tmp_path):
    write_all(tmp_path, seeds=(0,))
    render(tmp_path)
    with Image.open(tmp_path / "figure6.png") as picture:
        assert picture.size == (1344, 736)
        assert len(picture.convert("RGB").getcolors(2**20)) > 20


def test_tables_that_are_not_there_are_told_and_not_invented(tmp_path):
    write_figures(tmp_path / "table2.csv", by_seed("Ours", "AP50", 1.0, 2.0))
    assert [path.name for path in render(tmp_path)] == ["table2.md", "index.md"]
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "[Table 2: all methods on BCCD](table2.md) | 2 |" in index
    assert all(f"`{name}.csv`" in index for name in set(INVENTED) - {"table2"})
    assert len(missing(tmp_path)) == len(SHEETS) - 1


def test_a_damaged_file_is_told_by_name_and_line_and_harms_no_page(tmp_path):
    write_all(tmp_path)
    before = {path: path.read_bytes() for path in render(tmp_path)}
    with (tmp_path / "table2.csv").open("a", encoding="utf-8") as stream:
        stream.write("Ours,0,AP50,\n")
    with pytest.raises(BadData, match=r"table2\.csv: line \d+"):
        render(tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_command_versions_and_time_come_from_the_notes_of_the_runs(tmp_path):
    write_figures(tmp_path / "table2.csv", by_seed("Ours", "AP50", 1.0, 2.0))
    notes = {"table2": note("alc-experiments compare table2", 7500.0)}
    (tmp_path / "runs.json").write_text(json.dumps(notes), encoding="utf-8")
    render(tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "- Versions: python 3.11.9\n- Device: CPU\n" in index
    assert "| 2 | 2 h 5 min, summed over the rows | `alc-experiments compare table2` |" in index
    assert "- Computing time: 2 h 5 min" in (tmp_path / "table2.md").read_text(encoding="utf-8")


def test_versions_stand_in_each_line_where_tables_differ_in_them(tmp_path):
    for name in ("table2", "table3"):
        write_figures(tmp_path / f"{name}.csv", by_seed("Ours", "AP50", 1.0, 2.0))
    notes = {"table2": note("alc-experiments compare", 1.0)}
    (tmp_path / "runs.json").write_text(json.dumps(notes), encoding="utf-8")
    render(tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert (
        "| 1 s, summed over the rows | python 3.11.9 | CPU | `alc-experiments compare` |" in index
    )
    assert "- Versions" not in index


@pytest.mark.parametrize("content", ["{", "[]", '{"table2": {}}', '{"table2": 3}'])
def test_damaged_notes_are_told_by_name(tmp_path, content):
    (tmp_path / "runs.json").write_text(content, encoding="utf-8")
    with pytest.raises(BadData, match=r"runs\.json"):
        render(tmp_path)
