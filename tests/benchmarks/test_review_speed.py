from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "review_speed.py"


def measured(*arguments):
    command = [sys.executable, SCRIPT, "--quick", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return lines[:-1], json.loads(lines[-1])


@pytest.mark.parametrize(
    ("part", "figure"),
    [
        ("next-image", "next_image_ratio"),
        ("decision-1000", "decision_ms_1000"),
        ("training", "gap_p99_ratio"),
    ],
)
def test_each_part_measures_its_figure(part, figure):
    before, found = measured("--json", "--only", part)
    assert before == []
    assert next(iter(found)) == figure
    assert isinstance(found[figure], float)
    assert found["quick"] is True


def test_the_figures_come_first_and_a_table_is_printed_for_people():
    table, found = measured("--only", "opening", "decision-200")
    assert list(found)[:2] == ["decision_ms_200", "open_seconds"]
    assert 0 < found["open_seconds"] < 60
    assert any(line.startswith("open_seconds") and line.endswith("3.0") for line in table)
