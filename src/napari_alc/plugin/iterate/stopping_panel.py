"""Go on or stop: a recommendation, what lies ahead, and an audit of what nobody has looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.iterate.async_panel import AsyncPanel
from napari_alc.plugin.widgets.collapsible import guard_wheel
from napari_alc.plugin.widgets.controls import (
    button_with,
    heading,
    number_of_images,
    row_of,
    show_words,
    stack_in,
    words,
)
from napari_alc.plugin.widgets.limits import LimitedField, images_words
from napari_alc.plugin.widgets.tables import FigureGrid, Figures
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.project import Project
from napari_alc.project.status import Status, Step, status
from napari_alc.project.steps.audit import Audit, Share, draw, result
from napari_alc.project.steps.forecast import (
    Forecast,
    Scenario,
    forecast,
    go_on,
    recommendation,
    stop_here,
    surprise,
)
from napari_alc.wording import UNKNOWN, counted

NOISE_HEADINGS = ("Of the crowd's labels", "found", "in all, 95 % sure")

CORRECTED_HEADINGS = ("After the correction", "left", "in all, 95 % sure")

NOISE_NAMES = {
    "background": "Boxes without an object",
    "miss": "Objects without a box",
    "location": "Misplaced boxes",
    "box_in_box": "Boxes around several objects",
}
"""The kinds of noise, in the order of the page's other table of noise."""

NO_AUDIT = (
    "No audit yet. Images drawn by chance tell how noisy the labels are that nobody has looked at."
)

ABOUT = (
    "This is about the crowd's labels of the images that nobody has looked at, and about what the "
    "correction would make of them if it came now. The more images are drawn, the narrower it gets."
)

NO_FORECAST = "The forecast comes with the next ranking: train and predict first."


def audit_sentence(found: Audit | None) -> str:
    """How far the newest audit has come."""
    if found is None:
        return NO_AUDIT
    images = f"{counted(found.images, 'image')} finished"
    waiting = f", {counted(found.waiting, 'waits', 'wait')} in Review" if found.waiting else ""
    about = f" {ABOUT}" if found.noise else " The result appears with the first finished image."
    return f"Audit after iteration {found.iteration}: {images}{waiting}.{about}"


def noise_figures(found: Audit | None) -> list[Figures]:
    """A row a kind of noise of the crowd's labels."""
    return [] if found is None else _figures(found.noise, tooltips.AUDITED_NOISE)


def corrected_figures(found: Audit | None) -> list[Figures]:
    """A row a kind of noise that the automatic correction would leave."""
    return [] if found is None else _figures(found.corrected, tooltips.CORRECTED_NOISE)


def _figures(noise: Mapping[str, Share], about: Mapping[str, str]) -> list[Figures]:
    return [
        Figures((name, *_share_words(noise[kind])), about[kind])
        for kind, name in NOISE_NAMES.items()
        if kind in noise
    ]


def _share_words(share: Share) -> tuple[str, str]:
    if not share.of:
        return "nothing to judge", UNKNOWN
    between = f"{_percent(share.low)} to {_percent(share.high)} %"
    return f"{share.count:,} of {share.of:,}", between


def _percent(share: float) -> str:
    """Two digits are as much as a sample of this size can tell."""
    percent = 100 * share
    return f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"


def so_far(found: Forecast) -> str:
    """What was spent until now."""
    minutes = f", {_count(found.minutes_now)} min of work" if found.minutes_now else ""
    share = f"{found.budget_now:.1f} % of what labelling every image would cost"
    budget = f"Spent so far: {share}{minutes}."
    return budget if found.to_the_end is not None else f"{budget} {NO_FORECAST}"


def forecast_figures(found: Forecast) -> tuple[tuple[str, ...], list[Figures]]:
    """Headings, and a row a figure; one column where both ways are the same."""
    planned, now = found.to_the_end, found.stop_now
    if planned is None or now is None:
        return (), []
    same = planned == now
    ways = (now,) if same else (planned, now)
    headings = ("Still to come", *(("to the end",) if same else ("all iterations", "stop now")))
    columns = [_way_words(way) for way in ways]
    rows = [
        Figures((name, *(column[place] for column in columns)), tooltip)
        for place, (name, tooltip) in enumerate(tooltips.FORECAST_ROWS.items())
    ]
    return headings, rows


def _way_words(way: Scenario) -> tuple[str, ...]:
    minutes = UNKNOWN if way.minutes is None else _count(way.minutes)
    return f"{way.images:,}", f"{way.boxes:,}", minutes, f"{way.budget:.1f} %"


