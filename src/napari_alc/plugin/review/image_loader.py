"""Reading images in a thread, the next one before it is asked for; knows no Qt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from psygnal import Signal

from napari_alc.errors import AlcError
from napari_alc.formats.images import HIGH, LOW, Pixels, read_measured_image
from napari_alc.project.annotation.session import HeldImage, ReviewSession
from napari_alc.project.project import Project
from napari_alc.project.storage.records import Task

KEPT = 3
"""Images held: the one shown, the one before and the one after it."""

SAMPLE_STEP = 8
"""Every so many-th pixel tells the contrast: 0.7 ms for 2048 × 2048."""

Limits = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An image ready to be shown.

    Parameters
    ----------
    pixels
        As stored, (H, W) or (H, W, 3).
    stretched
        Limits of the contrast where the pixels are, by percentiles.
    full
        Limits of everything that the pixels take.
    nm_per_pixel
        Side of a pixel in nanometres; None where the file does not state it.
    """

    pixels: Pixels
    stretched: Limits
    full: Limits
    nm_per_pixel: float | None = None


@dataclass(frozen=True)
class Unreadable:
    """Why an image cannot be shown, in one line."""

    reason: str


def load(path: Path) -> ReadImage | Unreadable:
    """Read an image with the limits of its contrast; errors become words."""
    try:
        pixels, nm_per_pixel = read_measured_image(path)
    except AlcError as error:
        return Unreadable(str(error))
    return ReadImage(pixels, *limits_of(pixels), nm_per_pixel)


def limits_of(pixels: Pixels) -> tuple[Limits, Limits]:
    """Limits of the contrast by percentiles, and of everything that the pixels take."""
    sample = pixels[::SAMPLE_STEP, ::SAMPLE_STEP].astype(np.float64, copy=False)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return (0.0, 1.0), (0.0, 1.0)
    low, high = np.percentile(sample, (LOW, HIGH))
    bottom, top = (0.0, 255.0) if pixels.dtype == np.uint8 else (sample.min(), sample.max())
    return _apart(float(low), float(high)), _apart(float(bottom), float(top))


def _apart(low: float, high: float) -> Limits:
    """An even image has limits too."""
    return (low, high) if low < high else (low, low + 1.0)


class ReadAhead:
    """Reads images in threads and keeps the last few.

    The image that is wanted now is read in a thread of its own: it waits for no image that
    is only read ahead.
    """

    ready = Signal(Path)
    """Emitted in the main thread with the path of an image that has been read or failed."""

    def __init__(self, in_main_thread: Callable[[Callable[[], None]], None]) -> None:
        self._in_main_thread = in_main_thread
        self._now, self._ahead = _thread("now"), _thread("ahead")
        self._futures: OrderedDict[Path, Future[ReadImage | Unreadable]] = OrderedDict()

    def ask(self, path: Path) -> None:
        """Read `path` at once unless it is there; `ready` tells when it is.

        Images asked for earlier whose reading has not begun are left out.
        """
        for other, future in list(self._futures.items()):
            if future.cancel():
                del self._futures[other]
        self._read(path, self._now)

    def ask_ahead(self, path: Path) -> None:
        """Read `path` behind all that was asked for, unless it is there."""
        self._read(path, self._ahead)

    def _read(self, path: Path, pool: ThreadPoolExecutor) -> None:
        if path in self._futures:
            self._futures.move_to_end(path)
            return
        future = pool.submit(load, path)
        self._futures[path] = future
        future.add_done_callback(lambda done: self._on_done(path, done))
        while len(self._futures) > KEPT:
            self._futures.popitem(last=False)[1].cancel()

    def _on_done(self, path: Path, done: Future[ReadImage | Unreadable]) -> None:
        if not done.cancelled():
            self._in_main_thread(partial(self.ready.emit, path))

    def is_there(self, path: Path) -> bool:
        """Whether `path` has been read, or could not be."""
        future = self._futures.get(path)
        return future is not None and future.done()

    def take(self, path: Path) -> ReadImage | Unreadable | None:
        """What was read from `path`; None while it is not there. Failures are tried again."""
        if not self.is_there(path):
            return None
        image = self._futures[path].result()
        if isinstance(image, Unreadable):
            del self._futures[path]
        return image

    def forget(self) -> None:
        """Drop every image."""
        for future in self._futures.values():
            future.cancel()
        self._futures.clear()

    def close(self) -> None:
        """Let the threads end; nothing can be read any more."""
        for pool in (self._now, self._ahead):
            pool.shutdown(wait=False, cancel_futures=True)


