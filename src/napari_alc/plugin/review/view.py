"""The page Review: panel and canvas, which show the state and call the controller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.canvas import ReviewCanvas
from napari_alc.plugin.review.canvas.scale_bar import canvas_widget
from napari_alc.plugin.review.controller import ReviewController
from napari_alc.plugin.review.image_loader import ReadAhead
from napari_alc.plugin.review.keys.activity import ActivityWatch
from napari_alc.plugin.review.keys.bindings import current_texts
from napari_alc.plugin.review.keys.help_window import HelpWindow
from napari_alc.plugin.review.keys.shortcuts import ReviewKeys
from napari_alc.plugin.review.panel.panel import MORE, ReviewPanel
from napari_alc.plugin.review.presenter import ReviewPresenter
from napari_alc.plugin.review.readers_dialog import ReviewReaders
from napari_alc.plugin.review.view_commands import ViewCommands
from napari_alc.plugin.widgets.controls import single_shot
from napari_alc.project.project import Project

REST_MS = 150
"""What others show of a finished image is renewed after the next one has been drawn."""


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
        self._presenter = ReviewPresenter(self.state, self.panel, self.canvas)
        self.view_commands = ViewCommands(self.canvas, self)
        self.help = HelpWindow(self)
        self.readers = ReviewReaders(self, self.controller.session.leave)
        self.rest = single_shot(self, REST_MS, self.controller.images.catch_up)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)
        actions = self.actions_by_name()
        released = {"hide_boxes": self.view_commands.show_boxes}
        self.panel.connect_commands(actions, released)
        self.keys = ReviewKeys(viewer, self.canvas.layers, actions, released, self)
        watched = canvas_widget(viewer), self
        self._activity = ActivityWatch(self.controller.session, watched, self)
        self._connect_panel()
        self._connect_canvas()
        self._connect_controller()
        self._follow_preferences()
        self.controller.set_project(None, "")

    def actions_by_name(self) -> dict[str, Callable[[], None]]:
        """What every key and button does, by the command's name."""
        return {
            **self.controller.commands(),
            **self.view_commands.commands(),
            "next_category": self.panel.category.choose_next,
            "help": self.help.toggle,
        }

    def _connect_panel(self) -> None:
        panel, images, boxes = self.panel, self.controller.images, self.controller.boxes
        panel.queue.chosen.connect(images.go_to)
        panel.category.chosen.connect(boxes.set_category)
        panel.filter.changed.connect(boxes.selection.set_filter)
        panel.ask_bar.keep_all.clicked.connect(images.keep_open)
        panel.ask_bar.delete_all.clicked.connect(images.delete_open)
        panel.ask_bar.go_back.clicked.connect(images.go_back)
        self.readers.add_to(panel.menus[MORE])
        self.readers.shared.connect(self.controller.begin_anew)
        self.readers.view.chosen.connect(self.controller.go_to_difference)

    def _connect_canvas(self) -> None:
        canvas, boxes, state = self.canvas, self.controller.boxes, self.state
        canvas.picked.connect(boxes.selection.pick)
        canvas.edited.connect(boxes.apply)
        canvas.refused.connect(state.notify)
        canvas.guard.flattened.connect(lambda: state.notify(messages.FLAT))
        canvas.guard.brought_back.connect(
            lambda: state.notify(state.keys.filled(messages.IN_SIGHT))
        )
        self.view_commands.notified.connect(state.notify)
        self.view_commands.changed.connect(self._on_look)
        self.keys.changed.connect(self._follow_preferences)

    def _connect_controller(self) -> None:
        controller = self.controller
        self.state.project_changed.connect(self._on_project)
        controller.session.paused.connect(self._on_pause)
        controller.opener.came_ahead.connect(self.canvas.image.prepare)
        controller.images.settled.connect(self._start_rest)
        controller.images.caught_up.connect(self._on_caught_up)

    def _on_project(self, project: Project | None) -> None:
        categories = self.state.categories
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
        self.state.keys = current_texts()
        self.panel.show_keys(self.state.keys)
        self.help.refresh()
        self.view_commands.read_preferences()
        if self.keys.problems:
            self.state.notify(" ".join(self.keys.problems))

    def _on_look(self) -> None:
        self.panel.filter.set_colours(self.canvas.styles.colours)
        self._presenter.show_boxes()
