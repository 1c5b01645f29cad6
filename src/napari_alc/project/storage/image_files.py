"""Whether a project's image files are still the ones that it was made with.

The store keeps a fingerprint of every image. A file that had it when it was looked at last, and
has the same size and time of change since, is not read again; this is kept beside the cache of
images, where it may be deleted.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import orjson

from napari_alc.errors import BadData, unreadable
from napari_alc.files import FileState
from napari_alc.formats.images import image_size
from napari_alc.labels import ImageRecord
from napari_alc.project.storage.boxes import AWAITED
from napari_alc.project.storage.database import Database

FINGERPRINT_BYTES = 65_536
"""Bytes read at each end of an image: enough to notice a change without reading it whole."""

KNOWN_FILE = "known-images.jsonl"
"""A line for each time that an image was found to be the one of the store."""

Known = tuple[str, FileState]
"""The fingerprint that a file had, and its state then."""


def fingerprint(path: Path) -> str:
    """A digest of the size of a file and of both its ends.

    Raises
    ------
    BadData
        When the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            digest = blake2b(str(size).encode() + stream.read(FINGERPRINT_BYTES), digest_size=16)
            stream.seek(max(0, size - FINGERPRINT_BYTES))
            digest.update(stream.read(FINGERPRINT_BYTES))
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


class ImageFiles:
    """The image files of a project, as its store knows them.

    Notes are kept in a folder; nothing depends on its being writable.
    """

    def __init__(self, store: Database, folder: Path) -> None:
        self._store = store
        self._path = folder / KNOWN_FILE

    def require_there(self, image: ImageRecord, path: Path) -> None:
        """Refuse a file that is still to come.

        Raises
        ------
        BadData
            When it is one of a sample's images that are still to be drawn.
        """
        if self._fingerprints.get(image.id) != AWAITED:
            return
        del self._fingerprints  # It may have come since.
        if self._fingerprints.get(image.id) == AWAITED:
            raise BadData(
                path,
                "this image of the sample is not drawn yet",
                "Wait a few seconds; a sample is drawn while its project is open in napari",
            )

    def require_same(self, image: ImageRecord, path: Path) -> None:
        """Refuse a file that is not the image that the project was made with.

        Raises
        ------
        BadData
            When it is of another size, or another image of the same size, or cannot be read.
        """
        wanted = self._fingerprints.get(image.id)
        state = FileState.of(path)
        digest, known = self._known.get(image.file_name, ("", state))
        if digest == wanted and known.still_holds(state):
            return
        _require_size(image, path)
        if fingerprint(path) != wanted:
            raise BadData(
                path,
                "is another image than the one that the project was made with, so its boxes do "
                "not belong to it",
                "Bring back the original file, or make a new project for the new one",
            )
        if state.is_settled:
            self._note(image.file_name, wanted, state)

    @cached_property
    def _fingerprints(self) -> dict[int, str]:
        with self._store.transaction() as unit:
            return unit.images.fingerprints()

    @cached_property
    def _known(self) -> dict[str, Known]:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return {}
        known = {}
        for line in lines:
            with suppress(ValueError, TypeError):  # cut off by a crash
                name, digest, *state = orjson.loads(line)
                known[name] = digest, FileState(*state)
        return known

    def _note(self, name: str, digest: str, state: FileState) -> None:
        self._known[name] = digest, state
        line = orjson.dumps([name, digest, state.size, state.changed_ns, state.seen_ns])
        with suppress(OSError):  # It is only looked at again next time.
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                stream.write(line + b"\n")


def _require_size(image: ImageRecord, path: Path) -> None:
    width, height = image_size(path)
    if (width, height) != (image.width, image.height):
        raise BadData(
            path,
            f"the image is {width}×{height} pixels now, its boxes were drawn on "
            f"{image.width}×{image.height}",
            "Bring back the image that the project was made with",
        )
