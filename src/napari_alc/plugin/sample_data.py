"""Sample projects of synthetic TEM images, made on the spot; each goes into a new folder.

Both are fresh projects: what a sample shows as labelled was labelled by the program that draws
the images and knows where the deposits are, and nothing is shown that no detector has found.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import platformdirs

from napari_alc.execution.outcome import SUCCESS, Outcome
from napari_alc.plugin import tooltips
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.sample import make_sample_project


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
    """Make the project in `folder` with its first image; the window draws the others behind.

    Raises
    ------
    BadData
        When something cannot be written.
    Cancelled
        When `should_stop` says so. Either way nothing is left behind.
    """
    asked = sample.images, sample.initial, sample.is_labelled
    try:
        make_sample_project(folder, *asked, report, should_stop)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return SUCCESS
