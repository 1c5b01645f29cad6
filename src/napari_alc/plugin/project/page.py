"""The page Project: open a project, make one, go back to a recent one, try a sample."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_alc.execution.outcome import Ending, Outcome
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.project.new_project_form import NewProject
from napari_alc.plugin.project.remarks_window import RemarksButton, RemarksWindow
from napari_alc.plugin.project.sample_drawing import SampleDrawing
from napari_alc.plugin.sample_data import SAMPLES, SampleProject, make_sample, new_sample_folder
from napari_alc.plugin.widgets.collapsible import form_of
from napari_alc.plugin.widgets.controls import (
    PRIMARY,
    button_with,
    error_words,
    heading,
    row_of,
    scrolled,
    show_words,
    words,
)
from napari_alc.plugin.widgets.progress_bar import JobBar
from napari_alc.plugin.widgets.workers import Background
from napari_alc.project.project import Project
from napari_alc.project.status import status

RECENT_HEIGHT = 120


class ProjectPage(QStackedWidget):
    """Everybody's first page."""

    chosen = Signal(object)
    """Emitted with the folder of a project that is to be opened."""

    person_changed = Signal(str)
    """Emitted with the name under which decisions are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.background = Background(self)
        self._sample_folder: Path | None = None
        self._second_click = QTimer(self)
        self._second_click.setSingleShot(True)
        self.start = QWidget()
        self.new_project = NewProject()
        self._make_start()
        self._arrange()
        self.addWidget(scrolled(self.start))
        self.addWidget(scrolled(self.new_project))
        self._connect()
        self.show_project(None)
        self.refresh_recent()

    def _make_start(self) -> None:
        self.person = QLineEdit(preferences.person())
        self.person.setToolTip(tooltips.PERSON)
        self.open_button = button_with("Open project…", tooltips.OPEN)
        self.new_button = button_with("New project…", tooltips.NEW)
        self.recent = QListWidget()
        self.recent.setToolTip(tooltips.RECENT)
        self.recent.setMaximumHeight(RECENT_HEIGHT)
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.samples = {
            key: button_with(sample.button, sample.tooltip) for key, sample in SAMPLES.items()
        }
        self.job_bar = JobBar()
        self.drawing = SampleDrawing()
        self.error = error_words()
        self.facts_title = heading("This project")
        self.facts = words()
        self.remarks = RemarksWindow(self)
        self.remarks_button = RemarksButton(self.remarks)
        self.recent_title = heading("Recent projects")

    def _arrange(self) -> None:
        layout = QVBoxLayout(self.start)
        layout.addLayout(row_of(self.open_button, self.new_button))
        for widget in (
            self.job_bar,
            self.drawing,
            self.error,
            self.facts_title,
            self.facts,
            self.remarks_button,
            self.recent_title,
            self.recent,
            heading("Try it on a sample"),
            *self.samples.values(),
            heading("You"),
        ):
            layout.addWidget(widget)
        layout.addLayout(form_of(("Your name", self.person)))
        layout.addStretch(1)

    def _connect(self) -> None:
        self.open_button.clicked.connect(self._choose_folder)
        self.new_button.clicked.connect(lambda: self.setCurrentIndex(1))
        self.recent.itemClicked.connect(self._open_recent)
        self.recent.itemActivated.connect(self._open_recent)  # by Enter
        self.person.editingFinished.connect(self._keep_person)
        for key, button in self.samples.items():
            button.clicked.connect(lambda _=False, key=key: self.make_sample(key))
        self.new_project.back.connect(lambda: self.setCurrentIndex(0))
        self.new_project.created.connect(self._on_created)
        self.background.progressed.connect(self.job_bar.show_progress)
        self.background.ended.connect(self._on_sample_ended)
        self.job_bar.cancelled.connect(self.background.cancel)

    @property
    def is_busy(self) -> bool:
        """Whether a project is being made."""
        return self.background.is_busy or self.new_project.background.is_busy

    def show_project(self, project: Project | None) -> None:
        """Tell in words which project is open.

        Raises
        ------
        AlcError
            When it cannot be shown.
        """
        show_words(self.error, "")
        self.drawing.set_project(project)
        # There is one prominent button: with a project open it is the next step's.
        self.open_button.setStyleSheet(PRIMARY if project is None else "")
        self.facts_title.setVisible(project is not None)
        show_words(self.facts, "" if project is None else _facts(project))
        self.remarks.set_project(project)
        self.remarks_button.setVisible(project is not None)
        self.remarks_button.refresh_soon()

    def show_problem(self, message: str) -> None:
        """Tell beside the buttons and through napari what went wrong."""
        show_words(self.error, message)
        show_error(message)

    def refresh_recent(self) -> None:
        """Show the recent projects as they are remembered now."""
        self.recent.clear()
        for folder in preferences.recent_projects():
            item = QListWidgetItem(f"{folder.name}   –   {folder.parent}")
            item.setData(Qt.ItemDataRole.UserRole, str(folder))
            item.setToolTip(str(folder))
            self.recent.addItem(item)
        for widget in (self.recent_title, self.recent):
            widget.setVisible(self.recent.count() > 0)

    def make_sample(self, key: str) -> None:
        """Make a sample project in the background, then open it."""
        if self.is_busy:
            return
        sample: SampleProject = SAMPLES[key]
        folder = new_sample_folder(sample)
        self.setCurrentIndex(0)
        show_words(self.error, "")
        self._sample_folder = folder
        self._enable(False)
        self.job_bar.begin("Making the sample project")
        self.background.start(partial(make_sample, sample, folder), "Making the sample project")

    def _on_sample_ended(self, outcome: Outcome) -> None:
        self.job_bar.idle()
        self._enable(True)
        folder, self._sample_folder = self._sample_folder, None
        if outcome.ending is Ending.FAILED:
            self.show_problem(outcome.message)
        elif outcome.succeeded and folder is not None:
            self.chosen.emit(folder)

    def _enable(self, enabled: bool) -> None:
        for widget in (self.open_button, self.new_button, self.recent, *self.samples.values()):
            widget.setEnabled(enabled)

    def _choose_folder(self) -> None:
        recent = preferences.recent_projects()
        start = recent[0].parent if recent else Path.home()
        folder = QFileDialog.getExistingDirectory(self, "Open project", str(start))
        if folder:
            self.chosen.emit(Path(folder))

    def _open_recent(self, item: QListWidgetItem) -> None:
        # The second click of those who click twice meets another project: the list has changed.
        if not self._second_click.isActive():
            folder = Path(item.data(Qt.ItemDataRole.UserRole))
            self._second_click.start(QApplication.doubleClickInterval())
            self.chosen.emit(folder)

    def _on_created(self, folder: Path) -> None:
        self.setCurrentIndex(0)
        self.chosen.emit(folder)

    def _keep_person(self) -> None:
        if self.person.text().strip() == preferences.person():
            return
        preferences.set_person(self.person.text())
        self.person.setText(preferences.person())
        self.person_changed.emit(preferences.person())


def _facts(project: Project) -> str:
    found, method = status(project), project.settings.method
    names = ", ".join(category.name for category in project.categories())
    return "\n".join(
        (
            f"{project.folder.name}   –   {project.folder.parent}",
            f"{found.images:,} images in {project.images_folder}",
            f"Categories: {names}",
            f"First images: {method.initial}; rounds after them: {method.iterations}, each of "
            f"{method.per_iteration} images",
            f"Detector: {project.settings.detector.preset}",
        )
    )
