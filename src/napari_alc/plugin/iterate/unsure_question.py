"""The question before the clean dataset is written while boxes are unsure."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    notice_words,
    row_of,
    show_words,
    stack_in,
)
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.annotation.remarks import remarked_boxes
from napari_alc.project.label_sets import UnsureRule
from napari_alc.project.project import Project
from napari_alc.wording import counted, form


class UnsureQuestion(QWidget):
    """Asks what becomes of unsure boxes, where there are any, before an export begins.

    The project is read beside the window; the question stands in the page and holds nothing up.
    """

    decided = Signal(object)
    """Emitted with the words that the export's command gets: none where nothing is to be asked."""

    list_wanted = Signal()
    """Emitted when somebody wants to see the boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.query = AsyncQuery(self)
        self.sentence, self.error = notice_words(), error_words()
        self.keep = button_with("", tooltips.KEEP_UNSURE)
        self.drop = button_with("", tooltips.DROP_UNSURE)
        self.show_them = button_with("", tooltips.SHOW_UNSURE)
        self.not_now = button_with("Not now", tooltips.NOT_NOW)
        self.choices = QWidget()
        first, second = row_of(self.keep, self.drop), row_of(self.show_them, self.not_now)
        stack_in(self.choices, self.sentence, first, second)
        stack_in(self, self.choices, self.error)
        self._connect()
        self.forget()

    def _connect(self) -> None:
        self.query.answered.connect(self._on_count)
        self.query.refused.connect(self._on_refusal)
        self.keep.clicked.connect(lambda: self._decide(UnsureRule.KEEP))
        self.drop.clicked.connect(lambda: self._decide(UnsureRule.DROP))
        self.show_them.clicked.connect(self.list_wanted)
        self.not_now.clicked.connect(self.forget)

    def ask(self, project: Project) -> None:
        """Let an export begin, after the question where it must be put."""
        self.forget()
        self.query.ask(partial(count_unsure, project))

    def forget(self) -> None:
        """Ask nothing any more: nothing can be written now, or somebody thought better of it."""
        self.query.forget()
        self.hide()
        show_words(self.error, "")

    def _on_count(self, boxes: int) -> None:
        if not boxes:
            self.decided.emit(())
            return
        self.sentence.setText(question_words(boxes))
        self.keep.setText(form(boxes, "Keep it as a label", "Keep them as labels"))
        self.drop.setText(form(boxes, "Leave it out", "Leave them out"))
        self.show_them.setText(form(boxes, "Show it", "Show them"))
        self.choices.show()
        self.show()

    def _on_refusal(self, error: AlcError) -> None:
        self.choices.hide()
        show_words(self.error, str(error))
        self.show()

    def _decide(self, rule: UnsureRule) -> None:
        self.forget()
        self.decided.emit(("--unsure", rule.value))


def count_unsure(project: Project) -> int:
    """How many boxes that everybody may see nobody has settled."""
    return len(remarked_boxes(project).unsure)


def question_words(boxes: int) -> str:
    """What is asked about so many boxes."""
    are, them = counted(boxes, "box is", "boxes are"), form(boxes, "it", "them")
    return f"{are} unsure and nobody has settled {them}. What becomes of {them}?"
