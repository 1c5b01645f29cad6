"""What the panel says of the review's state, in words."""

from __future__ import annotations

from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.canvas import ReviewCanvas
from napari_alc.plugin.review.panel.panel import ReviewPanel
from napari_alc.plugin.review.state import ReviewState
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.storage.records import ReviewBox
from napari_alc.wording import verdict_words


class ReviewPresenter:
    """Keeps the panel in step with the state."""

    def __init__(self, state: ReviewState, panel: ReviewPanel, canvas: ReviewCanvas) -> None:
        self._state, self._panel, self._canvas = state, panel, canvas
        state.queue_changed.connect(self._show_queue)
        state.entry_changed.connect(self._show_entry)
        state.task_changed.connect(self._show_here)
        state.progress_changed.connect(self._show_progress)
        state.boxes_changed.connect(self.show_boxes)
        state.filter_changed.connect(self._show_filter)
        state.question_changed.connect(self._show_question)
        state.notified.connect(panel.show_message)

    def _show_queue(self) -> None:
        self._panel.queue.show_queue(self._state.queue, self._state.task_id)
        self._show_task()

    def _show_entry(self, task_id: int) -> None:
        self._panel.queue.rows.update(task_id)
        self._show_task()

    def _show_here(self) -> None:
        self._panel.queue.show_here(self._state.task_id)
        self._show_task()

    def _show_task(self) -> None:
        self._panel.show_task(*messages.task_words(self._state.task))
        self._show_progress()

    def _show_progress(self) -> None:
        queue = self._state.queue
        done, images = queue.done, len(queue)
        text = messages.progress_words(done, images, queue.boxes_left, self._state.pace)
        self._panel.show_progress(text if images else "", done, images)

    def _show_filter(self) -> None:
        self._panel.filter.show_filter(self._state.filter)

    def _show_question(self) -> None:
        if self._state.is_asking:
            self._panel.show_box("", "")
        self._panel.ask_bar.show_sentence(self._question if self._state.is_asking else "")

    @property
    def _question(self) -> str:
        return messages.open_question(len(self._state.open_boxes), len(self._state.hidden_boxes))

    def show_boxes(self) -> None:
        """Show the current boxes, and what can be done with them."""
        state, panel, document = self._state, self._panel, self._state.document
        panel.set_open(document is not None, state.read_only, state.models_saw)
        self._show_progress()
        if document is None:
            return
        shown, boxes = document.shown, state.current_boxes
        has_scores = any(box.score is not None for box in shown)
        panel.filter.show_counts([state.colour_of(box) for box in shown], has_scores)
        panel.suggestions.show_boxes(state.suggestions)
        panel.show_view(self._canvas.is_drawing, self._canvas.image.contrast_words())
        panel.show_box(*self._box_words(document, boxes))
        panel.category.show_category(boxes[-1].category_id if boxes else state.category_id)
        if state.is_asking:
            panel.ask_bar.show_sentence(self._question)

    def _box_words(self, document: ReviewDocument, boxes: tuple[ReviewBox, ...]) -> tuple[str, str]:
        """A title and a few sentences on the current boxes."""
        state = self._state
        if state.opened is None or len(boxes) != 1:
            return messages.boxes_title(len(boxes)), ""
        [box] = boxes
        ids = [one.id for one in state.open_boxes]
        position = ids.index(box.id) + 1 if box.id in ids else 0
        names = {category.id: category.name for category in state.categories}
        category = names.get(box.category_id, str(box.category_id))
        others = [*document.boxes.values(), *document.suggestions]
        sentences = (
            verdict_words(state.verdicts.get(box.id, ())),
            messages.why_here(box, others, state.models_saw, state.opened.thresholds.iou),
            messages.now_words(box.region, state.regions.get(box.id, box.region)),
        )
        title = messages.box_title(box, category, position, len(ids))
        return title, " ".join(sentence for sentence in sentences if sentence)
