"""Makes the pictures in docs/images from the real program, on images drawn for it.

Draws synthetic TEM images of 2048 × 2048 pixels, spoils their labels as a crowd does, lets a
simulated pathologist label the first ones, and trains both detectors for a short time. From
there go five projects: one that waits for whole images, one whose images two people have read,
one that is ready to train, one whose next images can be selected, and one that waits for the
red and green boxes left at the end. Each picture is taken of a copy.
Takes about twenty minutes on two cores; needs a display (or ``xvfb-run -a -s "-screen 0
1920x1080x24"``).

Example: python docs/make_screenshots.py
    A folder as argument keeps the projects; a second call with it takes the pictures only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from napari_alc.detection.settings import DetectorSettings
from napari_alc.labels import LabelSet
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import next_open_task, queue_of
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import finish_task, share
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything, review_task
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.forecast import stop_here
from napari_alc.project.steps.predict import predict
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import train
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import make_tem_images

IMAGES = 24
SIZE = 2048
METHOD = MethodSettings(initial=8, per_iteration=8, iterations=2)
DETECTOR = DetectorSettings(iterations=400, input_size=640)

START, READ, READY, FOUND, REST = "study", "read", "ready", "found", "rest"
"""Folders of the projects: whole images wait; read by several; ready to train; both detectors
have looked; red and green boxes wait."""

READERS = ("Ada", "Bob")


@dataclass(frozen=True)
class Picture:
    """A page of a project in a window of some size, on a screen of some scaling."""

    project: str
    page: str
    width: int = 1280
    height: int = 720
    scale: float = 1.0


PICTURES = {
    "review": Picture(START, "review", 1920, 1080),
    "review-box": Picture(START, "box", 1600, 900),
    "review-rest": Picture(REST, "box"),
    "review-question": Picture(START, "question"),
    "review-filter": Picture(START, "filter"),
    "review-colour-blind": Picture(START, "colour-blind"),
    "review-contrast": Picture(START, "contrast"),
    "review-pause": Picture(START, "pause"),
    "review-read-only": Picture(START, "read-only"),
    "review-light": Picture(START, "light"),
    "review-scaled": Picture(START, "box", scale=1.5),
    "review-small": Picture(START, "box", 1366, 768),
    "review-help": Picture(START, "help"),
    "readers-differ": Picture(READ, "readers"),
    "iterate": Picture(READY, "training", 1280, 900),
    "iterate-settings": Picture(READY, "settings", 1280, 900),
    "iterate-select": Picture(FOUND, "select", 1280, 900),
    "iterate-stop": Picture(FOUND, "stop", 1280, 900),
    "iterate-results": Picture(FOUND, "results", 1280, 900),
    "project": Picture(START, "project", 1600, 900),
}
"""What is in each picture."""

SETTLING = "settling.gif"
"""The moving picture."""

READ_IMAGES = 3
"""Images that both readers have finished."""

NO_OBJECT, ODD_ONE = 4, 17
"""Of so many boxes both readers delete one, and each reader another one."""

GRAYS = 48
"""Grays of the pictures kept; the other 208 of 256 colours are the most frequent ones."""

LEAST_CHROMA = 6
"""Difference of the channels from which a pixel counts as coloured."""

SEED = 7
FOLDER = Path(__file__).parent / "images"


def make_projects(folder: Path) -> None:
    """The five projects, in `folder`."""
    truth = make_tem_images(folder / "images", IMAGES, SIZE, SEED)
    crowd = add_noise(truth, DEMO_RATES, SEED).label_set
    sources = Sources(folder / "images", crowd, folder / "crowd.json")
    project = create_project(folder / START, sources, CreateOptions(METHOD, DETECTOR))
    review_everything(project, truth.labels)
    _look_for_images(project)
    select(project)
    _review_one(project, truth)
    project.close()
    _make_read(_copy(folder / START, READ))
    _make_ready(_copy(folder / START, READY), truth)
    _make_found(_copy(folder / READY, FOUND))
    _make_rest(_copy(folder / FOUND, REST))


def _look_for_images(project: Project) -> None:
    train(project)
    predict(project)


def _review_one(project: Project, truth: LabelSet) -> None:
    task = next_open_task(project)
    if task is not None:
        review_task(project, task, truth.labels.of_images([task.image_id]))


def _copy(project: Path, name: str) -> Path:
    """A copy beside `project`, where it finds the same images."""
    return shutil.copytree(project, project.with_name(name))


def _make_read(folder: Path) -> None:
    """Two people read the first images; each deletes some of the boxes that the other keeps."""
    project = Project.open(folder)
    share(project, READERS)
    for place, person in enumerate(READERS):
        readings = [task for task in queue_of(project, person) if task.is_reading]
        for task in readings[:READ_IMAGES]:
            document = open_document(project, task, person)
            ids = [box.id for box in document.open_boxes]
            doubtful = {i for i in ids if i % NO_OBJECT == 0 or i % ODD_ONE == place}
            document.delete([i for i in ids if i in doubtful])
            document.keep([i for i in ids if i not in doubtful])
            finish_task(project, task, person)
    project.close()


def _make_ready(folder: Path, truth: LabelSet) -> None:
    project = Project.open(folder)
    review_everything(project, truth.labels)
    project.close()


def _make_found(folder: Path) -> None:
    project = Project.open(folder)
    _look_for_images(project)
    project.close()


def _make_rest(folder: Path) -> None:
    """Ada stops the iterations, and the rest is corrected."""
    project = Project.open(folder)
    stop_here(project, READERS[0])
    correct_remaining(project)
    project.close()


def take_pictures(folder: Path) -> None:
    """Each in a program of its own and of a fresh copy, so that none shows traces of another."""
    for name, picture in PICTURES.items():
        out = FOLDER / f"{name}.png"
        arguments = ["--page", picture.page, "--width", str(picture.width)]
        arguments += ["--height", str(picture.height)]
        program = [str(Path(__file__).with_name("window_states.py"))]
        _run(program, folder / picture.project, out, arguments, picture.scale)
        _shrink(out)
    _run([str(Path(__file__).with_name("make_settling.py"))], folder / START, FOLDER / SETTLING)


def _run(
    program: Sequence[str],
    project: Path,
    out: Path,
    arguments: Sequence[str] = (),
    scale: float = 1.0,
) -> None:
    copy = _copy(project, "picture")
    environment = {**os.environ, "LOGNAME": "pathologist", "QT_SCALE_FACTOR": str(scale)}
    command = [sys.executable, *program, str(copy), str(out), *arguments]
    try:
        subprocess.run(command, check=True, env=environment)
    finally:
        shutil.rmtree(copy)


def _shrink(path: Path) -> None:
    """Fewer grays, whose noise makes pictures large; the colours stay exactly as they are."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    values, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    is_colour = np.ptp(values.astype(int), axis=1) > LEAST_CHROMA
    frequent = np.argsort(-counts[is_colour], kind="stable")[: 256 - GRAYS]
    grays = np.repeat(np.linspace(0, 255, GRAYS).astype(np.uint8)[:, None], 3, axis=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([values[is_colour][frequent], grays]).tobytes())
    small = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> None:
    """Make every picture."""
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        if not (folder / REST).exists():
            make_projects(folder)
        take_pictures(folder)
        return
    with tempfile.TemporaryDirectory() as made:
        make_projects(Path(made))
        take_pictures(Path(made))


if __name__ == "__main__":
    main()
