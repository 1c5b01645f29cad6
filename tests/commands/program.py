"""Running the program's commands inside the test's process, as a shell would."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from napari_alc import cli


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error of a command that met bad data."""
        assert self.status == 1, self
        [line] = self.err.splitlines()
        assert line.startswith("napari-alc: ")
        assert "Traceback" not in line
        return line.removeprefix("napari-alc: ")


class Program:
    """Calls commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["napari-alc", *map(str, arguments)])
        self._capsys.readouterr()
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Ended(status, out, err)
