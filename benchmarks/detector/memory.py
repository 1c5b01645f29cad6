"""Peak memory of training and prediction, by recipe and detector.

    python benchmarks/detector/memory.py --bccd BCCD --out FOLDER [--data bccd,tem,tem2048]
        [--detectors compact,lite0]

Each recipe learns from `IMAGES` images for `ITERATIONS` batches and looks at as many, in a process
of its own, on the CPU. Prints bytes of the process at its peak, after the training and at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

IMAGES, ITERATIONS = 6, 12


def peak() -> int:
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str, recipe: int, preset: str, out: Path, bccd: Path | None) -> dict[str, int]:
    """Peak bytes after loading, training and prediction."""
    from alc_experiments.data import NOISE_FACTORS, DataSource
    from napari_alc.detection.data.samples import training_images
    from napari_alc.detection.inference.prediction import predict
    from napari_alc.detection.plan import plan_for
    from napari_alc.detection.settings import DetectorSettings
    from napari_alc.detection.training.training import train

    data = DataSource(out / "data", bccd).dataset(name, 0, NOISE_FACTORS[name])
    learned = data.truth.of_images([image.id for image in data.truth.images[:IMAGES]])
    paths = [data.path_of(image) for image in learned.images]
    values = {**data.detector, "preset": preset, "threads": 1, "iterations": ITERATIONS}
    settings = DetectorSettings.parse({**values, "recipe": recipe, "paste": "off"})
    if recipe > 1:
        settings = settings.changed(looks=4)
    loaded = peak()
    with TemporaryDirectory() as folder:
        images = training_images(learned, paths, are_trusted=True)
        plan = plan_for(learned, settings)
        weights = train(images, learned.categories, settings, Path(folder), device="cpu", plan=plan)
        trained = peak()
        for _ in predict(weights, list(enumerate(paths)), device="cpu"):
            pass
    return {"loaded": loaded, "trained": trained, "predicted": peak()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Peak memory of training and prediction.")
    parser.add_argument("--bccd", type=Path)
    parser.add_argument("--out", type=Path, default=Path("few-images"))
    parser.add_argument("--data", default="bccd,tem,tem2048")
    parser.add_argument("--detectors", default="compact")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, recipe, preset = options.one
        print(json.dumps(measure(name, int(recipe), preset, options.out, options.bccd)))
        return
    for name, preset, recipe in product(
        options.data.split(","), options.detectors.split(","), ("1", "2")
    ):
        one = (name, recipe, preset)
        command = [sys.executable, __file__, "--one", *one, "--out", str(options.out)]
        command += ["--bccd", str(options.bccd)] if options.bccd else []
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        megabytes = {part: round(size / 1e6) for part, size in json.loads(told).items()}
        print(f"{name}, {preset}, recipe {recipe}: {megabytes} MB", flush=True)


if __name__ == "__main__":
    main()
