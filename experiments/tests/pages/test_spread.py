"""Means, spreads and paired differences over seeds."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_results import by_seed, one_seed

from alc_experiments.figures import Figure, Seeded, write_figures
from alc_experiments.pages.spread import (
    Results,
    Spread,
    difference,
    read_results,
    spread_of,
    total,
    words_of,
)
from napari_alc.errors import BadData

VALUES = st.dictionaries(st.integers(0, 9), st.floats(-1e6, 1e6), min_size=2, max_size=6)


def test_several_seeds_have_a_mean_and_a_sample_deviation():
    assert words_of({0: 88.53, 1: 88.10, 2: 89.09}, 2) == "88.57 ± 0.50"


def test_one_seed_has_no_deviation():
    assert words_of({4: 88.53}, 1) == "88.5"


def test_what_was_not_measured_is_a_dash():
    assert words_of({}, 2) == "–"


def test_signs_stand_only_before_means():
    assert words_of({0: -1.0, 1: -2.0}, 1, signed=True) == "−1.5 ± 0.7"
    assert words_of({0: 1.5}, 1, signed=True) == "+1.5"
    assert words_of({0: -0.001}, 2, signed=True) == "+0.00"
    assert words_of({0: -0.001}, 2) == "0.00"


@given(values=VALUES)
def test_the_deviation_does_not_see_a_shift(values):
    shifted = {seed: value + 1000.0 for seed, value in values.items()}
    one, other = spread_of(values), spread_of(shifted)
    assert other.mean - one.mean == pytest.approx(1000.0)
    assert other.deviation == pytest.approx(one.deviation, abs=1e-6)


@given(values=VALUES, noise=VALUES)
def test_a_difference_is_paired_so_what_a_seed_does_to_both_cancels_out(values, noise):
    raised = {seed: value + 5.0 for seed, value in values.items()}
    assert spread_of(difference(raised, values)).deviation == pytest.approx(0, abs=1e-6)
    shared = set(values) & set(noise)
    assert set(difference(values, noise)) == shared


def test_sums_are_of_the_seeds_that_have_all_parts():
    assert total({0: 1.0, 1: 2.0}, {1: 3.0, 2: 9.0}) == {1: 5.0}


def test_results_keep_the_order_of_the_file():
    rows = [*by_seed("Ours", "AP50", 1, 2, 3), *one_seed("ALC", tau=0.5, AP50=7.0)]
    results = Results(tuple(rows))
    assert results.methods == ("Ours", "ALC")
    assert results.metrics == ("AP50", "tau")
    assert results.seeds == results.seeds_of("Ours") == (0, 1, 2)
    assert results.seeds_of("ALC") == (0,)
    assert results.values("Ours", "AP50") == {0: 1, 1: 2, 2: 3}
    assert results.values("Ours", "tau") == {}


def test_figures_at_several_numbers_of_images_are_kept_apart():
    rows = [Seeded(Figure("LC", "AP50 Mp", float(n), n), 0) for n in (22, 11)]
    results = Results(tuple(rows))
    assert results.images == (11, 22)
    assert results.values("LC", "AP50 Mp", 22) == {0: 22.0}
    assert results.values("LC", "AP50 Mp") == {}


def test_a_figure_that_stands_twice_is_told_by_its_lines(tmp_path):
    path = tmp_path / "table2.csv"
    write_figures(path, [*by_seed("Ours", "AP50", 1, 2), *one_seed("Ours", AP50=3.0)])
    with pytest.raises(BadData, match=r"line 4 gives AP50 of Ours with seed 0 again.*line 2"):
        read_results(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "table2.csv"
    write_figures(path, [])
    with pytest.raises(BadData, match="holds no figure"):
        read_results(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"method,seed,metric,value\n\xe9,0,a,1\n"])
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    path = tmp_path / "table2.csv"
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"table2\.csv"):
        read_results(path)


def test_the_mean_is_exact():
    values = dict(enumerate([0.1] * 10))
    assert spread_of(values) == Spread(statistics.fmean([0.1] * 10), 0.0)
