from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers_speed.py"


def test_the_benchmark_times_both_methods_on_the_same_boxes():
    pytest.importorskip("cleanlab", reason="needs cleanlab")
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", "--images", "20"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout)
    assert (found["images"], found["boxes_of_each"]) == (20, 300)
    assert list(found)[-3:] == ["objectlab_seconds", "ours_seconds", "speed_ratio"]
    assert found["objectlab_seconds"] > found["ours_seconds"] > 0
    ratio = found["objectlab_seconds"] / found["ours_seconds"]
    assert found["speed_ratio"] == pytest.approx(ratio, rel=0.1)
