"""The parts of the review page: queue, question before leaving, legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QLabel, QVBoxLayout

from napari_alc.plugin.appearance import COLOURS, MEANINGS, colour_name
from napari_alc.plugin.parts import button_with, words
from napari_alc.plugin.tables import Table
from napari_alc.project.document import ReviewBox
from napari_alc.project.tasks import Task

QUEUE_COLUMNS = {
    "Image": "Its file name; click to go there.",
    "Step": "1: every object is to be labelled. 2: only the red and green boxes are open.",
    "Score": "How much crowd and models disagree on the image (SCORE).",
    "Red": "Boxes that only the model Ma found.",
    "Green": "Boxes that only the crowd drew.",
    "State": "Done, or how many boxes are open.",
}

LEAST_HEIGHT = 92
"""Pixels of the queue: its heading and three images."""

HERE = "▶ "
"""Marks the image that is shown."""


class QueueTable(Table):
    """The images handed to people; the one shown is marked."""

    chosen = Signal(object)
    """Emitted with the `Task` that was clicked."""

    def __init__(self) -> None:
        super().__init__(QUEUE_COLUMNS, wide="Image")
        self._tasks: Sequence[Task] = ()
        self.setMinimumHeight(LEAST_HEIGHT)
        # keys belong to the boxes, not to a search in the list
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.clicked.connect(lambda index: self.chosen.emit(self._tasks[index.row()]))

    def sizeHint(self) -> QSize:  # noqa: N802
        """A few rows; the list takes what room is left and scrolls."""
        return QSize(super().sizeHint().width(), LEAST_HEIGHT)

    def show_tasks(
        self,
        tasks: Sequence[Task],
        current: Task | None,
        opened: Mapping[int, int],
        regions: Mapping[tuple[int, str], int],
    ) -> None:
        """Show the queue.

        Parameters
        ----------
        current
            The image that is shown.
        opened
            Number of open boxes of each task.
        regions
            As `region_counts` counts them.
        """
        self._tasks = tasks
        here = None if current is None else current.id
        self.rows.set_rows(
            [
                _row(
                    task,
                    task.id == here,
                    opened.get(task.id, 0),
                    (regions.get((task.id, "red"), 0), regions.get((task.id, "green"), 0)),
                )
                for task in tasks
            ]
        )
        place = next((i for i, task in enumerate(tasks) if task.id == here), None)
        if place is not None:
            self.selectRow(place)
            self.scrollTo(self.rows.index(place, 0), self.ScrollHint.PositionAtCenter)


def _row(
    task: Task, is_here: bool, opened: int, red_green: tuple[int, int]
) -> tuple[str | int, ...]:
    score = "–" if task.score is None else f"{task.score:.2f}"
    state = "done" if task.is_done else "in work" if is_here else f"{opened} open"
    name = f"{HERE}{task.file_name}" if is_here else task.file_name
    return name, task.step, score, *red_green, state


class OpenBoxesBar(QFrame):
    """Asks, within the page, what the boxes still open are."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("openBoxesBar")
        self.setStyleSheet(
            "#openBoxesBar { border: 1px solid #ffb300; border-radius: 4px; }"
            "#openBoxesBar QLabel { font-weight: bold; }"
        )
        self.question = words()
        self.keep_all = button_with("Keep them all", "Every open box is right as it is.")
        self.delete_all = button_with("Delete them all", "No open box holds an object.")
        self.go_back = button_with("Go back", "Decide them one by one.")
        buttons = QHBoxLayout()
        for button in (self.keep_all, self.delete_all, self.go_back):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.question)
        layout.addLayout(buttons)
        self.hide()

    def ask(self, question: str) -> None:
        """Show the question."""
        self.question.setText(question)
        self.show()


class Legend(QLabel):
    """The colours on screen, with how many boxes are shown in each."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        # the colours are chosen for a dark ground, whatever napari's theme
        self.setStyleSheet("background: #20242c; color: #f0f0f0; padding: 4px; border-radius: 4px;")
        meanings = "\n".join(f"{name}: {text}" for name, text in MEANINGS.items())
        self.setToolTip(f"{meanings}\nthick lines: nobody has decided yet")

    def show_boxes(self, boxes: Sequence[ReviewBox]) -> None:
        """Count the boxes shown."""
        names = [colour_name(box) for box in boxes]
        self.setText(
            " &nbsp; ".join(
                f'<span style="color:{COLOURS[name]}">■</span>&nbsp;{name}&nbsp;{names.count(name)}'
                for name in COLOURS
                if name in names
            )
            or "no boxes"
        )
