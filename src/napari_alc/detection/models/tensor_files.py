"""Files of named tensors, read without running code from them and written wholly or not at all."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import torch

from napari_alc.errors import BadData
from napari_alc.files import atomic_write


def read_tensors(path: Path) -> dict[str, object]:
    """The dictionary in a torch file, read without running any code from it.

    Raises
    ------
    BadData
        When the file is absent, damaged or of another kind.
    """
    try:
        # A weights file may come from anybody; without `weights_only` it could run code.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadData(path, "no such weights file", "Train the model first") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        raise BadData(
            path, "is damaged or no torch weights file", "Train again or give another file"
        ) from None
    if not isinstance(content, dict):
        raise BadData(path, "holds no named weights", "Give a state dictionary saved by torch")
    return content


def write_tensors(path: Path, content: Mapping[str, object]) -> None:
    """Write what `torch.save` can write, wholly or not at all."""
    # torch hides a full disk behind an error of its own, so the file is made in memory first.
    buffer = BytesIO()
    torch.save(dict(content), buffer)
    with atomic_write(path) as stream:
        stream.write(buffer.getbuffer())
