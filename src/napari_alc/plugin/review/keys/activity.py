"""What counts as work, and when the session is stored between decisions."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_alc.plugin.review.session import SessionKeeper
from napari_alc.plugin.widgets.controls import single_shot

PLACE_REST_MS = 1_000
"""The current box is remembered once it has been looked at this long."""

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


class ActivityWatch(QObject):
    """Counts mouse and keys as work, and stores a session's time and place now and then."""

    def __init__(self, session: SessionKeeper, watched: Sequence[QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._place = single_shot(self, PLACE_REST_MS, session.keep_place)
        self._renewal = QTimer(self)
        self._renewal.setInterval(RENEW_EVERY_MS)
        self._renewal.timeout.connect(session.renew)
        session.changed.connect(self._on_session)
        session.moved.connect(self._on_move)
        for widget in watched:
            widget.installEventFilter(self)

    def _on_session(self) -> None:
        self._place.stop()
        if self._session.now is None:
            self._renewal.stop()
        else:
            self._renewal.start()

    def _on_move(self) -> None:
        self._place.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        """Count the event as work; it goes on its way."""
        if event.type() in _WORK:
            self._session.note_work()
        return False
