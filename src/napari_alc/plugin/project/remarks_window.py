"""The window about unsure boxes, notes and flags across images, and the button that opens it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from qtpy.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_alc.errors import AlcError, Refused
from napari_alc.plugin import preferences, tooltips
from napari_alc.plugin.widgets.controls import (
    button_with,
    error_words,
    heading,
    row_of,
    show_words,
    single_shot,
    words,
)
from napari_alc.plugin.widgets.tables import Row, RowsTable
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.annotation.remarks import (
    FlaggedImage,
    RemarkedBox,
    RemarkList,
    flagged_images,
    remarked_boxes,
    unflag_image,
)
from napari_alc.project.annotation.tasks import queue_of
from napari_alc.project.project import Project
from napari_alc.project.readers.second_reader import hand_over, is_own, known_people, take_back
from napari_alc.project.storage.records import FlagKind, ImageFlag
from napari_alc.wording import (
    Refusal,
    blind_words,
    counted,
    form,
    handed_words,
    listed,
    remarks_words,
)

TITLE = "Unsure boxes and notes"

READING = "Reading the project …"

NOTHING_SAID = "Nobody is unsure about a box or has written a note."

NOTHING_AT_ALL = (
    "Nobody is unsure about a box, has written a note or flagged an image. All of that is done in "
    "Review."
)
"""Why the button cannot be pressed."""

ASKED_NOBODY = "Nobody is asked to look at {} any more."

TAKEN_IN = "{} taken in again; what was decided there counts again."

NOT_IN_REVIEW = "{} was not handed to anybody, so Review cannot show it."

RowKey = tuple[int, int | str]
"""Task and box, or image and flag: what a row is about, however often it is read."""

SIZE = (860, 560)
"""Width and height of the window."""

NAME_WIDTH = 170
"""Pixels of the field for a name."""

FLAGS_HEIGHT = 98
"""Pixels: the heading and three flags."""

SOON_MS = 150
"""Decisions follow each other quickly; the list is read once they pause."""


@dataclass(frozen=True)
class RemarksFound:
    """What a project says of boxes and images, and whom one may ask.

    Flagged images that Review can show have a task there, by image id.
    """

    boxes: RemarkList
    images: tuple[FlaggedImage, ...]
    people: tuple[str, ...]
    tasks: Mapping[int, int]

    @classmethod
    def read(cls, project: Project, person: str) -> RemarksFound:
        """Ask a project, as `person` may see it."""
        images = flagged_images(project)
        tasks = {task.image_id: task.id for task in queue_of(project, person)} if images else {}
        return cls(remarked_boxes(project, person), images, known_people(project), tasks)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.boxes.rows or self.boxes.blind or self.images)

    @property
    def flags(self) -> list[tuple[FlaggedImage, ImageFlag]]:
        """Each flag with its image."""
        return [(image, flag) for image in self.images for flag in image.flags]

    @property
    def summary(self) -> str:
        """How much there is, and how much of it nobody sees yet."""
        rows = self.boxes.rows
        noted = sum(row.box.note is not None for row in rows)
        said = remarks_words(len(self.boxes.unsure), noted) if rows else NOTHING_SAID
        return " ".join(filter(None, (said, blind_words(self.boxes.blind))))


class RemarksWindow(QWidget):
    """Lists boxes with a mark or a note, hands them to a second reader, and leads to them."""

    chosen = Signal(int, object)
    """Emitted with a task's id and the id of the box in it that is to be shown; None for no box."""

    taken_in = Signal(object)
    """Emitted with the ids of images that are not left out of the dataset any more."""

    told = Signal(object)
    """Emitted with each `RemarksFound`; None where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(TITLE)
        self.resize(*SIZE)
        self.project: Project | None = None
        self.found: RemarksFound | None = None
        self.query = AsyncQuery(self)
        self._make()
        self._arrange()
        self._connect()
        self._show_what_is_allowed()

    def _make(self) -> None:
        self.summary, self.message, self.error = words(), words(), error_words()
        self.boxes = RowsTable(tooltips.REMARK_COLUMNS, wide="Note")
        self.boxes.align_left("Category", "What", "Who", "When", "Note", "Second reader")
        self.name = QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setMinimumWidth(NAME_WIDTH)
        self.name.setToolTip(tooltips.SECOND_READER)
        self.name.setAccessibleName("Name of the second reader")
        self.ask = button_with("Ask", tooltips.ASK_SECOND_READER)
        self.back = button_with("Take back", tooltips.TAKE_BACK_READER)
        self.flags_title = heading("Flagged images")
        self.flags = RowsTable(tooltips.FLAG_COLUMNS, wide="Why")
        self.flags.align_left("Flag", "Who", "When", "Why")
        self.flags.setMinimumHeight(FLAGS_HEIGHT)
        self.take_in = button_with("Take in again", tooltips.TAKE_IN_AGAIN)
        for table in (self.boxes, self.flags):
            table.setTextElideMode(Qt.TextElideMode.ElideRight)

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.error)
        layout.addWidget(heading(TITLE))
        layout.addWidget(self.summary)
        layout.addWidget(self.boxes, 3)
        layout.addLayout(row_of(QLabel("Ask a second reader"), self.name, self.ask, self.back))
        layout.addWidget(self.flags_title)
        layout.addWidget(self.flags, 1)
        layout.addLayout(row_of(self.take_in))
        layout.addWidget(self.message)

    def _connect(self) -> None:
        self.query.answered.connect(self._on_answer)
        self.query.refused.connect(self._on_refusal)
        self.boxes.activated.connect(self._choose_box)
        self.flags.activated.connect(self._choose_image)
        self.ask.clicked.connect(self._hand_over)
        self.back.clicked.connect(self._take_back)
        self.take_in.clicked.connect(self._take_in)
        self.name.editTextChanged.connect(self._show_what_is_allowed)
        for table in (self.boxes, self.flags):
            table.selectionModel().selectionChanged.connect(self._show_what_is_allowed)

    def set_project(self, project: Project | None) -> None:
        """Speak of another project; it is read when somebody looks."""
        self.close()
        self.query.forget()
        self.project, self.found = project, None
        show_words(self.error, "")
        show_words(self.message, "")
        self._show(RemarksFound(RemarkList(()), (), (), {}))
        self.name.clearEditText()
        self.summary.setText(READING)
        self.told.emit(None)

    def open(self) -> None:
        """Come to the front with what the project says now."""
        show_words(self.message, "")
        if self.isVisible():
            self.refresh()
        self.show()
        self.raise_()
        self.activateWindow()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what the project says now."""
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Read the project again, beside the window."""
        if self.project is not None:
            self.query.ask(partial(RemarksFound.read, self.project, preferences.person()))

    def _on_answer(self, found: RemarksFound) -> None:
        show_words(self.error, "")
        if found != self.found:
            marked = self._marked_keys
            self.found = found
            self._show(found)
            self._mark(marked)
        self.told.emit(found)

    def _on_refusal(self, error: AlcError) -> None:
        show_words(self.error, str(error))
        self.told.emit(None)

    def _show(self, found: RemarksFound) -> None:
        self.summary.setText(found.summary)
        self.boxes.rows.set_rows([_box_row(row) for row in found.boxes.rows])
        self.flags.rows.set_rows([_flag_row(*pair) for pair in found.flags])
        for widget in (self.flags_title, self.flags, self.take_in):
            widget.setVisible(bool(found.images))
        self._offer(found.people)
        self._show_what_is_allowed()

    def _offer(self, people: Sequence[str]) -> None:
        """Offer names; what is being typed stays."""
        typed = self.name.currentText()
        self.name.clear()
        self.name.addItems(list(people))
        self.name.setEditText(typed)

    @property
    def _keys(self) -> tuple[tuple[RowsTable, list[RowKey]], tuple[RowsTable, list[RowKey]]]:
        """What the rows of each table are about."""
        rows = () if self.found is None else self.found.boxes.rows
        flags = [] if self.found is None else self.found.flags
        about: list[RowKey] = [(image.image.id, flag.kind) for image, flag in flags]
        return (self.boxes, [row.key for row in rows]), (self.flags, about)

    @property
    def _marked_keys(self) -> set[RowKey]:
        return {keys[place] for table, keys in self._keys for place in _marked(table)}

    def _mark(self, wanted: Collection[RowKey]) -> None:
        """Mark rows again: those that are still there, whatever is said of them now."""
        flags = QItemSelectionModel.SelectionFlag
        for table, keys in self._keys:
            for place in [place for place, key in enumerate(keys) if key in wanted]:
                index, selection = table.rows.index(place, 0), table.selectionModel()
                selection.select(index, flags.Select | flags.Rows)
                selection.setCurrentIndex(index, flags.NoUpdate)  # arrow keys go on from there

    @property
    def marked_boxes(self) -> list[RemarkedBox]:
        """The boxes in the rows that are marked."""
        rows = () if self.found is None else self.found.boxes.rows
        return [rows[place] for place in _marked(self.boxes)]

    @property
    def _marked_out(self) -> list[FlaggedImage]:
        """The images in marked rows that are left out."""
        flags = [] if self.found is None else self.found.flags
        found = {flags[place][0].image.id: flags[place][0] for place in _marked(self.flags)}
        return [image for image in found.values() if image.is_excluded]

    def _show_what_is_allowed(self) -> None:
        boxes = self.marked_boxes
        self.ask.setEnabled(bool(boxes and self.name.currentText().strip()))
        self.back.setEnabled(any(row.second is not None for row in boxes))
        self.take_in.setEnabled(bool(self._marked_out))

    def _choose_box(self, index: QModelIndex) -> None:
        if self.found is not None:
            task_id, box_id = self.found.boxes.rows[index.row()].key
            self.chosen.emit(task_id, box_id)

    def _choose_image(self, index: QModelIndex) -> None:
        if self.found is None:
            return
        image = self.found.flags[index.row()][0].image
        task_id = self.found.tasks.get(image.id)
        if task_id is None:
            show_words(self.message, NOT_IN_REVIEW.format(image.file_name))
        else:
            self.chosen.emit(task_id, None)

    def _hand_over(self) -> None:
        name = self.name.currentText().strip()
        self._store(partial(_hand_over, rows=self.marked_boxes, reader=name))

    def _take_back(self) -> None:
        rows = [row for row in self.marked_boxes if row.second is not None]
        self._store(partial(_take_back, rows=rows))

    def _take_in(self) -> None:
        images = self._marked_out
        if self._store(partial(_take_in, images=images)):
            self.taken_in.emit([image.image.id for image in images])

    def _store(self, change: Callable[[Project, str], str]) -> bool:
        """Change the project in this person's name, and tell what was done."""
        if self.project is None:
            return False
        try:
            done = change(self.project, preferences.person())
        except AlcError as error:
            show_words(self.message, "")
            show_words(self.error, str(error))
            return False
        show_words(self.message, done)
        self.refresh()
        return True


