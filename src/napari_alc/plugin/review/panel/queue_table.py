"""The queue as a table: search, jump, and the image that is shown marked."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QLineEdit, QVBoxLayout, QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.review.queue import QueueEntry, ReviewQueue
from napari_alc.plugin.widgets.tables import TableModel, TableView
from napari_alc.wording import UNKNOWN

LEAST_HEIGHT = 70
"""Pixels of the table: its heading and two images."""

HERE = "▶ "
"""Marks the image that is shown."""

SEARCH_FROM = 8
"""Shorter queues are seen at a glance and need no search."""

_Role = Qt.ItemDataRole


class QueueModel(TableModel):
    """Cells made when they come into view: ten thousand images cost no more than ten."""

    _rows: ReviewQueue

    def __init__(self) -> None:
        super().__init__(tooltips.QUEUE_COLUMNS)
        self._rows = ReviewQueue()
        self.here: int | None = None
        """Task id of the image that is shown."""

    def set_queue(self, queue: ReviewQueue, here: int | None) -> None:
        """Show another queue; `here` is the task id of the image that is shown."""
        self.beginResetModel()
        self._rows, self.here = queue, here
        self.endResetModel()

    def set_here(self, here: int | None) -> None:
        """Mark another image as the one shown."""
        before, self.here = self.here, here
        self.update(before)
        self.update(here)

    def update(self, task_id: int | None) -> None:
        """Show an image's row as the queue has it now."""
        place = self.place(task_id)
        if place >= 0:
            self.dataChanged.emit(self.index(place, 0), self.index(place, self.columnCount() - 1))

    def place(self, task_id: int | None) -> int:
        """The row of an image; -1 where it is not in the queue."""
        place = None if task_id is None else self._rows.place(task_id)
        return -1 if place is None else place

    def entry(self, place: int) -> QueueEntry:
        """The image in a row."""
        return self._rows[place]

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """A cell's text and alignment; a tooltip says all of it."""
        if role in (_Role.DisplayRole, _Role.ToolTipRole):
            entry = self._rows[index.row()]
            if role == _Role.ToolTipRole and entry.holder:
                return f"{entry.task.file_name}: with {entry.holder}"
            return self._cell(entry, index.column())
        if role == _Role.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if index.column() else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _cell(self, entry: QueueEntry, column: int) -> str:
        task = entry.task
        is_here = task.id == self.here
        score = UNKNOWN if task.score is None else f"{task.score:.2f}"
        cells = (
            f"{HERE}{task.file_name}" if is_here else task.file_name,
            str(task.step),
            score,
            str(entry.red),
            str(entry.green),
            _state(entry, is_here),
        )
        return cells[column]


def _state(entry: QueueEntry, is_here: bool) -> str:
    if entry.holder:
        # the name; where the window is, the tooltip says
        return f"with {entry.holder.partition(',')[0]}"
    if entry.task.is_done:
        return "done"
    return f"{entry.opened} left" if is_here else f"{entry.opened} open"


class QueueTable(QWidget):
    """The images handed to people, with a search where there are many."""

    chosen = Signal(object)
    """Emitted with the `Task` that was clicked or found."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = QueueModel()
        self._found = QSortFilterProxyModel()
        self._found.setSourceModel(self.rows)
        self._found.setFilterKeyColumn(-1)
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText(
            "Find an image: its name, “open” or “done”; Enter goes there"
        )
        self.search.setToolTip(tooltips.SEARCH)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._found.setFilterFixedString)
        self.search.returnPressed.connect(self._go_to_first)
        self.table = TableView(self._found, wide=0)
        self.table.setMinimumHeight(LEAST_HEIGHT)
        # keys belong to the boxes, not to a search in the list
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.clicked.connect(self._choose)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A few rows; the list takes what room is left and scrolls."""
        return QSize(super().sizeHint().width(), LEAST_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the image that is shown in sight."""
        super().resizeEvent(event)
        self._scroll_to(self.rows.here)

    def show_queue(self, queue: ReviewQueue, here: int | None) -> None:
        """Show another queue, or the same one read anew."""
        self.rows.set_queue(queue, here)
        self.search.setVisible(len(queue) >= SEARCH_FROM)
        self._scroll_to(here)

    def show_here(self, here: int | None) -> None:
        """Mark the image that is shown."""
        self.rows.set_here(here)
        self._scroll_to(here)

    def index_of(self, task_id: int | None) -> QModelIndex:
        """Where an image stands in the table; invalid where it is not among those found."""
        place = self.rows.place(task_id)
        return self._found.mapFromSource(self.rows.index(place, 0)) if place >= 0 else QModelIndex()

    def _scroll_to(self, here: int | None) -> None:
        index = self.index_of(here)
        if index.isValid():
            self.table.selectRow(index.row())
            # a row that was clicked stays under the mouse
            if not self.table.viewport().rect().contains(self.table.visualRect(index)):
                self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        else:
            self.table.clearSelection()

    def _go_to_first(self) -> None:
        if self.search.text().strip() and self._found.rowCount():
            self._choose(self._found.index(0, 0))
            # else the list would go on showing that one image
            self.search.clear()
            self.table.doItemsLayout()
            self._scroll_to(self.rows.here)
        # keys belong to the boxes again
        self.search.clearFocus()

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self.rows.entry(self._found.mapToSource(index).row()).task)
