"""Prediction beside a plain torchvision loop, in turns; see `throughput.py`.

The reference is what a competent user writes after torchvision's own ``evaluate``: a Dataset
that decodes and scales each image with PIL, a DataLoader with batches of one, the network as it
was trained, with torchvision's pooling and in 32 bits. Weights, input size, score floor, number
of detections and of CPU threads are the same as ours. It runs with the DataLoader's default (no
worker) and with two workers; our speed is compared with the faster one. Networks are loaded
beforehand, on both sides. Ours decodes every image anew; its speed with the project's cache is
given beside it.

    python benchmarks/detector/throughput_prediction.py WEIGHTS IMAGES [--repeat 4] [--turns 3]

The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from napari_alc.detection.data.cache import ImageCache, read_eight_bit, scaled
from napari_alc.detection.devices import choose_device, cpu_threads
from napari_alc.detection.inference.prediction import detect, ready
from napari_alc.detection.models.weights import load_detector
from napari_alc.detection.plan import Plan
from napari_alc.detection.precision import choose_precision
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.formats.images import find_images
from napari_alc.labels import Detections, LabelSet

WORKERS = (0, 2)
PART_IMAGES = 16
"""Images over which the parts of a prediction are timed."""

Images = Sequence[tuple[int, Path]]
Pass = Callable[[Images], Detections]


class PlainImages(Dataset):
    """Decodes and scales an image each time it is asked for."""

    def __init__(self, images: Images, plan: Plan) -> None:
        self.images, self.plan = images, plan

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[int, tuple[int, int], torch.Tensor]:
        image_id, path = self.images[index]
        image = Image.open(path).convert("RGB")
        shape = self.plan.input_shape(*image.size)
        pixels = np.asarray(image.resize(shape, Image.Resampling.BILINEAR))
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return image_id, image.size, tensor.float() / 255


def first(batch: list) -> tuple:
    return batch[0]


class Reference:
    """torchvision's loop over a network in memory."""

    def __init__(self, weights: Path, device: torch.device, workers: int) -> None:
        self.detector = load_detector(weights)
        self.network = plain(self.detector.network).eval().to(device)
        self.device, self.workers = device, workers
        self.ids = np.array([0] + [category.id for category in self.detector.categories])

    def __call__(self, images: Images) -> Detections:
        with cpu_threads(self.detector.settings.threads), torch.inference_mode():
            return self._look(images)

    def _look(self, images: Images) -> Detections:
        parts = []
        for image_id, size, tensor in self._loader(images):
            (output,) = self.network([tensor.to(self.device)])
            found = {name: value.cpu().numpy() for name, value in output.items()}
            ratio = np.array([*size] * 2) / np.array([*tensor.shape[:0:-1]] * 2)
            count = len(found["labels"])
            row = np.full(count, image_id), self.ids[found["labels"]]
            parts.append(Detections(*row, found["boxes"] * ratio, found["scores"]))
        return Detections.empty().joined(*parts)

    def _loader(self, images: Images) -> DataLoader:
        return DataLoader(
            PlainImages(images, self.detector.plan),
            batch_size=1,
            num_workers=self.workers,
            collate_fn=first,
            pin_memory=self.device.type == "cuda",
        )


def plain(network: nn.Module) -> nn.Module:
    """The network with torchvision's own pooling."""
    if hasattr(network, "roi_heads"):
        pooling = network.roi_heads.box_roi_pool
        network.roi_heads.box_roi_pool = getattr(pooling, "by_torchvision", pooling)
    return network


def ours(weights: Path, device: torch.device, cache: ImageCache | None = None) -> Pass:
    detector = ready(load_detector(weights), device)

    def look(images: Images) -> Detections:
        return Detections.empty().joined(*detect(detector, images, device, cache=cache))

    return look


