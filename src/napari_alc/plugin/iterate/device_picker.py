"""Where the next step computes, and how long it will take, before anybody commits to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari.qt.threading import create_worker
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_alc.cores import cores
from napari_alc.errors import AlcError
from napari_alc.execution.child_process import run_child
from napari_alc.execution.outcome import Ending, Outcome
from napari_alc.execution.resources import Gpu, gpus_of
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.widgets.collapsible import guard_wheel
from napari_alc.plugin.widgets.controls import (
    button_with,
    choice_of,
    error_words,
    show_words,
    stack_in,
    words,
)
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Report, ShouldStop
from napari_alc.project.project import Project
from napari_alc.wording import counted, duration


@dataclass(frozen=True)
class StepTime:
    """How long a device takes for both trainings, and to look at the remaining images with both.

    Each image is looked at `looks` times. Where it `tries_pasting`, that is in the trainings' time.
    """

    device: str
    train_seconds: float
    predict_seconds: float
    looks: int = 1
    tries_pasting: bool = False

    @property
    def words(self) -> str:
        """The times as a person says them."""
        trials = " with and without pasted objects" if self.tries_pasting else ""
        looks = f" with {self.looks} looks at each image" if self.looks > 1 else ""
        return (
            f"{duration(self.train_seconds).capitalize()} for both trainings{trials}, "
            f"{duration(self.predict_seconds)} to predict{looks}."
        )


class Estimating:
    """A job for `Background`: measures a project on a device, and keeps what it found."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.device = device
        self.found: StepTime | None = None

    def __call__(self, report: Report, should_stop: ShouldStop) -> Outcome:
        """Measure in a child process."""
        lines: list[str] = []
        outcome = run_child(
            ("estimate", str(self.folder), "--device", self.device, "--json"),
            report,
            should_stop,
            output=lines.append,
            reports_progress=False,
        )
        if outcome.succeeded:
            self.found = read_estimate(lines)
        return outcome


def read_estimate(lines: Sequence[str]) -> StepTime:
    """The estimate that the command has printed as its last line.

    Raises
    ------
    AlcError
        When there is none.
    """
    try:
        record = json.loads(lines[-1])
        return StepTime(
            str(record["device"]),
            float(record["train_seconds"]),
            float(record["predict_seconds"]),
            int(record["looks"]),
            bool(record["tries_pasting"]),
        )
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise AlcError("The time could not be estimated: the program gave no figures.") from error


DEVICES = {
    "auto": "Best device",
    "cpu": "Processor (CPU)",
    "cuda": "NVIDIA card (CUDA)",
    "mps": "Apple GPU (MPS)",
}
"""The devices of the preferences, in words."""

USE_MORE = "Use more of this computer"

ESTIMATE, MEASURING = "Estimate the time", "Stop measuring"


class DeviceBox(QWidget):
    """Says what computes, offers a choice, and measures how long it takes."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._estimating: Estimating | None = None
        self._is_allowed = False
        self.background = Background(self)
        self.device_words = words("", tooltips.DEVICE)
        self.choice = choice_of(DEVICES, tooltips.DEVICE)
        self.more = QCheckBox(USE_MORE)
        self.more.setToolTip(tooltips.USE_MORE)
        self.button = button_with(ESTIMATE, tooltips.ESTIMATE)
        self.time_words = words()
        self.error = error_words()
        self._arrange()
        guard_wheel(self)
        self.choice.activated.connect(self._on_choice)
        self.more.clicked.connect(preferences.set_uses_more)
        self.button.clicked.connect(self._on_button)
        self.background.ended.connect(self._on_ended)

    def _arrange(self) -> None:
        device, time = QHBoxLayout(), QHBoxLayout()
        device.addWidget(self.device_words, 1)
        device.addWidget(self.choice)
        time.addWidget(self.button)
        time.addWidget(self.time_words, 1)
        time.addStretch()
        stack_in(self, device, self.more, time, self.error).setSpacing(4)

    @property
    def is_busy(self) -> bool:
        """Whether the time is being measured."""
        return self.background.is_busy

    def set_project(self, project: Project | None) -> None:
        """Show where another project computes."""
        self._project = project
        self.forget()

    def allow(self, is_allowed: bool) -> None:
        """Whether the time may be measured and the device be changed now."""
        self._is_allowed = is_allowed
        self._show_buttons()

    def forget(self) -> None:
        """Forget what was measured: something has changed since."""
        self.stop()
        show_words(self.time_words, "")
        show_words(self.error, "")
        self._show_device()
        self._show_buttons()

    def stop(self) -> None:
        """Stop measuring; nothing of it will be shown."""
        self._estimating = None
        self.background.cancel()

    def _on_choice(self) -> None:
        preferences.set_device(self.choice.currentData())
        self.forget()

    def _on_button(self) -> None:
        if self.is_busy:
            self.stop()
        elif self._project is not None:
            self._estimating = Estimating(self._project.folder, preferences.device())
            show_words(self.error, "")
            show_words(self.time_words, "Measuring: the detector is tried on some images…")
            self.background.start(self._estimating, ESTIMATE)
        self._show_buttons()

    def _on_ended(self, outcome: Outcome) -> None:
        estimating, self._estimating = self._estimating, None
        show_words(self.time_words, "")
        if estimating is not None and estimating.found is not None:
            show_words(self.time_words, estimating.found.words)
            self.device_words.setText(f"Computes on: {estimating.found.device}")
        elif estimating is not None and outcome.ending is Ending.FAILED:
            show_words(self.error, outcome.message)
        self._show_buttons()

    def _show_device(self) -> None:
        chosen = preferences.device()
        self.choice.setCurrentIndex(self.choice.findData(chosen))
        self.more.setChecked(preferences.uses_more())
        if self._cluster:
            self.device_words.setText(f"Computes on: the cluster at {self._cluster}")
        elif shutil.which("nvidia-smi") is None:
            self._show_gpus(gpus_of(chosen))
        else:  # a driver that has been asleep answers late
            self.device_words.setText("Computes on: looking for graphics cards…")
            create_worker(gpus_of, chosen, _connect={"returned": self._show_gpus})

    def _show_gpus(self, gpus: Sequence[Gpu]) -> None:
        if not self._cluster:
            chosen = preferences.device()
            self.device_words.setText(f"Computes on: {device_words(chosen, len(gpus))}")

    @property
    def _cluster(self) -> str:
        return "" if self._project is None else self._project.settings.cluster.address

    def _show_buttons(self) -> None:
        self.button.setText(MEASURING if self.is_busy else ESTIMATE)
        self.button.setEnabled(self.is_busy or (self._is_allowed and not self._cluster))
        self.choice.setEnabled(self._is_allowed and not self.is_busy and not self._cluster)
        self.more.setEnabled(not self._cluster)
        for widget in (self.button, self.choice, self.more):
            widget.setVisible(self._is_allowed or self.is_busy)


def device_words(device: str, gpus: int) -> str:
    """What computes where `device` is chosen and so many graphics cards were found for it."""
    if device == "mps":
        return "Apple GPU"
    if gpus:
        return "NVIDIA graphics card" if gpus == 1 else f"{gpus} NVIDIA graphics cards"
    return f"CPU, {counted(cores(), 'core')}"
