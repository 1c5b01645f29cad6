"""Where readers differ, and how far each two of them agree."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import error_words, heading, show_words, words
from napari_alc.plugin.widgets.tables import Row, RowsTable
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import Difference, PairAgreement, agreement, differences
from napari_alc.wording import UNKNOWN, counted, verdict_words

NOTHING_READ = "No image has been read by two readers yet."

NO_DIFFERENCE = "No difference in the images that all of their readers have finished."

PAIRS_HEIGHT = 98
"""Pixels: the heading and the three pairs of three readers."""


class _LeftAligned(QStyledItemDelegate):
    """For columns of words among columns of numbers."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        option.displayAlignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ReadersView(QWidget):
    """Lists every object on which the readers of a project differ, and their agreement.

    It shows what `set_project` or `refresh` found; neither looks at the project by itself.
    """

    chosen = Signal(int, object)
    """Emitted with a consensus task's id and the id of a box in it; None for no box."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None
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
        self._left = _LeftAligned(self)
        for table, columns in ((self.objects, (1, 2, 3)), (self.pairs, (0,))):
            for column in columns:
                table.setItemDelegateForColumn(column, self._left)

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
        """Show another project, or none."""
        self._project = project
        self.refresh()

    def refresh(self) -> None:
        """Ask the project again."""
        show_words(self.error, "")
        found: Sequence[Difference] = ()
        pairs: Sequence[PairAgreement] = ()
        if self._project is not None:
            try:
                found, pairs = differences(self._project), agreement(self._project)
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
