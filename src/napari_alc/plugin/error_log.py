"""What the log gets from napari: its version, and the errors and warnings that it shows."""

from __future__ import annotations

import logging

import napari
import qtpy
from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    notification_manager,
)

from napari_alc import log
from napari_alc.log import Plain

_logger = logging.getLogger(__name__)


def start_log() -> None:
    """Start the log in this process; whoever calls it again changes nothing."""
    log.start()
    if _record in notification_manager.notification_ready.callbacks:
        return
    versions = map(Plain, (napari.__version__, qtpy.API_NAME, qtpy.QT_VERSION))
    _logger.info("napari %s, %s with Qt %s", *versions)
    # A listener beside napari's own: what napari does with an error stays as it is.
    notification_manager.notification_ready.connect(_record)


def _record(notification: Notification) -> None:
    if isinstance(notification, ErrorNotification):
        _logger.error("an error that napari shows", exc_info=notification.exception)
    elif notification.severity >= NotificationSeverity.WARNING:
        _logger.warning("napari shows: %s", notification.message)
