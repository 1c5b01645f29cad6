"""What the panel says of the review as it stands: the queue, the image, the boxes at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_alc.plugin.review.controller import ReviewController
from napari_alc.plugin.review.panel import messages
from napari_alc.plugin.review.panel.bars import open_question
from napari_alc.plugin.review.panel.messages import Told
from napari_alc.plugin.review.panel.panel import ReviewPanel
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.project.annotation import tasks, time_spent
from napari_alc.project.annotation.document import ReviewBox
from napari_alc.project.annotation.tasks import Task
from napari_alc.project.project import Project


@dataclass
class ReviewStanding:
    """How far a person is.

    Parameters
    ----------
    queue
        The images handed out.
    task
        The one that is open, or being read.
    read_only
        Why it cannot be changed; empty where it can.
    pace
        Seconds a box at the person's own pace, once that is known.
    said
        What several readers decided, by box id.
    unfinished
        Images that nobody had finished when the queue was read, this person's or not.
    is_old
        Whether other images may be in the queue now than when it was read.
    """

    queue: ReviewQueue = field(default_factory=ReviewQueue)
    task: Task | None = None
    read_only: str = ""
    pace: float | None = None
    said: Mapping[int, str] = field(default_factory=dict)
    unfinished: int = 0
    is_old: bool = False

    @property
    def here(self) -> int | None:
        """Id of the task that is open, or None."""
        return None if self.task is None else self.task.id

    def forget(self) -> None:
        """Nothing is handed out and nothing is open."""
        self.queue, self.task, self.pace = ReviewQueue(), None, None
        self.unfinished, self.is_old = 0, False

    def read(self, project: Project, person: str, holders: Mapping[int, str]) -> None:
        """Read from the store what `person` may work on, and how fast they are.

        Parameters
        ----------
        holders
            Who holds an image in another window, by task id.
        """
        queue, unfinished = ReviewQueue.read(project, person, holders), tasks.unfinished(project)
        self.tell_pace(project, person)
        self.queue, self.unfinished, self.is_old = queue, unfinished, False

    def tell_pace(self, project: Project, person: str) -> None:
        """Read from the store how fast `person` is by now."""
        self.pace = time_spent.pace(project, person)

    def finish(self, task: Task, person: str) -> None:
        """An image is finished; the last reading of one makes a joint image."""
        self.queue.finish(task.id, person)
        self.is_old |= task.is_reading

    def reopen(self, task: Task) -> None:
        """A finished image waits again; with a reading, its joint image goes."""
        self.queue.reopen(task.id)
        self.task = self.queue.find(task.id)
        self.is_old |= task.is_reading

    @property
    def why_nothing_is_left(self) -> str:
        """Why no image follows."""
        if self.queue.done < len(self.queue) or self.unfinished:
            return messages.ALL_ELSEWHERE
        return messages.ALL_DONE if len(self.queue) else messages.NOTHING_HANDED_OUT


class ReviewPresenter:
    """Shows a `ReviewStanding` on the panel, in words.

    Parameters
    ----------
    panel, desk
        Of the review.
    """

    def __init__(self, panel: ReviewPanel, desk: ReviewController) -> None:
        self.now = ReviewStanding()
        self._panel, self._desk = panel, desk

    def show_queue(self) -> None:
        """Show the queue as it was read last."""
        now = self.now
        self._panel.queue.show_queue(now.queue, now.here)
        if now.here is not None:
            now.task = now.queue.find(now.here) or now.task
        self.show_task()

    def show_here(self) -> None:
        """Show which image is open."""
        self._panel.queue.show_here(self.now.here)
        self.show_task()

    def show_task(self) -> None:
        """Show what is to be done with it."""
        self._panel.show_task(*messages.task_words(self.now.task))
        self.show_progress()

    def show_progress(self) -> None:
        """Show how far the queue is."""
        queue, pace = self.now.queue, self.now.pace
        done, images = queue.done, len(queue)
        text = messages.progress_words(done, images, queue.boxes_left, pace)
        self._panel.show_progress(text if images else "", done, images)

    def count_boxes(self) -> None:
        """Show how many boxes of the image are still open."""
        task, document = self.now.task, self._desk.document
        if task is not None and document is not None:
            self.now.queue.set_opened(task.id, len(document.open_boxes))
            self._panel.queue.rows.update(task.id)

    def show_boxes(self) -> None:
        """Show the boxes at hand, and what can be done with them."""
        panel, desk, document = self._panel, self._desk, self._desk.document
        panel.set_open(document is not None, self.now.read_only, self._models_saw)
        self.show_progress()
        if document is None:
            return
        shown = document.shown
        names = [desk.name_of(box) for box in shown]
        panel.filter.show_counts(names, any(box.score is not None for box in shown))
        panel.suggestions.show_boxes(desk.canvas.suggested)
        panel.show_view(desk.canvas.is_drawing, desk.canvas.image.contrast_words())
        boxes, still_open = desk.at_hand, [box.id for box in desk.open_boxes]
        seen = self._models_saw
        told = Told(document, still_open, desk.regions, self.now.said, seen, desk.agreement)
        panel.show_box(*told.words(boxes, panel.category_name))
        panel.show_category(boxes[-1].category_id if boxes else desk.category_id)
        if not panel.ask_bar.isHidden():
            panel.ask_bar.tell(self._question)

    def ask(self) -> None:
        """Ask what the boxes still open are, before the image is finished."""
        self._panel.ask(self._question)

    def go_back(self) -> None:
        """Go to the open boxes instead; where the filter hides some, everything is shown."""
        self._panel.ask_bar.tell("")
        hidden = self._hidden
        if not hidden:
            self._desk.next_box()
            return
        self._panel.filter.reset()
        self._desk.look_at_box(hidden[0].id)

    @property
    def _question(self) -> str:
        return open_question(len(self._desk.open_boxes), len(self._hidden))

    @property
    def _hidden(self) -> list[ReviewBox]:
        """The open boxes that the filter hides; those at hand are shown whatever it says."""
        desk, at_hand = self._desk, self._desk.at_hand
        return [
            box
            for box in desk.open_boxes
            if box not in at_hand and not desk.filter.passes(box, desk.name_of(box))
        ]

    @property
    def _models_saw(self) -> bool:
        return self.now.task is not None and self.now.task.models is not None
