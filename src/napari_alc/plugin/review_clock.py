"""Time in the review: what counts as work, and when the sitting is stored between decisions.

Trainings on this computer rest while a person works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.jobs.giving_way import Acting
from napari_alc.project.sitting import Lost, Sitting

PLACE_REST_MS = 1_000
"""The box at hand is remembered once it has been looked at this long."""

RENEW_EVERY_MS = 20_000
"""How often a window says that it still holds its image."""

_WORK = frozenset(
    {
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        # comes before the key itself, which the review takes away
        QEvent.Type.ShortcutOverride,
    }
)


class ReviewClock(QObject):
    """Tells the sitting that a person works, and keeps its image and place.

    Parameters
    ----------
    parent
        Owner.
    """

    lost = Signal(str)
    """Emitted with why the image can be changed no more."""

    troubled = Signal(str)
    """Emitted with what is wrong where the sitting could not be stored."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._sitting: Sitting | None = None
        self._acting = Acting()
        self._place = QTimer(self)
        self._place.setSingleShot(True)
        self._place.setInterval(PLACE_REST_MS)
        self._place.timeout.connect(self._keep_place)
        self._renewal = QTimer(self)
        self._renewal.setInterval(RENEW_EVERY_MS)
        self._renewal.timeout.connect(self.renew)

    def watch(self, widgets: Sequence[QWidget]) -> None:
        """Count mouse and keys on these widgets as work."""
        for widget in widgets:
            widget.installEventFilter(self)

    def set_sitting(self, sitting: Sitting | None) -> None:
        """Serve another sitting; None for none."""
        self._sitting = sitting
        self._place.stop()
        if sitting is None:
            self._renewal.stop()
        else:
            self._renewal.start()

    def look_at(self, task_id: int, box_id: int | None) -> None:
        """A person turns to a box of an image, or to the image as a whole."""
        if self._sitting is not None:
            self._sitting.look_at(task_id, box_id)
            self._place.start()

    def renew(self) -> None:
        """Store time and place, and say that the image is still held."""
        if self._sitting is not None:
            self._attempt(self._sitting.renew)

    def _keep_place(self) -> None:
        if self._sitting is not None:
            self._attempt(self._sitting.keep_place)

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except AlcError as error:
            (self.lost if isinstance(error, Lost) else self.troubled).emit(str(error))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Count the event as work; it goes on its way."""
        if event.type() in _WORK:
            self._acting.note()
            if self._sitting is not None:
                self._sitting.stopwatch.touch()
        return False
