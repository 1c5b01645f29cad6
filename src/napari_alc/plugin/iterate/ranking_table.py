"""The ranking as a table: thousands of images, cells made as they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QModelIndex, QObject, QSize, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QLineEdit, QWidget

from napari_alc.errors import AlcError
from napari_alc.formats.images import normalise, read_image
from napari_alc.plugin import tooltips
from napari_alc.plugin.palettes import COLOURS, LETTERS
from napari_alc.plugin.widgets.controls import stack_in
from napari_alc.plugin.widgets.tables import TableModel, TableView
from napari_alc.project.steps.overrides import Ranking
from napari_alc.project.storage.records import RankedImage

SIDE = 40
"""Pixels of a thumbnail's longer side."""

KEPT = 256
"""Thumbnails held: 1.6 MB."""

MOST_WAITING = 64
"""Thumbnails asked for and not begun; the oldest have long been scrolled past."""

THREADS = 2
"""Images that are read at a time; each takes its own memory while it is."""

SAMPLED = 4
"""Pixels along a side that one pixel of the thumbnail is the mean of, at most."""

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


def thumbnail(path: Path) -> QImage:
    """The 8-bit view of an image, its longer side `SIDE` pixels; null where it is unreadable."""
    try:
        pixels = read_image(path)
    except AlcError:
        return QImage()
    step = max(1, max(pixels.shape[:2]) // (SAMPLED * SIDE))
    small = np.ascontiguousarray(normalise(pixels[::step, ::step]))
    kinds = QImage.Format
    kind = kinds.Format_Grayscale8 if small.ndim == 2 else kinds.Format_RGB888
    height, width = small.shape[:2]
    whole = QImage(small.data, width, height, small.strides[0], kind)
    shape, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    # a copy of its own: the array is gone when this returns
    return whole.scaled(SIDE, SIDE, shape, smooth).copy()


class Thumbnails(QObject):
    """Makes thumbnails and keeps the last few hundred; once its parent goes, no more is read."""

    ready = Signal(object)
    """Emitted in the main thread with the path of an image whose thumbnail is there."""

    _made = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="napari-alc-thumbnail")
        parent.destroyed.connect(lambda: pool.shutdown(wait=False, cancel_futures=True))
        self._pool = pool
        self._kept: OrderedDict[Path, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[Path, Future[QImage]] = OrderedDict()
        self._made.connect(self._keep)

    def picture(self, path: Path) -> QPixmap | None:
        """The thumbnail of an image; None while it is made, null where it cannot be."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        if path not in self._waiting:
            self._ask(path)
        return None

    def forget(self) -> None:
        """Drop every thumbnail."""
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self._kept.clear()

    def _ask(self, path: Path) -> None:
        future = self._pool.submit(thumbnail, path)
        self._waiting[path] = future
        future.add_done_callback(lambda done: self._tell(path, done))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)[1].cancel()

    def _tell(self, path: Path, done: Future[QImage]) -> None:
        # the window may be gone when the thread comes back
        if not done.cancelled() and isalive(self):
            self._made.emit(path, done.result())

    def _keep(self, path: Path, image: QImage) -> None:
        if self._waiting.pop(path, None) is None:  # forgotten meanwhile
            return
        self._kept[path] = QPixmap.fromImage(image)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.ready.emit(path)


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
        """Show a ranking of images in a folder, of which `k` come next."""
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
    """Emitted with the `RankedImage` that was picked, or None where none is picked any more."""

    clicked = Signal()
    """Emitted when an image is clicked, be it picked already or not."""

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
        self.table.clicked.connect(lambda _: self.clicked.emit())
        self._found.modelReset.connect(self._tell)
        self.rows.dataChanged.connect(self._fit)
        stack_in(self, self.search, self.table).setSpacing(4)

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
