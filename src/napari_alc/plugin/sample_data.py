"""Sample projects of synthetic TEM images, made on the spot; each goes into a new folder.

Both are fresh projects: what a sample shows as labelled was labelled by the program that drew
the images and knows where the deposits are, and nothing is shown that no detector has found.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import platformdirs

from napari_alc.detection.settings import NEWEST_RECIPE, DetectorSettings
from napari_alc.execution.outcome import SUCCESS, Outcome
from napari_alc.labels import LabelSet
from napari_alc.plugin import tooltips
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import make_tem_images

SEED = 7

SIZE = 512
"""Width and height of the images in pixels."""


@dataclass(frozen=True)
class SampleProject:
    """A sample project of so many first images, |X^0|, which may be labelled already."""

    name: str
    button: str
    tooltip: str
    initial: int
    is_labelled: bool
    images: int = 24


SAMPLES = {
    "tem-review": SampleProject(
        "TEM deposits to review",
        "TEM deposits: first images wait for review",
        tooltips.SAMPLE_REVIEW,
        initial=6,
        is_labelled=False,
    ),
    "tem-train": SampleProject(
        "TEM deposits to train",
        "TEM deposits: first images labelled, ready to train",
        tooltips.SAMPLE_TRAIN,
        initial=8,
        is_labelled=True,
    ),
}


def samples_folder() -> Path:
    """Where sample projects are made: they hold a person's work, so no temporary folder."""
    return Path(platformdirs.user_data_dir("napari-alc", appauthor=False)) / "samples"


def new_sample_folder(sample: SampleProject) -> Path:
    """A folder for `sample` that does not exist yet."""
    names = (f"{sample.name} {number}" for number in count(1))
    return next(f for name in names if not (f := samples_folder() / name).exists())


def make_sample(
    sample: SampleProject, folder: Path, report: Report = silent, should_stop: ShouldStop = never
) -> Outcome:
    """Draw the images, spoil their labels as a crowd does, and make the project in `folder`.

    Raises
    ------
    BadData
        When something cannot be written.
    Cancelled
        When `should_stop` says so. Either way nothing is left behind.
    """
    try:
        _make(sample, folder, report, should_stop)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return SUCCESS


def _make(sample: SampleProject, folder: Path, report: Report, should_stop: ShouldStop) -> None:
    truth = make_tem_images(
        folder / "images", sample.images, SIZE, SEED, report=report, should_stop=should_stop
    )
    sources = Sources(
        images=folder / "images",
        crowd=add_noise(truth, DEMO_RATES, SEED).label_set,
        crowd_path=folder / "crowd labels",
        clean=_first(truth, sample.initial) if sample.is_labelled else None,
        clean_use="initial",
    )
    method = MethodSettings(
        initial=sample.initial, per_iteration=sample.initial // 2, iterations=2, seed=SEED
    )
    options = CreateOptions(method, DetectorSettings(preset="compact", recipe=NEWEST_RECIPE))
    create_project(folder, sources, options, report, should_stop).close()


def _first(truth: LabelSet, number: int) -> LabelSet:
    chosen = truth.of_images(image.id for image in truth.images[:number])
    return replace(chosen, categories=truth.categories)
