"""Projects whose boxes are written by hand, with what two detectors would have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_alc.boxes import as_boxes
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet, numbered
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage import prediction_files
from napari_alc.project.storage.records import ModelName, RunRecord
from napari_alc.project.storage.repository import now

SIDE = 100
KIND = Category(1, "deposit")
Box = Sequence[float]
Boxes = Mapping[int, Sequence[Box]]
Seen = Sequence[tuple[int, Box, float]]

A, B, C, D = (10, 10, 30, 30), (50, 10, 70, 30), (10, 50, 30, 70), (50, 50, 70, 70)
"""Boxes far from each other."""


def label_set(boxes: Boxes, images: int) -> LabelSet:
    """Boxes by image; images are numbered from 1."""
    rows = [(image_id, box) for image_id, found in boxes.items() for box in found]
    labels = numbered([i for i, _ in rows], [KIND.id] * len(rows), as_boxes([b for _, b in rows]))
    records = tuple(ImageRecord(i, f"image{i}.tif", SIDE, SIDE) for i in range(1, images + 1))
    return LabelSet(records, (KIND,), labels)


def sources(base: Path, crowd: Boxes, images: int = 4) -> Sources:
    """An image folder with the crowd's labels."""
    labels = label_set(crowd, images)
    for image in labels.images:
        path = base / "images" / image.file_name
        if not path.exists():
            write_tiff(path, np.zeros((SIDE, SIDE), dtype=np.uint8))
    return Sources(base / "images", labels, base / "crowd.json")


def make(
    base: Path, crowd: Boxes, images: int = 4, clean: Boxes | None = None, **method: object
) -> Project:
    """A project in ``base/study``; `clean` labels, if given, are those of X^0."""
    given = sources(base, crowd, images)
    first = None if clean is None else label_set(clean, images).of_images(clean)
    made = Sources(given.images, given.crowd, given.crowd_path, first, base / "c", "initial")
    settings = MethodSettings(**{"initial": 1, "per_iteration": 1, "iterations": 1, **method})
    return create_project(base / "study", made, CreateOptions(settings))


def see(project: Project, iteration: int, mp: Seen, ma: Seen, tau: float = 0.5) -> None:
    """Store runs that saw ``(image, box, score)`` in the remaining images, in place of others."""
    ids = [image.id for image in remaining_images(project, iteration)]
    for model, found in zip(MODELS, (mp, ma), strict=True):
        columns = Detections(
            np.array([image_id for image_id, _, _ in found], dtype=np.int64),
            np.full(len(found), KIND.id),
            as_boxes([box for _, box, _ in found]),
            np.array([score for _, _, score in found]),
        )
        pieces = project.run_folder(iteration, model) / "detections" / "remaining"
        prediction_files.save_piece(pieces / "piece-000000.npz", columns, "by hand", ids)
        done = {"trained_at": now(), "predicted_at": now(), "threshold": tau, "metrics": {}}
        with project.store.transaction() as unit:
            unit.runs.replace(RunRecord(iteration, ModelName(model), {}, images=1, boxes=1, **done))


def by_image(labels: Labels) -> dict[int, list[tuple[float, ...]]]:
    """Boxes of each image, sorted."""
    return {
        image_id: sorted(tuple(box) for box in rows.boxes.tolist())
        for image_id, rows in labels.by_image().items()
    }


def rows_of(project: Project, table: object) -> list[dict[str, object]]:
    """All rows of a table, as they are stored."""
    with project.store.begin() as connection:
        return [dict(row._mapping) for row in connection.execute(table.select())]


def readers_of(project, task):
    """Who reads the image of a task on their own, in the order in which they were named."""
    with project.store.transaction() as unit:
        return tuple(reading.reader for reading in unit.readings.image_of(task.id).readings)
