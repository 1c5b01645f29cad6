"""The dock widget "Active Label Cleaning": what comes next, and the three pages of the work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent
from qtpy.QtGui import QCloseEvent, QHideEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.error_log import start_log
from napari_alc.plugin.image_preview import ImagePreview
from napari_alc.plugin.iterate.close_dialog import CloseQuestion
from napari_alc.plugin.iterate.page import LABELS, IteratePage
from napari_alc.plugin.iterate.results_panel import written_words
from napari_alc.plugin.project.page import ProjectPage
from napari_alc.plugin.review.reading_room import ReadingRoom
from napari_alc.plugin.review.view import ReviewView
from napari_alc.plugin.widgets.controls import primary, scrolled, single_shot
from napari_alc.plugin.widgets.fixed_words import FixedWords
from napari_alc.project.project import Project
from napari_alc.project.status import Step, status

if TYPE_CHECKING:
    import napari.viewer

NAME = "Active Label Cleaning"

LEAST_WIDTH = 420
"""Pixels that the pages need for everything to be legible."""

SENTENCE_LINES = 2
"""Of what comes next: as high as the button beside it."""

WELCOME = "Open a project, make a new one, or try a sample."


class ActiveLabelCleaning(QWidget):
    """The plugin's one dock widget; `viewer` shows the images under review."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        start_log()
        self.project: Project | None = None
        self._next_page: QWidget | None = None
        self.sentence = FixedWords(SENTENCE_LINES, WELCOME)
        self.sentence.setStyleSheet("font-size: 13px;")
        self.next_button = primary("Start", tooltips.NEXT)
        self.next_button.clicked.connect(self.go_to_next_step)
        self.project_page = ProjectPage()
        self.iterate_page = IteratePage()
        self.review_page = ReviewView(viewer)
        self.reading_room = ReadingRoom(viewer, self.review_page)
        self._was_asked = False
        # the pages are laid out first
        self._reopen_later = single_shot(self, 0, self._reopen)
        self.preview = ImagePreview(viewer, self.review_page.canvas.image, self)
        self._close_question = CloseQuestion(self, self.iterate_page.background)
        self._arrange()
        self.project_page.chosen.connect(self.open_project)
        self.project_page.person_changed.connect(self.review_page.controller.set_person)
        self.iterate_page.changed.connect(self._on_step_ended)
        self.review_page.changed.connect(self.refresh)
        self.project_page.drawing.drawn.connect(self._on_drawn)
        self._connect_preview()
        self._connect_remarks()
        self.tabs.currentChanged.connect(self._on_page)
        self.setMinimumWidth(LEAST_WIDTH)
        self.refresh()

    def _connect_preview(self) -> None:
        selection = self.iterate_page.sections.selection
        selection.wanted.connect(self.preview.show_image)
        self.preview.told.connect(selection.show_seen)
        self.preview.failed.connect(selection.show_problem)

    def _connect_remarks(self) -> None:
        remarks, button = self.project_page.remarks, self.project_page.remarks_button
        remarks.chosen.connect(self._go_to_box)
        remarks.taken_in.connect(self._on_taken_in)
        self.iterate_page.remarks_wanted.connect(remarks.open)
        self.project_page.person_changed.connect(button.refresh_soon)
        self.review_page.changed.connect(button.refresh_soon)
        self.review_page.controller.boxes.decided.connect(button.refresh_soon)
        self.review_page.controller.boxes.remarked.connect(button.refresh_soon)

    def _arrange(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.addTab(self.project_page, "1  Project")
        self._iterate_tab = scrolled(self.iterate_page)
        self.tabs.addTab(self._iterate_tab, "2  Iterate")
        self.tabs.addTab(self.review_page, "3  Review")
        header = QHBoxLayout()
        header.addWidget(self.sentence, 1)
        header.addWidget(self.next_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(header)
        layout.addWidget(self.tabs, 1)

    def open_project(self, folder: Path) -> bool:
        """Open the project in `folder` on all pages; returns whether it could be opened.

        What is wrong is told beside the buttons and as a notification of napari.
        """
        self._was_asked = True
        if self.iterate_page.is_busy:
            self.project_page.show_problem(
                "A step is still running. Cancel it, or wait for its end, to open another project."
            )
            return False
        try:
            project = Project.open(folder)
            self._take(project)
        except AlcError as error:
            self.project_page.show_problem(str(error))
            return False
        preferences.remember_project(project.folder)
        self.project_page.refresh_recent()
        self.go_to_next_step()
        self._remember_place()
        return True

    def _reopen(self) -> None:
        """Open the project of the last time on its page, unless there is another one by now."""
        last = None if self._was_asked else preferences.last_project()
        if last is not None and self.open_project(last[0]):
            self.tabs.setCurrentWidget(self._pages[last[1]])

    @property
    def _pages(self) -> Mapping[str, QWidget]:
        pages = self.project_page, self._iterate_tab, self.review_page
        return dict(zip(("project", "iterate", "review"), pages, strict=True))

    def _on_page(self) -> None:
        self._show_button()
        self._remember_place()

    def _remember_place(self) -> None:
        if self.project is not None:
            shown = self.tabs.currentWidget()
            page = next(name for name, page in self._pages.items() if page is shown)
            preferences.remember_place(self.project.folder, page)

    def _take(self, project: Project) -> None:
        before, self.project = self.project, project
        self.project_page.show_project(project)
        self.iterate_page.set_project(project)
        self.iterate_page.wait_for(self.project_page.drawing.sentence)
        self.review_page.controller.set_project(project, preferences.person())
        if before is not None:
            before.close()
        self.refresh()

    def refresh(self) -> None:
        """Show what comes next, as the store has it now."""
        if self.project is None:
            self._show_next(WELCOME, "", self.project_page)
            self.tabs.setTabEnabled(1, False)
            self.tabs.setTabEnabled(2, False)
            return
        try:
            found = status(self.project)
            self.iterate_page.show_next_step(found)
        except AlcError as error:
            show_error(str(error))
            return
        self.tabs.setTabEnabled(1, True)
        self.tabs.setTabEnabled(2, True)
        is_review = found.next_step is Step.REVIEW
        self._show_next(
            self._sentence(found.next_step, found.sentence),
            LABELS[found.next_step],
            self.review_page if is_review else self._iterate_tab,
        )

    def _sentence(self, step: Step, sentence: str) -> str:
        if step is Step.EXPORT and self.project is not None:
            written = written_words(self.project)
            if written:
                return f"The clean dataset is written: {written}"
        return sentence

    def _show_next(self, sentence: str, button: str, page: QWidget) -> None:
        self.sentence.setText(sentence)
        self.next_button.setText(f"{button}  ›")
        self._next_page = page
        self._show_button()

    def _show_button(self) -> None:
        """The button leads to another page; on that page it has no use."""
        is_elsewhere = self.tabs.currentWidget() is not self._next_page
        self.next_button.setVisible(self.project is not None and is_elsewhere)

    def go_to_next_step(self) -> None:
        """Show the page on which the next step is done."""
        if self._next_page is not None:
            self.tabs.setCurrentWidget(self._next_page)

    def _go_to_box(self, task_id: int, box_id: int | None) -> None:
        """Show a box, or a whole image, in the review, where keys decide on it at once."""
        self.tabs.setCurrentWidget(self.review_page)
        self.review_page.controller.go_to_difference(task_id, box_id)
        self.window().activateWindow()

    def _on_taken_in(self, image_ids: Collection[int]) -> None:
        """Images are part of the dataset again: they may wait, and one of them may be open."""
        controller = self.review_page.controller
        is_read = controller.refresh()
        task = controller.state.task
        if is_read and task is not None and task.image_id in image_ids:
            controller.images.go_to(task)
        self.refresh()

    def _on_drawn(self) -> None:
        """Images of a sample have come: one of them may be waited for."""
        self.iterate_page.wait_for(self.project_page.drawing.sentence)
        self.review_page.controller.opener.look_again()

    def _on_step_ended(self) -> None:
        self.review_page.controller.refresh()
        self.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Stop what runs in this program; a job goes on by itself."""
        page = self.project_page
        for widget in (page, page.new_project, page.drawing):
            widget.background.cancel()
        self._let_go()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Let others have the image and the job once napari has taken this out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._let_go()
        super().changeEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Let others have the image when napari's window is closed."""
        window = self.window()
        # a dock that floated and comes back is hidden for a moment too
        if window.parentWidget() is None and not window.isVisible():
            self.review_page.controller.end_session()
        super().hideEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Go on where a window that was hidden has ended."""
        super().showEvent(event)
        self._close_question.attach()
        self.review_page.controller.begin_again()
        self._reopen_later.start()

    def _let_go(self) -> None:
        self.reading_room.leave()
        self.iterate_page.background.let_go()
        self.review_page.controller.end_session()


def dock(viewer: napari.viewer.Viewer) -> ActiveLabelCleaning:
    """The dock widget of `viewer`, added and shown where it is not there yet."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-alc", NAME)
    widget.parent().show()
    return cast("ActiveLabelCleaning", widget)


def show() -> ActiveLabelCleaning:
    """The dock widget of the current viewer.

    Raises
    ------
    AlcError
        When there is no window.
    """
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        raise AlcError("There is no napari window to show the project in.")
    return dock(viewer)


def show_from_menu() -> None:
    """What the menus and the command palette call."""
    show()
