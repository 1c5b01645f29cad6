"""What the automatic correction will do, in numbers and pictures."""

from __future__ import annotations

from dataclasses import dataclass

from napari.qt.threading import create_worker
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.controls import button_with, error_words, show_words, words
from napari_alc.project.project import Project
from napari_alc.project.reporting.contact_sheet import draw_sheet, preview_pairs
from napari_alc.project.steps.correct import CorrectionPreview, preview
from napari_alc.wording import counted

LINES = (
    ("gray", "label", "Crowd and detectors agree: a detector's box becomes the label."),
    ("gray", "replaced", "Boxes of the crowd that these labels replace."),
    ("pink", "label", "Missed by the crowd, found by Mp: become labels."),
    ("green", "removed", "Drawn by the crowd around found objects (box-in-box): removed."),
    ("green", "review", "Drawn by the crowd alone: go to Review."),
    ("red", "review", "Found by Ma alone: go to Review."),
)
"""Region, what happens to it, and that in words."""

SHEET_INCHES = 4.2
"""Wide enough for the letters to be legible in a dock of 420 pixels."""

LOOKING = "Looking…"


@dataclass(frozen=True)
class _Previewed:
    """What was found in a project, or why nothing was."""

    project: Project
    found: CorrectionPreview | None = None
    picture: bytes = b""
    problem: str = ""


def _look(project: Project) -> _Previewed:
    try:
        found = preview(project)
        pairs = preview_pairs(found)
        titles = ("Before", "After")
        drawn = draw_sheet(project, pairs, titles, SHEET_INCHES) if pairs else b""
        return _Previewed(project, found, drawn)
    except AlcError as error:
        return _Previewed(project, problem=str(error))


class PairPicture(QLabel):
    """A picture as wide as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setToolTip(tooltips.PREVIEW_PICTURE)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_png(self, png: bytes) -> None:
        """Show a picture; nothing where it is empty."""
        self._whole = QPixmap()
        self._whole.loadFromData(png)
        self.setVisible(not self._whole.isNull())
        self._fit()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Of any width."""
        return QSize(40, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._whole.isNull():
            self.clear()
            return
        ratio = self.devicePixelRatioF()
        width = min(self.width(), round(self._whole.width() / ratio))
        scaled = self._whole.scaledToWidth(
            max(1, round(width * ratio)), Qt.TransformationMode.SmoothTransformation
        )
        scaled.setDevicePixelRatio(ratio)
        self.setPixmap(scaled)
        self.setFixedHeight(round(scaled.height() / ratio))


class CorrectionPreviewView(QWidget):
    """A button that looks, and below it what was seen."""

    looked = Signal()
    """Emitted when what was asked for is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._is_looking = False
        self.look = button_with("Show what will change", tooltips.PREVIEW_CORRECTION)
        self.look.clicked.connect(self._start)
        self.summary = words()
        self.error = error_words()
        self.lines = QWidget()
        self.numbers = [words() for _ in LINES]
        self.picture = PairPicture()
        self._arrange()
        self.set_project(None)

    def _arrange(self) -> None:
        grid = QGridLayout(self.lines)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(2, 1)
        for row, ((region, _, text), number) in enumerate(zip(LINES, self.numbers, strict=True)):
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            name = words(region)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            for column, label in enumerate((number, name, words(text))):
                grid.addWidget(label, row, column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.look, self.error, self.summary, self.lines, self.picture):
            layout.addWidget(widget)

    def set_project(self, project: Project | None) -> None:
        """Hold another project; what was seen before is forgotten."""
        self._project = project
        self.forget()

    def forget(self) -> None:
        """Show nothing: the project has changed."""
        self._is_looking = False
        self.look.setEnabled(self._project is not None)
        show_words(self.summary, "")
        show_words(self.error, "")
        self.lines.hide()
        self.picture.show_png(b"")

    def _start(self) -> None:
        if self._project is None:
            return
        self.forget()
        self._is_looking = True
        self.look.setEnabled(False)
        show_words(self.summary, LOOKING)
        create_worker(_look, self._project, _connect={"returned": self._on_looked})

    def _on_looked(self, looked: _Previewed) -> None:
        if looked.project is not self._project or not self._is_looking:
            return
        self.forget()
        show_words(self.error, looked.problem)
        if looked.found is not None:
            self._show(looked.found)
            self.picture.show_png(looked.picture)
        self.looked.emit()

    def _show(self, found: CorrectionPreview) -> None:
        for number, (region, fate, _) in zip(self.numbers, LINES, strict=True):
            number.setText(f"{found.count(region, fate):,}")
        figures = found.figures
        show_words(
            self.summary,
            f"{figures.automatic:,} labels are settled without a person. {figures.review:,} boxes "
            f"in {counted(figures.images_to_review, 'image')} go to Review.",
        )
        self.lines.show()
