"""The windows about several readers: images shared among them, and where they differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from qtpy.QtCore import QModelIndex, QObject, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.review.panel.bars import CommandMenu
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    heading,
    primary,
    show_words,
    words,
)
from napari_alc.plugin.widgets.tables import Row, RowsTable
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import Difference, PairAgreement, agreement, differences
from napari_alc.project.readers.sharing import readers, share, shareable
from napari_alc.wording import UNKNOWN, counted, sharing_words, verdict_words

WHAT_IT_DOES = (
    "Each reader gets every image that nobody has begun and reads it without seeing what the "
    "others decide. What most of them say becomes the label; where they are split, one person "
    "settles it."
)

NAMES_HEIGHT = 84
"""Pixels: room for four names."""

WIDTH = 420

FRAME = "QPlainTextEdit { border: 1px solid #7a7f88; border-radius: 3px; padding: 2px; }"
"""napari's themes give such a field none, so that it would not be seen."""

_ENDING = "Readings that nobody has begun are taken back; those begun are to be finished."

NOTHING_READ = "No image has been read by two readers yet."

NO_DIFFERENCE = "No difference in the images that all of their readers have finished."

PAIRS_HEIGHT = 98
"""Pixels: the heading and the three pairs of three readers."""

SIZE = (760, 520)
"""Width and height of the window that tells where readers differ."""


class ReadersView(QWidget):
    """Every object on which readers differ, and their agreement, as `set_project` found them."""

    chosen = Signal(int, object)
    """Emitted with a consensus task's id and the id of a box in it; None for no box."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Sequence[Difference] = ()
        self._shown: Sequence[Difference] = ()
        self.summary = words()
        self.only_open = QCheckBox("Only those still open")
        self.only_open.setToolTip(tooltips.DIFFERENCES_OPEN)
        self.objects = RowsTable(tooltips.DIFFERENCE_COLUMNS, wide="Who said what")
        self.pairs = RowsTable(tooltips.AGREEMENT_COLUMNS, wide="Readers")
        self.reasons = words()
        self.error = error_words()
        self._align()
        self._arrange()
        self.objects.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.pairs.setMinimumHeight(PAIRS_HEIGHT)
        self.only_open.toggled.connect(self._show_objects)
        self.objects.clicked.connect(self._choose)
        self.objects.activated.connect(self._choose)
        self.set_project(None)

    def _align(self) -> None:
        self.objects.align_left("Object", "Who said what", "Settled by")
        self.pairs.align_left("Readers")

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.error)
        layout.addWidget(heading("Where readers differ"))
        layout.addWidget(self.summary)
        layout.addWidget(self.only_open)
        layout.addWidget(self.objects, 3)
        layout.addWidget(heading("Agreement of readers"))
        layout.addWidget(self.pairs, 1)
        layout.addWidget(self.reasons)

    def set_project(self, project: Project | None) -> None:
        """Show what a project says now; None for no project."""
        show_words(self.error, "")
        found: Sequence[Difference] = ()
        pairs: Sequence[PairAgreement] = ()
        if project is not None:
            try:
                found, pairs = differences(project), agreement(project)
            except AlcError as error:
                show_words(self.error, str(error))
        self._found = found
        self.summary.setText(_summary(found, pairs))
        self.only_open.setVisible(bool(found))
        self._show_objects()
        self._show_pairs(pairs)

    def _show_objects(self) -> None:
        only_open = self.only_open.isChecked()
        self._shown = [one for one in self._found if not (only_open and one.settled_by)]
        self.objects.rows.set_rows([_object_row(one) for one in self._shown])

    def _show_pairs(self, pairs: Sequence[PairAgreement]) -> None:
        self.pairs.rows.set_rows([_pair_row(pair) for pair in pairs])
        reasons = [
            f"{pair.first} and {pair.second}: no kappa, {pair.why_no_kappa}."
            for pair in pairs
            if pair.kappa is None
        ]
        show_words(self.reasons, "\n".join(reasons))

    def _choose(self, index: QModelIndex) -> None:
        one = self._shown[index.row()]
        self.chosen.emit(one.task_id, one.box_id)


def _summary(found: Sequence[Difference], pairs: Sequence[PairAgreement]) -> str:
    if not found:
        return NO_DIFFERENCE if pairs else NOTHING_READ
    where = counted(len({one.task_id for one in found}), "image")
    opened = sum(not one.settled_by for one in found)
    left = f"{opened:,} still open" if opened else "all of them settled"
    return f"{counted(len(found), 'object')} in {where}; {left}."


def _object_row(one: Difference) -> Row:
    x1, y1, x2, y2 = one.corners
    what = f"{one.category}, {x2 - x1:.0f} × {y2 - y1:.0f} px"
    return one.file_name, what, verdict_words(one.verdicts), one.settled_by or UNKNOWN


def _pair_row(pair: PairAgreement) -> Row:
    kappa = UNKNOWN if pair.kappa is None else f"{pair.kappa:.2f}"
    return f"{pair.first}, {pair.second}", pair.images, pair.boxes, f"{pair.f1:.2f}", kappa


class ReadersDialog(QDialog):
    """Asks for the readers' names and shares the images of a project among them."""

    shared = Signal(str)
    """Emitted once images are shared, or not shared any more, with a sentence that says so."""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._known = readers(project)
        self._waiting = shareable(project)
        self.setWindowTitle("Several readers")
        self.setMinimumWidth(WIDTH)
        self.names = QPlainTextEdit("\n".join(self._known))
        self.names.setToolTip(tooltips.READERS_NAMES)
        self.names.setAccessibleName("Names of the readers")
        self.names.setTabChangesFocus(True)
        self.names.setStyleSheet(FRAME)
        self.names.setFixedHeight(NAMES_HEIGHT)
        self.count = words()
        self.error = error_words()
        self.share = primary("Share", tooltips.READERS_SHARE)
        self.cancel = button_with("Cancel", tooltips.READERS_CANCEL)
        self._arrange()
        self.names.textChanged.connect(self._follow)
        self.share.clicked.connect(self._share)
        self.cancel.clicked.connect(self.reject)
        self._follow()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.share)
        layout = QVBoxLayout(self)
        layout.addWidget(words(WHAT_IT_DOES))
        layout.addWidget(heading("Names of the readers"))
        layout.addWidget(self.names)
        layout.addWidget(self.count)
        layout.addWidget(self.error)
        layout.addLayout(buttons)

    @property
    def entered(self) -> tuple[str, ...]:
        """The names as they are entered."""
        parts = re.split(r"[,\n]", self.names.toPlainText())
        return tuple(part.strip() for part in parts if part.strip())

    def _follow(self) -> None:
        """Say what the button does with what is entered."""
        ending = bool(self._known) and not self.entered
        self.share.setText("Stop sharing" if ending else "Share")
        self.share.setEnabled(ending or bool(self.entered))
        self.count.setText(_ENDING if ending else _count_words(self._waiting))
        show_words(self.error, "")

    def _share(self) -> None:
        try:
            images = share(self._project, self.entered)
        except AlcError as error:
            show_words(self.error, str(error))
            return
        self.accept()
        self.shared.emit(sharing_words(self.entered, images))


