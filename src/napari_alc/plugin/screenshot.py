"""A picture of the program at work: ``python -m napari_alc.plugin.screenshot PROJECT OUT.png``.

Opens the real viewer with the dock widget and the project, saves the whole window, and exits.
Settings are those of a new user and nothing is remembered, so pictures are alike everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_alc.commands.gui import require_window
from napari_alc.errors import AlcError
from napari_alc.files import atomic_write
from napari_alc.project.project import Project
from napari_alc.project.tasks import queue

if TYPE_CHECKING:
    from napari_alc.plugin.widget import ActiveLabelCleaning

SIZE = (1600, 900)
"""Width and height of the window in pixels."""

LONGEST_WAIT_MS = 30_000
"""For the image under review."""

LOOK_EVERY_MS = 100
"""Long enough for a window to be laid out and drawn meanwhile."""

PAGES = ("review", "box", "question", "iterate", "project")
"""Review with the whole image, close to a box, or asking about open boxes; the other pages."""


def take_screenshot(
    project: Path, out: Path, page: str = "review", size: tuple[int, int] = SIZE
) -> None:
    """Save a picture of napari with `project` open, as PNG.

    Parameters
    ----------
    page
        One of `PAGES`.
    size
        Width and height of the window in pixels.

    Raises
    ------
    AlcError
        When there is no display, no such project, or its image cannot be shown.
    """
    require_window()
    Project.open(project).close()  # a folder without a project is told before a window opens
    with tempfile.TemporaryDirectory() as settings:
        os.environ["NAPARI_CONFIG"] = str(Path(settings) / "settings.yaml")
        import napari

        from napari_alc.plugin.widget import NAME, dock

        viewer = napari.Viewer(title=NAME)
        try:
            viewer.window.resize(*size)
            widget = dock(viewer)
            if not widget.open_project(project):
                raise AlcError(widget.project_page.error.text())
            _show(widget, page)
            _save(viewer.screenshot(canvas_only=False, flash=False), out)
        finally:
            viewer.close()


def _show(widget: ActiveLabelCleaning, page: str) -> None:
    """Bring the page into the state to be shown."""
    review = widget.review_page
    if page == "project":
        widget.tabs.setCurrentWidget(widget.project_page)
    elif page == "iterate":
        widget.tabs.setCurrentIndex(1)
    else:
        widget.tabs.setCurrentWidget(review)
    if widget.project is not None and review.task is None and (tasks := queue(widget.project)):
        review.go_to(tasks[0])
    _wait(lambda: review.is_settled)
    if page in ("box", "question"):
        review.desk.next_box()
    else:
        review.desk.whole_image()
    if page == "question":
        review.done()
    _wait(lambda: review.desk.canvas.is_settled)


def _wait(condition: Callable[[], bool]) -> None:
    """Let the window work until `condition` holds and everything is drawn."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop, look, end = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if condition() else None)
    end.timeout.connect(lambda: loop.exit(1))
    look.start(LOOK_EVERY_MS)
    end.start(LONGEST_WAIT_MS)
    if loop.exec():
        raise AlcError("The image could not be shown in time.")


def _save(pixels: Any, out: Path) -> None:
    from PIL import Image

    encoded = BytesIO()
    Image.fromarray(pixels[:, :, :3]).save(encoded, format="PNG", optimize=True)
    with atomic_write(out) as stream:
        stream.write(encoded.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Take a picture; exit status 1 with one line where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m napari_alc.plugin.screenshot")
    parser.add_argument("project", type=Path, help="the project's folder")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--page", choices=PAGES, default="review")
    parser.add_argument("--width", type=int, default=SIZE[0])
    parser.add_argument("--height", type=int, default=SIZE[1])
    given = parser.parse_args(arguments)
    try:
        take_screenshot(given.project, given.out, given.page, (given.width, given.height))
    except AlcError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
