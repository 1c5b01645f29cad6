"""Which pictures of napari's canvas have reached the screen.

Qt draws later than it is asked to. A box that has become the current one is seen only once a
picture that was begun after that stands on the screen.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject

from napari_alc.plugin.napari_inside import canvas_widget


class Frames(QObject):
    """Counts the pictures that were begun and those that were shown."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._widget = canvas_widget(viewer)
        self._begun = self._shown = self._due = 0
        self._widget.installEventFilter(self)
        self._widget.frameSwapped.connect(self._on_swapped)

    @property
    def are_shown(self) -> bool:
        """Whether everything that was there at the last `expect` has been on the screen since."""
        return self._shown >= self._due

    def expect(self) -> None:
        """Wait for a picture of what there is now."""
        self._due = self._begun + 1
        self._widget.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See that a picture is begun."""
        if event.type() == QEvent.Type.Paint:
            self._begun += 1
        return bool(super().eventFilter(watched, event))

    def _on_swapped(self) -> None:
        # windows are put together anew without a new picture of the canvas, too
        self._shown = self._begun
