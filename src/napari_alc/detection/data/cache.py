"""Images as the detector sees them, decoded and scaled once for a project and kept on disk.

An entry is a file of its own: a line about the image it was made from, then the pixels, which
are mapped into memory and not read. It holds while the image file has the size and the time of
change noted in it, or, where these differ, the same content. Entries are written whole or not
at all, so that several processes may use one folder.
"""

from __future__ import annotations

import logging
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

from napari_alc.errors import BadData
from napari_alc.files import FileState, atomic_write
from napari_alc.formats.images import checksum, normalise, read_image

Bytes = NDArray[np.uint8]

MOST_BYTES = 8 << 30
"""Of a project's cache, where nobody says otherwise."""
SHARE_OF_DISK = 0.25
"""Of the space that is free without it, a cache may take so much."""
SHARE_UNSEEN = 16
"""The folder is looked through after every 1/16 of the limit that this process has written."""
HEADER_BYTES = 512
VERSION = 1
FOLDER, SUFFIX = "images", ".pixels"

_log = logging.getLogger(__name__)


def read_eight_bit(path: Path) -> Bytes:
    """An image file as uint8, (H, W) or (H, W, 3), 16-bit and float ones normalised."""
    return normalise(read_image(path))


def scaled(image: Bytes, width: int, height: int) -> Bytes:
    """`image` at `width` × `height` pixels (bilinear over the area each pixel stands for)."""
    if image.shape[1::-1] == (width, height):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def default_limit(folder: Path) -> int:
    """Bytes that a cache in `folder` may hold: `MOST_BYTES`, less where the disk is nearly full."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(place).free + sum(file.size for file in _files(folder / FOLDER))
    return min(MOST_BYTES, int(SHARE_OF_DISK * free))


@dataclass(frozen=True)
class _Header:
    """What an entry was made from, and its pixels' shape and CRC-32."""

    version: int
    source: FileState
    checksum: str
    shape: tuple[int, ...]
    crc: int

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self)).ljust(HEADER_BYTES)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        found = orjson.loads(content)
        source = FileState(**found.pop("source"))
        return cls(**found | {"source": source, "shape": tuple(found["shape"])})


