"""What the review costs on screen beyond napari itself: the next image, and one decision.

napari's own part is measured in the same window and in turns with ours, on bare layers that
show the same pixels and boxes in the quickest way known, with the images in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from napari.layers import Image, Shapes
from qtpy.QtCore import Qt
from review_window import Window

from napari_alc.plugin.palettes import COLOURS, DECIDED_WIDTH, OPEN_WIDTH, colour_name
from napari_alc.plugin.review.image_loader import ReadImage, Unreadable, load
from napari_alc.project.annotation import decisions as review
from napari_alc.project.annotation import tasks
from napari_alc.project.annotation.document import ReviewDocument
from napari_alc.project.project import Project
from napari_alc.project.storage.records import ReviewBox, Task

PERSON = "Ada"
BLOCKS = 3
"""Turns that ours and napari's own are measured in, where there are so many decisions."""

Milliseconds = list[float]


class BareLayers:
    """An image and its boxes in napari, without the plugin."""

    def __init__(self, window: Window) -> None:
        self._viewer = window.viewer
        self._ours = window.canvas.layers
        self._sight = window.canvas.sight
        self._is_under_review = self._sight._is_needed
        self.image = Image(np.zeros((2, 2), dtype=np.uint16), name="Bare image", visible=False)
        self.boxes = Shapes(ndim=2, name="Bare boxes", visible=False)
        self._viewer.layers.extend([self.image, self.boxes])
        self.boxes.mode = "select"
        self._viewer.layers.selection.active = window.canvas.boxes

    def take_over(self, visible: Sequence[bool]) -> list[bool]:
        """Show these layers instead of the plugin's; returns which of those were shown."""
        is_bare = not any(visible)
        # else the review brings its layers back into sight
        self._sight._is_needed = (lambda: False) if is_bare else self._is_under_review
        before = [layer.visible for layer in self._ours]
        for layer, shown in zip(self._ours, visible, strict=True):
            layer.visible = shown
        self.image.visible = self.boxes.visible = is_bare
        self._viewer.layers.selection.active = self.boxes if is_bare else self._ours[-1]
        return before

    def show(self, image: ReadImage, boxes: Sequence[ReviewBox]) -> None:
        """Show another image in place, with its boxes."""
        self.image.data = image.pixels
        low, high = image.stretched
        bottom, top = image.full
        self.image.contrast_limits_range = (min(low, bottom), max(high, top))
        self.image.contrast_limits = image.stretched
        self._refill(boxes)

    def _refill(self, boxes: Sequence[ReviewBox]) -> None:
        layer, zoom = self.boxes, self._viewer.scene.camera.zoom
        with layer.events.data.blocker(), layer.events.features.blocker():
            layer.selected_data = set()
            if layer.nshapes:
                layer.remove(list(range(layer.nshapes)))
            layer.add(
                [_rectangle(box) for box in boxes],
                shape_type="rectangle",
                edge_width=[OPEN_WIDTH / zoom] * len(boxes),
                edge_color=[COLOURS[colour_name(box)] for box in boxes],
                face_color="transparent",
            )
            layer.features = {"id": np.array([box.id for box in boxes])}

    def decide_by_selection(self, row: int) -> None:
        """Recolour the box that is selected."""
        self.boxes.selected_data = {row}
        self.boxes.current_edge_color = COLOURS["gray"]
        self.boxes.current_edge_width = DECIDED_WIDTH / self._viewer.scene.camera.zoom

    def decide_by_columns(self, row: int) -> None:
        """Recolour one box by setting the colours and widths of all."""
        colours, widths = self.boxes.edge_color, self.boxes.edge_width
        colours[row] = (1, 1, 1, 1)
        widths[row] = DECIDED_WIDTH / self._viewer.scene.camera.zoom
        self.boxes.edge_color = colours
        self.boxes.edge_width = widths
        self.boxes.refresh(thumbnail=False, extent=False)


def _rectangle(box: ReviewBox) -> Any:
    x1, y1, x2, y2 = box.corners
    return np.array([[y1, x1], [y1, x2], [y2, x2], [y2, x1]])


def open_review(window: Window, folder: Path) -> Project:
    """Open a project in the window at its first unfinished image."""
    if not window.widget.open_project(folder):
        raise SystemExit(window.widget.project_page.error.text())
    window.settle()
    assert window.widget.project is not None
    return window.widget.project


def is_open(window: Window, task: Task, boxes: int) -> Callable[[], bool]:
    """Whether an image is on the canvas with all of its boxes."""

    def answer() -> bool:
        page = window.page
        is_there = page.state.task is not None and page.state.task.id == task.id
        return is_there and page.state.document is not None and window.canvas.boxes.nshapes == boxes

    return answer


def read(project: Project, task: Task) -> ReadImage:
    image = load(project.path_of(project.image(task.image_id)))
    if isinstance(image, Unreadable):
        raise SystemExit(image.reason)
    return image


