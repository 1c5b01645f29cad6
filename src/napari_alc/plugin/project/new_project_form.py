"""The form that makes a project: what it is made of, what was found, and its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_alc.detection.settings import NEWEST_RECIPE, DetectorSettings, is_pretrained_installed
from napari_alc.execution.outcome import SUCCESS, Ending, Outcome
from napari_alc.plugin import tooltips
from napari_alc.plugin.project.source_preview import Inputs, Preview, first_images_words, look
from napari_alc.plugin.widgets.collapsible import form_of
from napari_alc.plugin.widgets.controls import (
    PathRow,
    button_with,
    choice_of,
    enable_choice,
    error_words,
    heading,
    notice_words,
    number_of_images,
    primary,
    show_words,
    words,
)
from napari_alc.plugin.widgets.fitted_picture import FittedPicture
from napari_alc.plugin.widgets.limits import LimitedField
from napari_alc.plugin.widgets.progress_bar import JobBar
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Report, ShouldStop
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, create_project
from napari_alc.wording import counted

LABEL_FILES = "COCO labels (*.json)"

DETECTORS = {
    "compact": "Compact (laptop)",
    "lite0": "Lite0 (laptop, few images)",
    "resnet50": "ResNet-50 (graphics card)",
}
CLEAN_USES = {"validation": "measuring the detectors", "initial": "the first images"}

MOST_NOTES = 3
"""Notes shown below the preview; all of them are in its tooltip."""


@dataclass(frozen=True)
class _FoundInputs:
    """What looking at inputs gave: a preview or what is wrong with them."""

    inputs: Inputs
    preview: Preview | None
    problem: str


class NewProject(QWidget):
    """Make a project; nothing here keeps the window from answering."""

    created = Signal(object)
    """Emitted with the folder of the project that was made."""

    back = Signal()
    """Emitted when the person wants no new project."""

    def __init__(self) -> None:
        super().__init__()
        self._looked: _FoundInputs | None = None
        self._making: Path | None = None
        self._looking: Inputs | None = None
        self.background = Background(self)
        self._make_fields()
        self.preview = words()
        self.first_images = notice_words()
        self.picture = FittedPicture(tooltips.EXAMPLE)
        self.error = error_words()
        self.job_bar = JobBar()
        self.create_button = primary("Create project", tooltips.CREATE)
        self.back_button = button_with("Back")
        self._arrange()
        self._connect()
        self._refresh()

    def _make_fields(self) -> None:
        self.images = PathRow("Folder with the images", tooltip=tooltips.IMAGES)
        self.crowd = PathRow("Labels of the crowd", LABEL_FILES, tooltip=tooltips.CROWD)
        self.clean = PathRow("Labels by an expert", LABEL_FILES, tooltip=tooltips.CLEAN)
        self.clean.line.setPlaceholderText("optional")
        self.clean_use = choice_of(CLEAN_USES, tooltips.CLEAN_USE)
        usual = MethodSettings()
        self.initial = number_of_images(1, usual.initial, tooltips.INITIAL)
        self.per_iteration = number_of_images(1, usual.per_iteration, tooltips.PER_ITERATION)
        self.iterations = number_of_images(0, usual.iterations, tooltips.ITERATIONS)
        numbers = (self.initial, self.per_iteration, self.iterations)
        self.limited = tuple(LimitedField(field) for field in numbers)
        self.detector = choice_of(DETECTORS, tooltips.DETECTOR)
        enable_choice(
            self.detector, "lite0", is_pretrained_installed(), why_not=tooltips.LITE0_MISSING
        )
        self.folder = PathRow("Folder for the project", tooltip=tooltips.FOLDER)

    def _arrange(self) -> None:
        form = form_of(
            ("Images", self.images),
            ("Crowd labels", self.crowd),
            ("Expert labels", self.clean),
            ("… are for", self.clean_use),
            *zip(("First images", "Images a round", "Rounds"), self.limited, strict=True),
            ("Detector", self.detector),
            ("Project folder", self.folder),
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.back_button)
        buttons.addStretch(1)
        buttons.addWidget(self.create_button)
        layout = QVBoxLayout(self)
        layout.addWidget(heading("New project"))
        layout.addLayout(form)
        layout.addWidget(self.preview)
        layout.addWidget(self.first_images)
        layout.addWidget(self.error)
        layout.addWidget(self.job_bar)
        layout.addLayout(buttons)
        layout.addWidget(self.picture)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.images.changed.connect(self._suggest_folder)
        for row in (self.images, self.crowd, self.clean):
            row.changed.connect(self._look)
        self.clean_use.currentIndexChanged.connect(self._look)
        self.initial.valueChanged.connect(lambda _: self._show_first_images())
        self.folder.changed.connect(self._forget_problem)
        self.create_button.clicked.connect(self.make_project)
        self.back_button.clicked.connect(self._forget_problem)
        self.back_button.clicked.connect(self.back)
        self.job_bar.cancelled.connect(self.background.cancel)
        self.background.progressed.connect(self.job_bar.show_progress)
        self.background.ended.connect(self._on_ended)

    @property
    def inputs(self) -> Inputs | None:
        """The files that are entered; None while images or crowd labels are missing."""
        images, crowd = self.images.path, self.crowd.path
        if images is None or crowd is None:
            return None
        return Inputs(images, crowd, self.clean.path, self.clean_use.currentData())

    @property
    def _preview(self) -> Preview | None:
        """The preview of what is entered now."""
        looked = self._looked
        return looked.preview if looked is not None and looked.inputs == self.inputs else None

    def _suggest_folder(self) -> None:
        images = self.images.path
        if images is not None and self.folder.path is None:
            self.folder.set_path(images.parent / f"{images.name} cleaning")

    def _look(self) -> None:
        """Look at what is entered; once the present look is over where one is going on."""
        inputs = self.inputs
        is_new = self._looked is None or self._looked.inputs != inputs
        if inputs is not None and is_new and not self.background.is_busy:
            self._looking = inputs
            show_words(self.error, "")
            self.job_bar.begin("Looking at the files")
            self.background.start(partial(self._look_at, inputs), "Looking at the files")
        self._refresh()

    def _look_at(self, inputs: Inputs, _report: Report, _should_stop: ShouldStop) -> Outcome:
        self._looked = _FoundInputs(inputs, look(inputs), "")
        return SUCCESS

    def make_project(self) -> None:
        """Make the project in the background."""
        found, folder = self._preview, self.folder.path
        if found is None or folder is None or self.background.is_busy:
            return
        are_taken = [field.take() for field in self.limited]
        if not all(are_taken):
            return
        options = self._options()

        def job(report: Report, should_stop: ShouldStop) -> Outcome:
            create_project(folder, found.sources, options, report, should_stop).close()
            return SUCCESS

        self._making = folder
        show_words(self.error, "")
        self.job_bar.begin("Making the project")
        self.background.start(job, "Making the project")
        self._refresh()

    def _options(self) -> CreateOptions:
        method = MethodSettings(
            initial=self.initial.value(),
            per_iteration=self.per_iteration.value(),
            iterations=self.iterations.value(),
        )
        preset = self.detector.currentData()
        return CreateOptions(method, DetectorSettings(preset=preset, recipe=NEWEST_RECIPE))

    def _on_ended(self, outcome: Outcome) -> None:
        self.job_bar.idle()
        made, self._making = self._making, None
        looking, self._looking = self._looking, None
        if looking is not None and outcome.ending is Ending.FAILED:
            self._looked = _FoundInputs(looking, None, outcome.message)
        if made is not None and outcome.succeeded:
            self.created.emit(made)
        self._look()
        if made is not None and not outcome.succeeded:
            self._show_problem(outcome)

    def _forget_problem(self) -> None:
        """What went wrong with another folder, or before the person went back, holds no more."""
        show_words(self.error, "")
        self._refresh()

    def _show_problem(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.FAILED:
            show_words(self.error, outcome.message)
            show_error(outcome.message)
        else:
            show_words(self.error, "Cancelled; no project was made.")

    def _show_first_images(self) -> None:
        """Say where little would be left to clean; what is entered may change it."""
        found = self._preview
        said = first_images_words(found.sources, self.initial.value()) if found else ""
        show_words(self.first_images, said)

    def _refresh(self) -> None:
        looked, found = self._looked, self._preview
        notes = found.notes if found else ()
        lines = [*found.lines, *_first(notes)] if found else []
        if found:
            images = len(found.sources.crowd.images)
            for field in self.limited:
                field.set_most(images, f"There are {counted(images, 'image')}.")
        show_words(self.preview, "\n".join(lines))
        self.preview.setToolTip("\n".join(notes))
        self.picture.show_png(found.picture if found else b"")
        self._show_first_images()
        if looked is not None and looked.inputs == self.inputs and looked.problem:
            show_words(self.error, looked.problem)
        elif found is None:
            show_words(self.error, "")
        ready = found is not None and self.folder.path is not None
        self.clean_use.setEnabled(self.clean.path is not None)
        self.create_button.setEnabled(ready and not self.background.is_busy)
        self.back_button.setEnabled(not self.background.is_busy)


def _first(notes: tuple[str, ...]) -> list[str]:
    more = len(notes) - MOST_NOTES
    shown = list(notes[:MOST_NOTES])
    return [*shown, f"… and {more} more notes"] if more > 0 else shown
