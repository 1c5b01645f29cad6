"""The program `alc-experiments`, called inside the test's process."""

from __future__ import annotations

import pytest

from alc_experiments import command
from program import Program


@pytest.fixture
def program(monkeypatch, capsys):
    return Program(monkeypatch, capsys, "alc-experiments", command.main)
