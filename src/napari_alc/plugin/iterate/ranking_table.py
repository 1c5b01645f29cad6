"""The ranking as a table: thousands of images, cells made as they come into sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QLineEdit, QVBoxLayout, QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.iterate.thumbnails import SIDE, Thumbnails
from napari_alc.plugin.palettes import COLOURS, LETTERS
from napari_alc.plugin.widgets.tables import TableModel, TableView
from napari_alc.project.steps.overrides import Ranking
from napari_alc.project.storage.records import RankedImage

ROW_HEIGHT = SIDE + 4

HEIGHT = 290
"""Pixels: the heading and six images."""

RANK, THUMBNAIL, NAME, SCORE, RED, GREEN, PINK, GRAY = range(8)

REGIONS = {RED: "red", GREEN: "green", PINK: "pink", GRAY: "gray"}

NEXT, ADDED, TAKEN_OUT = "next", "added", "out"
"""What stands below an image's rank."""

UNREADABLE = "This image cannot be shown; its file is missing or damaged."

FOUND_ROLE = Qt.ItemDataRole.UserRole
"""What a search looks through."""

_Role = Qt.ItemDataRole


def choice_words(row: RankedImage) -> str:
    """What a person chose about an image, who, and why; empty where nobody did."""
    if row.override is None:
        return ""
    verb = "taken out" if row.is_excluded else "added"
    return f"{verb} by {row.override.person}: {row.override.reason}"


class RankingModel(TableModel):
    """A row an image; thumbnails are made for the rows that are painted."""

    def __init__(self) -> None:
        super().__init__(tooltips.SELECTION_COLUMNS)
        self.thumbnails = Thumbnails(self)
        self.thumbnails.ready.connect(self._show_thumbnail)
        self._rows: tuple[RankedImage, ...] = ()
        self._place: dict[str, int] = {}
        self._chosen: frozenset[int] = frozenset()
        self._folder = Path()
        self._swatches = {column: _swatch(region) for column, region in REGIONS.items()}

    def set_ranking(self, ranking: Ranking, k: int, folder: Path) -> None:
        """Show a ranking.

        Parameters
        ----------
        k
            How many images come next.
        folder
            What the file names are relative to.
        """
        order = [row.file_name for row in ranking.rows]
        is_new = folder != self._folder or order != list(self._place)
        if is_new:
            self.beginResetModel()
        self._rows, self._folder = ranking.rows, folder
        self._place = {name: place for place, name in enumerate(order)}
        self._chosen = frozenset(row.image_id for row in ranking.chosen(k))
        if is_new:
            self.thumbnails.forget()
            self.endResetModel()
        elif order:  # the list stays where it was scrolled to
            self.dataChanged.emit(self.index(0, 0), self.index(len(order) - 1, GRAY))

    def row(self, place: int) -> RankedImage:
        """The image in a row."""
        return self._rows[place]

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """A cell's text, picture, alignment and whole text."""
        row, column = self._rows[index.row()], index.column()
        if role == _Role.DisplayRole:
            return self._text(row, column)
        if role == _Role.ToolTipRole:
            return self._whole_text(row, column)
        if role == _Role.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column == NAME else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == FOUND_ROLE:
            return f"{row.file_name} {self._choice(row)} {choice_words(row)}"
        return self._picture(row, role) if column == THUMBNAIL else None

    def _picture(self, row: RankedImage, role: int) -> Any:
        if role == _Role.DecorationRole:
            return self.thumbnails.picture(self._folder / row.file_name)
        # said beforehand: measuring the column must not read images
        return QSize(SIDE + 6, ROW_HEIGHT) if role == _Role.SizeHintRole else None

    def _text(self, row: RankedImage, column: int) -> str | None:
        if column in REGIONS:
            return str(getattr(row, REGIONS[column]))
        if column == THUMBNAIL:
            return None
        return {
            RANK: _lines(f"{row.rank:,}", self._choice(row)),
            NAME: _lines(row.file_name, row.override.reason if row.override else ""),
            SCORE: f"{row.score:.2f}",
        }[column]

    def _whole_text(self, row: RankedImage, column: int) -> str | None:
        if column == THUMBNAIL:
            picture = self.thumbnails.picture(self._folder / row.file_name)
            return UNREADABLE if picture is not None and picture.isNull() else row.file_name
        if column == NAME:
            return _lines(row.file_name, choice_words(row))
        if column == RANK:
            return choice_words(row) or (
                tooltips.CHOSEN_BY_RANK if self._choice(row) else tooltips.NOT_CHOSEN
            )
        return self._text(row, column)

    def _choice(self, row: RankedImage) -> str:
        if row.override is not None:
            return TAKEN_OUT if row.is_excluded else ADDED
        return NEXT if row.image_id in self._chosen else ""

    def _show_thumbnail(self, path: Path) -> None:
        place = self._place.get(path.relative_to(self._folder).as_posix())
        if place is not None:
            self.dataChanged.emit(self.index(place, THUMBNAIL), self.index(place, THUMBNAIL))

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> Any:
        """A column's name, or its colour, and what it means."""
        if orientation == Qt.Orientation.Horizontal and section in REGIONS:
            if role == _Role.DisplayRole:
                return ""
            if role == _Role.DecorationRole:
                return self._swatches[section]
        return super().headerData(section, orientation, role)


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _swatch(region: str) -> QPixmap:
    """A square in a region's colour with its letter, narrower than the colour's name."""
    swatch = QPixmap(16, 16)
    swatch.fill(QColor(COLOURS[region]))
    painter = QPainter(swatch)
    font = QFont(painter.font())
    font.setBold(True)
    font.setPixelSize(12)
    painter.setFont(font)
    painter.setPen(QColor("black"))
    painter.drawText(swatch.rect(), Qt.AlignmentFlag.AlignCenter, LETTERS[region])
    painter.end()
    return swatch


class RankingTable(QWidget):
    """The ranked images with a search; one of them can be picked."""

    picked = Signal(object)
    """Emitted with the `RankedImage` that was clicked, or None where none is picked any more."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = RankingModel()
        self._found = QSortFilterProxyModel()
        self._found.setSourceModel(self.rows)
        self._found.setFilterKeyColumn(NAME)
        self._found.setFilterRole(FOUND_ROLE)
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find: a name, “next”, “added” or “taken out”")
        self.search.setToolTip(tooltips.FIND_RANKED)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._found.setFilterFixedString)
        self.table = TableView(self._found, wide=NAME)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.setIconSize(QSize(SIDE, SIDE))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setFixedHeight(HEIGHT)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._tell())
        self._found.modelReset.connect(self._tell)
        self.rows.dataChanged.connect(self._fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.search)
        layout.addWidget(self.table)

    @property
    def picked_row(self) -> RankedImage | None:
        """The image that is picked."""
        indexes = self.table.selectionModel().selectedRows()
        return self.rows.row(self._found.mapToSource(indexes[0]).row()) if indexes else None

    def _fit(self, first: QModelIndex) -> None:
        """Give what was chosen by hand room; thumbnails that come change no width."""
        if first.column() == RANK:
            self.table.resizeColumnToContents(RANK)

    def _tell(self) -> None:
        self.picked.emit(self.picked_row)