def _hand_over(project: Project, person: str, rows: Sequence[RemarkedBox], reader: str) -> str:
    others = [row.key for row in rows if not is_own(row, reader)]
    if not others:
        raise Refused(Refusal.OWN_REMARK, reader, rows[0].task.file_name)
    hand_over(project, others, reader, person)
    return " ".join(handed_words(reader, len(others), len(rows) - len(others)))


def _take_back(project: Project, person: str, rows: Sequence[RemarkedBox]) -> str:
    take_back(project, [row.key for row in rows], person)
    return ASKED_NOBODY.format(counted(len(rows), "box"))


def _take_in(project: Project, person: str, images: Sequence[FlaggedImage]) -> str:
    for image in images:
        unflag_image(project, image.image.id, FlagKind.EXCLUDE, person)
    names = [image.image.file_name for image in images]
    return TAKEN_IN.format(f"{listed(names)} {form(len(names), 'is', 'are')}")


def _marked(table: RowsTable) -> list[int]:
    return sorted(index.row() for index in table.selectionModel().selectedRows())


def _box_row(row: RemarkedBox) -> Row:
    second = "" if row.second is None else row.second.reader
    said = row.box.unsure or row.box.note
    when = "" if said is None else _short(said.at)
    return row.task.file_name, row.category, _what(row), row.author, when, _note(row), second


