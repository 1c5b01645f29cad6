"""What the work ends with: correction, clean dataset, report."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.iterate.correction_preview import CorrectionPreviewView, GroundsView
from napari_alc.plugin.iterate.unsure_question import UnsureQuestion
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    heading,
    row_of,
    show_words,
    stack_in,
    words,
)
from napari_alc.plugin.widgets.open_folder import OpenFolder
from napari_alc.project.export.export import FORMAT_TITLES, FORMATS, exported
from napari_alc.project.project import Project
from napari_alc.project.reporting.html_report import report_file
from napari_alc.project.status import Status, Step, status
from napari_alc.wording import listed

NOT_SETTLED = "The clean dataset can be written when all labels are settled."

BEFOREHAND = (Step.SELECT, Step.CORRECT)
"""Before these steps one may look at what the correction would do."""

NOT_WRITTEN = "No report has been written yet."


class ResultsPanel(QWidget):
    """Shows what the correction will do, and writes dataset and report."""

    changed = Signal()
    """Emitted when it has changed the project; this panel leaves that to the jobs it asks for."""

    wanted = Signal(object, str)
    """Emitted with a job to start, and its title: a `Step`, or a command as a tuple of words."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._seen: Status | None = None
        self._is_locked = False
        self.grounds = GroundsView()
        self.preview = CorrectionPreviewView()
        self.correct = button_with("Correct automatically", tooltips.CORRECT_NOW)
        self.formats = {name: QCheckBox(FORMAT_TITLES[name]) for name in FORMATS}
        self.write = button_with("Write clean dataset", tooltips.WRITE_DATASET)
        self.question = UnsureQuestion()
        self.dataset_words = words()
        self.dataset_folder = OpenFolder()
        self.report = button_with("Write report", tooltips.WRITE_REPORT)
        self.open = button_with("Open report", tooltips.OPEN_REPORT)
        self.report_words = words()
        self.report_folder = OpenFolder()
        self.error = error_words()
        self._arrange()
        self._connect()
        self.set_project(None)

    def _arrange(self) -> None:
        self.correction = QWidget()
        title = heading("Automatic correction")
        stack_in(self.correction, title, self.grounds, self.preview, self.correct)
        stack_in(
            self,
            self.correction,
            heading("Clean dataset"),
            row_of(*self.formats.values()),
            row_of(self.write, self.dataset_folder),
            self.question,
            self.dataset_words,
            heading("Report"),
            row_of(self.report, self.open, self.report_folder),
            self.report_words,
            self.error,
        )

    def _connect(self) -> None:
        for name, box in self.formats.items():
            box.setToolTip(tooltips.FORMATS[name])
            box.toggled.connect(self._show_what_is_allowed)
        self.correct.clicked.connect(
            lambda: self.wanted.emit(Step.CORRECT, "Correct automatically")
        )
        self.write.clicked.connect(self._want_dataset)
        self.question.decided.connect(self._on_decided)
        self.report.clicked.connect(self._want_report)
        self.open.clicked.connect(self._open_report)

    def set_project(self, project: Project | None) -> None:
        """Show another project, or none.

        Raises
        ------
        AlcError
            When it cannot be read.
        """
        self._project, self._seen = project, None
        self.question.forget()
        self._tick((exported(project) if project is not None else {}) or ("coco",))
        self.preview.set_project(project)
        show_words(self.error, "")
        self.refresh()

    def refresh(self) -> None:
        """Show the project as its store has it now.

        Raises
        ------
        AlcError
            When it cannot be read.
        """
        found = None if self._project is None else status(self._project)
        if found != self._seen:  # what was looked at is no longer what would be done
            self.preview.forget()
            self._ask_for_grounds(found)
            show_words(self.error, "")
        self._seen = found
        self._show_words()
        self._show_folders()
        self._show_what_is_allowed()

    def _ask_for_grounds(self, found: Status | None) -> None:
        self.grounds.forget()
        if self._project is not None and found is not None and found.next_step in BEFOREHAND:
            self.grounds.ask(self._project)

    def set_locked(self, locked: bool) -> None:
        """Let nothing be started while another job runs; the preview only reads, and stays."""
        self._is_locked = locked
        self._show_what_is_allowed()

    def _show_words(self) -> None:
        project, found = self._project, self._seen
        if project is None or found is None:
            for label in (self.dataset_words, self.report_words):
                show_words(label, "")
            return
        is_settled = found.next_step is Step.EXPORT
        place = f"It is written to {project.exports_folder}."
        show_words(self.dataset_words, place if is_settled else NOT_SETTLED)
        path = report_file(project)
        written = f"The last report is {path}." if path.is_file() else NOT_WRITTEN
        show_words(self.report_words, written)

    def _show_folders(self) -> None:
        project = self._project
        has_dataset = project is not None and bool(exported(project))
        self.dataset_folder.lead_to(project.exports_folder if project and has_dataset else None)
        has_report = project is not None and report_file(project).is_file()
        self.report_folder.lead_to(report_file(project).parent if project and has_report else None)

    def _show_what_is_allowed(self) -> None:
        project = self._project
        step = None if self._seen is None else self._seen.next_step
        is_free = project is not None and not self._is_locked
        any_format = any(box.isChecked() for box in self.formats.values())
        self.correction.setVisible(step in BEFOREHAND)
        self.correct.setVisible(step is Step.CORRECT)
        self.correct.setEnabled(is_free)
        self.write.setEnabled(is_free and step is Step.EXPORT and any_format)
        if not self.write.isEnabled():
            self.question.forget()
        self.report.setEnabled(is_free)
        self.open.setEnabled(project is not None and report_file(project).is_file())

    def _tick(self, formats: Iterable[str]) -> None:
        for name, box in self.formats.items():
            box.setChecked(name in formats)

    @property
    def export_command(self) -> tuple[str, ...]:
        """Writes the dataset in the formats that are ticked; empty where that cannot be done."""
        chosen = [name for name, box in self.formats.items() if box.isChecked()]
        if self._project is None or not chosen:
            return ()
        options = [word for name in chosen for word in ("--format", name)]
        return "export", str(self._project.folder), *options

    def _want_dataset(self) -> None:
        if self._project is not None and self.export_command:
            self.question.ask(self._project)

    def _on_decided(self, options: tuple[str, ...]) -> None:
        self.wanted.emit((*self.export_command, *options), "Write clean dataset")

    def _want_report(self) -> None:
        if self._project is not None:
            self.wanted.emit(("report", str(self._project.folder)), "Write report")

    def _open_report(self) -> None:
        if self._project is None:
            return
        path = report_file(self._project)
        opened = QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
        problem = "" if opened else f"No program opened the report. Open it by hand: {path}"
        show_words(self.error, problem)


def written_words(project: Project) -> str:
    """Where the clean dataset lies, and in which formats; empty where none was written."""
    found = exported(project)
    if len(found) <= 1:
        return "".join(str(path) for path in found.values())
    return f"{listed([FORMAT_TITLES[name] for name in found])} in {project.exports_folder}"
