"""What a selection strategy measures on images beyond the detections, kept beside Mp's run.

Measuring needs torch and belongs to the prediction; choosing images only reads what it left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.selection import STRATEGIES, Strategy
from napari_alc.detection.run_files import WEIGHTS_FILE
from napari_alc.errors import AlcError
from napari_alc.files import write_text
from napari_alc.labels import ImageRecord
from napari_alc.progress import Report, ShouldStop
from napari_alc.project.label_sets import images_of_step1, remaining_images
from napari_alc.project.project import Project
from napari_alc.project.storage.prediction_files import fingerprint


def strategy_of(project: Project, iteration: int) -> Strategy:
    """How the images of an iteration are ranked: as the project says, as long as some are chosen.

    After the last iteration nobody waits for what a strategy would have to measure, and the
    images are listed by their inconsistency.
    """
    method = project.settings.method
    chosen = STRATEGIES[method.strategy]
    is_over = iteration >= method.iterations
    return STRATEGIES["score"] if chosen.needs_model and is_over else chosen


def is_measured(project: Project, iteration: int) -> bool:
    """Whether what the strategy of an iteration asks for is there."""
    strategy = strategy_of(project, iteration)
    return not strategy.needs_model or _file(project, iteration, strategy).exists()


def measure_images(
    project: Project, iteration: int, report: Report, should_stop: ShouldStop, device: str
) -> None:
    """Measure what the project's strategy asks for, and keep it; nothing where it needs no model.

    Raises
    ------
    AlcError
        When Mp is a detector, or was trained in a way, that the strategy cannot use.
    Cancelled
        When `should_stop` says so.
    """
    strategy = strategy_of(project, iteration)
    if not strategy.needs_model:
        return
    from napari_alc.detection.acquisition.strategies import Pool, measure

    weights = project.run_folder(iteration, "mp") / WEIGHTS_FILE
    maker, remaining = fingerprint(weights), remaining_images(project, iteration)
    known = _read(_file(project, iteration, strategy))
    if known.get("made_by") == maker and {i.id for i in remaining} <= set(known["image_ids"]):
        return
    seen = images_of_step1(project, iteration)
    files = _files(project, remaining), _files(project, seen)
    seed = project.settings.method.seed
    pool = Pool(weights, *files, seed=seed, cache_folder=project.cache_folder)
    values = measure(strategy.name, pool, report, should_stop, device)
    content = {
        "made_by": maker,
        "image_ids": [image.id for image in remaining],
        "values": values.tolist(),
    }
    write_text(_file(project, iteration, strategy), json.dumps(content) + "\n")


def measured_values(project: Project, iteration: int, image_ids: Integers) -> Floats | None:
    """What was measured on some images, shape (M,); None for a strategy that needs no model.

    Raises
    ------
    AlcError
        When some of it is missing: the strategy was changed after the prediction.
    """
    strategy = strategy_of(project, iteration)
    if not strategy.needs_model:
        return None
    known = _read(_file(project, iteration, strategy))
    values = dict(zip(known.get("image_ids", ()), known.get("values", ()), strict=False))
    if not set(image_ids.tolist()) <= set(values):
        raise AlcError(
            f"To choose images by '{strategy.title}', the detectors have to look at them again: "
            "that way was set after they had predicted. Predict again, or choose another way."
        )
    return np.array([values[image_id] for image_id in image_ids.tolist()], dtype=np.float64)


def _file(project: Project, iteration: int, strategy: Strategy) -> Path:
    return project.run_folder(iteration, "mp") / f"strategy-{strategy.name}.json"


def _files(project: Project, images: tuple[ImageRecord, ...]) -> list[tuple[int, Path]]:
    return [(image.id, project.path_of(image)) for image in images]


def _read(path: Path) -> dict[str, Any]:
    """What was measured; nothing where the file is not there or damaged: it is made again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
