"""Which rows the tables have, and what makes a row another one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alc_experiments.data import NAMES, tiny
from alc_experiments.experiment import Experiment
from alc_experiments.runs import units as module
from alc_experiments.runs.units import TABLES, ResultTable, Unit, choose, code_now, row_digest
from napari_alc.errors import AlcError

FAKE = ResultTable("table2", "tiny", "fake_units", ("count", "threads"))
UNIT = Unit("fake_units", "count", "tiny", 0, 1.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("data"), 0, 1.0)


@pytest.fixture
def experiment(data, tmp_path):
    return Experiment(data, 0, tmp_path)


def test_seeds_of_a_row_follow_each_other():
    rows = [(unit.name, unit.seed) for unit in choose([FAKE], [0, 1])]
    assert rows == [("count", 0), ("count", 1), ("threads", 0), ("threads", 1)]


def test_a_row_of_two_tables_is_computed_once():
    other = ResultTable("table1", "tiny", "fake_units", ("count",))
    assert len(choose([FAKE, other], [0])) == 2


def test_rows_may_be_picked():
    assert [unit.name for unit in choose([FAKE], [0], ["threads"])] == ["threads"]


def test_a_row_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AlcError, match="'Magic' is in none of the tables; there are: count, thr"):
        choose([FAKE], [0], ["count", "Magic"])


def test_words_name_unusual_noise():
    assert UNIT.words == "count on tiny, seed 0"
    assert replace(UNIT, factor=1.5).words == "count on tiny with noise × 1.5, seed 0"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_row_of_every_table_has_its_function(table):
    assert table.data in NAMES
    rows = list(table.units([0]))
    assert rows
    assert all(callable(unit.compute) for unit in rows)


def test_tables_1_and_2_have_the_papers_rows():
    assert set(TABLES["table2"].names) == {
        "Noisy", "OA-MIL", "Mao", "ALC", "Ours (Random)", "Ours", "Clean",
    }  # fmt: skip


def test_the_same_row_has_the_same_digest(data, tmp_path):
    first = row_digest(UNIT, Experiment(data, 0, tmp_path), "code")
    assert row_digest(UNIT, Experiment(data, 0, tmp_path / "elsewhere"), "code") == first


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda experiment: replace(experiment, seed=1), id="seed"),
        pytest.param(
            lambda experiment: replace(experiment, detector=(("iterations", 9),)), id="detector"
        ),
        pytest.param(
            lambda experiment: replace(
                experiment, data=replace(experiment.data, crowd=experiment.data.truth)
            ),
            id="noise",
        ),
        pytest.param(
            lambda experiment: replace(
                experiment,
                data=replace(experiment.data, plan=replace(experiment.data.plan, initial=4)),
            ),
            id="plan",
        ),
        pytest.param(
            lambda experiment: replace(experiment, data=replace(experiment.data, validation=None)),
            id="validation images",
        ),
    ],
)
def test_what_decides_a_row_is_in_its_digest(experiment, change):
    assert row_digest(UNIT, change(experiment), "code") != row_digest(UNIT, experiment, "code")


def test_a_box_that_moved_by_a_hair_is_in_the_digest(experiment):
    labels = experiment.data.crowd.labels
    boxes = labels.boxes.copy()
    boxes[0, 0] = np.nextafter(boxes[0, 0], 0)
    moved = experiment.data.crowd.with_labels(replace(labels, boxes=boxes))
    other = replace(experiment, data=replace(experiment.data, crowd=moved))
    assert row_digest(UNIT, other, "code") != row_digest(UNIT, experiment, "code")


def test_the_code_is_in_the_digest(experiment):
    assert row_digest(UNIT, experiment, "code") != row_digest(UNIT, experiment, "changed code")


@pytest.mark.parametrize("which", ["COMPUTING", "module_version"])
def test_the_code_is_that_of_the_methods_and_of_all_they_need(monkeypatch, which):
    before = code_now("fake_units")
    other = ("napari_alc.boxes",) if which == "COMPUTING" else lambda _: "other code"
    monkeypatch.setattr(module, which, other)
    assert code_now("fake_units") != before
