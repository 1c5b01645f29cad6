"""How good a detector is that learned from few images: recipes and their parts side by side.

    python benchmarks/detector/few_images.py --bccd BCCD --out FOLDER [--stem STEM]
        [--data bccd,tem,tem2048,stem] [--images 11,22] [--draws 0,1,2]
        [--trainings "stride 8;stride 4"] [--workers 2] [--results docs/results/few_images.jsonl]

For each set of images that was drawn it trains once for every way of training, and looks at the
validation images and the test images in every way of looking. What is chosen (strides, pasting) is
chosen on validation images; the test images are there for the table. The trainings called half
decide on pasting where there are no validation images: they learn from one half of the images and
are measured on the other. Rows are kept in FOLDER, one file a training, so the same command goes
on where it was stopped; those in the file --results are not measured again, and it gets the new
ones. Prints tables of AP50 in percent, mean over the draws, with the seconds of
a training and the milliseconds of an image, and what is decided on pasting.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch

from alc_experiments.data import NOISE_FACTORS, DataSource
from alc_experiments.dataset import Dataset, DatasetPlan
from napari_alc.detection.data import pasting
from napari_alc.detection.data.augmentation import Sample
from napari_alc.detection.data.samples import training_images
from napari_alc.detection.inference.prediction import detect, ready
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.weights import Detector, load_detector
from napari_alc.detection.plan import TINY_OBJECT, plan_for
from napari_alc.detection.settings import DetectorSettings, Looks, Recipe
from napari_alc.detection.training.training import train
from napari_alc.detection.training.validation import CleanImages, chosen_images, validation_ap50
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.files import write_text
from napari_alc.formats.anyformat import read_labels
from napari_alc.labels import Detections, LabelSet

SIZES: Mapping[str, Sequence[int]] = {
    "bccd": (11, 22, 55, 205),
    "tem": (6, 12, 30, 112),
    "tem2048": (12,),
    "stem": (4,),
}
"""Images that are learned from."""

FINE, COARSE = (4, 8, 16), (8, 16, 32)


@dataclass(frozen=True)
class Way:
    """A way of training; strides of None are the plan's own.

    A trial `on_half` learns from one half of the images and is measured on the other. `is_near`
    pastes only beside objects of the same kind. `length` multiplies the iterations.
    """

    strides: tuple[int, ...] | None = None
    paste: Literal["off", "on"] = "off"
    preset: str = "compact"
    on_half: bool = False
    is_near: bool = False
    length: float = 1.0


TRAININGS: Mapping[str, Way] = {
    "stride 8": Way(COARSE),
    "stride 8, pasted": Way(COARSE, "on"),
    "stride 4": Way(FINE),
    "stride 4, pasted": Way(FINE, "on"),
    "half, off": Way(on_half=True),
    "half, on": Way(paste="on", on_half=True),
    "stride 8, pasted near": Way(COARSE, "on", is_near=True),
    "stride 4, pasted near": Way(FINE, "on", is_near=True),
    "lite0, stride 8": Way(COARSE, preset="lite0"),
    "lite0, stride 8, pasted": Way(COARSE, "on", preset="lite0"),
    "lite0, stride 4": Way(FINE, preset="lite0"),
    "stride 4, 1.8 times as long": Way(FINE, length=1.8),
}

LOOKS = {"1 look, 100 proposals": (1, 1), "1 look": (2, 1), "2 looks": (2, 2), "4 looks": (2, 4)}
"""Recipe and number of looks of each way of looking."""


@dataclass(frozen=True)
class Cell:
    """A training: on which images, and how."""

    data: str
    images: int
    draw: int
    training: str

    @property
    def file_name(self) -> str:
        words = f"{self.data}-{self.images}-draw{self.draw}-{self.training}"
        return words.replace(", ", "-").replace(" ", "-") + ".json"


@dataclass(frozen=True)
class Measured:
    """What came of a training.

    The 2nd percentile of the objects is in input pixels. Figures are by the way of looking: AP50
    on ``validation`` and ``test`` in percent, ``ms`` an image; of a trial those that decide. The
    `curve` is AP50 on a few validation images after some iterations.
    """

    cell: Cell
    seconds: float
    size_percentile: float
    figures: Mapping[str, Mapping[str, float]]
    curve: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True)
class Source:
    """Where data come from: those of the experiments, and STEM images from a folder."""

    experiments: DataSource
    stem: Path | None

    def dataset(self, name: str) -> Dataset:
        if name != "stem":
            return self.experiments.dataset(name, 0, NOISE_FACTORS[name])
        assert self.stem is not None, "give the folder of STEM images with --stem"
        whole = read_labels(self.stem / "labels", self.stem / "images").label_set
        ids = [image.id for image in sorted(whole.images, key=lambda image: image.file_name)]
        test = whole.of_images(ids[::3])
        truth = whole.of_images(set(ids) - set(ids[::3]))
        folder, settings = self.stem / "images", {"iterations": 300}
        return Dataset(name, folder, truth, truth, None, test, DatasetPlan(2, 2, 2), settings)


def drawn(data: Dataset, images: int, draw: int) -> LabelSet:
    """Images of the training part, drawn at random; those of a smaller number are among them."""
    ids = [image.id for image in data.truth.images]
    order = np.random.default_rng([draw, len(ids)]).permutation(len(ids))
    return data.truth.of_images(ids[place] for place in order[:images])


def settings_of(data: Dataset, cell: Cell) -> DetectorSettings:
    way = TRAININGS[cell.training]
    values = {**data.detector, "threads": 1, "seed": cell.draw, "preset": way.preset}
    settings = DetectorSettings(recipe=2, paste=way.paste, **values)
    return settings.changed(iterations=round(way.length * settings.iterations))


class Curve:
    """Measures AP50 on a few validation images while a detector learns, as the program does."""

    def __init__(self, data: Dataset) -> None:
        assert data.validation is not None
        truth = chosen_images(data.validation)
        self._images = CleanImages(truth, [data.path_of(image) for image in truth.images])
        self.points: list[tuple[int, float]] = []
        self.seconds = 0.0

    def __call__(self, detector: Detector) -> float:
        began = time.process_time()
        ap50 = validation_ap50(detector, self._images)
        self.points.append((len(self.points) + 1, ap50))
        self.seconds += time.process_time() - began
        return ap50


NEAR = 1.5
"""Between the middles of an object and of the one pasted beside it, at most, in sides of both."""


@contextmanager
def _pasted_near() -> Iterator[None]:
    """Let objects be pasted beside one of the same kind only, where its surroundings are."""
    anywhere = pasting._places

    def beside(
        sample: Sample, cutting: Sample, rng: np.random.Generator
    ) -> Iterator[tuple[int, int]]:
        same = np.flatnonzero(sample.labels == cutting.labels[0])
        (height, width), (rows, columns) = sample.shape, cutting.shape
        for _ in range(pasting.TRIES if len(same) else 0):
            box = sample.boxes[int(rng.choice(same))]
            reach = NEAR * ((box[2:] - box[:2]) + np.array([columns, rows])) / 2
            middle = (box[:2] + box[2:]) / 2 + rng.uniform(-1, 1, 2) * reach
            left, top = np.rint(middle - np.array([columns, rows]) / 2).astype(int).tolist()
            if 0 <= left <= width - columns and 0 <= top <= height - rows:
                yield left, top

    pasting._places = beside
    try:
        yield
    finally:
        pasting._places = anywhere


def measure(cell: Cell, source: Source) -> Measured:
    """Train, and look at the images that are held out."""
    torch.set_num_threads(1)
    way = TRAININGS[cell.training]
    data = source.dataset(cell.data)
    whole, settings = drawn(data, cell.images, cell.draw), settings_of(data, cell)
    seen = len(data.truth.images) + (len(data.validation.images) if data.validation else 0)
    planned = plan_for(whole, settings, seen)
    plan = replace(planned, strides=way.strides or planned.strides)
    ids = [image.id for image in whole.images]
    held_out = ids[::2] if way.on_half else []
    learned = whole.of_images(set(ids) - set(held_out))
    with TemporaryDirectory() as folder:
        paths = [data.path_of(image) for image in learned.images]
        images = training_images(learned, paths, are_trusted=True)
        curve = Curve(data) if data.validation and not way.on_half else None
        began = time.process_time()
        with _pasted_near() if way.is_near else nullcontext():
            weights = train(
                images,
                learned.categories,
                settings,
                Path(folder),
                device="cpu",
                plan=plan,
                measure=curve,
            )
        seconds = time.process_time() - began - (curve.seconds if curve else 0.0)
        detector = load_detector(weights)
    known = {"validation": data.validation, "test": data.test}
    if way.on_half:
        known = {"other half": whole.of_images(held_out)}
    parts = {name: truth for name, truth in known.items() if truth}
    figures = {name: _looked(detector, data, parts, *how) for name, how in LOOKS.items()}
    sizes = np.sqrt(np.prod(whole.labels.boxes[:, 2:] - whole.labels.boxes[:, :2], axis=1))
    longest = max(max(image.width, image.height) for image in whole.images)
    percentile = float(np.percentile(sizes, 2)) * min(1.0, plan.longer / longest)
    return Measured(cell, seconds, percentile, figures, curve.points if curve else ())


def _looked(
    detector: Detector, data: Dataset, parts: Mapping[str, LabelSet], recipe: Recipe, looks: Looks
) -> dict[str, float]:
    """AP50 in percent on each part, with another way of looking than the detector's own."""
    proposals = detector.plan.predicted_proposals if recipe == 2 else 0
    plan = replace(detector.plan, predicted_proposals=proposals, looks=looks)
    settings = detector.settings.changed(recipe=recipe)
    network = build_network(settings, plan, len(detector.categories), weights="none")
    network.load_state_dict(detector.network.state_dict())
    device = torch.device("cpu")
    looking = ready(replace(detector, network=network, plan=plan, settings=settings), device)
    found: dict[str, float] = {}
    began, count = time.process_time(), 0
    for name, truth in parts.items():
        asked = [(image.id, data.path_of(image)) for image in truth.images]
        seen = Detections.empty().joined(*detect(looking, asked, device))
        found[name] = average_precision(truth, seen, detection_limit(seen)).ap50
        count += len(asked)
    return {**found, "ms": 1000 * (time.process_time() - began) / count}


