"""The page Review: panel and canvas, which show the state and call the controller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QPoint, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.plugin import preferences
from napari_alc.plugin.napari_inside import canvas_widget
from napari_alc.plugin.palettes import OWN, PALETTES
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.box_style import LabelKind
from napari_alc.plugin.review.canvas.canvas import ReviewCanvas
from napari_alc.plugin.review.canvas.image_layer import Contrast
from napari_alc.plugin.review.commands import CATEGORY_COMMANDS
from napari_alc.plugin.review.controller import ReviewController
from napari_alc.plugin.review.image_loader import ReadAhead
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.keys.activity import ActivityWatch
from napari_alc.plugin.review.keys.help_window import HelpWindow
from napari_alc.plugin.review.keys.shortcuts import ReviewKeys
from napari_alc.plugin.review.messages import LABEL_WORDS
from napari_alc.plugin.review.panel.box_menu import OF_BOX, OF_IMAGE, BoxMenu
from napari_alc.plugin.review.panel.note_dialog import NoteDialog
from napari_alc.plugin.review.panel.panel import MORE, ReviewPanel
from napari_alc.plugin.review.readers_windows import ReviewReaders
from napari_alc.plugin.review.state import ReviewState
from napari_alc.plugin.widgets.controls import single_shot
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.project import Project
from napari_alc.project.storage.records import FlagKind, ReviewBox
from napari_alc.wording import verdict_words

REST_MS = 150
"""What others show of a finished image is renewed after the next one has been drawn."""


class ReviewPresenter:
    """Keeps the panel in step with the state."""

    def __init__(
        self, controller: ReviewController, panel: ReviewPanel, canvas: ReviewCanvas
    ) -> None:
        state = self._state = controller.state
        self._boxes, self._panel, self._canvas = controller.boxes, panel, canvas
        state.queue_changed.connect(self._show_queue)
        state.entry_changed.connect(self._show_entry)
        state.task_changed.connect(self._show_here)
        state.progress_changed.connect(self._show_progress)
        state.boxes_changed.connect(self._show_boxes)
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

    def show_look(self) -> None:
        """Show the colours and the contrast in use."""
        self._panel.filter.set_colours(self._canvas.styles.colours)
        self._show_boxes()

    def _show_boxes(self) -> None:
        """Show the current boxes, and what can be done with them."""
        state, panel, document = self._state, self._panel, self._state.document
        panel.set_open(document is not None, state.read_only)
        self._show_progress()
        if document is None:
            return
        panel.show_takes(self._boxes.refused_takes)
        shown, boxes = document.shown, state.current_boxes
        has_scores = any(box.score is not None for box in shown)
        panel.filter.show_counts([state.colour_of(box) for box in shown], has_scores)
        hidden = state.filtered_boxes
        own = sum(state.colour_of(box) == OWN for box in hidden)
        panel.filter.show_hidden(messages.filter_words(len(hidden), own))
        panel.suggestions.show_boxes(state.suggestions)
        panel.show_flags(document.flags)
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
            messages.remark_words(box),
        )
        title = messages.box_title(box, category, position, len(ids))
        return title, " ".join(sentence for sentence in sentences if sentence)


class ViewCommands:
    """Changes how the canvas looks and remembers it."""

    def __init__(
        self, state: ReviewState, canvas: ReviewCanvas, presenter: ReviewPresenter
    ) -> None:
        self._state, self._canvas, self._presenter = state, canvas, presenter
        self._folder: Path | None = None

    def set_project(self, project: Project | None) -> None:
        """Show the images of a project in the contrast that was set there last."""
        self._folder = None if project is None else project.folder
        if project is not None:
            kept = preferences.contrast(project.folder)
            self._canvas.image.contrast = Contrast.read(kept)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do here, by the command's name."""
        image = self._canvas.image
        return {
            "hide_boxes": partial(self._canvas.set_visible, False),
            "whole_image": image.look_at_whole,
            "contrast": partial(self._contrast, image.toggle_stretch),
            "darker": partial(self._contrast, image.darker),
            "brighter": partial(self._contrast, image.brighter),
            "local_contrast": partial(self._contrast, image.toggle_local),
            "labels": self.next_labels,
            "smooth": self.toggle_smooth,
            "palette": self.next_palette,
        }

    def read_preferences(self) -> None:
        """Look as napari's preferences say."""
        self._canvas.set_palette(preferences.palette())
        self._canvas.set_labels(cast("LabelKind", preferences.labels()))
        self._canvas.image.set_smooth(preferences.is_smooth())
        self._presenter.show_look()

    def next_labels(self) -> None:
        """Write something else beside the boxes."""
        kind = _after(preferences.labels(), list(LABEL_WORDS))
        preferences.set_labels(kind)
        self._canvas.set_labels(cast("LabelKind", kind))
        self._state.notify(LABEL_WORDS[kind])

    def toggle_smooth(self) -> None:
        """Draw pixels smoothed, or as squares."""
        is_smooth = not preferences.is_smooth()
        preferences.set_smooth(is_smooth)
        self._canvas.image.set_smooth(is_smooth)
        self._state.notify(messages.SMOOTH[is_smooth])

    def next_palette(self) -> None:
        """Take other colours."""
        name = _after(preferences.palette(), list(PALETTES))
        preferences.set_palette(name)
        self._canvas.set_palette(name)
        self._presenter.show_look()
        self._state.notify(f"Colours: {name}.")

    def _contrast(self, change: Callable[[], None]) -> None:
        change()
        if self._folder is not None:
            preferences.set_contrast(self._folder, self._canvas.image.contrast.text)
        self._presenter.show_look()


