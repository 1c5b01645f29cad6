"""Commands on how the review looks: contrast, words, colours, hiding; no decision is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from qtpy.QtCore import QObject, Signal

from napari_alc.plugin import preferences
from napari_alc.plugin.palettes import PALETTES
from napari_alc.plugin.review.canvas.canvas import ReviewCanvas
from napari_alc.plugin.review.canvas.label_layer import LabelKind
from napari_alc.plugin.review.messages import LABEL_WORDS


class ViewCommands(QObject):
    """Changes how the canvas looks and remembers it."""

    changed = Signal()
    """Emitted when contrast or colours have changed."""

    notified = Signal(str)
    """Emitted with what a person should know."""

    def __init__(self, canvas: ReviewCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self.canvas = canvas
        canvas.image.notified.connect(self.notified)
        self.read_preferences()

    def commands(self) -> dict[str, Callable[[], None]]:
        """What keys and buttons do here, by the command's name."""
        image = self.canvas.image
        return {
            "hide_boxes": lambda: self.canvas.set_visible(False),
            "whole_image": image.look_at_whole,
            "contrast": lambda: self._contrast(image.toggle_stretch),
            "darker": lambda: self._contrast(image.darker),
            "brighter": lambda: self._contrast(image.brighter),
            "local_contrast": lambda: self._contrast(image.toggle_local),
            "labels": self.next_labels,
            "palette": self.next_palette,
        }

    def show_boxes(self) -> None:
        """End what holding the key that hides the boxes began."""
        self.canvas.set_visible(True)

    def read_preferences(self) -> None:
        """Look as napari's preferences say."""
        self.canvas.set_palette(preferences.palette())
        self.canvas.set_labels(cast("LabelKind", preferences.labels()))
        self.changed.emit()

    def next_labels(self) -> None:
        """Write something else beside the boxes."""
        kind = _after(preferences.labels(), list(LABEL_WORDS))
        preferences.set_labels(kind)
        self.canvas.set_labels(cast("LabelKind", kind))
        self.notified.emit(LABEL_WORDS[kind])

    def next_palette(self) -> None:
        """Take other colours."""
        name = _after(preferences.palette(), list(PALETTES))
        preferences.set_palette(name)
        self.canvas.set_palette(name)
        self.changed.emit()
        self.notified.emit(f"Colours: {name}.")

    def _contrast(self, change: Callable[[], None]) -> None:
        change()
        self.changed.emit()


def _after(value: str, values: list[str]) -> str:
    place = values.index(value) if value in values else -1
    return values[(place + 1) % len(values)]
