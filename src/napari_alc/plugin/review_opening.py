"""Opening the images of the queue: pixels read beside the window, boxes when they are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_alc.errors import AlcError
from napari_alc.plugin.read_ahead import ReadAhead, ReadImage, Unreadable
from napari_alc.project.project import Project
from napari_alc.project.sitting import OpenImage, Sitting
from napari_alc.project.tasks import Task


@dataclass(frozen=True, eq=False)
class Request:
    """An image that is to be shown.

    Parameters
    ----------
    task
        Its place in the queue.
    first
        The box to begin with.
    by_choice
        Whether a person wants this very image, even if it can only be looked at.
    afterwards
        What to do once it is shown.
    """

    task: Task
    first: int | None = None
    by_choice: bool = True
    afterwards: Callable[[], None] | None = None


class ImageOpener(QObject):
    """Opens one image at a time in a sitting.

    Parameters
    ----------
    parent
        Owner.
    """

    opened = Signal(object, object, object)
    """Emitted with the `Request`, the `OpenImage` and the `ReadImage` to be shown."""

    failed = Signal(str)
    """Emitted with the reason why the image wanted cannot be shown."""

    came_ahead = Signal(object)
    """Emitted with a `ReadImage` that was read ahead."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._project: Project | None = None
        self._sitting: Sitting | None = None
        self._wanted: Request | None = None
        self._reader = ReadAhead(self)
        self._reader.ready.connect(self._on_read)

    @property
    def is_settled(self) -> bool:
        """Whether no image is being read."""
        return self._wanted is None

    def begin(self, project: Project | None, sitting: Sitting | None) -> None:
        """Open images of another project, or in another sitting."""
        if project is not self._project:
            self._reader.forget()
        self._project, self._sitting, self._wanted = project, sitting, None

    def drop(self) -> None:
        """Open nothing."""
        self._wanted = None

    def is_there(self, task: Task) -> bool:
        """Whether the pixels of an image have been read."""
        return self._project is not None and self._reader.is_there(_path(self._project, task))

    def ask(self, request: Request) -> None:
        """Open an image, at once where it has been read."""
        if self._project is None:
            return
        self._wanted, path = request, _path(self._project, request.task)
        # what is read at once is opened while it is asked for
        self._reader.ask(path)
        self._on_read(path)

    def read_ahead(self, tasks: Iterable[Task | None]) -> None:
        """Read the images that will probably be asked for next."""
        for task in tasks:
            if task is not None and self._project is not None:
                self._reader.ask_ahead(_path(self._project, task))

    def _on_read(self, path: Path) -> None:
        project, sitting, wanted = self._project, self._sitting, self._wanted
        image = self._reader.take(path)
        if project is None or sitting is None or image is None:
            return
        if wanted is None or path != _path(project, wanted.task):
            if isinstance(image, ReadImage):
                self.came_ahead.emit(image)
            return
        self._wanted = None
        try:
            opened, pixels = _open(project, sitting, wanted.task, image)
        except AlcError as error:
            self.failed.emit(str(error))
            return
        self.opened.emit(wanted, opened, pixels)


def _path(project: Project, task: Task) -> Path:
    return project.images_folder / task.file_name


def _open(
    project: Project, sitting: Sitting, task: Task, image: ReadImage | Unreadable
) -> tuple[OpenImage, ReadImage]:
    if isinstance(image, Unreadable):
        # the project knows what to do about a file that is gone
        project.path_of(project.image(task.image_id))
        raise AlcError(image.reason)
    opened = sitting.open(task)
    height, width = image.pixels.shape[:2]
    known = opened.document.image
    if (width, height) != (known.width, known.height):
        raise AlcError(
            f"{task.file_name} is {width}×{height} pixels, but its boxes were drawn on "
            f"{known.width}×{known.height}. Bring the right image back."
        )
    return opened, image
