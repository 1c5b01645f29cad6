"""The job of a project as the window sees it: started, followed, shown, found again, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import BadData
from napari_alc.execution.contention import Contention
from napari_alc.execution.job_folder import JobFolder, cancel, follow, start_job, unseen_job
from napari_alc.execution.job_steps import Stage
from napari_alc.execution.outcome import Ending, Outcome
from napari_alc.plugin import preferences
from napari_alc.plugin.widgets.controls import notice_words, show_words, stack_in, words
from napari_alc.plugin.widgets.line_plots import Curves
from napari_alc.plugin.widgets.progress_bar import JobBar
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.wording import AP50_MEANS

CURVES = ("loss", "validation_AP50")
"""Values of a progress that are drawn."""

LOOK_MILLISECONDS = 10_000
"""Between two looks at the processor; each takes some milliseconds."""

WAITING = (
    "Waiting for the processor: other programs are using it, and a step leaves them the "
    "precedence. To go faster, cancel, tick 'Use more of this computer', and start again; it goes "
    "on where it was."
)

AP50_CURVE = CURVES[1]

ABOUT_CURVES = (
    f"{AP50_MEANS}. The loss tells how far a model is off in the images that it learns from. It "
    "may rise while AP50 rises: a model that proposes more boxes has more to be wrong about. AP50 "
    "says how good the model is."
)
"""Stands below the curves once there are both."""

Points = dict[str, list[tuple[int, float]]]
"""Iterations and what was measured there, by the name of the curve."""


class JobWatch(QObject):
    """Follows one job at a time, which outlives this object, its parent and its window."""

    begun = Signal(str)
    """Emitted with the title of a job that was started or found."""

    progressed = Signal(object)
    """Emitted with a `Progress`, though not with each."""

    ended = Signal(object)
    """Emitted with the `Outcome` of the job."""

    left = Signal()
    """Emitted when the job is followed no more, though it goes on."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.job: JobFolder | None = None
        self.title = ""
        self.points: Points = {}
        self._is_stopping = False
        self._background = Background(parent)
        self._background.progressed.connect(self.progressed)
        self._background.ended.connect(self._on_ended)

    @property
    def is_busy(self) -> bool:
        """Whether a job is followed."""
        return self._background.is_busy

    @property
    def is_stopping(self) -> bool:
        """Whether the job that is followed was asked to stop."""
        return self.is_busy and self._is_stopping

    def start(self, project_folder: Path, todo: Sequence[Stage], title: str, device: str) -> None:
        """Start a job and follow it.

        Raises
        ------
        BadData
            When another one runs on the project.
        """
        more = preferences.uses_more()
        self._follow(start_job(project_folder, todo, title, device, full_share=more))

    def find(self, project_folder: Path) -> bool:
        """Whether a job runs on a project, or has ended while nobody followed it; follow it."""
        job = unseen_job(project_folder)
        if job is None or self.is_busy:
            return False
        self._follow(job)
        return True

    def log(self) -> str:
        """What the job has written so far."""
        return "" if self.job is None else self.job.log

    def cancel(self) -> None:
        """Ask the job to stop; `ended` tells when it has."""
        if self.job is not None and self.is_busy:
            self._is_stopping = True
            cancel(self.job)

    def let_go(self) -> None:
        """Follow the job no more; it goes on. `left` follows, or `ended` where it just did."""
        self._background.cancel()

    def _follow(self, job: JobFolder) -> None:
        self.job, self.title = job, job.record.title
        self.points = {}
        self._is_stopping = job.is_cancelled
        self._background.start(_Following(job, self.points), self.title)
        self.begun.emit(self.title)

    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.LEFT:
            self.left.emit()
            return
        if self.job is not None:
            with suppress(OSError):  # It is told again then.
                self.job.seen_file.touch()
        self.ended.emit(outcome)


class _Following:
    """Follows a job in a thread: gathers the points of its curves, tells the newest now and then.

    A job that is found tells all of its past at once; the window is told where it stands only.
    """

    def __init__(self, job: JobFolder, points: Points) -> None:
        self._job, self._points = job, points
        self._newest: dict[str, Progress] = {}

    def __call__(self, report: Report, should_stop: ShouldStop) -> Outcome:
        def is_to_end() -> bool:
            self._tell(report)
            return should_stop()

        outcome = follow(self._job, self._take, is_to_end)
        self._tell(report)
        return outcome

    def _take(self, progress: Progress) -> None:
        self._gather(progress)
        self._newest.pop(progress.step, None)  # The newest report is told last.
        self._newest[progress.step] = progress

    def _tell(self, report: Report) -> None:
        for progress in self._newest.values():
            report(progress)
        self._newest = {}

    def _gather(self, progress: Progress) -> None:
        for name in CURVES:
            value = progress.values.get(name)
            if value is not None:
                model = progress.step.rpartition(" ")[2].capitalize()
                points = self._points.setdefault(f"{name} {model}", [])
                points.append((progress.done, value))


class JobPanel(QWidget):
    """Shows the job that `watch` follows; who starts one is the page's business."""

    def __init__(self, watch: JobWatch) -> None:
        super().__init__()
        self._watch = watch
        self.job_bar = JobBar()
        self.curves = Curves()
        self.curves.hide()
        self.curve_words = words()
        show_words(self.curve_words, "")
        self.waiting = notice_words()
        show_words(self.waiting, "")
        self._contention: Contention | None = None
        self._looks = QTimer(self)
        self._looks.setInterval(LOOK_MILLISECONDS)
        self._looks.timeout.connect(self.look_at_processor)
        stack_in(self, self.job_bar, self.waiting, self.curves, self.curve_words)
        self.job_bar.cancelled.connect(watch.cancel)
        watch.begun.connect(self._on_begun)
        watch.progressed.connect(self.job_bar.show_progress)
        watch.progressed.connect(self._show_curves)
        watch.ended.connect(self._on_ended)
        watch.left.connect(self._idle)

    def _on_begun(self, title: str) -> None:
        job = self._watch.job
        self.job_bar.begin(title, self._watch.log, None if job is None else job.path)
        if self._watch.is_stopping:
            self.job_bar.stopping()
        self.curves.clear()
        self.curves.hide()
        show_words(self.curve_words, "")
        self._contention = _contention_of(job)
        self._looks.start()

    def look_at_processor(self) -> None:
        """Say whether the job waits for other programs, and what could be done about it."""
        is_waiting = self._contention is not None and self._contention.is_waiting()
        show_words(self.waiting, WAITING if is_waiting else "")

    def _show_curves(self) -> None:
        for name, points in list(self._watch.points.items()):
            self.curves.set_points(name, points)
        self.curves.setVisible(bool(self._watch.points))
        is_measured = any(name.startswith(AP50_CURVE) for name in self._watch.points)
        show_words(self.curve_words, ABOUT_CURVES if is_measured else "")

    def _on_ended(self) -> None:
        self._idle()
        self._show_curves()

    def _idle(self) -> None:
        self._looks.stop()
        show_words(self.waiting, "")
        self.job_bar.idle()


def _contention_of(job: JobFolder | None) -> Contention | None:
    """Of a job that computes on this computer; None for others, and without its record."""
    with suppress(BadData):
        record = None if job is None else job.record
        if record is not None and any(c.computes_here for stage in record.stages for c in stage):
            return Contention(record.pid)
    return None
