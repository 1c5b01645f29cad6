from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scale.py"


def test_every_step_is_timed():
    command = [sys.executable, SCRIPT, "--images", "50", "--side", "64", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["images"] == 50
    for name in ("create_s", "predict_s", "images_per_s", "select_s", "open_s", "peak_mb"):
        assert found[name] > 0