def _after(value: str, values: list[str]) -> str:
    place = values.index(value) if value in values else -1
    return values[(place + 1) % len(values)]


class MainThread(QObject):
    """Has the window's own thread call functions that other threads bring."""

    _brought = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._brought.connect(self._call)

    def __call__(self, function: Callable[[], None]) -> None:
        """Call `function` soon, unless the window is gone."""
        if isalive(self):
            self._brought.emit(function)

    def _call(self, function: Callable[[], None]) -> None:
        function()


class ReviewView(QWidget):
    """Panel, canvas, keys and windows of the review."""

    changed = Signal()
    """Emitted when an image was finished or opened again."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.panel = ReviewPanel()
        self.canvas = ReviewCanvas(viewer, self)
        self.reader = ReadAhead(MainThread(self))
        self.destroyed.connect(self.reader.close)
        self.controller = ReviewController(self.canvas, self.reader)
        self.state = self.controller.state
        presenter = ReviewPresenter(self.controller, self.panel, self.canvas)
        self.view_commands = ViewCommands(self.state, self.canvas, presenter)
        self.help = HelpWindow(self)
        self.note_dialog = NoteDialog(self)
        self.readers = ReviewReaders(self, self.controller.session.leave)
        self.rest = single_shot(self, REST_MS, self.controller.images.catch_up)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)
        actions = self.actions_by_name()
        released = {"hide_boxes": self._afresh(partial(self.canvas.set_visible, True))}
        self.panel.connect_commands(actions, released)
        self.keys = ReviewKeys(viewer, self.canvas.layers, actions, released, self)
        watched = canvas_widget(viewer), self
        self._activity = ActivityWatch(self.controller.session, watched, self)
        self.menu = BoxMenu(self, actions)
        self._connect_panel()
        self._connect_canvas()
        self._connect_controller()
        self._key_set = preferences.key_set()
        self._follow_preferences()
        self.controller.set_project(None, "")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """What was done to the layers meanwhile is put right before anything is decided."""
        super().showEvent(event)
        self.canvas.sight.set_right()

    def actions_by_name(self) -> dict[str, Callable[[], None]]:
        """What every key and button does, by the command's name."""
        actions: dict[str, Callable[[], None]] = {
            **self.controller.commands(),
            **self.view_commands.commands(),
            "next_category": self.panel.category.choose_next,
            "help": self.help.toggle,
            "note": self._ask_note,
            **{
                name: partial(self._choose_category, number)
                for number, name in enumerate(CATEGORY_COMMANDS)
            },
        }
        return {name: self._afresh(action) for name, action in actions.items()}

    def _afresh(self, action: Callable[..., None]) -> Callable[..., None]:
        """An action before which the message of the last one goes: it may be true no longer."""

        def act(*given: Any) -> None:
            self.state.turn_away()
            action(*given)

        return act

    def _choose_category(self, number: int) -> None:
        if not self.panel.category.choose(number):
            self.state.notify(messages.no_category(number + 1, len(self.state.categories)))

    def _connect_panel(self) -> None:
        panel, images, boxes = self.panel, self.controller.images, self.controller.boxes
        panel.queue.chosen.connect(self._afresh(images.go_to))
        panel.category.chosen.connect(self._afresh(boxes.set_category))
        panel.filter.changed.connect(self._afresh(boxes.selection.set_filter))
        for button, answer in (
            (panel.ask_bar.keep_all, images.keep_open),
            (panel.ask_bar.delete_all, images.delete_open),
            (panel.ask_bar.go_back, images.go_back),
        ):
            afresh = self._afresh(answer)
            button.clicked.connect(lambda _checked=False, act=afresh: act())
        self.note_dialog.written.connect(self._afresh(boxes.note))
        for kind in FlagKind:
            panel.add_flag(kind, self._afresh(partial(boxes.flag, kind)))
        self.readers.add_to(panel.menus[MORE])
        self.readers.shared.connect(self.controller.begin_anew)
        self.readers.view.chosen.connect(self.controller.go_to_difference)

    def _connect_canvas(self) -> None:
        canvas, boxes, state = self.canvas, self.controller.boxes, self.state
        canvas.picked.connect(self._afresh(boxes.selection.pick))
        canvas.gestures.edited.connect(boxes.apply)
        canvas.gestures.refused.connect(state.notify)
        canvas.sight.put_right.connect(lambda text: state.notify(state.keys.filled(text)))
        canvas.sight.strayed.connect(state.notify)
        canvas.sight.returned.connect(state.take_back)
        canvas.image.notified.connect(state.notify)
        canvas.mouse.menu_asked.connect(self._open_menu)
        self.keys.changed.connect(self._follow_preferences)
        self.keys.refused.connect(state.notify)
        self.keys.used.connect(self.controller.session.note_work)
        self.keys.closing.connect(lambda: state.notify(messages.CLOSING))

    def _open_menu(self, place: QPoint) -> None:
        """Offer what can be done with the box under the mouse, which becomes the current one."""
        state, boxes = self.state, self.controller.boxes
        under = self.canvas.under_pointer()
        if not under:
            self.menu.open_at(place, OF_IMAGE, state.keys)
            return
        if under[0] not in state.current_ids:
            boxes.selection.select(under[:1])
        refusals = boxes.refused_takes
        names = [name for name in OF_BOX if state.models_saw or name not in refusals]
        categories = () if state.read_only else state.categories
        self.menu.open_at(place, names, state.keys, refusals, categories, boxes.set_category)

    def _ask_note(self) -> None:
        """Ask what is to be noted on the current box."""
        boxes = self.state.current_boxes
        if len(boxes) != 1:
            self.controller.boxes.note("")  # says which box is needed
            return
        note = boxes[0].note
        self.note_dialog.open_with("" if note is None else note.text)

    def _connect_controller(self) -> None:
        controller = self.controller
        self.state.project_changed.connect(self._on_project)
        controller.session.paused.connect(self._on_pause)
        controller.opener.came_ahead.connect(self.canvas.image.prepare)
        controller.images.settled.connect(self._start_rest)
        controller.images.caught_up.connect(self._on_caught_up)

    def _on_project(self, project: Project | None) -> None:
        categories = self.state.categories
        self.view_commands.set_project(project)
        self.panel.category.set_categories(categories)
        self.canvas.set_category_names({one.id: one.name for one in categories})
        self.readers.set_project(project)

    def _on_pause(self, is_paused: bool) -> None:
        self.panel.pause_bar.show_sentence(messages.PAUSED if is_paused else "")

    def _start_rest(self) -> None:
        self.rest.start()

    def _on_caught_up(self) -> None:
        self.changed.emit()

    def _follow_preferences(self) -> None:
        """Follow napari's preferences: keys, colours, words."""
        self.state.keys = bindings.current_texts()
        self.panel.show_keys(self.state.keys)
        self.help.refresh()
        self.view_commands.read_preferences()
        self._tell_keys(preferences.key_set())

    def _tell_keys(self, key_set: str) -> None:
        """Say that another key set is in use, and which keys cannot be used."""
        told = list(bindings.current().problems)
        if key_set != self._key_set:
            told.insert(0, self.state.keys.filled(messages.KEY_SET_CHOSEN.format(key_set)))
        self._key_set = key_set
        if told:
            self.state.notify(" ".join(told))