class ImageCache:
    """Images in the sizes they were asked for, up to `limit` bytes; the least used go first.

    Where the folder cannot be written, everything works without it; this is said once.

    Parameters
    ----------
    folder
        Made where it does not exist; any number of processes may share it.
    limit
        Bytes on disk at most, with two processes at work; None is `default_limit`.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self.folder = folder / FOLDER
        self.limit = default_limit(folder) if limit is None else limit
        self._share = self.limit // SHARE_UNSEEN
        self._used: int | None = None
        self._unseen = 0
        self._sound: set[tuple[str, int]] = set()
        self._is_writable = True
        self._lock = Lock()

    def scaled(self, path: Path, width: int, height: int, *, make_room: bool = True) -> Bytes:
        """The image in `path`, as 8 bit and at `width` × `height` pixels.

        Parameters
        ----------
        make_room
            Whether others may go for it. A pass over more images than the cache holds leaves
            it of more use to the next pass by keeping the first of them.

        Returns
        -------
        Bytes
            uint8, (H, W) or (H, W, 3), read-only.

        Raises
        ------
        BadData
            When the image cannot be read.
        """
        entry = self._entry(path, width, height)
        try:
            state = FileState.of(path)
        except OSError:  # read_image says in words what is wrong with it
            return scaled(read_eight_bit(path), width, height)
        kept = self._kept(entry, path, state)
        if kept is not None:
            with suppress(OSError):
                os.utime(entry)
            return kept
        pixels = np.ascontiguousarray(scaled(read_eight_bit(path), width, height))
        # A file that changed while it was read would be kept under a state that it never had.
        if self._is_writable and state.is_same_file(FileState.of(path)):
            self._keep(entry, state, checksum(path), pixels, make_room)
        pixels.flags.writeable = False
        return pixels

    def _entry(self, path: Path, width: int, height: int) -> Path:
        try:
            place = Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive on Windows
            place = str(path.resolve())
        # Relative to the cache, so that a project that is moved with its images keeps its entries.
        key = blake2b(place.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return self.folder / f"{key}-{width}x{height}{SUFFIX}"

    def _kept(self, entry: Path, path: Path, state: FileState) -> Bytes | None:
        """The pixels of an entry that is whole and made from the file as it is now."""
        try:
            # Mapped, not read: pages come from the disk's cache and go again when memory is short.
            content = np.memmap(entry, np.uint8, "r")
            header = _Header.from_bytes(content[:HEADER_BYTES].tobytes())
            pixels = content[HEADER_BYTES:].view(np.ndarray).reshape(header.shape)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if header.version != VERSION or not self._is_sound(entry, header, pixels):
            return None
        if header.source.still_holds(state):
            return pixels
        # Copied or restored files have another time but the same content, and a checksum is
        # cheaper than decoding and scaling.
        if header.source.size != state.size or header.checksum != checksum(path):
            return None
        if state.is_settled:
            self._keep(entry, state, header.checksum, pixels, make_room=True)
        return pixels

    def _is_sound(self, entry: Path, header: _Header, pixels: Bytes) -> bool:
        """Whether the pixels are those that were written; looked at once in a process."""
        key = entry.name, header.crc
        if key not in self._sound and zlib.crc32(pixels.data) == header.crc:
            self._sound.add(key)
        return key in self._sound

    def _keep(
        self, entry: Path, state: FileState, digest: str, pixels: Bytes, make_room: bool
    ) -> None:
        # Of the pixels too: a damaged entry would be learned from, and nobody would see it.
        header = _Header(VERSION, state, digest, pixels.shape, zlib.crc32(pixels.data))
        if not self._is_writable or not self._has_room(HEADER_BYTES + pixels.nbytes, make_room):
            return
        try:
            with atomic_write(entry) as stream:
                stream.write(header.to_bytes())
                stream.write(pixels.data)
        except BadData as error:
            self._go_without(error, entry)

    def _go_without(self, error: BadData, entry: Path) -> None:
        # Windows does not let go of an entry that another process has just mapped.
        if self._is_writable and not entry.exists():
            self._is_writable = False
            _log.warning("Images are decoded anew each time, which is slower: %s", error)

    def _has_room(self, size: int, make_room: bool) -> bool:
        """Whether `size` bytes more stay within the limit, once others have made room."""
        with self._lock:
            used = self._used
            # Scanning the folder for every entry would take longer than writing it.
            if used is None or self._unseen + size > self._share:
                used, self._unseen = sum(found.size for found in _files(self.folder)), 0
            # Another process may have written as much as this one before each looks again.
            most = self.limit - 2 * self._share
            if used + size > most and make_room:
                used -= self._remove(used + size - most + self._share)
            fits = used + size <= most
            self._used = used + size if fits else used
            self._unseen += size if fits else 0
            return fits

    def _remove(self, wanted: int) -> int:
        """Remove the entries that were not used for longest; returns the bytes removed."""
        removed = 0
        # By the time of use, which is set whenever an entry is read.
        for file in sorted(_files(self.folder), key=lambda file: file.used_ns):
            if removed >= wanted:
                break
            with suppress(OSError):  # gone already, or mapped on Windows
                file.path.unlink()
                removed += file.size
        return removed


@dataclass(frozen=True)
class _File:
    """A file in the cache's folder; half-written ones of killed processes count as well."""

    used_ns: int
    size: int
    path: Path


def _files(folder: Path) -> Iterator[_File]:
    with suppress(OSError), os.scandir(folder) as found:
        for file in found:
            with suppress(OSError):
                state = file.stat()
                yield _File(state.st_mtime_ns, state.st_size, Path(file.path))
