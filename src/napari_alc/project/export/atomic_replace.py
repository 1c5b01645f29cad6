"""Several files and folders that take the place of older ones together, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from napari_alc.errors import BadData


class AtomicReplacement:
    """Names in a folder whose contents belong together.

    Between the old contents and the new ones a few names have to be changed one after the
    other. Where that is interrupted, `settle` brings the old contents back.

    Parameters
    ----------
    folder
        Holds them.
    names
        Of the files and folders; not each of them has to be there.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = tuple(names)
        self._leaving = folder / f".{names[0]}.leaving"
        self._before = folder / f".{names[0]}.before"
        self._gone = folder / f".{names[0]}.gone"

    def replace(self, staged: Path) -> None:
        """Take the contents from the folder `staged`, which is on the same disk.

        What is there under one of the names and not among the new contents goes as well.

        Raises
        ------
        BadData
            When a file cannot be moved, because another program has it open for example;
            the old contents are there then.
        """
        self.settle()
        try:
            self._put_aside()
            self._take_from(staged)
            self._before.rename(self._gone)  # from here on the new contents hold
        except OSError as error:
            self.settle()
            raise BadData(
                self._folder,
                f"the files there could not be replaced ({error.strerror or error})",
                "Close the programs that have them open, then try again",
            ) from error
        except BaseException:
            self.settle()
            raise
        self.settle()

    def settle(self) -> None:
        """Bring back what a replacement that was interrupted has left half done."""
        shutil.rmtree(self._gone, ignore_errors=True)
        if self._before.exists():
            for name in self._names:
                _remove(self._folder / name)
            self._bring_back(self._before)
        if self._leaving.exists():
            self._bring_back(self._leaving)

    def _put_aside(self) -> None:
        self._leaving.mkdir()
        for name in self._names:
            if (self._folder / name).exists():
                (self._folder / name).rename(self._leaving / name)
        self._leaving.rename(self._before)

    def _take_from(self, staged: Path) -> None:
        for name in self._names:
            if (staged / name).exists():
                (staged / name).rename(self._folder / name)

    def _bring_back(self, place: Path) -> None:
        for item in sorted(place.iterdir()):
            item.rename(self._folder / item.name)
        place.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
