"""Running a program's commands inside the test's process, as a shell would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from napari_alc import cli


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str
    name: str

    @property
    def complaint(self) -> str:
        """The one line on standard error of a command that met bad data."""
        assert self.status == 1, self
        [line] = self.err.splitlines()
        assert line.startswith(f"{self.name}: ")
        assert "Traceback" not in line
        return line.removeprefix(f"{self.name}: ")


class Program:
    """Calls commands of the program `name`, which starts in `main`."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
        name: str = "napari-alc",
        main: Callable[[], None] = cli.main,
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._name = name
        self._main = main

    def __call__(self, *arguments: object) -> Ended:
        self._monkeypatch.setattr(sys, "argv", [self._name, *map(str, arguments)])
        self._capsys.readouterr()
        status = 0
        try:
            self._main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Ended(status, out, err, self._name)