def _count_words(images: int) -> str:
    if not images:
        return "No image waits untouched; images that are selected later will be shared."
    shared = counted(images, "image is", "images are")
    return f"{shared} shared now, and so is every image that is selected later."


class ReviewReaders(QObject):
    """The two windows about readers; `leave` lets go of the open image, to be shared too."""

    shared = Signal(str)
    """Emitted with a sentence once images have been shared."""

    def __init__(self, page: QWidget, leave: Callable[[], None]) -> None:
        super().__init__(page)
        self._page, self._leave = page, leave
        self._project: Project | None = None
        self.view = ReadersView(page)
        self.view.setWindowFlag(Qt.WindowType.Window)
        self.view.setWindowTitle("Where readers differ")
        self.view.resize(*SIZE)

    def add_to(self, menu: CommandMenu) -> None:
        """Offer both windows in a menu."""
        menu.add("Several readers…", tooltips.SHARE_IMAGES, self.share)
        menu.add("Where readers differ", tooltips.DIFFERENCES, self.show_differences)

    def set_project(self, project: Project | None) -> None:
        """Speak of another project."""
        self._project = project
        self.view.close()

    def share(self) -> None:
        """Ask for several readers of the images that wait."""
        if self._project is None:
            return
        self._leave()
        sentences: list[str] = []
        dialog = ReadersDialog(self._project, self._page)
        dialog.shared.connect(sentences.append)
        dialog.exec()
        self.shared.emit(sentences[0] if sentences else "")

    def show_differences(self) -> None:
        """Show where several readers differ, in a window of its own."""
        self.view.set_project(self._project)
        self.view.show()
        self.view.raise_()
