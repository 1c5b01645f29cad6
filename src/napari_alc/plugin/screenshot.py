"""A picture of the program at work: ``python -m napari_alc.plugin.screenshot PROJECT OUT.png``.

Opens the real viewer with the dock widget and the project, saves the whole window, and exits.
Settings are those of a new user and nothing is remembered, so pictures are alike everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.errors import AlcError
from napari_alc.files import atomic_write
from napari_alc.plugin.launch import require_window
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import MODELS, Project

if TYPE_CHECKING:
    from PIL.Image import Image
    from qtpy.QtWidgets import QWidget

    from napari_alc.plugin.widget import ActiveLabelCleaning

SIZE = (1600, 900)
"""Width and height of the window in pixels."""

LONGEST_WAIT_MS = 30_000
"""For the image under review."""

REST_MS = 2_500
"""For what is made beside the window: thumbnails, figures."""

FEW_POINTS = 20
"""Of each model's curve before a training is shown."""

LONGEST_JOB_MS = 300_000
"""For a training to begin, or to end at its checkpoint."""

LOOK_EVERY_MS = 100
"""Long enough for a window to be laid out and drawn meanwhile."""


def take_screenshot(
    project: Path, out: Path, page: str = "review", size: tuple[int, int] = SIZE
) -> None:
    """Save a picture of napari with `project` open, as PNG.

    Parameters
    ----------
    page
        One of `PAGES`.
    size
        Width and height of the window in pixels of a screen at 100 %.

    Raises
    ------
    AlcError
        When there is no display, no such project, or its image cannot be shown.
    """
    with opened(project, size) as widget:
        window = PAGES[page](widget)
        wait_for(widget)
        _save(picture_of(window or widget.window()), out)


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

        from napari_alc.plugin.widget import NAME, dock

        viewer = napari.Viewer(title=NAME)
        try:
            viewer.window.resize(*size)
            widget = dock(viewer)
            if not widget.open_project(project):
                raise AlcError(widget.project_page.error.text())
            yield widget
            _end_job(widget)
        finally:
            viewer.close()


def _project(widget: ActiveLabelCleaning) -> None:
    _review(widget)
    widget.tabs.setCurrentWidget(widget.project_page)


def _iterate(widget: ActiveLabelCleaning) -> None:
    _review(widget)
    widget.tabs.setCurrentIndex(1)


def _section(name: str, widget: ActiveLabelCleaning) -> None:
    """The page Iterate with one of its sections open, and at its top."""
    _open_only(name, widget)
    _scroll_to(widget, widget.iterate_page.sections.sections[name])


def _results(widget: ActiveLabelCleaning) -> None:
    """What the correction will change, where that is still ahead."""
    _open_only("results", widget)
    section = widget.iterate_page.sections.sections["results"]
    section.panel.preview.look.click()
    _scroll_to(widget, section)


def _settings(widget: ActiveLabelCleaning) -> None:
    _open_only("", widget)
    fold = widget.iterate_page.settings_section
    fold.set_open(True)
    _scroll_to(widget, fold)


def _open_only(name: str, widget: ActiveLabelCleaning) -> None:
    _iterate(widget)
    for other, section in widget.iterate_page.sections.sections.items():
        section.collapsible.set_open(other == name)


def _scroll_to(widget: ActiveLabelCleaning, part: QWidget) -> None:
    from qtpy.QtCore import QPoint

    _rest()
    page = widget.iterate_page
    top = part.mapTo(page, QPoint(0, 0)).y()
    widget.tabs.currentWidget().verticalScrollBar().setValue(top)


def _training(widget: ActiveLabelCleaning) -> None:
    """A training under way, with the curves of both models."""
    _iterate(widget)
    page = widget.iterate_page
    page.next_button.click()
    curves = page.background.points
    _wait(
        lambda: (
            not page.is_busy
            or sum(len(points) >= FEW_POINTS for points in curves.values()) >= len(MODELS)
        ),
        LONGEST_JOB_MS,
    )
    _rest()


