"""The whole method with a simulated pathologist: the commands `simulate` and `demo`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from napari_alc.commands.gui import gui
from napari_alc.commands.making import (
    Crowd,
    Detector,
    DetectorSetting,
    Images,
    Initial,
    Iterations,
    PerIteration,
    Seed,
    Strategy,
    Tau,
    Weights,
    planned,
    read_sources,
    read_told,
)
from napari_alc.commands.running import (
    CancelFile,
    Device,
    ProgressOption,
    ProgressStyle,
    ProjectFolder,
    Watch,
    tell,
    watched,
)
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.formats.coco import read_coco, write_coco
from napari_alc.formats.reading import aligned, require_images
from napari_alc.labels import LabelSet
from napari_alc.plugin.launch import require_window
from napari_alc.progress import Progress, Report
from napari_alc.project.locks import locked
from napari_alc.project.project import Project
from napari_alc.project.reporting.html_report import report_file
from napari_alc.project.reporting.report_tables import Record, iteration_header, iteration_row
from napari_alc.project.sample import draw_awaited
from napari_alc.project.settings import SETTINGS_FILE, MethodSettings
from napari_alc.project.simulation import (
    READABLE_REPORT_FILE,
    Simulation,
    TestImages,
    prepare_review,
)
from napari_alc.project.simulation import simulate as run_simulation
from napari_alc.project.status import Status, Step
from napari_alc.project.steps.create import CreateOptions, Sources, create_project, fitting
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import make_tem_images


def simulate(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder to make.")],
    images: Images,
    crowd: Crowd,
    truth: Annotated[Path, typer.Option(help="Clean labels of the same images.")],
    test_images: Annotated[
        Path | None, typer.Option(help="Folder of the test images; --images by default.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Clean labels of test images, to measure the detectors.")
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(help="Clean labels of further images in --images, to find tau on."),
    ] = None,
    initial: Initial = 40,
    per_iteration: PerIteration = 40,
    iterations: Iterations = 4,
    detector: Detector = None,
    weights: Weights = None,
    set_: DetectorSetting = None,
    strategy: Strategy = "score",
    tau: Tau = None,
    seed: Seed = 0,
    device: Device = "auto",
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Run the whole method with a simulated pathologist; goes on where it was stopped.

    Example: napari-alc simulate study --images tiffs --crowd crowd.json --truth clean.json
    """
    options = planned(
        initial, per_iteration, iterations, strategy, seed, tau, detector, weights, set_ or ()
    )
    sources = read_sources(images, crowd, validation)
    clean = _known_truth(sources, truth)
    # What the crowd never drew can still be told apart by the pathologist.
    sources = replace(sources, crowd=_with_categories(sources.crowd, clean))
    tests = None if test is None else _test_images(sources, test, test_images or images)
    with (
        watched(progress, cancel_file) as watch,
        closing(_open_or_create(project, sources, options, watch)) as opened,
        locked(opened.folder, "simulate"),
    ):
        known = clean.of_images(image.id for image in opened.images())
        _run(Simulation(opened, known, tests, device), watch, progress)
    tell(_reports(opened))


def _reports(project: Project) -> list[str]:
    """Where the reports are: one for reading, one with pictures."""
    return [
        f"Report: {project.exports_folder / READABLE_REPORT_FILE}",
        f"Report with pictures: {report_file(project)}",
    ]


def _with_categories(label_set: LabelSet, other: LabelSet) -> LabelSet:
    known = {category.id: category for category in (*other.categories, *label_set.categories)}
    return replace(label_set, categories=tuple(known.values()))


def _known_truth(sources: Sources, path: Path) -> LabelSet:
    truth = aligned(sources.crowd, read_told(path, sources.images), path)
    require_images(sources.crowd, truth, path, "the crowd's labels")
    require_images(truth, sources.crowd, sources.crowd_path, "the clean labels")
    if not len(truth.labels):
        raise BadData(path, "has no box to learn from", "Choose labels with boxes")
    return truth


def _test_images(sources: Sources, path: Path, folder: Path) -> TestImages:
    reading = read_told(path, folder)
    if not len(reading.labels):
        raise BadData(path, "has no box to measure a detector with", "Choose labels with boxes")
    # Only categories are shared with the project: a test image may bear any name.
    categories = LabelSet((), sources.crowd.categories)
    return TestImages(folder, aligned(categories, reading, path))


def _open_or_create(
    folder: Path, sources: Sources, options: CreateOptions, watch: Watch
) -> Project:
    if not (folder / SETTINGS_FILE).exists():
        return create_project(folder, sources, options, watch.report, watch.should_stop)
    opened = Project.open(folder)
    different = _difference(opened, sources, options)
    if different:
        opened.close()
        raise BadData(
            folder,
            f"holds a simulation with other {different}",
            "Choose another folder, or repeat what it was begun with",
        )
    tell(["Going on with the simulation that is there."])
    return opened


def _difference(opened: Project, sources: Sources, options: CreateOptions) -> str:
    """What an existing project was made with that is not wanted now; empty where nothing."""
    images = opened.images()
    if opened.settings.method != fitting(options.method, len(images)):
        return "settings"
    if opened.settings.detector.given != options.detector.given:
        return "settings of the detector"
    given = sources.crowd.of_images(image.id for image in images)
    stored = opened.crowd_labels()
    alike = (
        sorted(given.images, key=lambda image: image.id) == list(stored.images)
        and np.array_equal(given.labels.category_ids, stored.labels.category_ids)
        and np.array_equal(given.labels.boxes, stored.labels.boxes)
    )
    return "" if alike else "labels of the crowd"


