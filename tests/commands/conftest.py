from __future__ import annotations

import pytest

from program import Program


@pytest.fixture
def program(monkeypatch, capsys):
    return Program(monkeypatch, capsys)
