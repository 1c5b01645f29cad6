"""Every command of the review, on its state and on the document of the open image.

Nothing here knows Qt or napari; what shows image and boxes is a `BoxCanvas`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from napari_alc.plugin.review import messages
from napari_alc.plugin.review.box_commands import BoxCanvas, BoxCommands
from napari_alc.plugin.review.image_commands import ImageCommands
from napari_alc.plugin.review.image_loader import ImageOpener, ReadAhead
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.plugin.review.session import SessionKeeper
from napari_alc.plugin.review.state import EVERYTHING, ReviewState
from napari_alc.project.project import Project


class ReviewController:
    """Opens projects and sessions, and brings the commands on images and boxes together."""

    def __init__(self, canvas: BoxCanvas, reader: ReadAhead) -> None:
        self._canvas = canvas
        self.state = ReviewState()
        self.session = SessionKeeper()
        self.boxes = BoxCommands(self.state, canvas)
        self.opener = ImageOpener(reader)
        self.images = ImageCommands(self.state, self.boxes, self.session, self.opener)
        self.boxes.selection.changed.connect(self._on_current)
        self.boxes.decided.connect(self._on_decided)
        self.boxes.remarked.connect(self._on_remarked)
        self.boxes.lost.connect(self._on_lost)
        self.session.lost.connect(self._on_lost)
        self.session.troubled.connect(self.state.notify)
        self.session.recovered.connect(self.state.take_back)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do, by the command's name."""
        others = {"pause": self.session.toggle_pause, "stored": self._say_stored}
        return self._answering(self.boxes.commands() | self.images.commands() | others)

    def _answering(
        self, commands: Mapping[str, Callable[[], None]]
    ) -> dict[str, Callable[[], None]]:
        """Commands that answer the question about open boxes while it stands."""
        images = self.images
        answers = {
            "keep": images.keep_open,
            "delete": images.delete_open,
            "stop_drawing": images.go_back,
        }

        def answer(name: str) -> None:
            (answers if self.state.is_asking else commands)[name]()

        return {**commands, **{name: partial(answer, name) for name in answers}}

    def _say_stored(self) -> None:
        self.state.notify(messages.ALL_STORED)

    def set_project(self, project: Project | None, person: str) -> None:
        """Open the image that `person` was at, else the first unfinished one."""
        self.end_session()
        self.images.project, self.images.person, state = project, person, self.state
        state.queue, state.task, state.pace = ReviewQueue(), None, None
        state.unfinished, state.is_queue_old = 0, False
        state.categories = () if project is None else project.categories()
        state.category_id = state.categories[0].id if state.categories else 0
        state.project_changed.emit(project)
        self.boxes.selection.set_filter(EVERYTHING)
        self._begin_session()
        self.refresh()

    def _begin_session(self) -> None:
        project, session = self.images.project, None
        if project is not None:
            session = self.session.begin(project, self.images.person)
            self.boxes.selection.history = session.history
        self.opener.begin(project, session)

    def end_session(self) -> None:
        """Let others have the image; everything is stored already but the last seconds."""
        self.opener.begin(self.images.project, None)
        self.session.end()

    def begin_again(self) -> None:
        """Go on where a session was ended without another project being opened."""
        if self.session.now is None and self.images.project is not None:
            self.set_project(self.images.project, self.images.person)

    def set_person(self, person: str) -> None:
        """Decide in another name from now on; one person does not take back another's decision."""
        if person == self.images.person or self.images.project is None:
            return
        here = self.state.task_id
        self.end_session()
        self.images.person = person
        self._begin_session()
        self.state.task = None
        self.refresh()
        task = None if here is None else self.state.queue.find(here)
        if task is not None:
            self.images.go_to(task)

    def refresh(self) -> bool:
        """Read the queue from the store again; the image that is open stays.

        Returns whether the store could be read; where not, a message says why.
        """
        if not self.images.read():
            return False
        here = self.state.task_id
        if here is None or self.state.queue.find(here) is None:
            self.images.open_first()
        return True

    def begin_anew(self, message: str) -> None:
        """Read the queue once images were shared among readers, or not shared any more."""
        self.images.close("")
        self.refresh()
        if message:
            self.state.notify(message)

    def go_to_difference(self, task_id: int, box_id: int | None) -> None:
        """Open an image on which readers differ, at the box in question."""
        queue = self.state.queue
        if queue.find(task_id) is None and not self.images.read():
            return
        task = self.state.queue.find(task_id)
        if task is None:
            self.state.notify(messages.READ_AGAIN)
            return
        look = None if box_id is None else partial(self.boxes.selection.look_at_box, box_id)
        self.images.go_to(task, afterwards=look)

    def _on_lost(self, reason: str) -> None:
        self.state.read_only = reason
        self._canvas.set_read_only(True)
        self.state.boxes_changed.emit()

    def _on_current(self) -> None:
        self.session.resume()
        if self.state.task_id is not None and self.state.document is not None:
            boxes = self.state.current_boxes
            self.session.look_at(self.state.task_id, boxes[0].id if len(boxes) == 1 else None)
        self.state.boxes_changed.emit()

    def _on_decided(self) -> None:
        state, task, document = self.state, self.state.task, self.state.document
        self.session.resume()
        state.ask(False)
        if task is not None and task.is_finished:
            self.images.reopen(task)
        if task is not None and document is not None:
            state.queue.set_opened(task.id, len(document.open_boxes))
            state.entry_changed.emit(task.id)
        state.boxes_changed.emit()

    def _on_remarked(self) -> None:
        """A note or a flag has changed; an image that is left out waits for nobody."""
        state, task, document = self.state, self.state.task, self.state.document
        self.session.resume()
        if task is not None and document is not None and task.is_excluded != document.is_excluded:
            self.images.set_excluded(task, document.is_excluded)
        state.boxes_changed.emit()
