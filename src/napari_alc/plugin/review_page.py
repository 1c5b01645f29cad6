"""The page Review: a pathologist settles one image of the queue after the other."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import review_keys, review_words
from napari_alc.plugin.parts import scrolled
from napari_alc.plugin.read_ahead import ReadAhead, ReadImage, Unreadable
from napari_alc.plugin.review_desk import Decide, ReviewDesk
from napari_alc.plugin.review_panel import ReviewPanel
from napari_alc.project import review, tasks
from napari_alc.project.document import ReviewBox, ReviewDocument
from napari_alc.project.project import Project
from napari_alc.project.tasks import OPEN_BOXES, Task

NO_PROJECT = "Open a project first."
ALL_DONE = "Every image handed out is done. The page Iterate tells what comes next."
NOTHING_HANDED_OUT = "No image has been handed out yet."
NO_MORE = "There is no other image in the queue."


class ReviewPage(QWidget):
    """Queue, box at hand and commands of the review.

    Parameters
    ----------
    viewer
        napari's viewer; layers are added to it with the first image.
    """

    changed = Signal()
    """Emitted when an image was finished or opened again."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._project: Project | None = None
        self._person = ""
        self._task: Task | None = None
        self._wanted: Path | None = None
        self._tasks: tuple[Task, ...] = ()
        self._opened: dict[int, int] = {}
        self._regions: dict[tuple[int, str], int] = {}
        self.panel = ReviewPanel()
        self.desk = ReviewDesk(viewer, self)
        self._reader = ReadAhead(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(self.panel))
        self._connect()
        self.set_project(None, "")

    def _connect(self) -> None:
        own = {
            "next_category": self.panel.choose_next_category,
            "previous_image": self.previous_image,
            "next_image": self.next_image,
            "done": self.done,
        }
        names = [name for name in review_keys.COMMANDS if name not in own]
        actions = {**{name: getattr(self.desk, name) for name in names}, **own}
        released = {"hide_boxes": self.desk.show_boxes}
        self.panel.connect_commands(actions, released)
        review_keys.bind(self.desk.canvas.layers, actions, released)
        self.panel.queue.chosen.connect(self.go_to)
        self.panel.category_chosen.connect(self.desk.set_category)
        bar = self.panel.ask_bar
        bar.keep_all.clicked.connect(lambda: self._settle_open(ReviewDocument.keep))
        bar.delete_all.clicked.connect(lambda: self._settle_open(ReviewDocument.delete))
        bar.go_back.clicked.connect(self._go_back)
        self.desk.moved.connect(self._show_boxes)
        self.desk.decided.connect(self._on_decided)
        self.desk.said.connect(self.panel.say)
        self._reader.ready.connect(self._on_read)

    @property
    def task(self) -> Task | None:
        """The image that is open, or being read."""
        return self._task

    @property
    def is_settled(self) -> bool:
        """Whether no image is being read."""
        return self._wanted is None

    def set_project(self, project: Project | None, person: str) -> None:
        """Open the first unfinished image of `project`, in `person`'s name."""
        self._project, self._person = project, person
        self._reader.forget()
        categories = () if project is None else project.categories()
        self.panel.set_categories(categories)
        self.desk.category_id = categories[0].id if categories else 0
        self._task, self._tasks = None, ()
        self.refresh()

    def set_person(self, person: str) -> None:
        """Decide in another name from now on; the image stays.

        Undo begins anew: one person does not take back what another has decided.
        """
        if person == self._person:
            return
        self._person = person
        if self._task is not None:
            self.go_to(self._task)

    def refresh(self) -> bool:
        """Read the queue from the store again; the image on the desk stays.

        Where the store cannot be read, everything stays and the page says why.

        Returns
        -------
        bool
            Whether the store could be read.
        """
        try:
            if self._project is not None:
                self._read_queue(self._project)
        except AlcError as error:
            if self._task is None:
                self._close(str(error))
            self.panel.say(str(error))
            return False
        if self._task is None:
            self._go_on(None)
            return True
        here = self._task.id
        self._task = next(task for task in self._tasks if task.id == here)
        self._show_queue()
        return True

    def _read_queue(self, project: Project) -> None:
        found, opened = tasks.queue(project), tasks.open_counts(project)
        if len(found) != len(self._tasks):  # tasks are only added
            self._regions = tasks.region_counts(project)
        self._tasks, self._opened = found, opened

    def _go_on(self, after: Task | None) -> None:
        """Open the next unfinished image behind `after`."""
        if self._project is None:
            self._close(NO_PROJECT)
            return
        task = tasks.first_open(self._tasks, after)
        if task is not None:
            self.go_to(task)
        else:
            self._close(ALL_DONE if self._tasks else NOTHING_HANDED_OUT)

    def _close(self, message: str) -> None:
        self._task, self._wanted = None, None
        self.panel.ask_bar.hide()
        self.desk.close()
        self._show_queue()
        self.panel.say(message)

    def go_to(self, task: Task) -> None:
        """Open an image; it is shown once it has been read."""
        self._close(f"Reading {task.file_name} …")
        self._task = task
        self._show_queue()
        try:
            self._wanted = self._path(task)
        except AlcError as error:
            self._cannot_show(str(error))
            return
        self._reader.ask(self._wanted)
        self._on_read(self._wanted)

    def _path(self, task: Task) -> Path:
        if self._project is None:
            raise AlcError(NO_PROJECT)
        return self._project.path_of(self._project.image(task.image_id))

    def _on_read(self, path: Path) -> None:
        if path != self._wanted or self._task is None or self._project is None:
            return
        image = self._reader.take(path)
        if image is None:
            return
        self._wanted = None
        if isinstance(image, Unreadable):
            self._cannot_show(image.reason)
            return
        try:
            self._open(self._project, self._task, image)
        except AlcError as error:
            self._cannot_show(str(error))

    def _cannot_show(self, reason: str) -> None:
        self._wanted = None
        self.desk.close()
        key = review_keys.key_text("next_image")
        self.panel.say(f"{reason} Press {key} to go on with the next image.")

    def _open(self, project: Project, task: Task, image: ReadImage) -> None:
        document = review.open_document(project, task, self._person)
        height, width = image.pixels.shape[:2]
        if (width, height) != (document.image.width, document.image.height):
            raise AlcError(
                f"{task.file_name} is {width}×{height} pixels, but its boxes were drawn on "
                f"{document.image.width}×{document.image.height}. Bring the right image back."
            )
        self.panel.say("")
        self.desk.open(document, image, look=task.step == OPEN_BOXES)
        self._show_queue()
        self._read_ahead(task)

    def _read_ahead(self, task: Task) -> None:
        place = [t.id for t in self._tasks].index(task.id)
        waiting = [t for t in (*self._tasks[place + 1 :], *self._tasks[:place]) if not t.is_done]
        if waiting:
            # what cannot be found is said when it is its turn
            with suppress(AlcError):
                self._reader.ask(self._path(waiting[0]))

    def next_image(self) -> None:
        """Go to the image after this one, done or not."""
        self._step(1)

    def previous_image(self) -> None:
        """Go to the image before this one, done or not."""
        self._step(-1)

    def _step(self, by: int) -> None:
        if not self._tasks:
            return
        here = -1 if self._task is None else [t.id for t in self._tasks].index(self._task.id)
        place = max(here + by, 0) if self._task is not None else 0
        if place >= len(self._tasks) or place == here:
            self.panel.say(NO_MORE)
        else:
            self.go_to(self._tasks[place])

    def done(self) -> None:
        """Finish the image and open the next one; asks first if boxes are still open."""
        still_open = self.desk.open_boxes
        if still_open:
            self.panel.ask(review_words.open_words(len(still_open)))
        else:
            self._finish()

    def _go_back(self) -> None:
        self.panel.ask_bar.hide()
        self.desk.next_box()

    def _settle_open(self, command: Decide) -> None:
        if self.desk.give(command, [box.id for box in self.desk.open_boxes]):
            self._finish()

    def _finish(self) -> None:
        project, task = self._project, self._task
        if project is None or task is None or self.desk.document is None:
            return
        try:
            review.finish(project, task, self._person)
        except AlcError as error:
            self.panel.say(str(error))
            return
        # an image whose end cannot be seen in the store stays; done again, it is the same
        if self.refresh():
            self.changed.emit()
            self._go_on(task)

    def _on_decided(self) -> None:
        self.panel.ask_bar.hide()
        if self._task is not None and self._task.is_done:
            self.refresh()
            self.changed.emit()
        self._show_boxes()

    def _show_queue(self) -> None:
        self.panel.queue.show_tasks(self._tasks, self._task, self._opened, self._regions)
        self.panel.show_task(*review_words.task_words(self._task))
        self._show_progress()

    def _show_progress(self) -> None:
        finished = sum(task.is_done for task in self._tasks)
        here = None if self._task is None or self.desk.document is None else self._task.id
        elsewhere = sum(count for task_id, count in self._opened.items() if task_id != here)
        left = elsewhere + len(self.desk.open_boxes)
        text = review_words.progress_words(finished, len(self._tasks), left)
        self.panel.show_progress(text if self._tasks else "", finished, len(self._tasks))

    def _show_boxes(self) -> None:
        """Show the boxes at hand in words."""
        document, canvas = self.desk.document, self.desk.canvas
        self.panel.set_open(document is not None)
        self._show_progress()
        if document is None:
            return
        self.panel.legend.show_boxes(document.shown)
        self.panel.show_toggles(
            canvas.is_drawing, canvas.image.stretched, not canvas.image.has_colours
        )
        boxes = self.desk.at_hand
        if len(boxes) == 1:
            self._show_box(document, boxes[0])
        else:
            self.panel.show_box(review_words.boxes_title(len(boxes)), "")
        category_id = boxes[-1].category_id if boxes else self.desk.category_id
        self.panel.show_category(category_id)

    def _show_box(self, document: ReviewDocument, box: ReviewBox) -> None:
        opened = [b.id for b in self.desk.open_boxes]
        position = opened.index(box.id) + 1 if box.id in opened else 0
        others = [*document.boxes.values(), *document.suggestions]
        saw = self._task is not None and self._task.models is not None
        title = review_words.box_title(
            box, self.panel.category_name(box.category_id), position, len(opened)
        )
        self.panel.show_box(title, review_words.why_here(box, others, saw))
