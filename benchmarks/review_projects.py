"""Projects of any size whose images wait for a pathologist, made without training anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_alc.boxes import Boxes, Integers, as_boxes
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.regions import SortedLabels, Thresholds, sort_labels
from napari_alc.formats.images import Pixels
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet, numbered
from napari_alc.project.annotation.tasks import write_tasks
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage.records import Batch, BoxState, Proposal, ReviewStep
from napari_alc.simulation.fields import smooth_noise

CATEGORIES = (Category(1, "deposit"), Category(2, "artefact"))

KINDS = ("gray", "pink", "red", "green")
"""Regions that the boxes of an image fall into, in turn."""

SEEN = {"crowd": ("gray", "green"), "mp": ("gray", "pink"), "ma": ("gray", "red")}
"""Which of them the crowd and the two models have found."""

PICTURES = 4
"""Different pictures; half of the files are deflate-compressed."""

LINKS = 900
"""Names that one file gets; NTFS allows 1023."""


@dataclass(frozen=True)
class Plan:
    """What a project holds.

    Parameters
    ----------
    images
        Number of images.
    per_image
        Boxes offered in each of them.
    side
        Width and height of the images in pixels.
    done
        Images that pathologists have finished already; the others wait.
    """

    images: int
    per_image: int
    side: int
    done: int = 1


def make_project(folder: Path, plan: Plan) -> Path:
    """A project whose first images are done and whose others wait, sorted by two models.

    Returns
    -------
    Path
        The project's folder.
    """
    images = folder / "images"
    images.mkdir(parents=True)
    records = tuple(
        ImageRecord(i + 1, name, plan.side, plan.side)
        for i, name in enumerate(write_images(images, plan))
    )
    truth, kinds = truth_of(plan)
    crowd = truth.take(np.isin(kinds, SEEN["crowd"]))
    done = LabelSet(records[: plan.done], CATEGORIES, truth.of_images(range(1, plan.done + 1)))
    sources = Sources(
        images=images,
        crowd=LabelSet(records, CATEGORIES, crowd),
        crowd_path=folder / "crowd.json",
        clean=done,
        clean_use="initial",
    )
    method = MethodSettings(initial=plan.done, per_iteration=plan.images, iterations=1)
    project = create_project(folder / "project", sources, CreateOptions(method))
    try:
        _hand_out(project, truth, kinds, range(plan.done + 1, plan.images + 1))
    finally:
        project.close()
    return project.folder


def picture(side: int, seed: int) -> Pixels:
    """A 16-bit image, uneven and noisy as TEM images are, shape (side, side)."""
    rng = np.random.default_rng(seed)
    uneven = smooth_noise(side, side / 8, rng)
    noisy = 20_000 + 4_000 * uneven + rng.normal(0, 600, (side, side))
    return np.asarray(np.clip(noisy, 0, 65_535).astype(np.uint16))


def write_images(folder: Path, plan: Plan) -> list[str]:
    """Write a few pictures under many names; returns the names."""
    names = [f"image{i:05d}.tif" for i in range(plan.images)]
    firsts = names[: min(PICTURES, plan.images)]
    for seed, name in enumerate(firsts):
        compression = "zlib" if seed % 2 else None
        tifffile.imwrite(folder / name, picture(plan.side, seed), compression=compression)
    for i, name in enumerate(names[len(firsts) :], start=len(firsts)):
        _link(folder / _original(names, i), folder / name)
    return names


def _original(names: Sequence[str], i: int) -> str:
    """The file that the `i`-th image is linked to, or copied from."""
    block = i // (LINKS * PICTURES) * LINKS * PICTURES
    begins_block = i - block < PICTURES
    return names[i % PICTURES] if begins_block else names[block + i % PICTURES]


def _link(original: Path, name: Path) -> None:
    """One more name for a file; where it has too many of them, or can have one only, a copy."""
    try:
        os.link(original, name)
    except OSError:
        shutil.copyfile(original, name)


def truth_of(plan: Plan) -> tuple[Labels, np.ndarray]:
    """All boxes of all images, far apart on a grid, and the kind of each."""
    columns = int(np.ceil(np.sqrt(plan.per_image)))
    cell = plan.side / columns
    number = np.tile(np.arange(plan.per_image), plan.images)
    place = np.stack([number % columns, number // columns], axis=1) * cell
    rng = np.random.default_rng(0)
    corner = place + rng.uniform(0.1, 0.2, place.shape) * cell
    boxes = np.hstack([corner, corner + rng.uniform(0.4, 0.6, place.shape) * cell])
    image_ids = np.repeat(np.arange(1, plan.images + 1), plan.per_image)
    kinds = np.array(KINDS)[number % len(KINDS)]
    return numbered(image_ids.tolist(), [1] * len(boxes), as_boxes(np.round(boxes, 1))), kinds


def invented(model: str, truth: Labels, kinds: np.ndarray, shift: float) -> Detections:
    """What the crowd or a model would find, some pixels beside the truth."""
    found = truth.take(np.isin(kinds, SEEN[model]))
    scores = np.random.default_rng(len(model)).uniform(0.6, 0.95, len(found))
    moved: Boxes = as_boxes(found.boxes + shift)
    return Detections(found.image_ids, found.category_ids, moved, scores)


def _hand_out(project: Project, truth: Labels, kinds: np.ndarray, ids: Sequence[int]) -> None:
    """Sort the boxes of images and hand all of them out."""
    waiting = np.isin(truth.image_ids, ids)
    boxes, of_kind = truth.take(waiting), kinds[waiting]
    crowd = project.crowd_labels().labels.of_images(ids)
    shift = 0.02 * float(np.median(boxes.boxes[:, 2] - boxes.boxes[:, 0]))
    mp, ma = (invented(model, boxes, of_kind, by) for model, by in (("mp", shift), ("ma", -shift)))
    rows = sort_labels(crowd, mp, ma, Thresholds())
    with project.store.transaction() as unit:
        box_ids = unit.boxes.add_sorted(rows, crowd, 0)
        write_tasks(
            unit,
            list(ids),
            Batch(ReviewStep.WHOLE_IMAGE, 1, 0),
            np.linspace(3, 1, len(ids)).tolist(),
            _proposals(rows, box_ids),
        )


def _proposals(rows: SortedLabels, box_ids: Integers) -> list[Proposal]:
    outcome = correct(rows)
    offered = np.sort(np.concatenate([outcome.automatic, outcome.review]))
    return [
        Proposal(image_id, box_id, BoxState.OPEN)
        for image_id, box_id in zip(
            rows.image_ids[offered].tolist(), box_ids[offered].tolist(), strict=True
        )
    ]
