"""How long ObjectLab and our method take to rank the same boxes, on one core.

    python experiments/benchmarks/peers_speed.py [--json] [--images 1000]

Seeded boxes of two categories: 15 of the crowd and 15 of each model in an image. ObjectLab is the
package cleanlab: one call of `find_label_issues` on the crowd's boxes and Mp's,
already in its own format. Ours is the Label Selection Module with its evaluation scores, and the
ranking of all boxes, on the crowd's boxes, Mp's and Ma's. Both run in this process, one after the
other; ours first, without a run to warm up. The last line printed is one JSON object; `--json`
prints nothing else. Target: ours 50 times faster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from alc_experiments.peers import objectlab, ours
from napari_alc.cleaning.regions import Thresholds

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from regions_speed import make_labels

PER_IMAGE = 15
TARGET = 50


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(images: int) -> dict[str, object]:
    from cleanlab.object_detection.filter import find_label_issues

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    crowd, mp, ma = make_labels(images, PER_IMAGE)
    given = objectlab.given(crowd, mp)
    of_ours = timed(lambda: ours.suspicions(crowd.labels, mp, ma, Thresholds()))
    of_objectlab = timed(lambda: find_label_issues(given.labels, given.predictions))
    return {
        "images": images,
        "boxes_of_each": len(crowd.labels),
        "cleanlab": version("cleanlab"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}",
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "objectlab_seconds": round(of_objectlab, 3),
        "ours_seconds": round(of_ours, 4),
        "speed_ratio": round(of_objectlab / of_ours, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time ObjectLab and our method on the same boxes.")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    found = measure(options.images)
    if not options.json:
        print(
            f"{found['images']} images: ObjectLab {found['objectlab_seconds']} s, ours "
            f"{found['ours_seconds']} s, {found['speed_ratio']} times (target {TARGET})"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