def _count(minutes: float) -> str:
    return f"{max(1, round(minutes)):,}" if minutes > 0 else "0"


LOOKING = "Looking at what was found so far …"
DRAWING = "Drawing the images …"

FEW_IMAGES = 10
"""Images of an audit unless another number is entered."""

SPIN_WIDTH = 80
"""Pixels: four digits between the buttons."""


@dataclass(frozen=True)
class _Forecasted:
    """Where a project stands, what was found and what lies ahead."""

    status: Status
    audit: Audit | None
    forecast: Forecast
    advice: str
    images: int


def _look(project: Project) -> _Forecasted:
    return _Forecasted(
        status(project),
        result(project),
        forecast(project),
        recommendation(project),
        len(project.images()),
    )


class AuditPanel(AsyncPanel):
    """Says whether going on is worth it; it is a person who stops."""

    def __init__(self) -> None:
        super().__init__(_look, LOOKING)
        self._status: Status | None = None
        self.drawer = AsyncQuery(self)
        self.advice = words(tooltip=tooltips.ADVICE)
        self.stop = button_with("Stop after this iteration", tooltips.STOP_HERE)
        self.go_on = button_with("Go on after all", tooltips.GO_ON_AFTER_ALL)
        self.so_far = words(tooltip=tooltips.BUDGET)
        self.ahead, self.surprise = FigureGrid(), words()
        self.m = number_of_images(1, FEW_IMAGES, tooltips.AUDIT_IMAGES)
        self.send = button_with("Send random images to the pathologist", tooltips.SEND_RANDOM)
        self.found_words = words()
        self.noise, self.corrected = FigureGrid(), FigureGrid()
        self._arrange()
        self._connect()
        self.set_project(None)

    def _arrange(self) -> None:
        self.advice.setStyleSheet("font-size: 13px;")
        self.m.setMaximumWidth(SPIN_WIDTH)
        self.limited_m = LimitedField(self.m, row_of(self.m, self.send))
        stack_in(
            self.shown,
            self.advice,
            row_of(self.stop, self.go_on),
            self.so_far,
            self.ahead,
            self.surprise,
            heading("Audit by images drawn by chance"),
            self.found_words,
            self.noise,
            self.corrected,
            self.limited_m,
        )
        guard_wheel(self)

    def _connect(self) -> None:
        self.drawer.answered.connect(self._on_drawn)
        self.drawer.refused.connect(lambda error: show_words(self.error, str(error)))
        self.drawer.settled.connect(self._on_settled)
        self.send.clicked.connect(self._draw)
        self.stop.clicked.connect(lambda: self._change(stop_here))
        self.go_on.clicked.connect(lambda: self._change(go_on))

    def set_project(self, project: Project | None) -> None:
        """Show another project, or none."""
        self._status = None
        self.drawer.forget()
        super().set_project(project)

    def _show(self, seen: _Forecasted) -> None:
        self._status = seen.status
        self.limited_m.set_most(seen.images, images_words(seen.images))
        self.advice.setText(seen.advice)
        self.so_far.setText(so_far(seen.forecast))
        self.ahead.show_rows(*forecast_figures(seen.forecast))
        show_words(self.surprise, surprise(seen.forecast))
        self.found_words.setText(audit_sentence(seen.audit))
        self.noise.show_rows(NOISE_HEADINGS, noise_figures(seen.audit))
        self.corrected.show_rows(CORRECTED_HEADINGS, corrected_figures(seen.audit))

    def _show_what_is_allowed(self) -> None:
        found = self._status
        step = None if found is None or self._is_locked else found.next_step
        has_stopped = found is not None and bool(found.stopped_by) and not found.corrected
        self.stop.setVisible(not has_stopped)
        self.stop.setEnabled(step is Step.SELECT)
        self.go_on.setVisible(has_stopped)
        self.go_on.setEnabled(not self._is_locked)
        is_free = step in (Step.SELECT, Step.CORRECT) and not self.drawer.is_asking
        self.m.setEnabled(is_free)
        self.send.setEnabled(is_free)

    def _draw(self) -> None:
        if self._project is not None and self.limited_m.take():
            show_words(self.error, "")
            show_words(self.note, DRAWING)
            person = preferences.person()
            self.drawer.ask(partial(draw, self._project, m=self.m.value(), person=person))
            self._show_what_is_allowed()

    def _on_drawn(self) -> None:
        self.refresh()
        self.changed.emit()

    def _on_settled(self) -> None:
        show_words(self.note, "")
        self._show_what_is_allowed()

    def _change(self, change: Callable[[Project, str], None]) -> None:
        if self._project is not None:
            self._store(partial(change, self._project, preferences.person()))
