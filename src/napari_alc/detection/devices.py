"""Which device computes, and with how many CPU threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_alc.errors import AlcError


def choose_device(name: str = "auto") -> torch.device:
    """The device `name`; ``"auto"`` is CUDA where it is present, else the CPU.

    Apple's MPS is used only when named: its results were never compared with the CPU's here.

    Raises
    ------
    AlcError
        When the device does not exist on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    present = {"cpu": True, "cuda": torch.cuda.is_available()}
    present["mps"] = torch.backends.mps.is_available()
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or not present.get(device.type, False):
        found = ", ".join(kind for kind, there in present.items() if there)
        raise AlcError(f"The device {name!r} is not present; this machine has: {found}.")
    return device


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Compute with `count` CPU threads inside the block; None leaves torch's own number."""
    before = torch.get_num_threads()
    # Set again on the way out: the number is one for the whole process, the window's too.
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Say in plain words that a GPU's memory does not suffice.

    Raises
    ------
    AlcError
        When torch runs out of device memory inside the block.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise AlcError(
            "The GPU's memory is too small; lower the batch size or the input size."
        ) from None
