"""Which images come next: the ranking, what it costs, and what people change in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QScrollArea, QWidget

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.iterate.async_panel import AsyncPanel
from napari_alc.plugin.iterate.ranking_table import RankingTable
from napari_alc.plugin.widgets.collapsible import guard_wheel
from napari_alc.plugin.widgets.controls import (
    button_with,
    number_of_images,
    row_of,
    show_words,
    stack_in,
    words,
)
from napari_alc.plugin.widgets.histogram import Bars, ScoreHistogram, bars_of
from napari_alc.plugin.widgets.limits import LimitedField, images_words
from napari_alc.project.project import Project
from napari_alc.project.steps import overrides
from napari_alc.project.steps.overrides import Cost, Ranking
from napari_alc.wording import capital


class ReasonRow(QWidget):
    """A question, a line for the answer, and two buttons; hidden while nothing is asked."""

    given = Signal(str)
    """Emitted with the reason; Enter gives it too."""

    asks = Signal(bool)
    """Emitted with whether it asks now."""

    def __init__(self) -> None:
        super().__init__()
        self.question = words()
        self.line = QLineEdit()
        self.line.setPlaceholderText("Why? A few words, kept with the project")
        self.line.setToolTip(tooltips.REASON)
        self.confirm = button_with("OK", tooltips.REASON)
        self.cancel = button_with("Cancel", tooltips.REASON_CANCEL)
        row = QHBoxLayout()
        for widget in (self.line, self.confirm, self.cancel):
            row.addWidget(widget)
        stack_in(self, self.question, row)
        self.line.textChanged.connect(lambda _: self._allow())
        self.line.returnPressed.connect(self._give)
        self.confirm.clicked.connect(self._give)
        self.cancel.clicked.connect(self.hide)
        self.line.installEventFilter(self)
        self.hide()

    def ask(self, question: str) -> None:
        """Ask, and let the answer be typed at once."""
        self.question.setText(question)
        self.line.clear()
        self._allow()
        self.show()
        self.line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Escape takes the question back."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.hide()
            return True
        return False

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Come into sight on a page that scrolls."""
        super().showEvent(event)
        self.asks.emit(True)
        QTimer.singleShot(0, self._scroll_here)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Tell that nothing is asked any more."""
        super().hideEvent(event)
        self.asks.emit(not self.isHidden())

    def _scroll_here(self) -> None:
        page = self.parentWidget()
        while page is not None and not isinstance(page, QScrollArea):
            page = page.parentWidget()
        if page is not None:
            page.ensureWidgetVisible(self.confirm)

    def _allow(self) -> None:
        self.confirm.setEnabled(bool(self.line.text().strip()))

    def _give(self) -> None:
        if self.confirm.isEnabled():
            self.hide()
            self.given.emit(self.line.text().strip())


RANKING = "Ranking the images …"


@dataclass(frozen=True, eq=False)
class _RankedForPanel:
    """The ranking, what the next `k` images would cost, and how many the project has."""

    ranking: Ranking
    k: int
    cost: Cost
    bars: Bars
    images: int


def _look(project: Project) -> _RankedForPanel:
    found = overrides.ranked(project)
    k = project.settings.method.per_iteration
    bars = bars_of([row.score for row in found.rows], [row.score for row in found.chosen(k)])
    cost, images = overrides.cost_of(project, found, k), len(project.images())
    return _RankedForPanel(found, k, cost, bars, images)


@dataclass(frozen=True)
class ImageToSee:
    """An image of the ranking that is to be looked at, with what the models of an iteration saw."""

    project: Project
    iteration: int
    image_id: int
    file_name: str


class SelectionPanel(AsyncPanel):
    """Shows the ranking, and lets images be taken out or added with a reason."""

    wanted = Signal(object)
    """Emitted with the `ImageToSee` that was picked; None where none is to be seen any more."""

    def __init__(self) -> None:
        super().__init__(_look, RANKING)
        self._choose: Callable[[str, str], None] | None = None
        self._iteration = 0
        self.strategy = words(tooltip=tooltips.STRATEGY)
        self.k = number_of_images(1, 1, tooltips.NEXT_IMAGES)
        sentence = row_of(QLabel("The next"), self.k, QLabel("images"))
        self.limited_k = LimitedField(self.k, sentence)
        self.cost = words(tooltip=tooltips.COST)
        self.histogram = ScoreHistogram()
        self.ranking = RankingTable()
        self.seen = words(tooltip=tooltips.IMAGE_PREVIEW)
        self.take_out = button_with("Take out…", tooltips.TAKE_OUT)
        self.add = button_with("Add…", tooltips.ADD_IMAGE)
        self.leave = button_with("Leave to its rank", tooltips.LEAVE)
        self.reason = ReasonRow()
        self._arrange()
        self._connect()
        self.set_project(None)

    def _arrange(self) -> None:
        self.buttons = QWidget()
        stack_in(self.buttons, row_of(self.take_out, self.add, self.leave))
        stack_in(
            self.shown,
            self.strategy,
            self.limited_k,
            self.cost,
            self.histogram,
            self.ranking,
            self.seen,
            self.buttons,
            self.reason,
        )
        guard_wheel(self)

    def _connect(self) -> None:
        self.k.valueChanged.connect(self._save_k)
        self.ranking.picked.connect(self._on_picked)
        self.ranking.clicked.connect(self._want)
        self.take_out.clicked.connect(lambda: self._ask("Take out", overrides.take_out))
        self.add.clicked.connect(lambda: self._ask("Add", overrides.add))
        self.leave.clicked.connect(self._leave)
        self.reason.given.connect(self._on_reason)
        self.reason.asks.connect(self.buttons.setHidden)  # the question takes their place

    def set_project(self, project: Project | None) -> None:
        """Show another project, or none."""
        self.reason.hide()
        self.wanted.emit(None)
        super().set_project(project)

    def _show(self, seen: _RankedForPanel) -> None:
        if self._project is None:
            return
        method = self._project.settings.method
        found = STRATEGIES[method.strategy]
        self.strategy.setText(f"{found.title}: {_small(found.sentence)}")
        self._iteration = seen.ranking.iteration
        self.k.blockSignals(True)
        self.limited_k.set_most(seen.images, images_words(seen.images), seen.k)
        self.k.setValue(seen.k)
        self.k.blockSignals(False)
        self.cost.setText(_cost_words(seen))
        self.histogram.show_bars(seen.bars)
        self.ranking.rows.set_ranking(seen.ranking, seen.k, self._project.images_folder)

    def _show_what_is_allowed(self) -> None:
        row = None if self._is_locked else self.ranking.picked_row
        self.k.setEnabled(not self._is_locked)
        self.take_out.setEnabled(row is not None and not row.is_excluded)
        self.add.setEnabled(row is not None and not row.is_included)
        self.leave.setEnabled(row is not None and row.override is not None)
        if self._is_locked:
            self.reason.hide()

    def _on_picked(self) -> None:
        self.reason.hide()
        self._show_what_is_allowed()
        self._want()

    def _want(self) -> None:
        """Have the image that is picked shown on the canvas."""
        row, project = self.ranking.picked_row, self._project
        show_words(self.error, "")
        if row is None or project is None or not self.isVisible():
            self.wanted.emit(None)
            return
        self.wanted.emit(ImageToSee(project, self._iteration, row.image_id, row.file_name))

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Take away what was shown: another page, or another section, comes into sight."""
        super().hideEvent(event)
        self.wanted.emit(None)

    def show_seen(self, sentence: str) -> None:
        """Tell what is on the canvas."""
        show_words(self.seen, sentence)

    def show_problem(self, problem: str) -> None:
        """Tell why an image cannot be shown."""
        show_words(self.error, problem)

    def _save_k(self, k: int) -> None:
        if self._project is not None:
            self._store(partial(self._project.change, method={"per_iteration": k}))

    def _ask(self, verb: str, choose: Callable[[Project, int, str, str], None]) -> None:
        row, project = self.ranking.picked_row, self._project
        if row is None or project is None:
            return
        self._choose = partial(choose, project, row.image_id)
        self.reason.ask(f"{verb} {row.file_name}?")

    def _on_reason(self, reason: str) -> None:
        if self._choose is not None:
            self._store(partial(self._choose, preferences.person(), reason))

    def _leave(self) -> None:
        row, project = self.ranking.picked_row, self._project
        if row is not None and project is not None:
            self._store(partial(overrides.undo, project, row.image_id, preferences.person()))


def _cost_words(seen: _RankedForPanel) -> str:
    images = seen.cost.images
    if images == seen.k:
        return f"{capital(seen.cost.words)}."
    why = "were added by hand" if images > seen.k else "are left"
    verb = "Only " if images < seen.k else ""
    return f"{verb}{images:,} {why}: {seen.cost.words}."


def _small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
