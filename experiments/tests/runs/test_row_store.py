"""Rows on disk, and who made them when."""

from __future__ import annotations

import json

import pytest

from alc_experiments.figures import Figure
from alc_experiments.runs.sessions import ComputingSession, sessions_of
from alc_experiments.runs.store import Row, RowStore
from alc_experiments.runs.units import Unit
from napari_alc.errors import BadData

ROW = Row(
    digest="abc",
    unit=Unit("methods", "Ours (Random)", "bccd", 2, 1.25),
    figures=(Figure("Ours (Random)", "AP50", 86.44), Figure("LC", "AP50 Mp", 1 / 3, 22)),
    seconds=61.5,
    device="CPU, 2 cores",
    versions={"torch": "2.6.0"},
    detector={"iterations": None, "seed": 2},
)


@pytest.fixture
def store(tmp_path):
    return RowStore(tmp_path / "rows")


def test_a_row_is_read_as_it_was_kept(store):
    assert store.load("abc") is None
    store.save(ROW)
    assert store.load("abc") == ROW
    assert list(store.rows()) == [ROW]


def test_a_damaged_row_is_told_with_what_to_do(store):
    store.save(ROW)
    path = store.folder / "abc.json"
    path.write_text(json.dumps({"digest": "abc"}))
    with pytest.raises(BadData, match=r"abc\.json.*computed again"):
        store.load("abc")


def test_time_spent_on_a_row_is_known_until_it_is_complete(store):
    assert store.seconds_spent("abc") == 0.0
    store.note_seconds("abc", 12.5)
    assert store.seconds_spent("abc") == 12.5
    store.save(ROW)
    assert store.seconds_spent("abc") == 0.0
    assert list(store.rows()) == [ROW]


def test_a_session_is_told_by_the_rows_it_completed(tmp_path):
    first = ComputingSession.begin(tmp_path, "alc-experiments compare --seeds 0", 2)
    first.note("a")
    first.note("b")
    ComputingSession.begin(tmp_path, "alc-experiments compare --seeds 1", 1).note("c")
    ComputingSession.begin(tmp_path, "alc-experiments compare --seeds 2", 1)
    told = list(sessions_of(tmp_path, {"b", "c", "d"}))
    assert [(s["command"], s["processes"], s["rows"]) for s in told] == [
        ("alc-experiments compare --seeds 0", 2, 1),
        ("alc-experiments compare --seeds 1", 1, 1),
    ]
    assert told[0]["seconds"] > 0
    assert set(told[0]) == {"command", "began", "processes", "seconds", "rows"}
