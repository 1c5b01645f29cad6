"""How many processor cores this program may use."""

from __future__ import annotations

import os

import psutil


def cores() -> int:
    """Processor cores that this process may use, 1 and more."""
    try:
        return len(psutil.Process().cpu_affinity())
    except AttributeError:  # Not known on macOS.
        return os.cpu_count() or 1
