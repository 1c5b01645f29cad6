"""How long the Label Selection Module and the `regions` command take on 100,000 images.

    python benchmarks/regions_speed.py [--json] [--images 100000]

Two sizes, both seeded: 1.5 million boxes in all (15 an image: 5 of the crowd, 5 of each
model), and three times as many (15 of each). The LSM is timed on one core in a process of
its own; the command runs on files in a child process, whose wall time and peak resident
memory are measured. The last line printed is one JSON object; seconds and megabytes (2^20
bytes). `--json` prints nothing else. Targets: LSM 30 s, command 120 s and 4096 MB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.regions import Region, Thresholds, sort_labels
from napari_alc.formats.coco import bbox_lists, write_coco
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet

SIDE = 1024
"""Width and height of the images in pixels."""

CATEGORIES = tuple(Category(number, f"kind {number}") for number in (1, 2))
FILES = ("crowd", "mp", "ma")

P = ParamSpec("P")
T = TypeVar("T")


def jittered(boxes: Floats, pixels: float, rng: np.random.Generator) -> Floats:
    moved = np.clip(boxes + rng.normal(0, pixels, boxes.shape), 0, SIDE)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    return np.asarray(np.round(np.minimum(moved, SIDE + 1), 2), dtype=np.float64)


def moved_away(boxes: Floats, share: float, rng: np.random.Generator) -> Floats:
    """`boxes` with a share of them shifted along a row of the image, to stand alone."""
    away = rng.random(len(boxes)) < share
    shift = np.where(away & (boxes[:, 2] + 150 < SIDE), 150.0, 0.0)
    return np.asarray(boxes + shift[:, None] * np.array([1, 0, 1, 0]))


def make_labels(images: int, per_image: int) -> tuple[LabelSet, Detections, Detections]:
    rng = np.random.default_rng(0)
    count = images * per_image
    image_ids: Integers = np.repeat(np.arange(1, images + 1), per_image)
    category_ids = rng.integers(1, len(CATEGORIES) + 1, count)
    corner = rng.uniform(0, SIDE - 120, (count, 2))
    truth = np.hstack([corner, corner + rng.uniform(20, 100, (count, 2))])

    def detections(pixels: float) -> Detections:
        boxes = moved_away(jittered(truth, pixels, rng), 0.1, rng)
        scores = np.round(rng.uniform(0.5, 1, count), 4)
        return Detections(image_ids, category_ids, boxes, scores)

    records = tuple(
        ImageRecord(number, f"{number:06d}.png", SIDE + 1, SIDE + 1)
        for number in range(1, images + 1)
    )
    crowd = moved_away(jittered(truth, 6, rng), 0.2, rng)
    labels = Labels(image_ids, category_ids, crowd, np.arange(1, count + 1))
    return LabelSet(records, CATEGORIES, labels), detections(4), detections(5)


def time_lsm(images: int, per_image: int) -> dict[str, object]:
    crowd, mp, ma = make_labels(images, per_image)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start, start_cpu = time.perf_counter(), time.process_time()
    result = sort_labels(crowd.labels, mp, ma, Thresholds())
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    counts = np.bincount(result.region, minlength=len(Region)).tolist()
    return {
        "boxes": len(result),
        "lsm_seconds": round(seconds, 2),
        "lsm_cpu_seconds": round(cpu, 2),
        "regions": {region.label: counts[region] for region in Region},
    }


def make_files(folder: Path, images: int, per_image: int) -> None:
    crowd, *models = make_labels(images, per_image)
    write_coco(folder / "crowd.json", crowd)
    for name, found in zip(FILES[1:], models, strict=True):
        columns = (found.image_ids.tolist(), found.category_ids.tolist(), bbox_lists(found.boxes))
        keys = ("image_id", "category_id", "bbox", "score")
        rows = zip(*columns, found.scores.tolist(), strict=True)
        records = [dict(zip(keys, row, strict=True)) for row in rows]
        (folder / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")


def alone(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` in a fresh process.

    A child counts its parent's memory until it has started, so this process stays small.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args, **kwargs).result()


def time_command(folder: Path) -> dict[str, object]:
    arguments = [f"--{name}={folder / name}.json" for name in FILES]
    program = "import sys; from napari_alc.cli import main; sys.exit(main())"
    output = folder / "regions.json"
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", program, "regions", *arguments, f"--output={output}"]
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"the regions command failed with status {child.returncode}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "command_seconds": round(seconds, 1),
        "command_cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "command_peak_mb": round(usage.ru_maxrss / unit),
        "input_mb": round(sum((folder / f"{n}.json").stat().st_size for n in FILES) / 2**20),
        "output_mb": round(output.stat().st_size / 2**20),
    }


def measure(images: int, per_image: int) -> dict[str, object]:
    found = {"images": images, **alone(time_lsm, images, per_image)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone(make_files, folder, images, per_image)
        return found | time_command(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the LSM and the regions command.")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--images", type=int, default=100_000)
    options = parser.parse_args()
    found = measure(options.images, 5)
    found["three_times_the_boxes"] = larger = measure(options.images, 15)
    found["machine"] = (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}"
    )
    found["load_average"] = [round(load, 1) for load in os.getloadavg()]
    if not options.json:
        for row in (found, larger):
            print(
                f"{row['boxes']:>9} boxes on {row['images']} images: LSM {row['lsm_seconds']} s, "
                f"command {row['command_seconds']} s, peak {row['command_peak_mb']} MB"
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
