"""The keys of the review in napari's window.

While the page is in sight, a key belongs to the review whatever has the focus in the window: a
button, a list, a slider, the canvas. Only a field in which text is typed keeps what it can use.
Behind another page no key decides anything. Keys are taken before napari sees them, which knows
neither Tab nor ``?``, and holds arrow keys only without Shift and Alt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast
from weakref import WeakSet

from napari.layers import Layer
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from napari_alc.plugin import preferences
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.commands import COMMANDS, TAKEN_OVER
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.keys.bindings import key_of, keys_pressed
from napari_alc.plugin.review.keys.places import Places
from napari_alc.plugin.review.keys.presses import Presses
from napari_alc.plugin.widgets.controls import single_shot


class ReviewKeys(QObject):
    """Does what the keys pressed in napari's window say.

    `released` ends the commands that last while a key is held; `page` owns this.
    """

    changed = Signal()
    """Emitted when other keys are in use, or none of those set can be used."""

    refused = Signal(str)
    """Emitted with the reason why a key did nothing."""

    used = Signal()
    """Emitted when a key of the review was pressed: nobody else sees it."""

    closing = Signal()
    """Emitted when napari's window is to be closed, before anybody is asked."""

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
        self._presses, self._places = Presses(), Places()
        self._by_key: dict[str, str] = {}
        self._always: WeakSet[QWidget] = WeakSet()
        self._later = single_shot(self, 0, self._on_change)
        self._take_over()
        page.destroyed.connect(preferences.on_review_change(self._later.start))
        page.installEventFilter(self)
        focus = QApplication.instance().focusChanged
        focus.connect(self._follow_focus)
        page.destroyed.connect(partial(focus.disconnect, self._follow_focus))
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
        below = (self._page, *window.findChildren(QOpenGLWidget))
        self._always = WeakSet(place for widget in below for place in _with_parents(widget))
        for place in self._always:
            place.installEventFilter(self)
        self._follow_focus(None, QApplication.focusWidget())

    def _follow_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        """See the keys of the widget that has the focus before itself does."""
        if before is not None and isalive(before) and before not in self._always:
            before.removeEventFilter(self)
        if now is not None and now.window() in self._always:
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take the keys of the review."""
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            is_taken = self._press(watched, cast("QKeyEvent", event))
            if is_taken:
                self.used.emit()
            return is_taken
        if kind == QEvent.Type.ShortcutOverride:
            return self._claim(watched, cast("QKeyEvent", event))
        if kind == QEvent.Type.KeyRelease:
            return self._release(cast("QKeyEvent", event))
        if kind == QEvent.Type.WindowDeactivate:
            self._presses.forget()
            self._let_go()
        elif kind == QEvent.Type.Close and cast("QWidget", watched).isWindow():
            self.closing.emit()
        elif kind == QEvent.Type.Show and watched is self._page:
            self._watch()
        return False

    def _command(self, watched: QObject, event: QKeyEvent) -> str | None:
        """The command of a key pressed on a widget, unless that is typed into."""
        names = list(keys_pressed(event))
        place = self._places.key(event)
        if place is not None:
            names.append(key_of(place, event.modifiers()))
        found = (self._by_key.get(name) for name in names)
        name = next((name for name in found if name), None)
        return None if name is None or _is_typing(watched, event) else name

    def _claim(self, watched: QObject, event: QKeyEvent) -> bool:
        """Keep napari's menus from what is a key of the review."""
        is_ours = self._command(watched, event) is not None
        if is_ours and self._page.isVisible() and self._layers[-1] in self._viewer.layers:
            event.accept()
            return True
        return False

    def _press(self, watched: QObject, event: QKeyEvent) -> bool:
        name = self._command(watched, event)
        if name is None:
            return False
        if not self._page.isVisible():
            return self._has_boxes and not TAKEN_OVER.keys().isdisjoint(keys_pressed(event))
        if self._layers[-1] not in self._viewer.layers:
            return False
        is_new = self._presses.is_new(int(event.key()), event.timestamp(), event.isAutoRepeat())
        if not is_new and not COMMANDS[name].repeats:
            return True
        if self._is_elsewhere:
            self.refused.emit(messages.BACK_ON_BOXES)
        elif COMMANDS[name].held:
            self._held = int(event.key()), name
            self._actions[name]()
        else:
            self._actions[name]()
        return True

    @property
    def _has_boxes(self) -> bool:
        """Whether one of the review's layers is the active one."""
        return self._viewer.layers.selection.active in self._layers

    @property
    def _is_elsewhere(self) -> bool:
        """Whether another layer was the active one, which the boxes are again."""
        active = self._viewer.layers.selection.active
        if active not in self._layers:
            self._viewer.layers.selection.active = self._layers[-1]
        return active is not None and active not in self._layers

    def _release(self, event: QKeyEvent) -> bool:
        self._presses.release(int(event.key()), event.timestamp(), event.isAutoRepeat())
        if event.isAutoRepeat() or self._held is None or self._held[0] != int(event.key()):
            return False
        self._let_go()
        return True

    def _let_go(self) -> None:
        """End what lasts while a key is held; its release goes to another window."""
        if self._held is not None:
            (_, name), self._held = self._held, None
            self._released[name]()


def _is_typing(widget: QObject, event: QKeyEvent) -> bool:
    """Whether a widget is a field that can use the key: letters are no use to one for numbers."""
    if isinstance(widget, QAbstractSpinBox):
        return not event.text().isalpha()
    if isinstance(widget, QLineEdit | QTextEdit | QPlainTextEdit):
        return not widget.isReadOnly()
    return isinstance(widget, QComboBox) and widget.isEditable()


def _with_parents(widget: QWidget) -> Iterator[QWidget]:
    place: QWidget | None = widget
    while place is not None:
        yield place
        place = place.parentWidget()