def _read(text: str) -> Measured:
    values = json.loads(text)
    return Measured(**{**values, "cell": Cell(**values["cell"])})


def _written(found: Measured) -> str:
    return json.dumps({**vars(found), "cell": vars(found.cell)})


def known_rows(folder: Path, results: Path | None) -> dict[Cell, Measured]:
    """Rows measured earlier: those in the folder, and in the file of results."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))]
    if results and results.exists():
        texts += results.read_text(encoding="utf-8").splitlines()
    return {found.cell: found for found in map(_read, texts)}


def _measure_and_keep(cell: Cell, source: Source, folder: Path) -> Measured:
    found = measure(cell, source)
    write_text(folder / cell.file_name, _written(found) + "\n")
    return found


def measured_now(
    missing: Sequence[Cell], source: Source, folder: Path, workers: int
) -> Iterator[Measured]:
    """Cells that are not known yet, each kept as soon as it is there."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = [pool.submit(_measure_and_keep, cell, source, folder) for cell in missing]
        for one in waiting:
            found = one.result()
            print(f"{found.cell}: {found.seconds:.0f} s", file=sys.stderr, flush=True)
            yield found


Cells = Mapping[str, Measured]
"""What is known of some images of a draw, by the way of training."""

PARTS: Mapping[str, tuple[Recipe, str, str]] = {
    "recipe 1": (1, "off", "1 look, 100 proposals"),
    "+ 300 proposals": (1, "off", "1 look"),
    "+ 2 looks": (1, "off", "2 looks"),
    "+ 4 looks": (1, "off", "4 looks"),
    "recipe 2, paste off": (2, "off", "4 looks"),
    "on": (2, "on", "4 looks"),
    "auto": (2, "auto", "4 looks"),
}
"""Whose rule for strides, pasting, and way of looking: what makes recipe 2 of recipe 1."""

