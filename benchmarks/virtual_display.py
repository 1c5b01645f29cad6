"""A virtual display of a benchmark's own: figures do not depend on what else is on screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = (1920, 1080)
"""Width and height of the screen in pixels."""

MISSING = (
    "This benchmark opens a window on a virtual display and needs Xvfb. "
    "On Debian and Ubuntu: sudo apt-get install xvfb"
)


@contextmanager
def virtual_display() -> Iterator[str]:
    """Let windows of child processes open on a display that nobody looks at; yields what it is.

    On Windows and macOS it is the real one, on Linux too where Xvfb is not installed. The windows
    have napari's settings of a new user, and leave the person's own alone.

    Raises
    ------
    SystemExit
        On Linux, when there is neither Xvfb nor a display.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as settings,
        _environment(NAPARI_CONFIG=str(Path(settings) / "settings.yaml")),
        _display() as name,
    ):
        yield name


@contextmanager
def _display() -> Iterator[str]:
    if not sys.platform.startswith("linux"):
        yield "the real one"
    elif shutil.which("Xvfb") is not None:
        with _xvfb() as number, _environment(DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb"):
            os.environ.pop("WAYLAND_DISPLAY", None)
            yield "Xvfb {}×{}".format(*SIZE)
    elif os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield "the real one"
    else:
        raise SystemExit(MISSING)


@contextmanager
def _xvfb() -> Iterator[str]:
    """Xvfb on the first number that is free."""
    told, tells = os.pipe()
    screen = ["-screen", "0", "{}x{}x24".format(*SIZE)]
    command = ["Xvfb", "-displayfd", str(tells), *screen, "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[tells], stderr=subprocess.DEVNULL)
    os.close(tells)
    # told to end, the benchmark still takes its display and its children with it
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with os.fdopen(told) as stream:
            number = stream.readline().strip()
        if not number:
            raise SystemExit("Xvfb could not be started.")
        yield number
    finally:
        server.terminate()
        server.wait()
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
