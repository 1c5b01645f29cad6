"""Read-only tables that stay quick with thousands of rows, and grids of a few figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractItemModel, QAbstractTableModel, QEvent, QModelIndex, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from napari_alc.plugin.widgets.controls import words

Cell = str | int | float
Row = tuple[Cell, ...]

ROW_HEIGHT = 22

MEASURED_ROWS = 50
"""Rows that tell how wide a column must be; measuring thousands takes too long."""


class TableModel(QAbstractTableModel):
    """Rows under headings with tooltips; what a cell shows is left to who knows the rows."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        super().__init__()
        self._names = tuple(columns)
        self._tooltips = tuple(columns.values())
        self._rows: Sized = ()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: ARG002, N802
        """How many rows there are."""
        return len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: ARG002, N802
        """How many columns there are."""
        return len(self._names)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """A column's name and what it means."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._names[section]
        return self._tooltips[section] if role == Qt.ItemDataRole.ToolTipRole else None


class RowsModel(TableModel):
    """Rows of plain values."""

    _rows: Sequence[Row]

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text, whole text and alignment."""
        value = self._rows[index.row()][index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return str(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            is_name = self._names[index.column()] == "Image"
            side = Qt.AlignmentFlag.AlignLeft if is_name else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class TableView(QTableView):
    """A read-only table of whole rows; the column `wide`, from 0, takes what room is left.

    The columns are fitted whenever the model is reset.
    """

    def __init__(self, model: QAbstractItemModel, wide: int) -> None:
        super().__init__()
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setResizeContentsPrecision(MEASURED_ROWS)
        header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        # left to Qt, each changed row would have all columns measured: 3 ms a decision
        model.modelReset.connect(self._fit_columns)
        self._fit_columns()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Give the columns room in the letters that they are shown in."""
        super().showEvent(event)
        self._fit_columns()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow napari's letters and theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_columns()

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        for column in range(header.count()):
            if header.sectionResizeMode(column) != QHeaderView.ResizeMode.Stretch:
                self.resizeColumnToContents(column)


class RowsTable(TableView):
    """A table of `columns` (name to tooltip) that is filled with `rows`."""

    def __init__(self, columns: Mapping[str, str], wide: str) -> None:
        self._columns = list(columns)
        self.rows = RowsModel(columns)
        super().__init__(self.rows, self._columns.index(wide))

    def align_left(self, *columns: str) -> None:
        """Show words at the left, as names are."""
        # kept: Qt does not own the delegates of columns
        self._left = LeftAligned(self)
        for column in columns:
            self.setItemDelegateForColumn(self._columns.index(column), self._left)


class LeftAligned(QStyledItemDelegate):
    """For columns of words among columns of numbers."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # noqa: N802
        """Move the text to the left."""
        super().initStyleOption(option, index)
        option.displayAlignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Figures:
    """A row: its name, then its figures."""

    cells: tuple[str, ...]
    tooltip: str = ""


class FigureGrid(QWidget):
    """Names to the left, figures to the right of them; hidden while it has no rows."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self.hide()

    def show_rows(self, headings: Sequence[str], rows: Sequence[Figures]) -> None:
        """Show other figures."""
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        for place, row in enumerate((Figures(tuple(headings)), *rows) if rows else ()):
            for column, text in enumerate(row.cells):
                label = _label(text, row.tooltip, column, place == 0)
                self._grid.addWidget(label, place, column)
        self.setVisible(bool(rows))


def _label(text: str, tooltip: str, column: int, is_heading: bool) -> QLabel:
    label = words(text, tooltip)
    label.setWordWrap(column == 0)  # names give way to figures
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    label.setAlignment(side | Qt.AlignmentFlag.AlignBottom)
    if is_heading:
        label.setStyleSheet("font-weight: bold;")
    return label
