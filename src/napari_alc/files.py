"""Writing files so that a crash or a full disk never leaves half of one."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from napari_alc.errors import BadData

SYNC_WAITS = platform.system() == "Linux"
"""Whether ``os.sync`` returns only when all is on the disk; it is far faster than file by file."""

_is_together: ContextVar[bool] = ContextVar("files are put on the disk together", default=False)


@contextmanager
def written_together(folder: Path) -> Iterator[None]:
    """Write many files into `folder` without waiting for the disk after each of them.

    They are on the disk when the block has ended, not before: `folder` must be one that takes
    its place only then.

    Raises
    ------
    BadData
        When the disk does not take them.
    """
    token = _is_together.set(True)
    try:
        yield
    finally:
        _is_together.reset(token)
    try:
        _put_on_disk(folder)
    except OSError as error:
        raise _not_written(folder, error) from error


def _put_on_disk(folder: Path) -> None:
    if SYNC_WAITS:  # a full disk was told when the file was written or closed
        os.sync()
        return
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; it takes its new content only when the block ends well.

    Raises
    ------
    BadData
        When the folder cannot be written or the disk is full; the old file is unharmed.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target: only within one file system does a rename replace a file at once.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            # Else the rename might reach the disk before the content, and a crash leave nothing.
            if not _is_together.get():
                os.fsync(stream.fileno())
        # mkstemp's files are their owner's alone; in a lab's folder others read them too.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> BadData:
    reason = error.strerror or str(error)
    return BadData(path, f"could not be written ({reason})", "Free space or choose another folder")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, wholly or not at all."""
    with atomic_write(path) as stream:
        stream.write(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, wholly or not at all."""
    write_bytes(path, text.encode("utf-8"))


SETTLED_NS = 2_000_000_000
"""Coarsest clock of a file system (FAT): a younger file may change without showing it."""


@dataclass(frozen=True)
class FileState:
    """By what a file is known to be unchanged without reading it.

    Parameters
    ----------
    size
        Bytes.
    changed_ns
        Time of the last change, nanoseconds since 1970.
    seen_ns
        When it was looked at.
    """

    size: int
    changed_ns: int
    seen_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """The state of `path` now; raises OSError where it cannot be looked at."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, time.time_ns())

    def is_same_file(self, other: FileState) -> bool:
        """Whether size and time of change are the same."""
        return (self.size, self.changed_ns) == (other.size, other.changed_ns)

    @property
    def is_settled(self) -> bool:
        """Whether any change after this would show."""
        return self.seen_ns - self.changed_ns > SETTLED_NS

    def still_holds(self, now: FileState) -> bool:
        """Whether the file is surely as it was when this was noted."""
        # Noted within the clock's step of a change, a second change could have the same time.
        return self.is_same_file(now) and self.is_settled