def _run(
    simulation: Simulation,
    watch: Watch,
    style: ProgressStyle,
    on_step: Callable[[Status], None] = lambda _: None,
) -> Record:
    """Run the simulation, printing a row of the table for every iteration."""
    aside = style is ProgressStyle.JSON  # standard output is for the JSON lines alone
    typer.echo(iteration_header(), err=aside)

    def show(record: Record) -> None:
        typer.echo(iteration_row(record), err=aside)

    return run_simulation(simulation, watch.report, watch.should_stop, show, on_step)


@dataclass(frozen=True)
class DemoData:
    """The synthetic images of the demonstration, their true and their crowd labels."""

    folder: Path
    truth: LabelSet
    crowd: LabelSet
    test: LabelSet


DEMO_IMAGES, DEMO_TEST_IMAGES, DEMO_SIZE, DEMO_SEED = 36, 20, 512, 2026

DEMO_OPTIONS = CreateOptions(
    MethodSettings(initial=6, per_iteration=5, iterations=2),
    DetectorSettings(preset="compact", iterations=200, threads=1),
)
"""A few minutes on two cores, also busy ones, where two threads would wait for each other. By the
first recipe: finer maps and several looks would take more than twice as long."""


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Open no window: a simulated pathologist reviews.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("demo"),
    progress: ProgressOption = ProgressStyle.BAR,
) -> None:
    """Show the whole method on synthetic TEM images made on the spot.

    With a display it stops at the review in napari; without, or with --headless, it runs to
    the end. Example: napari-alc demo --headless --out demo
    """
    with_window = not headless and _has_window()
    with watched(progress) as watch:
        data = _demo_data(out, watch)
        sources = Sources(data.folder, data.crowd, out / "crowd.json")
        project = _open_or_create(out / "project", sources, DEMO_OPTIONS, watch)
        simulation = Simulation(project, data.truth, TestImages(data.folder, data.test))
        if with_window:
            prepare_review(simulation, watch.report, watch.should_stop)
        else:
            _run(simulation, watch, progress, partial(_photograph, out / "review.png", project))
    if with_window:
        project.close()
        gui(project.folder)
    else:
        _tell_where(out, project)
        project.close()


def _has_window() -> bool:
    try:
        require_window()
    except AlcError as reason:
        tell([f"{reason} The demonstration runs without a window."])
        return False
    return True


def _demo_data(out: Path, watch: Watch) -> DemoData:
    folder = out / "images"
    paths = {name: out / f"{name}.json" for name in ("truth", "crowd", "test")}
    if not all(path.exists() for path in paths.values()):
        total = DEMO_IMAGES + DEMO_TEST_IMAGES
        making = _counted(watch.report, 0, total)
        truth = make_tem_images(
            folder, DEMO_IMAGES, DEMO_SIZE, DEMO_SEED, making, watch.should_stop
        )
        making = _counted(watch.report, DEMO_IMAGES, total)
        test = make_tem_images(
            folder, DEMO_TEST_IMAGES, DEMO_SIZE, DEMO_SEED, making, watch.should_stop, DEMO_IMAGES
        )
        crowd = add_noise(truth, DEMO_RATES, DEMO_SEED).label_set
        for path, labels in zip(paths.values(), (truth, crowd, test), strict=True):
            write_coco(path, labels)
    read = {name: read_coco(path).label_set for name, path in paths.items()}
    return DemoData(folder, read["truth"], read["crowd"], read["test"])


def _counted(report: Report, before: int, total: int) -> Report:
    """Progress of a part of the images as progress of all."""
    return lambda p: report(Progress("images", before + p.done, total, "making images"))


def _photograph(path: Path, project: Project, found: Status) -> None:
    """Take a picture of the review once images chosen by the models wait there."""
    if found.next_step is Step.REVIEW and found.iteration > 0 and not path.exists():
        problem = take_picture(project.folder, path)
        if problem:
            tell([f"No picture of the review could be taken: {problem}"])


def take_picture(project: Path, path: Path) -> str:
    """Save a picture of the review from another process; returns what went wrong, or nothing.

    Where there is no display, a virtual one is used if it is installed.
    """
    command = [sys.executable, "-m", "napari_alc.plugin.screenshot", str(project), str(path)]
    linux_without_display = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if linux_without_display:
        virtual = shutil.which("xvfb-run")
        if virtual is None:
            return "there is no display and no virtual one (xvfb) is installed."
        command = [virtual, "-a", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else "the program ended early.")


def _tell_where(out: Path, project: Project) -> None:
    tell(
        [
            *_reports(project),
            f"Clean dataset: {project.exports_folder / 'clean.json'}",
            f"Images: {out / 'images'}",
        ]
    )
    if (out / "review.png").exists():
        tell([f"Picture of the review: {out / 'review.png'}"])


def draw_sample(
    project: ProjectFolder,
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Draw what a sample's project still lacks; for napari, which starts it."""
    with watched(progress, cancel_file) as watch, closing(Project.open(project)) as opened:
        draw_awaited(opened, watch.report, watch.should_stop)
