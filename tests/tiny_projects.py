"""A project small enough for real trainings in tests: bright squares on dark 96×96 images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered
from napari_alc.project.creation import CreateOptions, Sources, create_project
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings

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
    detector = {"preset": "compact", "iterations": iterations, "threads": 1}
    return create_project(base / "study", sources, CreateOptions(method, detector))


def copied(base: Path, target: Path) -> Path:
    """A copy of a project with its images; returns the copy's folder."""
    for name in ("images", "study"):
        shutil.copytree(base / name, target / name)
    return target / "study"
