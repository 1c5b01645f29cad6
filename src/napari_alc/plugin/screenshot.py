"""A picture of the program at work: ``python -m napari_alc.plugin.screenshot PROJECT OUT.png``.

Opens the real viewer with the dock widget and the project, saves the whole window, and exits.
Settings are those of a new user and nothing is remembered, so pictures are alike everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.errors import AlcError
from napari_alc.files import write_bytes
from napari_alc.plugin.launch import require_window
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project

if TYPE_CHECKING:
    from PIL.Image import Image
    from qtpy.QtWidgets import QWidget

    from napari_alc.plugin.widget import ActiveLabelCleaning

SIZE = (1600, 900)
"""Width and height of the window in pixels."""

LONGEST_WAIT_MS = 30_000
"""For the image under review."""

LOOK_EVERY_MS = 100
"""Long enough for a window to be laid out and drawn meanwhile."""


def take_screenshot(project: Path, out: Path) -> None:
    """Save a picture of the review of `project`, as PNG.

    Raises
    ------
    AlcError
        When there is no display, no such project, or its image cannot be shown.
    """
    with opened(project) as widget:
        show_review(widget)
        save_picture(widget.window(), out)


@contextmanager
def opened(project: Path, size: tuple[int, int] = SIZE) -> Iterator[ActiveLabelCleaning]:
    """The dock widget in a new viewer of `size`, with `project` open.

    Raises
    ------
    AlcError
        When there is no display, or no such project.
    """
    require_window()
    Project.open(project).close()  # a folder without a project is told before a window opens
    with tempfile.TemporaryDirectory() as settings:
        os.environ["NAPARI_CONFIG"] = str(Path(settings) / "settings.yaml")
        import napari

        from napari_alc.plugin import preferences
        from napari_alc.plugin.widget import NAME, dock

        preferences.set_maximised(False)  # pictures have the size that was asked for
        viewer = napari.Viewer(title=NAME)
        try:
            viewer.window.resize(*size)
            widget = dock(viewer)
            if not widget.open_project(project):
                raise AlcError(widget.project_page.error.text())
            yield widget
        finally:
            viewer.close()


def show_review(widget: ActiveLabelCleaning) -> None:
    """The whole image; the first one where none waits."""
    review = widget.review_page
    widget.tabs.setCurrentWidget(review)
    if (
        widget.project is not None
        and review.state.task is None
        and (tasks := queue(widget.project))
    ):
        review.controller.images.go_to(tasks[0])
    wait_for(widget)
    review.canvas.image.look_at_whole()


def wait_for(widget: ActiveLabelCleaning) -> None:
    """Let the window work until the image and its boxes are shown.

    Raises
    ------
    AlcError
        When that takes too long.
    """
    review = widget.review_page
    wait_until(lambda: review.controller.opener.is_settled and review.canvas.is_settled)


def wait_until(condition: Callable[[], bool], longest: int = LONGEST_WAIT_MS) -> None:
    """Let the window work until `condition` holds and everything is drawn."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop, look, end = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if condition() else None)
    end.timeout.connect(lambda: loop.exit(1))
    look.start(LOOK_EVERY_MS)
    end.start(longest)
    if loop.exec():
        raise AlcError("The image could not be shown in time.")


def picture_of(window: QWidget) -> Image:
    """What a window shows, in RGB."""
    from PIL import Image
    from qtpy.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")
    return Image.open(BytesIO(bytes(buffer.data()))).convert("RGB")


def save_picture(window: QWidget, out: Path) -> None:
    """Write what a window shows as a PNG, wholly or not at all."""
    encoded = BytesIO()
    picture_of(window).save(encoded, format="PNG", optimize=True)
    write_bytes(out, encoded.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Take a picture of the review; exit status 1 with one line where that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m napari_alc.plugin.screenshot")
    parser.add_argument("project", type=Path, help="the project's folder")
    parser.add_argument("out", type=Path, help="the PNG to write")
    given = parser.parse_args(arguments)
    try:
        take_screenshot(given.project, given.out)
    except AlcError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
