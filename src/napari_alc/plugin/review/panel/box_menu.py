"""The menu of a box: what a right click on it offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QMenu, QWidget

from napari_alc.labels import Category
from napari_alc.plugin.review.commands import COMMANDS, KeyTexts

OF_BOX = ("keep", "delete", "take_mp", "take_ma", "unsure", "note")
"""Commands on a box, in their order."""

OF_IMAGE = ("draw", "whole_image", "next_box", "skip", "done")
"""Commands where no box is."""


class BoxMenu(QMenu):
    """Offers commands with their keys, and the categories; made anew each time it opens."""

    def __init__(self, parent: QWidget, actions: Mapping[str, Callable[[], None]]) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._actions = actions
        self._categories = QMenu("Category", self)

    def open_at(
        self,
        place: QPoint,
        names: Sequence[str],
        keys: KeyTexts,
        refusals: Mapping[str, str] = MappingProxyType({}),
        categories: Sequence[Category] = (),
        choose: Callable[[int], None] | None = None,
    ) -> None:
        """Open at a place of the desktop, with these commands, and with categories to choose.

        `refusals` says why a command cannot be carried out.
        """
        self.clear()
        for name in names:
            entry = self.addAction(f"{COMMANDS[name].label}\t{keys.first(name)}")
            entry.setToolTip(refusals.get(name) or keys.tip(name))
            entry.setEnabled(not refusals.get(name))
            entry.triggered.connect(lambda _checked=False, act=self._actions[name]: act())
        if choose is not None and len(categories) > 1:
            self._add_categories(categories, choose)
        self.popup(place)

    def _add_categories(
        self, categories: Sequence[Category], choose: Callable[[int], None]
    ) -> None:
        self._categories.clear()
        self.addMenu(self._categories)
        for category in categories:
            entry = self._categories.addAction(category.name)
            entry.triggered.connect(lambda _checked=False, chosen=category.id: choose(chosen))
