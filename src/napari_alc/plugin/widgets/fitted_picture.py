"""A picture as wide as its panel."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy


class FittedPicture(QLabel):
    """A picture as wide as there is room for."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setToolTip(tooltip)
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
