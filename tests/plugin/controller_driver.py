"""The review's controller with fakes in place of window and reader."""

from __future__ import annotations

from psygnal import Signal

from napari_alc.plugin.review import messages
from napari_alc.plugin.review.controller import ReviewController
from napari_alc.plugin.review.image_loader import load
from napari_alc.project.annotation.decisions import open_document

ADA = "Ada"


class FakeCanvas:
    """Remembers what it was told to show."""

    def __init__(self) -> None:
        self.is_busy = self.is_drawing = self.read_only = False
        self.document = None
        self.selected, self.suggested, self.pointer = (), (), ()
        self.shown_ids, self.regions = None, {}
        self.looked_at = []
        self.updated = set()
        self.in_the_way = self.out_of_sight = ""

    def trouble(self):
        return messages.LET_GO if self.is_busy else self.in_the_way

    def unseen(self, ids):  # noqa: ARG002
        return self.out_of_sight

    def show(self, image, document, read_only):
        assert image.pixels.shape == (document.image.height, document.image.width)
        self.document, self.read_only = document, read_only
        self.selected, self.shown_ids = (), None
        self.looked_at.append("whole")

    def clear(self):
        self.document = None

    def set_regions(self, regions):
        self.regions = regions

    def update(self, ids):
        self.updated = set(ids)

    def select(self, ids):
        self.selected = tuple(ids)

    def show_suggestions(self, boxes):
        self.suggested = tuple(boxes)

    def set_shown_ids(self, ids):
        self.shown_ids = ids

    def show_more(self, ids):
        if self.shown_ids is not None:
            self.shown_ids |= set(ids)

    def set_read_only(self, read_only):
        self.read_only = read_only

    def under_pointer(self):
        return self.pointer

    def start_drawing(self):
        self.is_drawing = True

    def stop_drawing(self):
        self.is_drawing = False

    def look_at(self, box):
        self.looked_at.append(box.id)

    def look_at_whole(self):
        self.looked_at.append("whole")


class FakeReader:
    """Reads an image when the test says so, or at once."""

    ready = Signal(object)

    def __init__(self) -> None:
        self.holds_back = False
        self.images, self.ahead = {}, []

    def ask(self, path):
        if not self.holds_back and path not in self.images:
            self.read(path)

    def read(self, path):
        self.images[path] = load(path)
        self.ready.emit(path)

    def ask_ahead(self, path):
        self.ahead.append(path.name)

    def is_there(self, path):
        return path in self.images

    def take(self, path):
        return self.images.get(path)

    def forget(self):
        self.images.clear()


class Review:
    """A controller with its fakes, and what a person was told."""

    def __init__(self, project, person=ADA):
        self.project = project
        self.canvas, self.reader = FakeCanvas(), FakeReader()
        self.controller = ReviewController(self.canvas, self.reader)
        self.state = self.controller.state
        self.boxes, self.images = self.controller.boxes, self.controller.images
        self.selection = self.boxes.selection
        self.controller.set_project(project, person)

    def give(self, name):
        self.controller.commands()[name]()

    @property
    def current(self):
        [box] = self.state.current_boxes
        return box

    def stored(self):
        return open_document(self.project, self.state.task, ADA).boxes

    def path(self, task):
        return self.project.images_folder / task.file_name
