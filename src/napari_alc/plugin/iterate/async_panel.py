"""A panel that shows what a project answers; the answer is worked out beside the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError, BadData
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import button_with, error_words, show_words, stack_in, words
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.project import Project


class AsyncPanel(QWidget):
    """What the panels of the page Iterate share: asking, locking, and telling what went wrong.

    A subclass lays its widgets into `shown`, says in `_show` what an answer looks like and in
    `_show_what_is_allowed` what may be pressed, and calls ``set_project(None)`` when it is made.
    The question is put beside the window; `waiting` stands in the panel until the first answer.
    """

    changed = Signal()
    """Emitted when something here has changed the project."""

    def __init__(self, question: Callable[[Project], object], waiting: str) -> None:
        super().__init__()
        self._question, self._waiting = question, waiting
        self._project: Project | None = None
        self._is_locked = False
        self._is_stale = False
        self.query = AsyncQuery(self)
        self.note = words()
        self.error = error_words()
        self.again = button_with("Try again", tooltips.TRY_AGAIN)
        self.shown = QWidget()
        layout = stack_in(self, self.note, self.error, self.again, self.shown)
        layout.setAlignment(self.again, Qt.AlignmentFlag.AlignLeft)
        self.query.answered.connect(self._on_answer)
        self.query.refused.connect(self._on_refusal)
        self.again.clicked.connect(self.refresh)

    def set_project(self, project: Project | None) -> None:
        """Show another project, or none."""
        self._project = project
        self.query.forget()
        self.shown.hide()
        self.refresh()

    def refresh(self) -> None:
        """Show the project as its store has it now; the answer comes when it is worked out."""
        show_words(self.error, "")
        self.again.hide()
        # While a step writes, an answer would show a state that is half done: ask afterwards.
        self._is_stale = self._is_locked
        if self._project is None or self._is_locked:
            show_words(self.note, tooltips.LOCKED_PANEL if self._project else "")
            return
        if self.shown.isHidden():
            show_words(self.note, self._waiting)
        self.query.ask(partial(self._question, self._project))

    def set_locked(self, is_locked: bool) -> None:
        """Let nothing be changed while a step runs; what it did is shown afterwards."""
        self._is_locked = is_locked
        if is_locked and self.query.is_asking:
            self.query.forget()
            self._is_stale = True
        self._show_what_is_allowed()
        if not is_locked and self._is_stale:
            self.refresh()

    def _show(self, answer: Any) -> None:
        """Fill the widgets in `shown`."""
        raise NotImplementedError

    def _show_what_is_allowed(self) -> None:
        """Let only be pressed what can be done now."""
        raise NotImplementedError

    def _on_answer(self, answer: object) -> None:
        if self._project is None:
            return
        self._show(answer)
        show_words(self.note, "")
        self.shown.show()
        self._show_what_is_allowed()

    def _on_refusal(self, error: AlcError) -> None:
        """What is damaged or taken can be tried again; for the rest it is only too early."""
        self.shown.hide()
        is_wrong = isinstance(error, BadData)
        show_words(self.error, str(error) if is_wrong else "")
        show_words(self.note, "" if is_wrong else str(error))
        self.again.setVisible(is_wrong)

    def _store(self, change: Callable[[], None]) -> None:
        """Change the project now, and show what came of it."""
        try:
            change()
        except AlcError as error:
            show_words(self.error, str(error))
            return
        self.refresh()
        self.changed.emit()
