"""A project small enough for real trainings in tests: bright squares on dark 96×96 images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_alc.detection.settings import DetectorSettings
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage import prediction_files
from napari_alc.project.storage.records import ModelName, RunRecord
from napari_alc.project.storage.repository import now
from project_copies import copied

SIDE = 96
SQUARE = Category(1, "square")
IMAGES = 6
REVIEWED = 3


def draw(folder: Path, count: int = IMAGES, seed: int = 0) -> LabelSet:
    """Write images with two or three squares each and tell where they are."""
    rng = np.random.default_rng(seed)
    records, image_ids, boxes = [], [], []
    for number in range(1, count + 1):
        pixels = rng.integers(20, 60, (SIDE, SIDE), dtype=np.uint8)
        corners = [(6, 6), (54, 10), (20, 56)][: 2 + number % 2]
        for x, y in corners:
            side = int(rng.integers(20, 32))
            pixels[y : y + side, x : x + side] = rng.integers(180, 250)
            image_ids.append(number)
            boxes.append((x, y, x + side, y + side))
        name = f"squares_{number}.tif"
        write_tiff(folder / name, pixels)
        records.append(ImageRecord(number, name, SIDE, SIDE))
    labels = numbered(image_ids, [SQUARE.id] * len(boxes), np.array(boxes, dtype=np.float64))
    return LabelSet(tuple(records), (SQUARE,), labels)


def make_project(base: Path, iterations: int = 6, reviewed: bool = True) -> Project:
    """A project in ``base/study``: ready to train, or with its first images waiting."""
    return copied(_make, base, iterations=iterations, reviewed=reviewed)


def _make(base: Path, iterations: int, reviewed: bool) -> Project:
    truth = draw(base / "images")
    first = truth.of_images(range(1, REVIEWED + 1))
    sources = Sources(
        images=base / "images",
        crowd=truth,
        crowd_path=base / "crowd.json",
        clean=first if reviewed else None,
        clean_use="initial",
    )
    method = MethodSettings(initial=REVIEWED, per_iteration=2, iterations=1)
    detector = DetectorSettings(preset="compact", iterations=iterations, threads=1)
    return create_project(base / "study", sources, CreateOptions(method, detector))


def pretend_predicted(project: Project) -> None:
    """Store what trained detectors would have: one finds all squares, the other all but one."""
    truth = draw(project.folder.parent / "again").labels
    remaining = [image.id for image in project.images() if image.id > REVIEWED]
    for model, left_out in (("mp", 0), ("ma", 1)):
        rows = truth.of_images(remaining)
        rows = rows.take(np.arange(left_out, len(rows)))
        found = Detections(
            rows.image_ids, rows.category_ids, rows.boxes, np.linspace(0.9, 0.6, len(rows))
        )
        piece = project.run_folder(0, model) / "detections" / "remaining" / "piece-000000.npz"
        prediction_files.save_piece(piece, found, "test", remaining)
        done = {"trained_at": now(), "predicted_at": now(), "threshold": 0.5}
        with project.store.transaction() as unit:
            unit.runs.replace(RunRecord(0, ModelName(model), {}, images=REVIEWED, boxes=8, **done))
