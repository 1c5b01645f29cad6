"""How long the review lets a person wait: for a large project, and beside a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt, QTimer
from review_drawing import PERSON
from review_window import Window

from napari_alc.detection.settings import DetectorSettings
from napari_alc.progress import Progress
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.simulation.crowd import NoiseRates, add_noise
from napari_alc.simulation.tem import make_tem_images

BEAT_MS = 5
"""How often the window's event loop is asked for a sign of life."""

ACT_EVERY_MS = 125
"""A scripted person does something; every fourth time it is a decision."""

TRAINING_IMAGES = 12
REVIEWED = 8
ENDLESS = 100_000
"""Iterations of a training that is cancelled once the window has been watched."""

PAN = 0.05
"""Share of the view by which the image is moved."""

PERSON_ACTS_EVERY_MS = 1_500
"""A person's pace, at which a training is watched: one that looks before deciding."""


def opening(window: Window, folder: Path) -> dict[str, object]:
    """Seconds until the first image of a project is drawn with its boxes, in a new window.

    ``open_seconds`` is from the review page's `set_project` on, layers made for the first
    time included; ``program_seconds`` from the choice of the project on, with its other pages.
    """
    page, widget = window.page, window.widget
    widget.tabs.setTabEnabled(widget.tabs.indexOf(page), True)
    widget.tabs.setCurrentWidget(page)
    start = time.perf_counter()
    project = Project.open(folder)
    store_seconds = time.perf_counter() - start

    def is_shown() -> bool:
        document = page.state.document
        return document is not None and window.canvas.boxes.nshapes == len(document.shown) > 0

    spent = window.milliseconds(lambda: page.controller.set_project(project, PERSON), is_shown)
    window.rest()
    page.controller.set_project(None, "")
    project.close()
    whole = window.milliseconds(lambda: _open(window, folder), is_shown)
    return {
        "open_seconds": round(spent / 1000, 2),
        "store_seconds": round(store_seconds, 2),
        "program_seconds": round(whole / 1000, 2),
    }


def _open(window: Window, folder: Path) -> None:
    if not window.widget.open_project(folder):
        raise SystemExit(window.widget.project_page.error.text())


def make_training_project(folder: Path, side: int) -> Path:
    """A project of synthetic TEM images that is ready to train; returns its folder."""
    truth = make_tem_images(folder / "images", TRAINING_IMAGES, side)
    sources = Sources(
        images=folder / "images",
        crowd=add_noise(truth, NoiseRates(), 0).label_set,
        crowd_path=folder / "crowd.json",
        clean=truth.of_images([image.id for image in truth.images[:REVIEWED]]),
        clean_use="initial",
    )
    method = MethodSettings(initial=REVIEWED, per_iteration=2, iterations=1)
    options = CreateOptions(method, DetectorSettings(preset="compact", iterations=ENDLESS))
    project = create_project(folder / "training", sources, options)
    project.close()
    return project.folder


class Training:
    """A training that the page Iterate starts in its child process."""

    def __init__(self, window: Window, folder: Path) -> None:
        self._window, self._page = window, window.widget.iterate_page
        self._done: dict[str, int] = {}
        _open(window, folder)
        self._page.background.progressed.connect(self._on_progress)

    def _on_progress(self, progress: Progress) -> None:
        if progress.step.startswith("train"):
            self._done[progress.step] = progress.done

    @property
    def _is_under_way(self) -> bool:
        return any(self._done.values())

    def speed(self, work: Callable[[], object]) -> float:
        """Iterations a second, of both models together, during `work`."""
        before, start = sum(self._done.values()), time.perf_counter()
        work()
        return (sum(self._done.values()) - before) / (time.perf_counter() - start)

    def start(self) -> None:
        """Press the page's button and wait for the first iterations."""
        self._done.clear()
        self._page.start_next_step()
        self._window.wait(
            lambda: self._is_under_way or not self._page.is_busy, "the training to begin"
        )
        self.require_busy()

    def require_busy(self) -> None:
        """Refuse to measure beside a training that has ended."""
        if not self._page.is_busy:
            raise SystemExit(f"The training has failed: {self._page.error.text()}")

    def stop(self) -> None:
        """Cancel it and wait until the child process is gone."""
        self._page.background.cancel()
        self._window.wait(lambda: not self._page.is_busy, "the training to end")


