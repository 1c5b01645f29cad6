"""Projects that are made once and then copied: making one anew takes ten times as long."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_alc.project.project import Project

_ORIGINALS = TemporaryDirectory(prefix="originals-")
"""Where the projects lie that others are copied from, while this process runs."""

_NUMBERS = count()


def copied(make: Callable[..., Project], folder: Path, **arguments: object) -> Project:
    """What ``make(folder, **arguments)`` makes, open; nothing in such a project tells its place.

    Parameters
    ----------
    make
        Puts all files of a project into a folder, which need not exist; called once for the same
        `arguments`.
    """
    original, place = _original(make, tuple(arguments.items()))
    shutil.copytree(original, folder, dirs_exist_ok=True)
    return Project.open(folder / place)


@cache
def _original(
    make: Callable[..., Project], arguments: tuple[tuple[str, object], ...]
) -> tuple[Path, Path]:
    """A folder with a project that nobody changes, and the project's place in it."""
    folder = Path(_ORIGINALS.name).resolve() / str(next(_NUMBERS))
    project = make(folder, **dict(arguments))
    project.close()
    return folder, project.folder.relative_to(folder)
