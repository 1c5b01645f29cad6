"""Train the compact preset on BCCD with default settings and measure AP50 on its test images.

    python benchmarks/detector/bccd_compact.py --seed 0 --threads 1

The last line printed is one JSON object. Exit status 1 when AP50 is below the target of 0.85.
BCCD is looked for in ``$NAPARI_ALC_DATA/bccd``, else in ``../shared/data/bccd`` beside the project.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from napari_alc.detection.data.samples import TrainingImage
from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.run_files import METRICS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.training import train
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.formats.voc import read_voc
from napari_alc.labels import Detections, LabelSet
from napari_alc.progress import Progress

TARGET = 0.85


def data_folder() -> Path:
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("NAPARI_ALC_DATA", beside)) / "bccd"
    if not folder.is_dir():
        sys.exit(f"{folder}: BCCD is not there; set NAPARI_ALC_DATA to the folder that holds bccd.")
    return folder


def read_split(folder: Path, name: str) -> LabelSet:
    stems = (folder / "ImageSets" / "Main" / f"{name}.txt").read_text().split()
    return read_voc(folder / "Annotations", subset=stems).label_set


def training_images(labels: LabelSet, folder: Path) -> list[TrainingImage]:
    images = []
    for record in labels.images:
        mine = labels.labels.of_images([record.id])
        path = folder / "JPEGImages" / record.file_name
        images.append(TrainingImage(path, mine.boxes, mine.category_ids))
    return images


def show(progress: Progress) -> None:
    if sys.stderr.isatty() or progress.done == progress.total:
        loss = progress.values.get("loss", float("nan"))
        print(f"\r{progress.message}, loss {loss:.3f}    ", end="", file=sys.stderr, flush=True)


def measure(folder: Path, seed: int, threads: int, first: int | None) -> dict[str, object]:
    learn, test = read_split(folder, "train"), read_split(folder, "test")
    images = training_images(learn, folder)[:first]
    paths = [(record.id, folder / "JPEGImages" / record.file_name) for record in test.images]
    settings = DetectorSettings(seed=seed, threads=threads)
    with tempfile.TemporaryDirectory() as place:
        started = time.perf_counter()
        weights = train(images, learn.categories, settings, Path(place), report=show)
        trained = time.perf_counter()
        found = Detections.empty().joined(*predict(weights, paths))
        predicted = time.perf_counter()
        metrics = json.loads((Path(place) / METRICS_FILE).read_text())
    scores = average_precision(test, found)
    return {
        "ap50": round(scores.ap50 / 100, 4),
        "per_category": {name: round(ap / 100, 4) for name, ap in scores.per_category.items()},
        "train_seconds": round(trained - started, 1),
        "predict_seconds": round(predicted - trained, 1),
        "iterations": metrics["iterations"],
        "parameters": metrics["parameters"],
        "training_images": len(images),
        "test_images": len(paths),
        "detections_an_image": round(float(np.mean(len(found) / len(paths))), 1),
        "threads": threads,
        "seed": seed,
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Compact preset on BCCD, default settings.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=int, help="train on the first so many images only")
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    options = parser.parse_args()
    result = measure(data_folder(), options.seed, options.threads, options.first)
    print(file=sys.stderr)
    if not options.json:
        print(f"AP50 {result['ap50']:.4f} after {result['train_seconds']} s of training")
    print(json.dumps(result))
    whole_set = options.first is None
    sys.exit(1 if whole_set and float(str(result["ap50"])) < TARGET else 0)


if __name__ == "__main__":
    main()