@dataclass
class Watch:
    """Looks at the event loop while a scripted person reviews an image."""

    window: Window
    act_every_ms: int = ACT_EVERY_MS
    gaps: list[float] = field(default_factory=list)
    _last: float = 0.0
    _acts: int = 0

    def run(self, seconds: float) -> list[float]:
        """Milliseconds between signs of life."""
        self.window.key(Qt.Key.Key_J)
        beat, act = QTimer(), QTimer()
        beat.setTimerType(Qt.TimerType.PreciseTimer)
        beat.timeout.connect(self._on_beat)
        act.timeout.connect(self._act)
        self._last = time.perf_counter()
        beat.start(BEAT_MS)
        act.start(self.act_every_ms)
        self.window.work(round(1000 * seconds))
        beat.stop()
        act.stop()
        return self.gaps

    def _on_beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now

    def _act(self) -> None:
        turn = self._acts % 4
        self._acts += 1
        if turn == 0:
            self.window.press(Qt.Key.Key_K)
            self.window.let_go(Qt.Key.Key_K)
        elif turn == 2:
            self._pan()
        else:
            self.window.turn_wheel(1 if turn == 1 else -1)

    def _pan(self) -> None:
        camera = self.window.viewer.scene.camera
        _, width = self.window.viewer.canvas.size
        row, column = camera.center[-2:]
        camera.center = (row, column + PAN * width / camera.zoom)


def gaps(
    window: Window, review: Path, training: Path, seconds: float, rounds: int
) -> dict[str, object]:
    """Gaps of the event loop with and without a training beside it, in turns.

    Parameters
    ----------
    review
        A project in which two images wait for each round, with boxes enough for `seconds`.
    training
        A project that is ready to train.
    seconds
        Of each turn.
    rounds
        Turns without and with a training.
    """
    child = Training(window, training)
    project = Project.open(review)
    window.page.controller.set_project(project, PERSON)
    window.widget.tabs.setCurrentWidget(window.page)
    window.settle()
    found: dict[bool, list[float]] = {False: [], True: []}
    speeds: dict[str, float] = {}
    for turn, is_training in enumerate((False, True) * rounds):
        if turn:
            window.press(Qt.Key.Key_PageDown)
            window.let_go(Qt.Key.Key_PageDown)
            window.settle()
        if is_training:
            child.start()
        found[is_training] += Watch(window).run(seconds)
        if is_training:
            child.require_busy()
            speeds = speeds or _speeds(window, child, seconds)
            child.stop()
    window.page.controller.set_project(None, "")
    project.close()
    beside, alone = found[True], found[False]
    return {
        "gap_p99_ratio": round(_p99(beside) / _p99(alone), 3),
        "gap_p99_ms": {"training": round(_p99(beside), 1), "idle": round(_p99(alone), 1)},
        "gap_longest_ms": {"training": round(max(beside), 1), "idle": round(max(alone), 1)},
        "gaps": {"training": len(beside), "idle": len(alone)},
        "training_speed": speeds,
    }


def _speeds(window: Window, child: Training, seconds: float) -> dict[str, float]:
    """Iterations a second while nobody acts, at a person's pace, and at the script's."""
    pace = {
        "nobody": lambda: window.work(round(1000 * seconds)),
        "person": lambda: Watch(window, PERSON_ACTS_EVERY_MS).run(seconds),
        "script": lambda: Watch(window).run(seconds),
    }
    return {name: round(child.speed(work), 1) for name, work in pace.items()}


def _p99(values: Sequence[float]) -> float:
    return float(np.percentile(values, 99))
