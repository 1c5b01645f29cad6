"""The page Iterate: the next step as one button, where it computes, what was found so far."""

from __future__ import annotations

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.errors import AlcError, BadData
from napari_alc.execution.job_steps import Stage, StepCommand, commands
from napari_alc.execution.outcome import Ending, Outcome
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.iterate.device_picker import DeviceBox
from napari_alc.plugin.iterate.history_tables import IterationTables
from napari_alc.plugin.iterate.job_monitor import JobPanel, JobWatch
from napari_alc.plugin.iterate.results_panel import written_words
from napari_alc.plugin.iterate.sections import Sections
from napari_alc.plugin.iterate.unsure_question import UnsureQuestion
from napari_alc.plugin.settings.page import SettingsPage
from napari_alc.plugin.widgets.collapsible import Collapsible
from napari_alc.plugin.widgets.controls import error_words, notice_words, primary, show_words, words
from napari_alc.project.project import Project
from napari_alc.project.status import Status, Step, status

LABELS = {
    Step.REVIEW: "Review images",
    Step.TRAIN: "Train and predict",
    Step.PREDICT: "Predict",
    Step.SELECT: "Select next images",
    Step.CORRECT: "Correct automatically",
    Step.EXPORT: "Write clean dataset",
}
"""The steps as their buttons name them."""

DONE = {
    Step.TRAIN: "Both detectors are trained and have looked at the remaining images.",
    Step.PREDICT: "Both detectors have looked at the remaining images.",
    Step.SELECT: "The next images wait for a pathologist in Review.",
    Step.CORRECT: "The remaining labels are corrected; what is unclear waits in Review.",
}

WAITING = "The next step can begin when all of them are there."

COMPUTING = (Step.TRAIN, Step.PREDICT)
"""Steps that need a device."""


