"""Opening napari with the plugin docked; imports Qt and napari only when it does."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.errors import AlcError
from napari_alc.project.project import Project

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

BINDINGS = ("PySide6", "PyQt6", "PySide2", "PyQt5")


def launch(project: Path | None) -> None:
    """Open napari with the dock widget, and with a project where one is given; returns at its end.

    Raises
    ------
    AlcError
        When there can be no window, or the folder holds no project.
    """
    require_window()
    if project is not None:
        # A folder that holds no project is told here, before a window opens.
        Project.open(project).close()
    import napari

    from napari_alc.plugin.widget import NAME, dock

    # Nothing is drawn before napari runs: a window that is shown earlier stands there empty, and
    # once more when it grows by what is docked.
    viewer = napari.Viewer(title=NAME, show=False)
    widget = dock(viewer)
    if project is not None:
        widget.open_project(project)
    viewer.show()
    _fit(widget.window())
    napari.run()


def _fit(window: QWidget) -> None:
    """Make a window no larger than the screen: at its first start napari does not look at that."""
    room = window.screen().availableGeometry().size()
    window.resize(window.size().boundedTo(room))


def require_window() -> None:
    """Refuse where napari cannot open a window.

    Raises
    ------
    AlcError
        When napari or Qt is not installed, or there is no display.
    """
    missing = [
        name
        for name, is_there in (
            ("napari", find_spec("napari") is not None),
            ("Qt", any(find_spec(binding) is not None for binding in BINDINGS)),
        )
        if not is_there
    ]
    if missing:
        raise AlcError(f"{missing[0]} is not installed. Run: pip install 'napari-alc[gui]'")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise AlcError(
            "There is no display to open a window on. Log in with a desktop, or use the other "
            "commands, which need none."
        )