FORCED = (
    *("stride 8", "stride 4", "stride 4, 1.8 times as long"),
    *("lite0, stride 8", "lite0, stride 8, pasted", "lite0, stride 4"),
)
"""Ways of training that are shown with four looks."""


def by_draw(found: Iterable[Measured]) -> dict[tuple[str, int, int], dict[str, Measured]]:
    draws: dict[tuple[str, int, int], dict[str, Measured]] = {}
    for one in found:
        key = (one.cell.data, one.cell.images, one.cell.draw)
        draws.setdefault(key, {})[one.cell.training] = one
    return dict(sorted(draws.items()))


def of_strides(cells: Cells, recipe: Recipe) -> tuple[Measured | None, Measured | None]:
    """Trainings without and with pasting, with the strides that a recipe takes."""
    size = next(iter(cells.values())).size_percentile
    name = f"stride {4 if size < TINY_OBJECT[recipe] else 8}"
    return cells.get(name), cells.get(f"{name}, pasted")


def taken(cells: Cells, recipe: Recipe, paste: str, looks: str) -> Measured | None:
    """The training that pasting, or what is decided on it, comes to."""
    off, on = of_strides(cells, recipe)
    if paste != "auto":
        return off if paste == "off" else on
    if not (off and on and "validation" in off.figures[looks]):
        return None
    gain = on.figures[looks]["validation"] - off.figures[looks]["validation"]
    return on if gain > 0 else off