def next_images(window: Window, folder: Path, count: int, warm_up: int) -> dict[str, object]:
    """Done-and-next, and the same pictures on bare layers, in turns.

    Parameters
    ----------
    folder
        Of a project in which more than `count` + `warm_up` images wait.
    count, warm_up
        Measurements that are counted, and those before them that are not.
    """
    project = open_review(window, folder)
    bare = BareLayers(window)
    waiting = [task for task in tasks.queue(project) if not task.is_done]
    ours: Milliseconds = []
    floor: Milliseconds = []
    for task in waiting[1 : count + warm_up + 1]:
        boxes = list(review.open_document(project, task, PERSON).shown)
        image = read(project, task)
        ours.append(_time_next(window, project, task, len(boxes)))
        window.settle()
        shown = bare.take_over([False] * len(window.canvas.layers))
        window.rest()
        floor.append(window.milliseconds(partial(bare.show, image, boxes)))
        bare.take_over(shown)
        window.rest()
    ours, floor = ours[warm_up:], floor[warm_up:]
    return {
        "next_image_ratio": round(median(ours) / median(floor), 3),
        "next_image_ms": round(median(ours), 1),
        "floor_ms": round(median(floor), 1),
        "next_images": [[round(a, 1), round(b, 1)] for a, b in zip(ours, floor, strict=True)],
    }


def _time_next(window: Window, project: Project, task: Task, boxes: int) -> float:
    """Press N on an image that is settled, with the next one read ahead as a person's pace lets."""
    page = window.page
    # only what a person sees is decided on
    page.controller.boxes.show_whole()
    window.rest()
    page.controller.boxes.execute(ReviewDocument.keep, [box.id for box in page.state.open_boxes])
    path = project.path_of(project.image(task.image_id))
    reader = page.reader
    window.wait(lambda: reader.take(path) is not None, "reading ahead")
    window.rest()
    key = Qt.Key.Key_N
    spent = window.milliseconds(lambda: window.press(key), is_open(window, task, boxes))
    window.let_go(key)
    return spent


@dataclass(frozen=True)
class View:
    """What the camera looks at."""

    center: tuple[float, ...]
    zoom: float

    @classmethod
    def of(cls, camera: Any) -> View:
        return cls(tuple(camera.center), float(camera.zoom))

    def restore(self, camera: Any) -> None:
        camera.center = self.center
        camera.zoom = self.zoom


@dataclass(frozen=True)
class Decision:
    """A decision made: the box, the next one, and what was looked at before and after.

    Parameters
    ----------
    until_drawn, until_at_rest
        Milliseconds from the key until it is seen, and until nothing changes any more.
    """

    box_id: int
    next_id: int
    before: View
    after: View
    until_drawn: float
    until_at_rest: float


def decisions(window: Window, folder: Path, count: int, warm_up: int) -> dict[str, object]:
    """Our own milliseconds of one decision, beyond napari's for the same change.

    Parameters
    ----------
    folder
        Of a project with an image of more than `count` open boxes.
    count
        Decisions that are counted.
    warm_up
        Decisions of each turn, before them, that are not.
    """
    blocks = min(BLOCKS, count)
    project, bare = open_review(window, folder), BareLayers(window)
    ways = {"selection": bare.decide_by_selection, "columns": bare.decide_by_columns}
    floors: dict[str, Milliseconds] = {name: [] for name in ways}
    made: list[Decision] = []
    for _ in range(blocks):
        image, boxes = _shown(window, project)
        window.key(Qt.Key.Key_J)
        block = [_decide(window) for _ in range(-(-count // blocks) + warm_up)]
        made += block[warm_up:]
        window.page.controller.set_project(None, "")
        bare.take_over([False] * len(window.canvas.layers))
        for name, change in ways.items():
            bare.show(image, boxes)
            rows = {box.id: row for row, box in enumerate(boxes)}
            spent = [_decide_bare(window, bare, rows, change, decision) for decision in block]
            floors[name] += spent[warm_up:]
        window.page.controller.set_project(project, PERSON)
        bare.take_over([True] * len(window.canvas.layers))
        window.settle()
    ours = median(decision.until_drawn for decision in made)
    floor = {name: median(spent) for name, spent in floors.items()}
    return {
        "decision_ms": round(ours - min(floor.values()), 1),
        "until_drawn_ratio": round(ours / min(floor.values()), 3),
        "until_drawn_ms": round(ours, 1),
        "until_at_rest_ms": round(median(decision.until_at_rest for decision in made), 1),
        "floor_ms": {name: round(spent, 1) for name, spent in floor.items()},
        "decisions": len(made),
    }


def _shown(window: Window, project: Project) -> tuple[ReadImage, list[ReviewBox]]:
    """The image on the canvas, read again, and its boxes."""
    task, document = window.page.state.task, window.page.state.document
    assert task is not None
    assert document is not None
    return read(project, task), list(document.shown)


def _decide(window: Window) -> Decision:
    """Keep the current box with the key."""
    state, camera = window.page.state, window.viewer.scene.camera
    [box], before = state.current_boxes, View.of(camera)

    def is_shown() -> bool:
        document, current = state.document, state.current_boxes
        is_kept = document is not None and document.boxes[box.id].state == "kept"
        return is_kept and [b.id for b in current] != [box.id]

    def is_at_rest() -> bool:
        return is_shown() and bool(window.canvas.is_settled)

    key = Qt.Key.Key_K
    drawn = window.milliseconds(lambda: window.press(key), is_shown)
    rest = window.milliseconds(lambda: window.let_go(key), is_at_rest)
    window.rest()
    return Decision(box.id, state.current_boxes[0].id, before, View.of(camera), drawn, drawn + rest)


def _decide_bare(
    window: Window,
    bare: BareLayers,
    rows: dict[int, int],
    change: Callable[[int], None],
    decision: Decision,
) -> float:
    camera = window.viewer.scene.camera
    decision.before.restore(camera)
    bare.boxes.selected_data = {rows[decision.box_id]}
    window.rest()

    def decide() -> None:
        change(rows[decision.box_id])
        bare.boxes.selected_data = {rows[decision.next_id]}
        decision.after.restore(camera)

    return window.milliseconds(decide)
