"""The keys of the review in napari's window.

While the page is in sight and one of the review's layers is the active one, or none, a key belongs
to the review wherever it is pressed in the window, unless a field for text or another control
wants it. Behind another page no key decides anything. Keys are taken before napari sees them,
which knows neither Tab nor ``?``, and holds arrow keys only without Shift and Alt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from napari.layers import Layer
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

from napari_alc.plugin import preferences
from napari_alc.plugin.review.commands import COMMANDS, TAKEN_OVER
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.keys.bindings import keys_pressed
from napari_alc.plugin.widgets.controls import single_shot


class ReviewKeys(QObject):
    """Does what the keys pressed in napari's window say.

    `released` ends the commands that last while a key is held; `page` owns this.
    """

    changed = Signal()
    """Emitted when other keys are in use, or none of those set can be used."""

    def __init__(
        self,
        viewer: Any,
        layers: Sequence[Layer],
        actions: Mapping[str, Callable[[], None]],
        released: Mapping[str, Callable[[], None]],
        page: QWidget,
    ) -> None:
        super().__init__(page)
        self._viewer, self._layers = viewer, layers
        self._actions, self._released = actions, released
        self._page = page
        self._held: tuple[int, str] | None = None
        self._by_key: dict[str, str] = {}
        self._later = single_shot(self, 0, self._on_change)
        self._take_over()
        page.destroyed.connect(preferences.on_review_change(self._later.start))
        page.installEventFilter(self)
        self._watch()

    def _on_change(self) -> None:
        self._take_over()
        self.changed.emit()

    def _take_over(self) -> None:
        self._by_key = {
            key: name
            for name, keys in bindings.current().keys.items()
            if name in self._actions
            for key in keys
        }

    def _watch(self) -> None:
        """See the keys of every widget between the page, or a canvas, and the window."""
        window = list(_with_parents(self._page))[-1]
        for widget in (self._page, *window.findChildren(QOpenGLWidget)):
            for place in _with_parents(widget):
                place.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take the keys of the review."""
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            return self._press(cast("QKeyEvent", event))
        if kind == QEvent.Type.KeyRelease:
            return self._release(cast("QKeyEvent", event))
        if kind == QEvent.Type.WindowDeactivate:
            self._let_go()
        elif kind == QEvent.Type.Show and watched is self._page:
            self._watch()
        return False

    def _press(self, event: QKeyEvent) -> bool:
        keys = (self._by_key.get(key) for key in keys_pressed(event))
        name = next((name for name in keys if name), None)
        if name is None:
            return False
        if not self._page.isVisible():
            return self._has_boxes and not TAKEN_OVER.keys().isdisjoint(keys_pressed(event))
        self._activate_boxes()
        if not self._has_boxes:
            return False
        command = COMMANDS[name]
        if event.isAutoRepeat() and not command.repeats:
            return True
        if command.held:
            self._held = int(event.key()), name
        self._actions[name]()
        return True

    @property
    def _has_boxes(self) -> bool:
        """Whether keys are for the boxes, and not for another layer."""
        return self._viewer.layers.selection.active in self._layers

    def _activate_boxes(self) -> None:
        """Make the boxes the active layer where none is, as after a click beside the list."""
        layers = self._viewer.layers
        if layers.selection.active is None and self._layers[-1] in layers:
            layers.selection.active = self._layers[-1]

    def _release(self, event: QKeyEvent) -> bool:
        if event.isAutoRepeat() or self._held is None or self._held[0] != int(event.key()):
            return False
        self._let_go()
        return True

    def _let_go(self) -> None:
        """End what lasts while a key is held; its release goes to another window."""
        if self._held is not None:
            (_, name), self._held = self._held, None
            self._released[name]()


def _with_parents(widget: QWidget) -> Iterator[QWidget]:
    place: QWidget | None = widget
    while place is not None:
        yield place
        place = place.parentWidget()
