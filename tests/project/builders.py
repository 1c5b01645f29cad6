"""Small projects with known boxes of every region, made without training anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_alc.boxes import as_boxes
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.regions import Thresholds, sort_labels
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet, numbered
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue, write_tasks
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage.records import Batch, BoxState, EventKind, Proposal, ReviewStep
from project_copies import copied

PERSON = "Ada"
CATEGORIES = (Category(1, "deposit"), Category(2, "artefact"))
KINDS = ("gray", "pink", "red", "green")


def scene(size: int, per_kind: int) -> dict[str, np.ndarray]:
    """Boxes of each kind on a grid of an image of `size` × `size` pixels, far apart."""
    columns = int(np.ceil(np.sqrt(len(KINDS) * per_kind)))
    cell = size / columns
    number = np.arange(len(KINDS) * per_kind)
    x, y = number % columns * cell + 0.2 * cell, number // columns * cell + 0.2 * cell
    boxes = np.stack([x, y, x + 0.5 * cell, y + 0.4 * cell], axis=1)
    return {kind: boxes[i :: len(KINDS)] for i, kind in enumerate(KINDS)}


def pixels(size: int, seed: int = 0) -> np.ndarray:
    """A 16-bit image that compresses well."""
    coarse = np.random.default_rng(seed).integers(8_000, 24_000, (32, 32)).astype(np.uint16)
    return np.kron(coarse, np.ones((size // 32, size // 32), dtype=np.uint16))


def _together(
    image_ids: list[int], boxes: dict[str, np.ndarray], kinds: tuple[str, ...]
) -> tuple[list[int], np.ndarray]:
    rows = np.concatenate([boxes[kind] for kind in kinds])
    return [i for i in image_ids for _ in rows], np.tile(rows, (len(image_ids), 1))


def make_sources(folder: Path, images: int, size: int, per_kind: int) -> Sources:
    """An image folder and crowd labels on it (gray and green boxes)."""
    folder.mkdir(parents=True)
    records = []
    for i in range(1, images + 1):
        name = f"image{i}.tif"
        write_tiff(folder / name, pixels(size, i))
        records.append(ImageRecord(i, name, size, size))
    ids = [record.id for record in records]
    image_ids, boxes = _together(ids, scene(size, per_kind), ("gray", "green"))
    labels = numbered(image_ids, [1] * len(image_ids), boxes)
    crowd = LabelSet(tuple(records), CATEGORIES, labels)
    return Sources(folder, crowd, folder / "crowd.json")


def _detections(ids: list[int], size: int, per_kind: int, model: str) -> Detections:
    kinds = ("gray", "pink") if model == "mp" else ("gray", "red")
    image_ids, boxes = _together(ids, scene(size, per_kind), kinds)
    shift = 0.002 * size if model == "mp" else -0.002 * size
    scores = np.linspace(0.95, 0.6, len(boxes))
    return Detections(np.array(image_ids), np.ones(len(boxes)), as_boxes(boxes + shift), scores)


def make_project(
    folder: Path,
    images: int = 4,
    size: int = 256,
    per_kind: int = 2,
    step: int = ReviewStep.WHOLE_IMAGE,
) -> Project:
    """A project whose first image is done and whose others wait, sorted by two models.

    Parameters
    ----------
    per_kind
        Objects of each of `KINDS` in every image.
    step
        Whole images: the others are tasks of iteration 1; open boxes: of step 2.
    """
    return copied(_make, folder, images=images, size=size, per_kind=per_kind, step=step)


def make_fresh_project(
    folder: Path, images: int = 4, size: int = 256, per_kind: int = 2
) -> Project:
    """A project whose first image waits for a pathologist; no model has seen any."""
    return copied(_make_fresh, folder, images=images, size=size, per_kind=per_kind)


def _make(folder: Path, images: int, size: int, per_kind: int, step: int) -> Project:
    project = _make_fresh(folder, images, size, per_kind)
    [first] = queue(project)
    document = open_document(project, first, PERSON)
    document.keep([box.id for box in document.open_boxes])
    finish(project, first, PERSON)
    rest = [image.id for image in project.images() if image.id != first.image_id]
    _hand_out(project, rest, size, per_kind, step)
    return project


def _make_fresh(folder: Path, images: int, size: int, per_kind: int) -> Project:
    sources = make_sources(folder / "images", images, size, per_kind)
    method = MethodSettings(initial=1, per_iteration=max(images - 1, 1), iterations=1)
    return create_project(folder / "project", sources, CreateOptions(method))


def _hand_out(project: Project, ids: list[int], size: int, per_kind: int, step: int) -> None:
    crowd: Labels = project.crowd_labels().labels.of_images(ids)
    mp, ma = (_detections(ids, size, per_kind, model) for model in ("mp", "ma"))
    rows = sort_labels(crowd, mp, ma, Thresholds())
    outcome = correct(rows)
    states = {
        ReviewStep.WHOLE_IMAGE: [
            (BoxState.OPEN, np.concatenate([outcome.automatic, outcome.review]))
        ],
        ReviewStep.OPEN_BOXES: [
            (BoxState.KEPT, outcome.automatic),
            (BoxState.OPEN, outcome.review),
        ],
    }[step]
    with project.store.transaction() as unit:
        box_ids = unit.boxes.add_sorted(rows, crowd, 0)
        proposals = [
            Proposal(int(rows.image_ids[row]), int(box_ids[row]), state)
            for state, chosen in states
            for row in np.sort(chosen)
        ]
        batch = Batch(step, 1 if step == ReviewStep.WHOLE_IMAGE else 0, 0)
        write_tasks(unit, ids, batch, np.linspace(3, 1, len(ids)).tolist(), proposals)
        if step == ReviewStep.OPEN_BOXES:
            unit.events.add(EventKind.CORRECT, 0, {})
