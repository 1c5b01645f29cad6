"""Which command computed which rows, and how long that took by the clock."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from napari_alc.files import write_text

FOLDER = "sessions"


@dataclass
class ComputingSession:
    """A run of the command that computed something.

    Parameters
    ----------
    folder
        Of all sessions.
    command
        What was typed, without the folders of this computer.
    began
        Day and time (UTC).
    processes
        Rows computed at a time.
    digests
        Of the rows that it completed.
    seconds
        Wall time from the begin to the last of them.
    """

    folder: Path
    command: str
    began: str
    processes: int
    digests: list[str]
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._clock = time.monotonic()

    @classmethod
    def begin(cls, out: Path, command: str, processes: int) -> Self:
        """A session that begins now; it is written with its first row."""
        began = datetime.now(UTC).isoformat(timespec="microseconds")
        return cls(out / FOLDER, command, began, processes, [])

    def note(self, digest: str) -> None:
        """Write down a row that is complete."""
        self.digests.append(digest)
        self.seconds = time.monotonic() - self._clock
        values = {name: value for name, value in asdict(self).items() if name != "folder"}
        name = self.began.translate({ord(sign): None for sign in "-:.+"})
        write_text(self.folder / f"{name}.json", json.dumps(values, indent=1) + "\n")


def sessions_of(out: Path, digests: Collection[str]) -> Iterator[dict[str, object]]:
    """Sessions that completed any of these rows: command, begin, processes, seconds, rows."""
    for path in sorted((out / FOLDER).glob("*.json")):
        values = json.loads(path.read_text(encoding="utf-8"))
        count = sum(digest in digests for digest in values.pop("digests"))
        if count:
            yield {**values, "rows": count}
