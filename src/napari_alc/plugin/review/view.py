"""The page Review: a pathologist settles one image of the queue after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin.review.canvas.scale_bar import canvas_widget
from napari_alc.plugin.review.controller import Decide, OnDesk, ReviewController
from napari_alc.plugin.review.image_loader import ImageOpener, ReadImage, Request
from napari_alc.plugin.review.keys.bindings import key_text
from napari_alc.plugin.review.keys.shortcuts import ReviewKeys
from napari_alc.plugin.review.panel import messages
from napari_alc.plugin.review.panel.bars import PAUSED
from napari_alc.plugin.review.panel.help_window import HelpWindow
from napari_alc.plugin.review.panel.panel import MORE, ReviewPanel
from napari_alc.plugin.review.presenter import ReviewPresenter
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.plugin.review.readers_dialog import READ_AGAIN, ReviewReaders
from napari_alc.plugin.review.session import SessionKeeper
from napari_alc.plugin.review.view_commands import ReviewView
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.annotation.session import HeldImage
from napari_alc.project.annotation.tasks import OPEN_BOXES, Task
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import finish_task, verdicts

REST_MS = 150
"""What others show of a finished image is renewed after the next one has been drawn."""


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
        self.sitting = SessionKeeper(self)
        self.panel = ReviewPanel()
        self.desk = ReviewController(viewer, self)
        self._words = ReviewPresenter(self.panel, self.desk)
        self._now = self._words.now
        self.view = ReviewView(self.desk.canvas, self)
        self.help = HelpWindow(self)
        self.readers = ReviewReaders(self, self.sitting.leave)
        self._opener = ImageOpener(self)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(REST_MS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)
        actions = self._actions()
        released = {"hide_boxes": self.view.show_boxes}
        self.panel.connect_commands(actions, released)
        self.keys = ReviewKeys(viewer, self.desk.canvas.layers, actions, released, self)
        self.sitting.watch((canvas_widget(viewer), self))
        self._connect()
        self._look()
        self.set_project(None, "")

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            **self.desk.commands(),
            **self.view.commands(),
            "next_category": self.panel.choose_next_category,
            "previous_image": self.previous_image,
            "next_image": self.next_image,
            "pause": self.sitting.turn_pause,
            "help": self.help.toggle,
            "done": self.done,
        }

    def _connect(self) -> None:
        panel, desk = self.panel, self.desk
        self.readers.add_to(panel.menus[MORE])
        self.readers.shared.connect(self._on_shared)
        self.readers.view.chosen.connect(self._go_to_difference)
        panel.queue.chosen.connect(self.go_to)
        panel.category_chosen.connect(desk.set_category)
        panel.filter.changed.connect(desk.set_filter)
        bar = panel.ask_bar
        bar.keep_all.clicked.connect(lambda: self._settle_open(ReviewDocument.keep))
        bar.delete_all.clicked.connect(lambda: self._settle_open(ReviewDocument.delete))
        bar.go_back.clicked.connect(self._words.go_back)
        desk.moved.connect(self._on_moved)
        desk.decided.connect(self._on_decided)
        desk.elsewhere.connect(self._revert_elsewhere)
        for holder in (desk, self.sitting.clock):
            holder.lost.connect(self._on_lost)
        for part in (desk, self.view):
            part.said.connect(panel.say)
        self.view.changed.connect(self._on_looks)
        self.keys.changed.connect(self._look)
        self.sitting.troubled.connect(panel.say)
        self.sitting.paused.connect(lambda is_on: panel.pause_bar.tell(PAUSED if is_on else ""))
        self._opener.opened.connect(self._on_opened)
        self._opener.failed.connect(self._cannot_show)
        self._opener.came_ahead.connect(desk.canvas.image.prepare)
        self._later.timeout.connect(self._catch_up)

    @property
    def queue(self) -> ReviewQueue:
        """The images handed out to this person."""
        return self._now.queue

    @property
    def task(self) -> Task | None:
        """The image that is open, or being read."""
        return self._now.task

    @property
    def is_settled(self) -> bool:
        """Whether no image is being read."""
        return self._opener.is_settled

    def set_project(self, project: Project | None, person: str) -> None:
        """Open the image that `person` was at, else the first unfinished one."""
        self.end_sitting()
        self._project, self._person = project, person
        self._now.forget()
        categories = () if project is None else project.categories()
        self.panel.set_categories(categories)
        self.desk.canvas.set_category_names({one.id: one.name for one in categories})
        self.desk.category_id = categories[0].id if categories else 0
        self.readers.set_project(project)
        self.panel.filter.reset()
        self._opener.begin(project, None)
        if project is not None:
            self._begin_sitting(project)
        self.refresh()

    def _begin_sitting(self, project: Project) -> None:
        sitting = self.sitting.begin(project, self._person)
        self.desk.history = sitting.history
        self._opener.begin(project, sitting)

    def end_sitting(self) -> None:
        """Let others have the image; everything is stored already but the last seconds."""
        self._opener.begin(self._project, None)
        self.sitting.end()

    def begin_again(self) -> None:
        """Go on where a sitting was ended without another project being opened."""
        if self.sitting.now is None and self._project is not None:
            self.set_project(self._project, self._person)

    def set_person(self, person: str) -> None:
        """Decide in another name from now on; one person does not take back another's decision."""
        if person == self._person or self._project is None:
            return
        here = self._now.task
        self.end_sitting()
        self._person = person
        self._begin_sitting(self._project)
        self._now.task = None
        self.refresh()
        task = None if here is None else self._now.queue.find(here.id)
        if task is not None:
            self.go_to(task)

    def refresh(self) -> bool:
        """Read the queue from the store again; the image on the desk stays.

        Returns whether the store could be read; where not, the page says why.
        """
        if not self._read():
            return False
        if self._now.here is None or self._now.queue.find(self._now.here) is None:
            self._begin()
        return True

    def _read(self) -> bool:
        """Read the queue again, whatever is on the desk; whether the store could be read."""
        try:
            if self._project is not None and self.sitting.now is not None:
                self._now.read(self._project, self._person, self.sitting.now.held_by_others())
        except AlcError as error:
            if self._now.task is None:
                self._close(str(error))
            self.panel.say(str(error))
            return False
        self._words.show_queue()
        return True

    def _begin(self) -> None:
        """Open the image where the person was, else the first unfinished one."""
        if self._project is None or self.sitting.now is None:
            self._close(messages.NO_PROJECT)
            return
        place = self.sitting.now.last_place()
        task = None if place is None else self._now.queue.find(place.task_id)
        if place is not None and task is not None and not task.is_done:
            self.go_to(task, first=place.box_id, by_choice=False)
        else:
            self._go_on(None)

    def _go_on(self, after: int | None) -> None:
        """Open the next unfinished image behind `after`."""
        task = self._now.queue.first_open(after)
        if task is not None:
            self.go_to(task, by_choice=False)
            return
        self.sitting.leave()
        self._close(self._now.why_nothing_is_left)

    def _close(self, message: str) -> None:
        self._now.task, self._now.read_only = None, ""
        self._opener.drop()
        self.panel.ask_bar.tell("")
        self.desk.close()
        self._words.show_here()
        self.panel.say(message)

    def go_to(
        self,
        task: Task,
        first: int | None = None,
        by_choice: bool = True,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        """Open an image; it is shown once it has been read (parameters as of `Request`)."""
        if not self._opener.is_there(task):
            self._close(f"Reading {task.file_name} …")
        self.panel.ask_bar.tell("")
        self._now.task = task
        self._words.show_here()
        self._opener.ask(Request(task, first, by_choice, afterwards))

    def _cannot_show(self, reason: str) -> None:
        self.sitting.leave()
        self.desk.close()
        self._words.show_here()
        self.panel.say(f"{reason} Press {key_text('next_image')} to go on with the next image.")

    def _on_opened(self, request: Request, opened: HeldImage, image: ReadImage) -> None:
        project, task = self._project, request.task
        if project is None or (opened.read_only and self._pass_over(request)):
            return
        self._now.read_only = opened.read_only
        self._now.said = verdicts(project, task)
        self.panel.say("")
        self.desk.open(
            OnDesk(
                task_id=task.id,
                document=opened.document,
                image=image,
                thresholds=project.settings.method.thresholds(0.0),
                look=task.step == OPEN_BOXES,
                first=request.first,
                read_only=opened.read_only,
            )
        )
        neighbours = self._now.queue.first_open(task.id), self._now.queue.neighbour(task.id, -1)
        self._opener.read_ahead(other for other in neighbours if other != task)
        if request.afterwards is not None:
            request.afterwards()

    def _pass_over(self, request: Request) -> bool:
        """Take another image in place of one that is held elsewhere, unless it was chosen."""
        task = request.task
        if request.by_choice or self.sitting.now is None:
            return False
        self._now.queue.set_holders(self.sitting.now.held_by_others())
        self.panel.queue.show_queue(self._now.queue, task.id)
        other = self._now.queue.first_open(task.id)
        if other is None:
            return False
        told = messages.elsewhere_words(task.file_name, self._now.queue.holder(task.id))
        self.go_to(other, by_choice=False, afterwards=partial(self.panel.say, told))
        return True

    def next_image(self) -> None:
        """Go to the image after this one, done or not."""
        self._step(1)

    def previous_image(self) -> None:
        """Go to the image before this one, done or not."""
        self._step(-1)

    def _step(self, by: int) -> None:
        task = self._now.queue.neighbour(self._now.here, by)
        if task is None:
            self.panel.say(messages.NO_MORE)
        else:
            self.go_to(task)

    def done(self) -> None:
        """Finish the image and open the next one; asks first if boxes are still open."""
        if self._now.read_only:
            self.panel.say(self._now.read_only)
        elif self.desk.open_boxes:
            self._words.ask()
        else:
            self._finish()

    def _settle_open(self, command: Decide) -> None:
        if self.desk.give(command, [box.id for box in self.desk.open_boxes]):
            self._finish()

    def _finish(self) -> None:
        project, task = self._project, self._now.task
        if project is None or task is None or self.desk.document is None:
            return
        try:
            finish_task(project, task, self._person)
        except AlcError as error:
            self.panel.say(str(error))
            return
        self._now.finish(task, self._person)
        self.panel.queue.rows.update(task.id)
        self._later.start()
        # only what others did meanwhile can still bring one
        if self._now.queue.first_open(task.id) is not None or self._read():
            self._go_on(task.id)

    def _catch_up(self) -> None:
        """Tell what a finished image changes elsewhere, once the next one has been drawn."""
        try:
            if self._now.is_old:
                self._read()
            elif self._project is not None:
                self._now.tell_pace(self._project, self._person)
        except AlcError as error:
            self.panel.say(str(error))
        self._words.show_progress()
        self.changed.emit()

    def _revert_elsewhere(self, task_id: int, way: str) -> None:
        """Go to the image that the last decision concerns, and take it back there."""
        task = self._now.queue.find(task_id)
        if task is None:
            self.panel.say(messages.NO_MORE)
            return

        def revert() -> None:
            self.desk.commands()[way]()
            if not self.panel.message.text():  # else it was refused, and says why
                self.panel.say(messages.back_on(task.file_name, way))

        self.go_to(task, afterwards=revert)

    def _on_shared(self, told: str) -> None:
        self._close("")
        self.refresh()
        if told:
            self.panel.say(told)

    def _go_to_difference(self, task_id: int, box_id: int | None) -> None:
        if self._now.queue.find(task_id) is None and not self._read():
            return
        task = self._now.queue.find(task_id)
        if task is None:
            self.panel.say(READ_AGAIN)
            return
        look = None if box_id is None else partial(self.desk.look_at_box, box_id)
        self.go_to(task, afterwards=look)

    def _look(self) -> None:
        """Follow napari's preferences: keys, colours, words."""
        self.panel.refresh_keys()
        self.help.refresh()
        self.view.read_preferences()
        if self.keys.problems:
            self.panel.say(" ".join(self.keys.problems))

    def _on_looks(self) -> None:
        self.panel.filter.set_colours(self.desk.canvas.looks.colours)
        self._words.show_boxes()

    def _on_lost(self, reason: str) -> None:
        self._now.read_only = reason
        self.desk.canvas.set_read_only(True)
        self._words.show_boxes()

    def _on_moved(self) -> None:
        self.sitting.resume()
        if self._now.here is not None and self.desk.document is not None:
            boxes = self.desk.at_hand
            self.sitting.clock.look_at(self._now.here, boxes[0].id if len(boxes) == 1 else None)
        self._words.show_boxes()

    def _on_decided(self) -> None:
        self.sitting.resume()
        self.panel.ask_bar.tell("")
        task = self._now.task
        if task is not None and task.is_done:
            self._now.reopen(task)
            self._words.show_task()
            self._later.start()
        self._words.count_boxes()
        self._words.show_boxes()