def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"napari-alc-read-{name}")


@dataclass(frozen=True, eq=False)
class Request:
    """An image that is to be shown beginning with the box `first`, and what to do `afterwards`.

    `by_choice`: a person wants this very image, even if it can only be looked at.
    """

    task: Task
    first: int | None
    by_choice: bool
    afterwards: Callable[[], None] | None


NOT_DRAWN = "is not drawn yet. It is shown here as soon as it is."


class ImageOpener:
    """Opens one image at a time in a session, once `reader` has read it."""

    opened = Signal(Request, HeldImage, ReadImage)
    """Emitted with what was asked for, the document, and the pixels to be shown."""

    failed = Signal(str)
    """Emitted with the reason why the image wanted cannot be shown."""

    came_ahead = Signal(ReadImage)
    """Emitted with an image that was read ahead."""

    def __init__(self, reader: ReadAhead) -> None:
        self._project: Project | None = None
        self._session: ReviewSession | None = None
        self._wanted: Request | None = None
        self._awaited: Request | None = None
        self._was_missing = False
        self._reader = reader
        reader.ready.connect(self._on_read)

    @property
    def is_settled(self) -> bool:
        """Whether no image is being read."""
        return self._wanted is None

    def begin(self, project: Project | None, session: ReviewSession | None) -> None:
        """Open images of another project, or in another session."""
        if project is not self._project:
            self._reader.forget()
        self._project, self._session = project, session
        self.drop()

    def drop(self) -> None:
        """Open nothing."""
        self._wanted = self._awaited = None

    def look_again(self) -> None:
        """Open the image that a sample still lacked when it was asked for, if it is there now."""
        project, awaited = self._project, self._awaited
        if project is not None and awaited is not None and _path(project, awaited.task).is_file():
            self.ask(awaited)

    def is_there(self, task: Task) -> bool:
        """Whether the pixels of an image have been read."""
        return self._project is not None and self._reader.is_there(_path(self._project, task))

    def ask(self, request: Request) -> None:
        """Open an image, at once where it has been read."""
        if self._project is None:
            return
        self._wanted, self._awaited = request, None
        path = _path(self._project, request.task)
        self._was_missing = not path.is_file()
        # what is read at once is opened while it is asked for
        self._reader.ask(path)
        self._on_read(path)

    def read_ahead(self, tasks: Iterable[Task | None]) -> None:
        """Read the images that will probably be asked for next."""
        for task in tasks:
            if task is not None and self._project is not None:
                self._reader.ask_ahead(_path(self._project, task))

    def _on_read(self, path: Path) -> None:
        project, session, wanted = self._project, self._session, self._wanted
        image = self._reader.take(path)
        if project is None or session is None or image is None:
            return
        if wanted is None or path != _path(project, wanted.task):
            if isinstance(image, ReadImage):
                self.came_ahead.emit(image)
            return
        if isinstance(image, Unreadable) and self._was_missing and path.is_file():
            self.ask(wanted)  # a sample's image has come meanwhile
            return
        self._wanted = None
        try:
            if isinstance(image, Unreadable) and _is_awaited(project, wanted.task):
                self._awaited = wanted
                raise AlcError(f"{wanted.task.file_name} {NOT_DRAWN}")
            opened, pixels = _open(project, session, wanted.task, image)
        except AlcError as error:
            self.failed.emit(str(error))
            return
        self.opened.emit(wanted, opened, pixels)


def _path(project: Project, task: Task) -> Path:
    return project.images_folder / task.file_name


def _is_awaited(project: Project, task: Task) -> bool:
    return task.image_id in {image.id for image in project.awaited_images()}


def _open(
    project: Project, session: ReviewSession, task: Task, image: ReadImage | Unreadable
) -> tuple[HeldImage, ReadImage]:
    if isinstance(image, Unreadable):
        # the project knows what to do about a file that is gone
        project.path_of(project.image(task.image_id))
        raise AlcError(image.reason)
    opened = session.open(task)
    height, width = image.pixels.shape[:2]
    known = opened.document.image
    if (width, height) != (known.width, known.height):
        raise AlcError(
            f"{task.file_name} is {width}×{height} pixels, but its boxes were drawn on "
            f"{known.width}×{known.height}. Bring the right image back."
        )
    return opened, image
