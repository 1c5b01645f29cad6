"""The CSV files that keep what was measured."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alc_experiments.figures import Figure, Seeded, read_figures, write_figures
from napari_alc.errors import AlcError, BadData

WORDS = st.text(string.ascii_letters + string.digits + ' ()+/,"-ατ', min_size=1, max_size=12)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
FIGURES = st.builds(Figure, WORDS, WORDS, VALUES, st.none() | st.integers(1, 999))
ROWS = st.lists(st.builds(Seeded, FIGURES, st.integers(0, 2**31)), max_size=6)


@given(rows=ROWS)
def test_what_is_written_is_read_to_the_last_bit(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("figures") / "table.csv"
    write_figures(path, rows)
    assert read_figures(path) == rows


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_measurement_that_failed_cannot_pass_for_a_figure(value):
    with pytest.raises(AlcError, match=f"AUROC of ObjectLab is {value}"):
        Figure("ObjectLab", "AUROC", value)


def test_columns_are_method_seed_metric_value(tmp_path):
    write_figures(tmp_path / "a.csv", [Seeded(Figure("Ours (Random)", "AP50", 86.0), 2)])
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert text == "method,seed,metric,value\nOurs (Random),2,AP50,86.0\n"


def test_figures_by_number_of_images_have_a_column_for_it(tmp_path):
    rows = [Seeded(Figure("LC", "Mp AP50", 61.5, 22), 0), Seeded(Figure("LC", "seconds", 3.0), 0)]
    write_figures(tmp_path / "a.csv", rows)
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["method,images,seed,metric,value", "LC,22,0,Mp AP50,61.5", "LC,,0,seconds,3.0"]


def test_a_missing_file_says_which_command_makes_it(tmp_path):
    with pytest.raises(BadData, match="alc-experiments compare first"):
        read_figures(tmp_path / "none.csv")


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("method,seed,value\nOurs,0,1.0\n", encoding="utf-8")
    with pytest.raises(BadData, match="column 'metric'"):
        read_figures(path)


@pytest.mark.parametrize(
    "row", ["Ours,0,AP50,many", "Ours,zero,AP50,1.0", "Ours,0,AP50"], ids=lambda row: row
)
def test_what_is_no_number_is_told_by_its_line(tmp_path, row):
    path = tmp_path / "a.csv"
    path.write_text(f"method,seed,metric,value\nOurs,0,AP50,1.0\n{row}\n", encoding="utf-8")
    with pytest.raises(BadData, match="line 3"):
        read_figures(path)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_value_that_is_not_finite_is_refused(tmp_path, value):
    path = tmp_path / "a.csv"
    path.write_text(f"method,seed,metric,value\nOurs,0,AP50,{value}\n", encoding="utf-8")
    with pytest.raises(BadData, match="line 2"):
        read_figures(path)
