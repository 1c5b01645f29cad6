"""The sample: a project of synthetic TEM images that is open before all of them are drawn.

Which deposits an image will show is listed beside this module, so that the crowd's labels of all
images can be made when only the first one is drawn.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from napari_alc.boxes import Boxes, as_boxes
from napari_alc.cleaning.loop import first_draw
from napari_alc.detection.settings import NEWEST_RECIPE, DetectorSettings
from napari_alc.errors import Cancelled
from napari_alc.labels import ImageRecord, LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage.image_files import fingerprint
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import draw_tem_image, make_tem_images, tem_label_set

SEED = 7

SIZE = 512
"""Width and height of the images in pixels."""

BOXES_FILE = "sample_boxes.json"
"""The true boxes of each image, as corners in pixels; the same on every kind of processor."""


def listed_boxes() -> list[Boxes]:
    """The true boxes of every image that a sample may have, as its drawing will show them."""
    text = files("napari_alc.project").joinpath(BOXES_FILE).read_text("utf-8")
    return [as_boxes(boxes) for boxes in json.loads(text)]


def make_sample_project(
    folder: Path,
    images: int,
    initial: int,
    is_labelled: bool,
    report: Report = silent,
    should_stop: ShouldStop = never,
) -> None:
    """Make the project in `folder` with its first image; `draw_awaited` draws the others.

    Parameters
    ----------
    images, initial
        How many images there are, and how many are first images, |X^0|.
    is_labelled
        Whether the first images are labelled already.

    Raises
    ------
    BadData
        When something cannot be written.
    Cancelled
        When `should_stop` says so.
    """
    ids = range(1, images + 1)
    first = 1 if is_labelled else first_draw(ids, initial, SEED)[0]
    truth, awaited = _drawn(folder / "images", images, first, report, should_stop)
    sources = Sources(
        images=folder / "images",
        crowd=add_noise(truth, DEMO_RATES, SEED).label_set,
        crowd_path=folder / "crowd labels",
        clean=_first(truth, initial) if is_labelled else None,
        clean_use="initial",
        awaited=awaited,
    )
    method = MethodSettings(initial=initial, per_iteration=initial // 2, iterations=2, seed=SEED)
    options = CreateOptions(method, DetectorSettings(preset="compact", recipe=NEWEST_RECIPE))
    create_project(folder, sources, options, report, should_stop).close()


def _drawn(
    folder: Path, count: int, first: int, report: Report, should_stop: ShouldStop
) -> tuple[LabelSet, frozenset[str]]:
    """Draw what must be there; returns the true boxes, and the files that are still to come."""
    if should_stop():
        raise Cancelled("Making the sample")
    listed = listed_boxes()[:count]
    found = draw_tem_image(folder, first - 1, SIZE, SEED)
    if not np.array_equal(found, listed[first - 1]):
        # Another version of NumPy may draw other random numbers: its images have other deposits.
        return make_tem_images(folder, count, SIZE, SEED, report, should_stop), frozenset()
    truth = tem_label_set(listed, SIZE)
    return truth, frozenset(image.file_name for image in truth.images if image.id != first)


def _first(truth: LabelSet, number: int) -> LabelSet:
    chosen = truth.of_images(image.id for image in truth.images[:number])
    return replace(chosen, categories=truth.categories)


def draw_awaited(
    project: Project, report: Report = silent, should_stop: ShouldStop = never
) -> None:
    """Draw what a sample still lacks, the images that wait for review first.

    An image counts as drawn once its file is whole on the disk, so this may be cut off anywhere,
    and several may do it at once.

    Raises
    ------
    BadData
        When an image cannot be written.
    Cancelled
        When `should_stop` says so; what is drawn stays.
    """
    total = len(project.awaited_images())
    while waiting := _in_order(project):
        if should_stop():
            raise Cancelled("Drawing the sample")
        image = waiting[0]
        draw_tem_image(project.images_folder, image.id - 1, SIZE, SEED)
        with project.store.transaction() as unit:
            unit.images.came(image.id, fingerprint(project.images_folder / image.file_name))
        done = total - len(waiting) + 1
        report(Progress("draw the sample", done, total, f"Drawing the sample: {image.file_name}"))


def _in_order(project: Project) -> list[ImageRecord]:
    waiting = {image.id: image for image in project.awaited_images()}
    queued = (task.image_id for task in queue(project))
    return [waiting[number] for number in dict.fromkeys((*queued, *waiting)) if number in waiting]