def _what(row: RemarkedBox) -> str:
    parts = {"unsure": row.box.unsure, "note": row.box.note}
    return ", ".join(name for name, said in parts.items() if said is not None)


def _note(row: RemarkedBox) -> str:
    """The note in one line, with its author where somebody else is unsure."""
    note = row.box.note
    if note is None:
        return ""
    text = " ".join(note.text.split())
    return text if note.person == row.author else f"{note.person}: {text}"


def _flag_row(image: FlaggedImage, flag: ImageFlag) -> Row:
    name = image.image.file_name
    title = tooltips.FLAGS[flag.kind.value][0]
    return name, title, flag.person, _short(flag.at), " ".join(flag.words.split())


def _short(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


class RemarksButton(QPushButton):
    """Opens the window, and says how much there is in it; keeps it up to date while seen."""

    def __init__(self, window: RemarksWindow) -> None:
        super().__init__(TITLE)
        self._remarks = window
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._soon = single_shot(self, SOON_MS, self._look)
        self.clicked.connect(window.open)
        window.told.connect(self._tell)
        self._tell(None)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Count anew."""
        super().showEvent(event)
        self.refresh_soon()

    def refresh_soon(self) -> None:
        """Count anew in a moment, where button or window is seen."""
        self._soon.start()

    def _look(self) -> None:
        if self.isVisible() or self._remarks.isVisible():
            self._remarks.refresh()

    def _tell(self, found: RemarksFound | None) -> None:
        is_empty = found is not None and found.is_empty
        self.setEnabled(not is_empty)
        self.setText(TITLE if found is None else _button_words(found))
        self.setToolTip(NOTHING_AT_ALL if is_empty else tooltips.REMARKS)


def _button_words(found: RemarksFound) -> str:
    text = f"{TITLE} ({len(found.boxes.rows):,})"
    return f"{text}, flagged images ({len(found.images):,})" if found.images else text
