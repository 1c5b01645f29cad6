"""Makes the pictures in docs/images from the real program, on images drawn for it.

Draws synthetic TEM images of 2048 × 2048 pixels, spoils their labels as a crowd does, lets a
simulated pathologist label the first ones, trains both detectors for a short time, and takes
pictures of the project where it then waits for a pathologist. Takes about five minutes; needs a
display (or ``xvfb-run -a -s "-screen 0 1600x900x24"``).

Example: python docs/make_screenshots.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from napari_alc.labels import LabelSet
from napari_alc.project.creation import CreateOptions, Sources, create_project
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything, review_task
from napari_alc.project.sorting import select
from napari_alc.project.tasks import next_open_task
from napari_alc.project.training import predict, train
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import make_tem_images

IMAGES = 24
SIZE = 2048
METHOD = MethodSettings(initial=8, per_iteration=8, iterations=1)
DETECTOR = {"iterations": 400, "input_size": 640}

PICTURES = {
    "review": ("review", 1600, 900),
    "review-box": ("box", 1280, 720),
    "review-question": ("question", 1280, 720),
    "iterate": ("iterate", 1600, 900),
    "project": ("project", 1600, 900),
}
"""Page and window size of each picture."""

GRAYS = 48
"""Grays of the pictures kept; the other 208 of 256 colours are the most frequent ones."""

LEAST_CHROMA = 6
"""Difference of the channels from which a pixel counts as coloured."""

SEED = 7
FOLDER = Path(__file__).parent / "images"


def make_project(folder: Path) -> Project:
    """A project whose images of iteration 1 wait for a pathologist; the first one is done."""
    truth = make_tem_images(folder / "images", IMAGES, SIZE, SEED)
    crowd = add_noise(truth, DEMO_RATES, SEED).label_set
    sources = Sources(folder / "images", crowd, folder / "crowd.json")
    project = create_project(folder / "study", sources, CreateOptions(METHOD, DETECTOR))
    review_everything(project, truth.labels)
    train(project)
    predict(project)
    select(project)
    _review_one(project, truth)
    return project


def _review_one(project: Project, truth: LabelSet) -> None:
    task = next_open_task(project)
    if task is not None:
        review_task(project, task, truth.labels.of_images([task.image_id]))


def take_pictures(project: Path) -> None:
    """Each in a program of its own, so that none shows traces of another."""
    for name, (page, width, height) in PICTURES.items():
        command = [sys.executable, "-m", "napari_alc.plugin.screenshot", str(project)]
        command += [str(FOLDER / f"{name}.png"), "--page", page]
        command += ["--width", str(width), "--height", str(height)]
        subprocess.run(command, check=True, env={**os.environ, "LOGNAME": "pathologist"})
        _shrink(FOLDER / f"{name}.png")


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
    """Make every picture; a project's folder as argument is used instead of a new one."""
    if len(sys.argv) > 1:
        take_pictures(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        project.close()
        take_pictures(project.folder)


if __name__ == "__main__":
    main()
