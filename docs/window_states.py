"""The states of the window that the documents show, each a picture: called by make_screenshots.py.

Example: python docs/window_states.py PROJECT OUT.png --page iterate
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.errors import AlcError
from napari_alc.plugin.screenshot import (
    SIZE,
    opened,
    save_picture,
    show_review,
    wait_for,
    wait_until,
)
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.project import MODELS

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_alc.plugin.widget import ActiveLabelCleaning

REST_MS = 2_500
"""For what is made beside the window: thumbnails, figures."""

FEW_POINTS = 20
"""Of each model's curve before a training is shown."""

LONGEST_JOB_MS = 300_000
"""For a training to begin, or to end at its checkpoint."""


def _project(widget: ActiveLabelCleaning) -> None:
    show_review(widget)
    widget.tabs.setCurrentWidget(widget.project_page)


def _iterate(widget: ActiveLabelCleaning) -> None:
    show_review(widget)
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
    wait_until(
        lambda: (
            not page.is_busy
            or sum(len(points) >= FEW_POINTS for points in curves.values()) >= len(MODELS)
        ),
        LONGEST_JOB_MS,
    )
    _rest()


def _box(widget: ActiveLabelCleaning) -> None:
    """Close to a box on which another one's box is offered too, where there is one."""
    show_review(widget)
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
    show_review(widget)
    for name in ("red", "pink", "gray"):
        widget.review_page.panel.filter.chips[name].setChecked(False)


def _colour_blind(widget: ActiveLabelCleaning) -> None:
    show_review(widget)
    widget.review_page.view_commands.next_palette()


def _contrast(widget: ActiveLabelCleaning) -> None:
    _box(widget)
    review = widget.review_page
    image = review.canvas.image
    before = image.layer.data
    review.view_commands.commands()["local_contrast"]()
    wait_until(lambda: image.layer.data is not before)


def _pause(widget: ActiveLabelCleaning) -> None:
    _box(widget)
    widget.review_page.controller.session.toggle_pause()


def _read_only(widget: ActiveLabelCleaning) -> None:
    """The image that somebody else has open; it is given back when this process ends."""
    show_review(widget)
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
    show_review(widget)
    widget.review_page.help.toggle()
    return widget.review_page.help


def _readers(widget: ActiveLabelCleaning) -> QWidget:
    show_review(widget)
    widget.review_page.readers.show_differences()
    return widget.review_page.readers.view


PAGES: Mapping[str, Callable[[ActiveLabelCleaning], QWidget | None]] = {
    "review": show_review,
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


def _rest() -> None:
    """Let the window work for a while."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(REST_MS, loop.quit)
    loop.exec()


def take_picture(project: Path, out: Path, page: str, size: tuple[int, int]) -> None:
    """Save a picture of one of `PAGES`, in a window of so many pixels of a screen at 100 %."""
    with opened(project, size) as widget:
        window = PAGES[page](widget)
        wait_for(widget)
        save_picture(window or widget.window(), out)
        _end_job(widget)


def _end_job(widget: ActiveLabelCleaning) -> None:
    """Stop what runs: nobody is there to answer what becomes of it."""
    page = widget.iterate_page
    if page.is_busy:
        page.background.cancel()
        wait_until(lambda: not page.is_busy, LONGEST_JOB_MS)


def main() -> int:
    """Take a picture; exit status 1 with one line where that is impossible."""
    parser = argparse.ArgumentParser()
    parser.add_argument("project", type=Path, help="the project's folder")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--page", choices=PAGES, default="review")
    parser.add_argument("--width", type=int, default=SIZE[0])
    parser.add_argument("--height", type=int, default=SIZE[1])
    given = parser.parse_args()
    try:
        take_picture(given.project, given.out, given.page, (given.width, given.height))
    except AlcError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
