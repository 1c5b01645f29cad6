"""A pathologist's session in the real window, which tells at once whatever the screen shows.

`kill_session.py` runs this as a process of its own and kills it. After each frame that is on
the display, every box that it shows in another state, category or place than the frame before
is written as a line of JSON, straight to a file that outlives the process.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from qtpy.QtCore import Qt
from review_window import Window, opened_window

from napari_alc.project.storage.records import ReviewBox

KEY = Qt.Key

SIZE = (1280, 720)
"""Of the window; small windows are drawn quickly and leave more moments to be killed in."""

KINDS = {"keep": 52, "delete": 14, "move": 10, "draw": 8, "category": 6, "undo": 10}
"""What the person does, by how often."""

SETTLED_AT_ONCE = 3
"""So many open boxes are settled with one button when the image is left."""

SMALLEST = 0.25
"""Drawn boxes and moves, as a share of the current box."""


@dataclass(frozen=True)
class Shown:
    """A box as a frame shows it."""

    task: int
    box: int
    state: str
    category: int
    corners: tuple[float, ...]


class Diary:
    """Writes what every frame shows that the one before did not."""

    def __init__(self, window: Window, path: Path) -> None:
        self._window, self._page = window, window.page
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._task = 0
        self._current: tuple[int, ...] = ()
        self._boxes: dict[int, ReviewBox] = {}
        self._rows: dict[int, tuple[float, ...]] = {}
        self.shown = 0
        self.is_mouse_down = False
        window.on_frame(self.look)

    def write(self, **line: object) -> None:
        """Hand a line to the system, which keeps it whatever becomes of this process."""
        os.write(self._file, (json.dumps(line) + "\n").encode())

    def look(self) -> None:
        """Tell what has changed on screen; a box that hangs on the mouse is nobody's decision."""
        document, task = self._page.state.document, self._page.state.task
        if document is None or task is None or self.is_mouse_down:
            return
        boxes, rows = dict(document.boxes), self._drawn_rows()
        if task.id == self._task:
            self._tell_changes(boxes, rows)
        else:
            self.write(event="opened", task=task.id)
        self._tell_hand(task.id)
        self._task, self._boxes, self._rows = task.id, boxes, rows

    def _tell_changes(
        self, boxes: dict[int, ReviewBox], rows: dict[int, tuple[float, ...]]
    ) -> None:
        for box in boxes.values():
            if box != self._boxes.get(box.id):
                shown = Shown(self._task, box.id, box.state, box.category_id, box.corners)
                self.write(event="shown", **asdict(shown))
                self.shown += 1
        for row in self._rows.keys() | rows.keys():
            if rows.get(row) != self._rows.get(row):
                self.write(event="row", task=self._task, box=row, corners=rows.get(row))

    def _tell_hand(self, task: int) -> None:
        current = tuple(box.id for box in self._page.state.current_boxes)
        if current != self._current or task != self._task:
            self.write(event="current", task=task, boxes=current)
        self._current = current

    def _drawn_rows(self) -> dict[int, tuple[float, ...]]:
        """Corners of the boxes on the canvas itself; one that has no identity yet is number 0."""
        layer = self._window.canvas.boxes
        ids = layer.features["id"].tolist() if "id" in layer.features else []
        found = {}
        for row, vertices in zip(ids, layer.data, strict=False):
            (y1, x1), (y2, x2) = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
            found[int(row)] = tuple(round(value, 2) for value in (x1, y1, x2, y2))
        return found


class Person:
    """Decides at random, with real key and mouse events, until told to stop."""

    def __init__(self, window: Window, diary: Diary, seed: int) -> None:
        self._window, self._page, self._diary = window, window.page, diary
        self._rng = Random(seed)

    def work(self, decisions: int) -> None:
        """Make `decisions`, from image to image, as long as there are any."""
        while self._diary.shown < decisions and self._page.state.document is not None:
            opened = self._page.state.open_boxes
            if len(opened) <= SETTLED_AT_ONCE:
                self._diary.write(event="doing", what="done")
                self._leave()
                continue
            if not self._page.state.current_boxes:
                self._window.key(KEY.Key_J)
            [what] = self._rng.choices(list(KINDS), list(KINDS.values()))
            self._diary.write(event="doing", what=what)
            getattr(self, f"_{what}")()
            # an undo may lead back to another image
            self._window.wait(lambda: self._page.controller.opener.is_settled, "the image")
            self._window.rest()

    def _leave(self) -> None:
        before = self._page.state.task
        self._window.key(KEY.Key_N)
        if self._page.state.document is not None and self._page.state.task == before:
            self._window.click(self._page.panel.ask_bar.keep_all)
        self._window.wait(lambda: self._page.controller.opener.is_settled, "the next image")
        if before is not None and self._page.state.document is not None:
            self._window.rest()
            self._diary.write(event="left", task=before.id)

    def _keep(self) -> None:
        self._window.key(KEY.Key_K)

    def _delete(self) -> None:
        self._window.key(KEY.Key_Q)

    def _undo(self) -> None:
        self._window.key(KEY.Key_U)

    def _category(self) -> None:
        self._window.key(KEY.Key_M)

    def _move(self) -> None:
        current, document = self._page.state.current_boxes, self._page.state.document
        if len(current) != 1 or document is None:
            return
        x1, y1, x2, y2 = current[0].corners
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        dx = SMALLEST * (x2 - x1) * (1 if x < document.image.width / 2 else -1)
        dy = SMALLEST * (y2 - y1) * (1 if y < document.image.height / 2 else -1)
        self._drag((x, y), (x + dx, y + dy))
        self._window.rest()
        self._window.key(KEY.Key_J)

    def _draw(self) -> None:
        current = self._page.state.current_boxes
        if len(current) != 1:
            return
        x1, y1, x2, y2 = current[0].corners
        width, height = SMALLEST * (x2 - x1), SMALLEST * (y2 - y1)
        self._window.key(KEY.Key_W)
        corner = (x1 + self._rng.uniform(0, 2) * width, y1 + self._rng.uniform(0, 2) * height)
        self._drag(corner, (corner[0] + width, corner[1] + height))
        self._window.rest()
        self._window.key(KEY.Key_Escape)
        self._window.key(KEY.Key_J)

    def _drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self._diary.is_mouse_down = True
        try:
            self._window.drag(start, end)
        finally:
            self._diary.is_mouse_down = False


def sit(folder: Path, diary_path: Path, seed: int, decisions: int) -> None:
    """Open the project as the program does and work through it."""
    with opened_window(SIZE) as window:
        diary = Diary(window, diary_path)
        if not window.widget.open_project(folder):
            raise SystemExit(window.widget.project_page.error.text())
        window.settle()
        Person(window, diary, seed).work(decisions)
        diary.write(event="ended")


def main(arguments: Any) -> None:
    folder, diary, seed, decisions = arguments
    sit(Path(folder), Path(diary), int(seed), int(decisions))


if __name__ == "__main__":
    main(sys.argv[1:])
