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


@pytest.fixture(scope="module")
def found():
    before, found = measured("--json", "--only", "next-image", "decision-1000", "training")
    assert before == []
    return found


FIGURES = ["next_image_ratio", "decision_ms_1000", "gap_p99_ratio"]


@pytest.mark.parametrize("figure", FIGURES)
def test_each_part_measures_its_figure(found, figure):
    assert isinstance(found[figure], float)
    assert found["quick"] is True


def test_the_figures_of_several_parts_come_first(found):
    assert list(found)[:3] == FIGURES


def test_the_figures_come_first_and_a_table_is_printed_for_people():
    table, found = measured("--only", "opening", "decision-200")
    assert list(found)[:2] == ["decision_ms_200", "open_seconds"]
    assert found["open_seconds"] > 0
    assert any(line.startswith("open_seconds") and line.endswith("3.0") for line in table)
