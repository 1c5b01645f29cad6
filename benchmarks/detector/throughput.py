"""Images a second in training and prediction beside a plain torchvision loop, in one run.

    python benchmarks/detector/throughput.py --json                (CPU: compact on BCCD)
    python benchmarks/detector/throughput.py --device cuda --json  (resnet50 on 2048×2048 TIFFs)

The last line printed is one JSON object with ``train_ratio``, ``predict_ratio`` and ``device``:
how many times the images a second of the reference ours are. Both sides work in turns, so that
whatever else the machine does meets both. BCCD is looked for as in ``bccd_compact.py``; without
it, and on CUDA, images of deposits are drawn. The references are described in
``throughput_training.py`` and ``throughput_prediction.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from bccd_compact import data_folder, read_split, training_images
from PIL import Image
from throughput_prediction import measure_prediction
from throughput_training import WORKERS, Task, measure_training, our_training

from napari_alc.detection.data.cache import read_eight_bit
from napari_alc.detection.data.samples import TrainingImage
from napari_alc.detection.devices import choose_device
from napari_alc.detection.run_files import WEIGHTS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.labels import LabelSet
from napari_alc.simulation.tem import make_tem_images

DRAWN, DRAWN_TEST = 24, 12
"""Images that are drawn for training and for testing."""
DRAWN_SIDE = {"cpu": 512, "cuda": 2048, "mps": 512}
ITERATIONS = {"compact": 600, "resnet50": 240}
TURNS = 30
STOCK_SIDE = 800
"""Input of resnet50, as in the paper."""


def settings_of(options: argparse.Namespace, kind: str) -> DetectorSettings:
    preset = options.preset or ("resnet50" if kind == "cuda" else "compact")
    return DetectorSettings(
        preset=preset,
        input_size=STOCK_SIDE if preset == "resnet50" else None,
        iterations=options.iterations or ITERATIONS.get(preset),
        weights=options.weights or "none",
        threads=options.threads,
        seed=options.seed,
    )


def bccd_task(settings: DetectorSettings, device: torch.device) -> Task:
    folder = data_folder()
    learn, test = read_split(folder, "train"), read_split(folder, "test")
    paths = [(record.id, folder / "JPEGImages" / record.file_name) for record in test.images]
    images = training_images(learn, folder)
    return Task(images, learn.categories, settings, device, test, paths)


def drawn_task(
    settings: DetectorSettings, device: torch.device, folder: Path, options: argparse.Namespace
) -> Task:
    """Images of deposits as 8-bit TIFFs, which PIL and we read alike."""
    side = options.side or DRAWN_SIDE[device.type]
    learn = make_tem_images(folder, options.images, side, options.seed)
    test = make_tem_images(folder, DRAWN_TEST, side, options.seed, start=options.images)
    for record in (*learn.images, *test.images):
        path = folder / record.file_name
        Image.fromarray(read_eight_bit(path)).save(path)
    images = [one_image(learn, record.id, folder / record.file_name) for record in learn.images]
    paths = [(record.id, folder / record.file_name) for record in test.images]
    return Task(images, learn.categories, settings, device, test, paths)


def one_image(labels: LabelSet, image_id: int, path: Path) -> TrainingImage:
    mine = labels.labels.of_images([image_id])
    return TrainingImage(path, mine.boxes, mine.category_ids)


@contextmanager
def task_of(options: argparse.Namespace) -> Iterator[Task]:
    device = choose_device(options.device)
    settings = settings_of(options, device.type)
    with tempfile.TemporaryDirectory() as place:
        if options.data == "bccd":
            yield bccd_task(settings, device)
        else:
            yield drawn_task(settings, device, Path(place), options)


def device_in_words(device: torch.device, threads: int) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type.upper()}, {threads} threads, {os.cpu_count()} cores"


def peak_mb() -> float:
    """The most memory that this process has held."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):
        return round(memory.peak_wset / 2**20)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def measured_parts(
    task: Task, folder: Path, options: argparse.Namespace
) -> dict[str, dict[str, object]]:
    if options.only == "prediction":
        found, weights = {}, our_training(task, folder)
    else:
        found = {"training": measure_training(task, options.turns, folder, options.workers)}
        weights = folder / WEIGHTS_FILE
    if options.only != "training":
        found["prediction"] = measure_prediction(
            weights,
            task.test_paths,
            task.test,
            str(task.device),
            options.turns,
            workers=options.workers,
        )
    return found


def measure(options: argparse.Namespace) -> dict[str, object]:
    torch.set_num_threads(options.threads)
    with task_of(options) as task, tempfile.TemporaryDirectory() as place:
        found = measured_parts(task, Path(place), options)
        return {
            "train_ratio": found.get("training", {}).get("train_ratio"),
            "predict_ratio": found.get("prediction", {}).get("predict_ratio"),
            "device": device_in_words(task.device, options.threads),
            "data": options.data,
            "preset": task.settings.preset,
            "iterations": task.iterations,
            "batch_size": task.settings.images_a_batch,
            "input": {"longer": task.plan.longer, "window": task.plan.window},
            **found,
            "peak_process_mb": peak_mb(),
            "torch": torch.__version__,
        }


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--preset", help="compact on the CPU, resnet50 on CUDA")
    parser.add_argument("--data", choices=("bccd", "drawn"), help="bccd on the CPU")
    parser.add_argument("--images", type=int, default=DRAWN, help="drawn images to train on")
    parser.add_argument("--side", type=int, help="of the drawn images in pixels")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--weights", help="none (the default, as it needs no file), or a file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("training", "prediction"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    options = parser.parse_args(arguments)
    options.data = options.data or ("bccd" if options.device == "cpu" else "drawn")
    return options


def main() -> None:
    options = parsed()
    result = measure(options)
    if not options.json:
        print(f"training:   {result['train_ratio']} × the reference", file=sys.stderr)
        print(f"prediction: {result['predict_ratio']} × the reference", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
