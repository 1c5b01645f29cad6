"""Whether what training and prediction left on disk is still there, and whole."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from napari_alc.files import FileState

FILES_REMEMBERED = 4096
"""Pieces of some 100,000 images: what was read once is not read again until it changes."""


def is_whole_archive(path: Path) -> bool:
    """Whether a file of ``torch.save`` or ``numpy.savez`` can be read to its last byte.

    Both are ZIP archives, which hold a checksum of each part.
    """
    return _images_in(path, "") is not None


def images_looked_at(folder: Path) -> int:
    """How many images the whole pieces of a prediction in `folder` are about."""
    found = (_images_in(path, "asked.npy") for path in sorted(folder.glob("piece-*.npz")))
    return sum(number for number in found if number is not None)


def drop_damaged_training(weights: Path, record: Path) -> None:
    """Remove weights that are damaged, or whose record is, so that they are trained again.

    Reading tensors does not check them: a changed byte would go on as a weight.
    """
    if not (_is_record(record) and is_whole_archive(weights)):
        weights.unlink(missing_ok=True)


def _is_record(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def _images_in(path: Path, name: str) -> int | None:
    try:
        state = FileState.of(path)
    except OSError:
        return None
    return _length(path, name, state.size, state.changed_ns)


@lru_cache(maxsize=FILES_REMEMBERED)
def _length(path: Path, name: str, size: int, changed_ns: int) -> int | None:  # noqa: ARG001
    """Length of the array `name` in a whole archive, 0 without a name; None for a damaged one."""
    try:
        with ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
            if not name:
                return 0
            with archive.open(name) as stream:
                return len(np.lib.format.read_array(stream, allow_pickle=False))
    except (OSError, BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, zlib.error):
        return None
