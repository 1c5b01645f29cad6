"""Errors that come from another process say there what they said here."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from napari_alc.errors import AlcError, BadData, Cancelled


@pytest.mark.parametrize(
    "error",
    [
        AlcError("Something is wrong."),
        BadData(Path("images") / "a.tif", "is damaged", "Bring it back"),
        Cancelled("train mp"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_says_the_same_in_another_process(error):
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
