from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "detector" / "throughput.py"
QUICK = ["--data", "drawn", "--images", "4", "--side", "128", "--iterations", "4"]
QUICK += ["--turns", "2", "--workers", "0", "--threads", "1"]


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, SCRIPT, "--json", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_ratio_is_that_of_the_images_a_second(found):
    speeds = found["training"]["images_per_second"]
    assert found["train_ratio"] == found["training"]["train_ratio"]
    assert speeds["ours"] / speeds["reference_0_workers"] == pytest.approx(
        found["train_ratio"], rel=0.01
    )
    assert len(found["training"]["train_ratio_by_turn"]) == 2


def test_prediction_is_measured_with_the_weights_of_the_training(found):
    assert found["predict_ratio"] == found["prediction"]["predict_ratio"]
    assert found["predict_ratio"] > 0
    assert found["prediction"]["ap50"]["ours"] == found["training"]["ap50"]["ours"]


def test_device_input_and_parts_of_both_sides_are_told(found):
    assert found["device"].startswith("CPU")
    assert found["preset"] == "compact"
    assert found["input"]["longer"] == 128
    for side in ("ours", "reference"):
        assert {"read", "augment", "forward", "backward", "update"} <= set(
            found["training"]["parts_ms"][side]
        )
        assert all(time > 0 for time in found["training"]["parts_ms"][side].values())
    assert set(found["training"]["ap50"]) == {"ours", "reference_0_workers"}
