"""A line that asks why, before something is done that is kept for ever."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from napari_alc.plugin import tooltips
from napari_alc.plugin.parts import button_with, words


class ReasonRow(QWidget):
    """A question, a line for the answer, and two buttons; hidden while nothing is asked."""

    given = Signal(str)
    """Emitted with the reason; Enter gives it too."""

    asks = Signal(bool)
    """Emitted with whether it asks now."""

    def __init__(self) -> None:
        super().__init__()
        self.question = words()
        self.line = QLineEdit()
        self.line.setPlaceholderText("Why? A few words, kept with the project")
        self.line.setToolTip(tooltips.REASON)
        self.confirm = button_with("OK", tooltips.REASON)
        self.cancel = button_with("Cancel", tooltips.REASON_CANCEL)
        row = QHBoxLayout()
        for widget in (self.line, self.confirm, self.cancel):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.question)
        layout.addLayout(row)
        self.line.textChanged.connect(lambda _: self._allow())
        self.line.returnPressed.connect(self._give)
        self.confirm.clicked.connect(self._give)
        self.cancel.clicked.connect(self.hide)
        self.line.installEventFilter(self)
        self.hide()

    def ask(self, question: str) -> None:
        """Ask, and let the answer be typed at once."""
        self.question.setText(question)
        self.line.clear()
        self._allow()
        self.show()
        self.line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Escape takes the question back."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.hide()
            return True
        return False

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Come into sight on a page that scrolls."""
        super().showEvent(event)
        self.asks.emit(True)
        QTimer.singleShot(0, self._scroll_here)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Tell that nothing is asked any more."""
        super().hideEvent(event)
        self.asks.emit(not self.isHidden())

    def _scroll_here(self) -> None:
        page = self.parentWidget()
        while page is not None and not isinstance(page, QScrollArea):
            page = page.parentWidget()
        if page is not None:
            page.ensureWidgetVisible(self.confirm)

    def _allow(self) -> None:
        self.confirm.setEnabled(bool(self.line.text().strip()))

    def _give(self) -> None:
        if self.confirm.isEnabled():
            self.hide()
            self.given.emit(self.line.text().strip())
