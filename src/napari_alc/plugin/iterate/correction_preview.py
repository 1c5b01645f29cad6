"""What the automatic correction will do, in numbers and pictures."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    notice_words,
    show_words,
    stack_in,
    words,
)
from napari_alc.plugin.widgets.fitted_picture import FittedPicture
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.project import Project
from napari_alc.project.reporting.contact_sheet import draw_sheet, preview_pairs
from napari_alc.project.steps.correct import CorrectionPreview, preview
from napari_alc.project.steps.grounds import Grounds, grounds
from napari_alc.wording import counted

LINES = (
    ("gray", "label", "Crowd and detectors agree: a detector's box becomes the label."),
    ("gray", "replaced", "Boxes of the crowd that these labels replace."),
    ("pink", "label", "Missed by the crowd, found by the expert's model (Mp): become labels."),
    ("green", "removed", "Drawn by the crowd around found objects (box-in-box): removed."),
    ("green", "review", "Drawn by the crowd alone: go to Review."),
    ("red", "review", "Found by the shared model (Ma) alone: go to Review."),
)
"""Region, what happens to it, and that in words."""

SHEET_INCHES = 4.2
"""Wide enough for the letters to be legible in a dock of 420 pixels."""

LOOKING = "Looking…"


def _look(project: Project) -> tuple[CorrectionPreview, bytes]:
    found = preview(project)
    pairs = preview_pairs(found)
    titles = ("Before", "After")
    return found, draw_sheet(project, pairs, titles, SHEET_INCHES) if pairs else b""


class GroundsView(QWidget):
    """What the correction rests on, and what to do first where that is little."""

    shown = Signal()
    """Emitted when what was asked for is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = words(tooltip=tooltips.GROUNDS)
        self.advice = notice_words()
        stack_in(self, self.numbers, self.advice)
        self._query = AsyncQuery(self)
        self._query.answered.connect(self._show)
        # What is wrong with a store is told by every other query.
        self._query.refused.connect(lambda _: self.forget())
        self._query.settled.connect(self.shown)
        self.forget()

    def ask(self, project: Project) -> None:
        """Show what a correction would rest on now, once it is known."""
        self._query.ask(partial(grounds, project))

    def forget(self) -> None:
        """Show nothing."""
        self._query.forget()
        show_words(self.numbers, "")
        show_words(self.advice, "")

    def _show(self, found: Grounds) -> None:
        show_words(self.numbers, "\n".join(found.sentences))
        show_words(self.advice, found.advice)


class CorrectionPreviewView(QWidget):
    """A button that looks, and below it what was seen."""

    looked = Signal()
    """Emitted when what was asked for is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._query = AsyncQuery(self)
        self._query.answered.connect(self._on_answer)
        self._query.refused.connect(self._on_refusal)
        self._query.settled.connect(self.looked)
        self.look = button_with("Show what will change", tooltips.PREVIEW_CORRECTION)
        self.look.clicked.connect(self._start)
        self.summary = words()
        self.error = error_words()
        self.lines = QWidget()
        self.numbers = [words() for _ in LINES]
        self.picture = FittedPicture(tooltips.PREVIEW_PICTURE)
        self._arrange()
        self.set_project(None)

    def _arrange(self) -> None:
        grid = QGridLayout(self.lines)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(2, 1)
        for row, ((region, _, text), number) in enumerate(zip(LINES, self.numbers, strict=True)):
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            name = words(region)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            for column, label in enumerate((number, name, words(text))):
                grid.addWidget(label, row, column)
        stack_in(self, self.look, self.error, self.summary, self.lines, self.picture)

    def set_project(self, project: Project | None) -> None:
        """Hold another project; what was seen before is forgotten."""
        self._project = project
        self.forget()

    def forget(self) -> None:
        """Show nothing: the project has changed."""
        self._query.forget()
        self.look.setEnabled(self._project is not None)
        show_words(self.summary, "")
        show_words(self.error, "")
        self.lines.hide()
        self.picture.show_png(b"")

    def _start(self) -> None:
        if self._project is None:
            return
        self.forget()
        self.look.setEnabled(False)
        show_words(self.summary, LOOKING)
        self._query.ask(partial(_look, self._project))

    def _on_refusal(self, error: AlcError) -> None:
        self.forget()
        show_words(self.error, str(error))

    def _on_answer(self, answer: tuple[CorrectionPreview, bytes]) -> None:
        found, picture = answer
        self.forget()
        self.picture.show_png(picture)
        for number, (region, fate, _) in zip(self.numbers, LINES, strict=True):
            number.setText(f"{found.count(region, fate):,}")
        figures = found.figures
        show_words(
            self.summary,
            f"{figures.automatic:,} labels are settled without a person. {figures.review:,} boxes "
            f"in {counted(figures.images_to_review, 'image')} go to Review.",
        )
        self.lines.show()
