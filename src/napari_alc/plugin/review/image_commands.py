"""The commands on images: which one is open, what is finished, what comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from psygnal import Signal

from napari_alc.errors import AlcError
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.box_commands import BoxCommand, BoxCommands
from napari_alc.plugin.review.image_loader import ImageOpener, ReadImage, Request
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.plugin.review.session import SessionKeeper
from napari_alc.plugin.review.state import EVERYTHING, OpenImage, ReviewState
from napari_alc.project.annotation import tasks, time_spent
from napari_alc.project.annotation.document import Direction, ReviewDocument
from napari_alc.project.annotation.session import HeldImage
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import verdicts
from napari_alc.project.readers.sharing import finish_task
from napari_alc.project.storage.records import ReviewStep, Task


class ImageCommands:
    """Goes from image to image of the queue, and finishes them."""

    settled = Signal()
    """Emitted when an image was finished or opened again; `catch_up` is to follow in a while."""

    caught_up = Signal()
    """Emitted when what such an image changes elsewhere can be told."""

    def __init__(
        self, state: ReviewState, boxes: BoxCommands, session: SessionKeeper, opener: ImageOpener
    ) -> None:
        self.project: Project | None = None
        self.person = ""
        self._state, self._boxes, self._session, self._opener = state, boxes, session, opener
        opener.opened.connect(self._on_opened)
        opener.failed.connect(self._cannot_show)
        boxes.elsewhere.connect(self._revert_elsewhere)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do here, by the command's name."""
        return {
            "previous_image": partial(self.step, -1),
            "next_image": partial(self.step, 1),
            "done": self.done,
            "skip": self.skip,
        }

    def read(self) -> bool:
        """Read the queue again, whatever is open; whether the store could be read."""
        try:
            if self.project is not None and self._session.now is not None:
                self._read_queue(self.project, self._session.now.held_by_others())
        except AlcError as error:
            if self._state.task is None:
                self.close(str(error))
            self._state.notify(str(error))
            return False
        self._state.queue_changed.emit()
        return True

    def _read_queue(self, project: Project, holders: Mapping[int, str]) -> None:
        state = self._state
        queue = ReviewQueue.read(project, self.person, holders)
        unfinished = tasks.unfinished(project)
        state.pace = time_spent.pace(project, self.person)
        state.queue, state.unfinished, state.is_queue_old = queue, unfinished, False
        if state.task is not None:
            state.task = queue.find(state.task.id) or state.task

    def open_first(self) -> None:
        """Open the image where the person was, else the first unfinished one."""
        if self.project is None or self._session.now is None:
            self.close(messages.NO_PROJECT)
            return
        place = self._session.now.last_place()
        task = None if place is None else self._state.queue.find(place.task_id)
        if place is not None and task is not None and not task.is_done:
            self.go_to(task, first=place.box_id, by_choice=False)
        else:
            self._go_on(None)

    def _go_on(self, after: int | None) -> None:
        """Open the next unfinished image behind `after`."""
        task = self._state.queue.first_open(after)
        if task is not None:
            self.go_to(task, by_choice=False)
            return
        self._session.leave()
        self.close(messages.why_nothing_is_left(self._state.queue, self._state.unfinished))

    def close(self, message: str) -> None:
        """Show no image, and say why."""
        self._state.task, self._state.read_only = None, ""
        self._opener.drop()
        self._state.ask(False)
        self._boxes.close()
        self._state.task_changed.emit()
        self._state.notify(message)

    def go_to(
        self,
        task: Task,
        first: int | None = None,
        by_choice: bool = True,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        """Open an image; it is shown once it has been read (parameters as of `Request`)."""
        if not self._opener.is_there(task):
            self.close(messages.reading(task.file_name))
        self._state.ask(False)
        self._state.task = task
        self._state.task_changed.emit()
        self._opener.ask(Request(task, first, by_choice, afterwards))

    def _cannot_show(self, reason: str) -> None:
        self._session.leave()
        self._boxes.close()
        self._state.task_changed.emit()
        self._state.notify(messages.unreadable(reason, self._state.keys.first("next_image")))

    def _on_opened(self, request: Request, held: HeldImage, image: ReadImage) -> None:
        project, task, state = self.project, request.task, self._state
        if project is None or (held.held_by and self._pass_over(request)):
            return
        state.read_only = messages.held(held.held_by) if held.held_by else ""
        state.verdicts = verdicts(project, task)
        state.notify("")
        opened = OpenImage(task, held.document, project.settings.method.thresholds(0.0))
        is_close = task.step == ReviewStep.OPEN_BOXES or request.first is not None
        self._boxes.open(opened, image, request.first, is_close)
        neighbours = state.queue.first_open(task.id), state.queue.neighbour(task.id, -1)
        self._opener.read_ahead(other for other in neighbours if other != task)
        if request.afterwards is not None:
            request.afterwards()

    def _pass_over(self, request: Request) -> bool:
        """Take another image in place of one that is held elsewhere, unless it was chosen."""
        task, queue = request.task, self._state.queue
        if request.by_choice or self._session.now is None:
            return False
        queue.set_holders(self._session.now.held_by_others())
        self._state.queue_changed.emit()
        other = queue.first_open(task.id)
        if other is None:
            return False
        why = messages.elsewhere_words(task.file_name, queue.holder(task.id))
        self.go_to(other, by_choice=False, afterwards=partial(self._state.notify, why))
        return True

    def step(self, by: int) -> None:
        """Go to the image `by` places behind this one, done or not."""
        task = self._state.queue.neighbour(self._state.task_id, by)
        if task is None:
            self._state.notify(messages.NO_MORE)
        else:
            self.go_to(task)

    def done(self) -> None:
        """Finish the image and open the next one; asks first if boxes are still open."""
        if self._state.read_only:
            self._state.notify(self._state.read_only)
        elif self._is_excluded:
            self._go_on(self._state.task_id)
        elif self._state.open_boxes:
            self._state.notify("")
            self._boxes.show_whole()
            self._state.ask(True)
        else:
            self._finish()

    @property
    def _is_excluded(self) -> bool:
        document = self._state.document
        return document is not None and document.is_excluded

    def skip(self) -> None:
        """Put the image at the end of the queue, and open the next one."""
        task, session = self._state.task, self._session.now
        if task is None or session is None:
            return
        following = self._state.queue.first_open(task.id)
        try:
            session.skip(task)
        except AlcError as error:
            self._state.notify(str(error))
            return
        self.read()
        if following is None or following.id == task.id:
            self._state.notify(messages.NOTHING_ELSE_WAITS)
        else:
            why = messages.skipped(task.file_name)
            self.go_to(following, by_choice=False, afterwards=partial(self._state.notify, why))

    def set_excluded(self, task: Task, is_excluded: bool) -> None:
        """Whether the image is left out of the dataset."""
        self._state.queue.set_excluded(task.id, is_excluded)
        self._state.task = self._state.queue.find(task.id)
        self._state.entry_changed.emit(task.id)
        self.settled.emit()

    def keep_open(self) -> None:
        """Keep the boxes that are still open, and finish the image."""
        self._settle_open(ReviewDocument.keep)

    def delete_open(self) -> None:
        """Delete the boxes that are still open, and finish the image."""
        self._settle_open(ReviewDocument.delete)

    def _settle_open(self, command: BoxCommand) -> None:
        if self._boxes.execute(command, [box.id for box in self._state.open_boxes]):
            self._finish()

    def go_back(self) -> None:
        """Go to the open boxes instead; where the filter hides some, everything is shown."""
        self._state.ask(False)
        hidden = self._state.hidden_boxes
        if not hidden:
            self._boxes.selection.next_box()
            return
        self._boxes.selection.set_filter(EVERYTHING)
        self._boxes.selection.look_at_box(hidden[0].id)

    def _finish(self) -> None:
        project, task = self.project, self._state.task
        if project is None or task is None or self._state.document is None:
            return
        if self._boxes.is_in_doubt(()):
            return
        try:
            finish_task(project, task, self.person)
        except AlcError as error:
            self._state.notify(str(error))
            return
        self._state.queue.finish(task.id, self.person)
        # the last reading of an image makes a consensus task
        self._state.is_queue_old |= task.is_reading
        self._state.entry_changed.emit(task.id)
        self.settled.emit()
        # only what others did meanwhile can still bring one
        if self._state.queue.first_open(task.id) is not None or self.read():
            self._go_on(task.id)

    def _revert_elsewhere(self, task_id: int, way: Direction) -> None:
        """Go to the image that the last decision concerns, and take it back there."""
        task = self._state.queue.find(task_id)
        if task is None:
            self._state.notify(messages.NO_MORE)
            return
        self.go_to(task, afterwards=partial(self._revert_on, task.file_name, way))

    def _revert_on(self, file_name: str, way: Direction) -> None:
        self._boxes.revert(way)
        if not self._state.message:  # else it was refused, and says why
            self._state.notify(messages.back_on(file_name, way))

    def reopen(self, task: Task) -> None:
        """A finished image waits again."""
        self._state.queue.reopen(task.id)
        self._state.task = self._state.queue.find(task.id)
        # with a reading, its consensus image goes
        self._state.is_queue_old |= task.is_reading
        self.settled.emit()

    def catch_up(self) -> None:
        """Tell what a finished image changes elsewhere, once the next one has been drawn."""
        try:
            if self._state.is_queue_old:
                self.read()
            elif self.project is not None:
                self._state.pace = time_spent.pace(self.project, self.person)
        except AlcError as error:
            self._state.notify(str(error))
        self._state.progress_changed.emit()
        self.caught_up.emit()
