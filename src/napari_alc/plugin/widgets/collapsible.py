"""A section of a page that unfolds at a click on its heading."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QFormLayout, QToolButton, QWidget

from napari_alc.plugin.widgets.controls import stack_in

HEADING = """
QToolButton { font-weight: bold; font-size: 13px; border: none; padding: 4px 2px;
              text-align: left; background: transparent; }
QToolButton:hover { text-decoration: underline; }
"""


# Not superqt's QCollapsible: it holds its content to the height of a size hint, which cuts off
# words that wrap and what appears later, and leaves the fields of a closed one to the Tab key.
class Collapsible(QWidget):
    """A heading and the content that is shown below it while it is open."""

    toggled = Signal(bool)
    """Emitted with whether it is open now."""

    def __init__(self, title: str, content: QWidget, tooltip: str = "") -> None:
        super().__init__()
        self.content = content
        self.heading = QToolButton()
        self.heading.setText(title)
        self.heading.setToolTip(tooltip)
        self.heading.setStyleSheet(HEADING)
        self.heading.setCheckable(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.heading.toggled.connect(self._on_toggled)
        stack_in(self, self.heading, content).setSpacing(2)
        self._on_toggled(False)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return bool(self.heading.isChecked())

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        self.heading.setChecked(is_open)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self.heading.setText(title)

    def _on_toggled(self, is_open: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self.content.setVisible(is_open)
        self.toggled.emit(is_open)


def form_of(*rows: tuple[str, QWidget]) -> QFormLayout:
    """A form without edges: labels to the left, fields as wide as there is room."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for label, field in rows:
        form.addRow(label, field)
    return form


class WheelGuard(QObject):
    """Lets the wheel scroll the page, not change a field that nobody has clicked."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Hand the wheel on to the page while `watched` has no focus."""
        if event.type() != QEvent.Type.Wheel:
            return False
        if isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def guard_wheel(page: QWidget) -> None:
    """Guard the fields on `page` that a wheel could change."""
    guard = WheelGuard(page)
    for kind in (QComboBox, QAbstractSpinBox):
        for field in page.findChildren(kind):
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(guard)