def table(found: Sequence[Measured], part: str) -> str:
    """AP50 on a part of the images, by recipe: mean over the draws, and the spread of these."""
    lines = _head(["data", "images", *PARTS, *FORCED])
    groups: dict[tuple[str, int], list[Cells]] = {}
    for (data, images, _), cells in by_draw(found).items():
        groups.setdefault((data, images), []).append(cells)
    for (data, images), draws in groups.items():
        told = [[(taken(cells, *how), how[2]) for cells in draws] for how in PARTS.values()]
        told += [[(cells.get(name), "4 looks") for cells in draws] for name in FORCED]
        figures = [
            _mean([row.figures[looks][part] for row, looks in rows if _is_known(row, looks, part)])
            for rows in told
        ]
        lines.append(_line([data, str(images), *figures]))
    return "\n".join(lines)


def _is_known(row: Measured | None, looks: str, part: str) -> bool:
    return row is not None and part in row.figures.get(looks, {})


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{spread}" if values else "–"


def times(found: Sequence[Measured]) -> str:
    """Seconds of a training, and milliseconds of each way of looking, by way of training."""
    lines = _head(["data", "training", "s a training", *(f"ms, {looks}" for looks in LOOKS)])
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in found:
        groups.setdefault((one.cell.data, one.cell.training), []).append(one)
    for (data, training), rows in sorted(groups.items()):
        spent = [f"{fmean(row.figures[looks]['ms'] for row in rows):.0f}" for looks in LOOKS]
        lines.append(_line([data, training, f"{fmean(row.seconds for row in rows):.0f}", *spent]))
    return "\n".join(lines)


def decisions(found: Sequence[Measured], looks: str = "4 looks") -> str:
    """AP50 without and with pasting, each draw: on what decides, and on the test images."""
    lines = _head(["data", "images", "draw", "validation images", "other half", "test images"])
    for (data, images, draw), cells in by_draw(found).items():
        whole, half = of_strides(cells, 2), (cells.get("half, off"), cells.get("half, on"))
        shown = ((whole, "validation"), (half, "other half"), (whole, "test"))
        told = [_both(rows, looks, part) for rows, part in shown]
        lines.append(_line([data, str(images), str(draw), *told]))
    return "\n".join(lines)


def _both(rows: Iterable[Measured | None], looks: str, part: str) -> str:
    figures = [row.figures[looks].get(part) if row else None for row in rows]
    return " / ".join("–" if ap50 is None else f"{ap50:.1f}" for ap50 in figures)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _several(kind: type) -> Any:
    return lambda text: tuple(kind(part) for part in text.split(",") if part)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(";") if name.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure detectors that learned from few images.")
    parser.add_argument("--bccd", type=Path, help="the folder of BCCD")
    parser.add_argument("--stem", type=Path, help="the folder of STEM images and labels")
    parser.add_argument("--out", type=Path, default=Path("few-images"), help="keeps the rows")
    parser.add_argument("--results", type=Path, help="a file of rows that are known already")
    parser.add_argument("--data", type=_several(str), default=("bccd", "tem"))
    parser.add_argument("--images", type=_several(int), default=())
    parser.add_argument("--draws", type=_several(int), default=(0, 1, 2))
    parser.add_argument("--trainings", type=_names, default=tuple(TRAININGS))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cells = [
        Cell(data, images, draw, training)
        for draw in options.draws
        for data in options.data
        for images in options.images or SIZES[data]
        if images in SIZES[data]
        for training in options.trainings
    ]
    known = known_rows(options.out, options.results)
    missing = [cell for cell in cells if cell not in known]
    source = Source(DataSource(options.out / "data", options.bccd), options.stem)
    for data in {cell.data for cell in missing}:  # Drawn once, before several processes would.
        source.dataset(data)
    known |= {one.cell: one for one in measured_now(missing, source, options.out, options.workers)}
    if options.results:
        rows = sorted(known.values(), key=lambda one: one.cell.file_name)
        write_text(options.results, "".join(_written(one) + "\n" for one in rows))
    found = [known[cell] for cell in cells] if cells else list(known.values())
    for part in ("validation", "test"):
        print(f"\nAP50 on the {part} images\n\n{table(found, part)}")
    print(f"\nPasting, off / on\n\n{decisions(found)}")
    print(f"\nTimes on one core\n\n{times(found)}")


if __name__ == "__main__":
    main()