def measure_prediction(
    weights: Path,
    images: Images,
    truth: LabelSet | None = None,
    device: str = "auto",
    turns: int = 3,
    repeat: int = 1,
    workers: Sequence[int] = WORKERS,
) -> dict[str, object]:
    """Predict by ours and by the references in turns; speeds, ratio, AP50 and time by part.

    Parameters
    ----------
    weights
        Of a detector that was trained by this program.
    images
        Ids and files.
    truth
        Their clean labels, for AP50 of both.
    repeat
        How often all images are looked at in one turn.
    """
    chosen = choose_device(device)
    with tempfile.TemporaryDirectory() as place:
        passes = {"ours": ours(weights, chosen)}
        passes["ours_cached"] = ours(weights, chosen, ImageCache(Path(place)))
        for count in workers:
            passes[f"reference_{count}_workers"] = Reference(weights, chosen, count)
        found = {name: look(images) for name, look in passes.items()}  # warm-up
        seconds = take_turns(passes, list(images) * repeat, turns, chosen)
        result = summary(seconds, len(images) * repeat)
        if chosen.type == "cuda":
            result["peak_memory_mb"] = {
                k: peak_memory(p, images, chosen) for k, p in passes.items()
            }
    if truth is not None:
        result["ap50"] = {k: round(average_precision(truth, v).ap50, 2) for k, v in found.items()}
    return result | {"parts_ms": parts_of(weights, images[:PART_IMAGES], chosen)}


def take_turns(
    passes: dict[str, Pass], images: Images, turns: int, device: torch.device
) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(turns):
        for name, look in passes.items():
            before = clock(device)
            look(images)
            seconds[name].append(clock(device) - before)
    return seconds


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_memory(look: Pass, images: Images, device: torch.device) -> int:
    """Megabytes of the card that one pass takes, with the networks of all sides at hand."""
    torch.cuda.reset_peak_memory_stats(device)
    look(images)
    return round(torch.cuda.max_memory_allocated(device) / 2**20)


def summary(seconds: dict[str, list[float]], images: int) -> dict[str, object]:
    references = [name for name in seconds if name.startswith("reference")]
    fastest = min(references, key=lambda name: sum(seconds[name]))
    by_turn = [t / o for t, o in zip(seconds[fastest], seconds["ours"], strict=True)]
    speeds = {name: round(images * len(s) / sum(s), 2) for name, s in seconds.items()}
    return {
        "predict_ratio": round(sum(seconds[fastest]) / sum(seconds["ours"]), 3),
        "predict_ratio_by_turn": [round(ratio, 3) for ratio in by_turn],
        "images_per_second": speeds,
    }


def parts_of(weights: Path, images: Images, device: torch.device) -> dict[str, dict[str, float]]:
    """Milliseconds an image of each part, one part after the other, on both sides."""
    detector, reference = ready(load_detector(weights), device), Reference(weights, device, 0)
    precision = choose_precision(detector.settings.precision, device)
    dataset = PlainImages(images, detector.plan)
    pixels = [read_eight_bit(path) for _, path in images]
    shapes = [detector.plan.input_shape(image.shape[1], image.shape[0]) for image in pixels]
    inputs = [tensor.to(device) for _, _, tensor in dataset]

    threads = detector.settings.threads

    def batched() -> None:
        with cpu_threads(threads), torch.inference_mode(), precision.autocast():
            for start in range(0, len(inputs), 8):
                detector.network(inputs[start : start + 8])

    def one_by_one() -> None:
        with cpu_threads(threads), torch.inference_mode():
            for image in inputs:
                reference.network([image])

    parts = {
        "decode": lambda: [read_eight_bit(path) for _, path in images],
        "scale": lambda: [scaled(p, *s) for p, s in zip(pixels, shapes, strict=True)],
        "network": batched,
    }
    plain_parts = {"decode_and_scale": lambda: list(dataset), "network": one_by_one}
    timed = {
        side: {name: timed_part(work, device) / len(images) for name, work in of_side.items()}
        for side, of_side in {"ours": parts, "reference": plain_parts}.items()
    }
    return {side: {name: round(t, 2) for name, t in times.items()} for side, times in timed.items()}


def timed_part(work: Callable[[], object], device: torch.device) -> float:
    """Milliseconds, the least of three times."""

    def runs() -> Iterator[float]:
        for _ in range(3):
            before = clock(device)
            work()
            yield 1e3 * (clock(device) - before)

    return min(runs())


def main() -> None:
    parser = argparse.ArgumentParser(description="Prediction beside a plain torchvision loop.")
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    images = list(enumerate(find_images(options.images)))
    result = measure_prediction(
        options.weights, images, None, options.device, options.turns, options.repeat
    )
    print(json.dumps(result | {"device": str(choose_device(options.device))}))


if __name__ == "__main__":
    main()
