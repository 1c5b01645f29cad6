"""Drawing what a sample still lacks while its project is open, in a process beside the window."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_alc.execution.child_process import run_child
from napari_alc.execution.outcome import Ending, Outcome
from napari_alc.plugin.widgets.controls import error_words, show_words, stack_in
from napari_alc.plugin.widgets.progress_bar import JobBar
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.project import Project
from napari_alc.wording import counted, form

TITLE = "Drawing the images of the sample"


class SampleDrawing(QWidget):
    """Goes on with a sample wherever it ended; it shows nothing of other projects."""

    drawn = Signal()
    """Emitted when an image has been drawn, and when no more will be."""

    def __init__(self) -> None:
        super().__init__()
        self.background = Background(self)
        self.job_bar = JobBar()
        self.error = error_words()
        stack_in(self, self.job_bar, self.error)
        self._wanted: Path | None = None
        self._drawing: Path | None = None
        self.left = 0
        """Images of the open project that are being waited for."""
        self.background.progressed.connect(self._on_progress)
        self.background.ended.connect(self._on_ended)
        self.job_bar.cancelled.connect(self._cancel)
        self.hide()

    @property
    def sentence(self) -> str:
        """What is waited for, in words; empty where it is nothing."""
        if not self.left:
            return ""
        images = counted(self.left, "image")
        return f"{images} of the sample {form(self.left, 'is', 'are')} still being drawn."

    def set_project(self, project: Project | None) -> None:
        """Draw what this project lacks, and go on with no other one.

        Raises
        ------
        BadData
            When its store cannot be asked.
        """
        self.left = 0 if project is None else len(project.awaited_images())
        self._wanted = project.folder if project is not None and self.left else None
        show_words(self.error, "")
        self.setVisible(self.left > 0)
        if self.background.is_busy:
            self.background.cancel()  # its end begins the next one
        else:
            self._begin()

    def _begin(self) -> None:
        self._drawing = self._wanted
        if self._drawing is not None:
            self.job_bar.begin(TITLE)
            self.background.start(partial(_draw, self._drawing), TITLE)

    def _cancel(self) -> None:
        self._wanted = None
        self.background.cancel()

    def _on_progress(self, progress: Progress) -> None:
        if self._drawing == self._wanted:
            self.left = progress.total - progress.done
            self.job_bar.show_progress(progress)
            self.drawn.emit()

    def _on_ended(self, outcome: Outcome) -> None:
        self.job_bar.idle()
        if self._wanted not in (None, self._drawing):
            self._begin()
            return
        missing, self.left, self._wanted = self.left, 0, None
        problem = _problem(outcome, missing)
        show_words(self.error, problem)
        self.setVisible(bool(problem))
        if outcome.ending is Ending.FAILED:
            show_error(problem)
        self.drawn.emit()


def _draw(folder: Path, report: Report, should_stop: ShouldStop) -> Outcome:
    return run_child(["draw-sample", str(folder)], report, should_stop, is_awaited=True)


def _problem(outcome: Outcome, missing: int) -> str:
    """Why images are missing, and what to do; empty where none is."""
    if outcome.succeeded or not missing:
        return ""
    why = outcome.message if outcome.ending is Ending.FAILED else ""
    are = form(missing, "is", "are")
    missed = f"{counted(missing, 'image')} of the sample {are} not drawn."
    return " ".join(filter(None, (why, missed, "Open the project again to go on.")))
