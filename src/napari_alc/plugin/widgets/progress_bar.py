"""Progress of the running job: in words, and as a bar with the time left, Cancel, and the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPlainTextEdit, QProgressBar, QWidget

from napari_alc.execution.progress import JOB_SECONDS_LEFT, JOB_SHARE
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import button_with, row_of, stack_in, words
from napari_alc.plugin.widgets.open_folder import OpenFolder
from napari_alc.progress import Progress
from napari_alc.wording import MODEL_NAMES, capital, duration

LOG_HEIGHT = 140
"""Pixels of the log; it scrolls."""

STEPS = 1000
"""Steps of a bar that shows the share of a whole job."""

NAMES = {
    **{f"train {model}": f"Training {name}" for model, name in MODEL_NAMES.items()},
    **{
        f"predict {model}": f"{capital(name)} looks at the images"
        for model, name in MODEL_NAMES.items()
    },
}
"""Steps as they report themselves, in plain words."""


def bar_position(progress: Progress) -> tuple[int, int]:
    """Where a bar stands and how long it is: of the whole job where that is known."""
    share = progress.values.get(JOB_SHARE)
    if share is None:
        return progress.done, max(progress.total, 1)
    return round(share * STEPS), STEPS


def activity_words(title: str, progress: Progress) -> str:
    """What napari's activity dock says of a job."""
    left = time_left(progress)
    return ", ".join(part for part in (title or progress.step, left) if part)


def step_words(progress: Progress) -> str:
    """What is being done, without the time it takes."""
    # A training tells its own time left; the bar tells that of the whole job.
    message = progress.message
    if JOB_SHARE in progress.values:
        message = message.partition(", about ")[0]
    name = NAMES.get(progress.step, "")
    return ": ".join(part for part in (name, message) if part) or progress.step


def time_left(progress: Progress) -> str:
    """The time to the end of the whole job, in words; empty where it is not known."""
    seconds = progress.values.get(JOB_SECONDS_LEFT)
    return "" if seconds is None else f"{duration(seconds)} left"


class JobBar(QWidget):
    """Shows one job at a time."""

    cancelled = Signal()
    """Emitted when Cancel is pressed."""

    def __init__(self) -> None:
        super().__init__()
        self._log: Callable[[], str] = str
        self._folder: Path | None = None
        self._under_way: dict[str, Progress] = {}
        self.message = words()
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.cancel = button_with("Cancel", tooltips.CANCEL)
        self.cancel.clicked.connect(self._on_cancel)
        self.show_log = button_with("Show log", tooltips.LOG)
        self.show_log.setCheckable(True)
        self.show_log.toggled.connect(self._toggle_log)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setFixedHeight(LOG_HEIGHT)
        self.log.setPlaceholderText("Nothing has been written so far.")
        self.log.setStyleSheet("border: 1px solid #4a4f58;")
        self.log.hide()
        self.log_folder = OpenFolder()
        self._arrange()
        self.idle()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.show_log, 0, Qt.AlignmentFlag.AlignRight)
        stack_in(self, self.message, row, self.log, row_of(self.log_folder))

    def begin(
        self, title: str, log: Callable[[], str] | None = None, folder: Path | None = None
    ) -> None:
        """Show that a job has begun; `log` tells what it has written so far, into `folder`."""
        self._log = log or str
        self._folder = folder
        self._under_way = {}
        self.message.setText(f"{title}: starting…")
        self.message.show()
        # Not a bar without end (0 to 0): it moves all the time, and where no graphics card draws,
        # each time the whole window is put together anew, for which a core has no rest.
        self.bar.setRange(0, STEPS)
        self.bar.setValue(0)
        self.bar.setFormat("starting…")
        self.bar.show()
        self.cancel.setText("Cancel")
        self.cancel.setEnabled(True)
        self.cancel.show()
        self.show_log.setVisible(log is not None)
        self._refresh_log()

    def show_progress(self, progress: Progress) -> None:
        """Show a report of the job; late ones of a job that stops are passed over."""
        if not self.cancel.isEnabled():
            return
        done, total = bar_position(progress)
        self.message.setText("\n".join(self._lines(progress)))
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        left = time_left(progress)
        self.bar.setFormat(f"%p % · {left}" if left else "%p %")
        self._refresh_log()

    def _lines(self, progress: Progress) -> list[str]:
        """A line for each step under way; what is done goes when another tells something."""
        others = self._under_way.items()
        going_on = {name: other for name, other in others if other.done < other.total}
        self._under_way = {**going_on, progress.step: progress}
        return [step_words(self._under_way[name]) for name in sorted(self._under_way, reverse=True)]

    def stopping(self) -> None:
        """Show that the job was asked to stop."""
        self.cancel.setText("Cancelling…")
        self.cancel.setEnabled(False)
        self.message.setText("Stopping at the next safe point…")
        self.bar.setFormat("stopping…")

    def idle(self) -> None:
        """Show that no job runs; the log of the last one stays."""
        self.bar.hide()
        self.cancel.hide()
        self.message.hide()
        self.show_log.setVisible(bool(self._log()))
        self._refresh_log()

    def _on_cancel(self) -> None:
        self.stopping()
        self.cancelled.emit()

    def _toggle_log(self, shown: bool) -> None:
        self.show_log.setText("Hide log" if shown else "Show log")
        self.log.setVisible(shown)
        self._refresh_log()

    def _refresh_log(self) -> None:
        is_read = self.show_log.isChecked() and not self.show_log.isHidden()
        self.log_folder.lead_to(self._folder if is_read else None)
        if self.show_log.isHidden():
            self.log.hide()
        elif self.show_log.isChecked():
            self._show_new_words(self._log())
            self.log.show()

    def _show_new_words(self, text: str) -> None:
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            self.log.verticalScrollBar().setValue(self.log.verticalScrollBar().maximum())