class IteratePage(QWidget):
    """Lab staff's page: start the next step, watch it, see what it found, change settings."""

    changed = Signal()
    """Emitted when a step has ended, whichever way, or something else was changed here."""

    remarks_wanted = Signal()
    """Emitted when somebody wants to see the boxes that are unsure."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._status: Status | None = None
        self._running: Step | None = None
        self._told_at: Status | None = None
        self._is_waiting = False
        self.background = JobWatch(self)
        self.next_button = primary("Train and predict")
        self.question = UnsureQuestion()
        self.device_box = DeviceBox()
        self.waiting = notice_words()
        self.result = words()
        self.error = error_words()
        self.job_panel = JobPanel(self.background)
        self.job_bar = self.job_panel.job_bar
        self.tables = IterationTables()
        self.settings = SettingsPage()
        self.settings_section = Collapsible("Settings", self.settings, tooltips.SETTINGS)
        self.sections = Sections()
        self._arrange()
        self._connect()
        self.set_project(None)

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.next_button)
        layout.addWidget(self.waiting)
        layout.addWidget(self.question)
        layout.addWidget(self.result)
        layout.addWidget(self.error)
        layout.addWidget(self.device_box)
        layout.addWidget(self.job_panel)
        layout.addWidget(self.tables)
        layout.addWidget(self.sections)
        layout.addWidget(self.settings_section)
        layout.addStretch()

    def _connect(self) -> None:
        self.next_button.clicked.connect(self.start_next_step)
        self.background.begun.connect(self._show_what_is_allowed)
        self.background.ended.connect(self._on_ended)
        self.settings.changed.connect(self._on_changed)
        self.sections.changed.connect(self._on_changed)
        self.sections.wanted.connect(self.start)
        self.question.decided.connect(self._export)
        for asking in (self.question.list_wanted, self.sections.remarks_wanted):
            asking.connect(self.remarks_wanted)

    @property
    def is_busy(self) -> bool:
        """Whether a step runs."""
        return self.background.is_busy

    def set_project(self, project: Project | None) -> None:
        """Show another project.

        Raises
        ------
        AlcError
            When it cannot be shown.
        """
        self._project, self._told_at = project, None
        self.question.forget()
        show_words(self.result, "")
        show_words(self.error, "")
        self._running = None
        self.settings.set_project(project)
        self.device_box.set_project(project)
        self.sections.set_project(project)
        if project is not None:
            self.background.find(project.folder)
        self.refresh()

    def refresh(self) -> None:
        """Show the project as its store has it now.

        Raises
        ------
        AlcError
            When it cannot be shown.
        """
        project = self._project
        self.show_next_step(None if project is None else status(project))
        self.sections.refresh()  # what has had its time is closed by now, and asks nothing
        self.settings.refresh()
        self.tables.show_project(project)

    def wait_for(self, sentence: str) -> None:
        """No step can begin yet, and why; an empty sentence lets it."""
        self._is_waiting = bool(sentence)
        show_words(self.waiting, f"{sentence} {WAITING}" if sentence else "")
        self._show_what_is_allowed()

    def show_next_step(self, found: Status | None) -> None:
        """Show what comes next; the tables, which a review does not change, stay."""
        if found != self._told_at:
            self._forget_end()
        self._status = found
        if found is not None:
            step = found.next_step
            # A person reviews on the next page; here the button only says that it waits for that.
            is_waiting = step is Step.REVIEW
            self.next_button.setText("Waiting for Review" if is_waiting else LABELS[step])
            self.next_button.setToolTip(tooltips.STEPS[step.value])
        self._show_what_is_allowed()

    def _show_what_is_allowed(self) -> None:
        """Lock what must not be touched while a step runs, or while nothing is open."""
        step = None if self._status is None else self._status.next_step
        is_idle = step is not None and not self.is_busy and not self._is_waiting
        self.next_button.setEnabled(is_idle and step is not Step.REVIEW)
        self.device_box.setVisible(step in COMPUTING)
        self.device_box.allow(is_idle)
        if not is_idle or step is not Step.EXPORT:
            self.question.forget()
        self.settings.set_locked(not is_idle)
        self.sections.set_locked(not is_idle)
        self.sections.open_for(step)

    def start_next_step(self) -> None:
        """Start what comes next."""
        if self._status is None or self._project is None:
            return
        step = self._status.next_step
        if step is Step.EXPORT:
            self.question.ask(self._project)
        else:
            self.start(step, LABELS[step])

    def _export(self, options: tuple[str, ...]) -> None:
        """Write the dataset; what is ticked holds for the blue button too."""
        if self._project is not None:
            ticked = self.sections.results.export_command
            command = ticked or ("export", str(self._project.folder))
            self.start((*command, *options), LABELS[Step.EXPORT])

    def start(self, wanted: Step | tuple[str, ...], title: str) -> None:
        """Start a step, or a command that tells its progress, in a process of its own."""
        if self._project is None or self.is_busy:
            return
        self.device_box.stop()
        show_words(self.result, "")
        show_words(self.error, "")
        device = preferences.device()
        self.sections.set_locked(True)
        try:
            todo = _stages(wanted, self._project, device)
            self.background.start(self._project.folder, todo, title, device)
        except BadData as error:
            show_words(self.error, str(error))
            self._show_what_is_allowed()
            return
        self._running = wanted if isinstance(wanted, Step) else None
        self._show_what_is_allowed()

    def _on_ended(self, outcome: Outcome) -> None:
        step, self._told_at = self._running, None
        if outcome.ending is Ending.FAILED:
            show_words(self.error, outcome.message)
            show_error(outcome.message)
        elif outcome.ending is Ending.CANCELLED:
            show_words(self.result, outcome.message)
        elif outcome.succeeded:
            done = self._done_words(step or _step_called(self.background.title))
            show_words(self.result, done)
            show_info(done)
        self.device_box.forget()
        self._refresh_or_say()
        self._told_at = self._status
        self.changed.emit()

    def _forget_end(self) -> None:
        """What the last step came to is no news once something has been done since."""
        if self._told_at is not None:
            self._told_at = None
            show_words(self.result, "")
            show_words(self.error, "")

    def _refresh_or_say(self) -> None:
        try:
            self.refresh()
        except AlcError as error:
            show_words(self.error, "\n".join(filter(None, (self.error.text(), str(error)))))
            show_error(str(error))

    def _on_changed(self) -> None:
        self.device_box.forget()
        self._refresh_or_say()
        self.changed.emit()

    def _done_words(self, step: Step | None) -> str:
        if step is Step.EXPORT and self._project is not None:
            return f"The clean dataset is written: {written_words(self._project)}"
        done = f"{self.background.title}: done."
        return done if step is None else DONE.get(step, done)


def _step_called(title: str) -> Step | None:
    """The step of a job that was found again, which says no more than its title."""
    return next((step for step, label in LABELS.items() if label == title), None)


def _stages(wanted: Step | tuple[str, ...], project: Project, device: str) -> tuple[Stage, ...]:
    if isinstance(wanted, Step):
        return commands(wanted, project.folder, device, project.settings.cluster.address)
    return ((StepCommand(wanted, reports_progress=True),),)
