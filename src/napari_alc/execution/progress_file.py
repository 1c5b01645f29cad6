"""Reading the progress file of a job while its supervisor writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_alc.execution.child_process import parsed
from napari_alc.progress import Progress

JOB_SHARE = "job_share"
"""Value of a job's progress: the share of the whole job that is done, in 0–1."""

JOB_SECONDS_LEFT = "job_seconds_left"
"""Value of a job's progress: seconds to the end of the whole job."""

TAIL_BYTES = 20_000
"""Of a progress file, what is read to find its last line."""


class ProgressFile:
    """The lines of a file that grows; one that is half written waits for its rest."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._stream = path.open("rb")
        self._rest = b""

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()

    def new(self) -> Iterator[Progress]:
        """What has come since the last call."""
        *lines, self._rest = (self._rest + self._stream.read()).split(b"\n")
        for line in lines:
            progress = parsed(line.decode("utf-8", errors="replace"))
            if progress is not None:
                yield progress


def newest_progress(path: Path) -> Progress | None:
    """The last report in a progress file; None where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((found for line in reversed(lines) if (found := parsed(line))), None)
