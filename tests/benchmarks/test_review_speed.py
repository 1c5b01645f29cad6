from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import review_speed
from ordinary_jobs import INSTEAD

from patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "review_speed.py"


@pytest.fixture(scope="module")
def printed(loaded_program):
    command = [sys.executable, SCRIPT, "--quick"]
    environment = {**os.environ, INSTEAD: json.dumps(loaded_program)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def found(printed):
    return json.loads(printed[-1])


@pytest.mark.parametrize("figure", review_speed.TARGETS)
def test_each_part_measures_its_figure(found, figure):
    assert isinstance(found[figure], float)
    assert found["quick"] is True


def test_the_figures_come_first_and_a_table_is_printed_for_people(printed, found):
    assert list(found)[: len(review_speed.TARGETS)] == list(review_speed.TARGETS)
    assert found["open_seconds"] > 0
    assert any(line.startswith("open_seconds") and line.endswith("3.0") for line in printed)


def test_every_part_has_a_process_of_its_own_and_a_program_gets_the_json_object_alone(
    monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(sys, "argv", ["review_speed.py", "--json"])
    monkeypatch.setattr(review_speed, "measure", lambda parts, _quick: asked.append(parts) or {})
    review_speed.main()
    assert asked == [[part] for part in review_speed.PARTS]
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["quick"] is False