def _end_job(widget: ActiveLabelCleaning) -> None:
    """Stop what runs: nobody is there to answer what becomes of it."""
    page = widget.iterate_page
    if page.is_busy:
        page.background.cancel()
        _wait(lambda: not page.is_busy, LONGEST_JOB_MS)


def _review(widget: ActiveLabelCleaning) -> None:
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


def _box(widget: ActiveLabelCleaning) -> None:
    """Close to a box on which another one's box is offered too, where there is one."""
    _review(widget)
    review = widget.review_page
    for _ in review.state.open_boxes:
        review.controller.boxes.selection.next_box()
        if len(review.state.suggestions) > 1:
            break


def _question(widget: ActiveLabelCleaning) -> None:
    _box(widget)
    widget.review_page.controller.images.done()


def _filter(widget: ActiveLabelCleaning) -> None:
    """Green boxes only."""
    _review(widget)
    for name in ("red", "pink", "gray"):
        widget.review_page.panel.filter.chips[name].setChecked(False)


def _colour_blind(widget: ActiveLabelCleaning) -> None:
    _review(widget)
    widget.review_page.view_commands.next_palette()


def _contrast(widget: ActiveLabelCleaning) -> None:
    _box(widget)
    review = widget.review_page
    image = review.canvas.image
    before = image.layer.data
    review.view_commands.commands()["local_contrast"]()
    _wait(lambda: image.layer.data is not before)


def _pause(widget: ActiveLabelCleaning) -> None:
    _box(widget)
    widget.review_page.controller.session.toggle_pause()


def _read_only(widget: ActiveLabelCleaning) -> None:
    """The image that somebody else has open; it is given back when this process ends."""
    _review(widget)
    review = widget.review_page
    task = review.state.task
    other = None if task is None else review.state.queue.neighbour(task.id, 1)
    if widget.project is not None and other is not None:
        ReviewSession(widget.project, "Ada").open(other)
        review.controller.refresh()
        review.controller.images.go_to(other)


def _light(widget: ActiveLabelCleaning) -> None:
    import napari

    _box(widget)
    viewer = napari.current_viewer()
    if viewer is not None:
        viewer.theme = "light"


def _help(widget: ActiveLabelCleaning) -> QWidget:
    _review(widget)
    widget.review_page.help.toggle()
    return widget.review_page.help


def _readers(widget: ActiveLabelCleaning) -> QWidget:
    _review(widget)
    widget.review_page.readers.show_differences()
    return widget.review_page.readers.view


PAGES: Mapping[str, Callable[[ActiveLabelCleaning], QWidget | None]] = {
    "review": _review,
    "box": _box,
    "question": _question,
    "filter": _filter,
    "colour-blind": _colour_blind,
    "contrast": _contrast,
    "pause": _pause,
    "read-only": _read_only,
    "light": _light,
    "help": _help,
    "readers": _readers,
    "iterate": _iterate,
    "settings": _settings,
    "training": _training,
    "select": partial(_section, "selection"),
    "stop": partial(_section, "audit"),
    "results": _results,
    "project": _project,
}
"""What brings the window into each state; the window of its own to be shown, where it has one."""


def wait_for(widget: ActiveLabelCleaning) -> None:
    """Let the window work until the image and its boxes are shown.

    Raises
    ------
    AlcError
        When that takes too long.
    """
    review = widget.review_page
    _wait(lambda: review.controller.opener.is_settled and review.canvas.is_settled)


def _rest() -> None:
    """Let the window work for a while."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(REST_MS, loop.quit)
    loop.exec()


def _wait(condition: Callable[[], bool], longest: int = LONGEST_WAIT_MS) -> None:
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


def _save(picture: Image, out: Path) -> None:
    encoded = BytesIO()
    picture.save(encoded, format="PNG", optimize=True)
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
