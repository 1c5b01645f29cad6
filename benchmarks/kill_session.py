"""Kills the program in the middle of a review, and looks whether anything shown was lost.

    python benchmarks/kill_session.py [--json] [--kills 20] [--longest 6] [--seed 0]

A real process opens napari with the plugin on a virtual display and works through a scripted
session of 200 decisions with real key and mouse events (boxes kept, deleted, moved, drawn, given
another category, decisions undone, images finished). After every frame it writes down what the
screen shows as decided. It is killed (SIGKILL; TerminateProcess on Windows) at a random moment.
Then everything that was ever shown must be in the project's store, in the order in which it was
shown, with state, category and corners to the last digit; the database must be sound; and the
next session, which goes on where this one was cut off, must open at the same image.

The last line printed is one JSON object: `kills`, `shown` (decisions), `lost` (of them),
`problems` (in words), `other_box` (sessions that opened at the same image, but at another box).
`--json` prints nothing else. Exit status 1 when anything was lost or is wrong. Ten seconds a kill.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from review_projects import Plan, make_project
from session_record import Line, Record, check
from virtual_display import virtual_display

PROJECT = Plan(images=11, per_image=40, side=512)

DECISIONS = 200
"""Decisions; a session that is killed is gone on with by the next."""

OPENING_SECONDS = 120
"""After this a window that shows no image has failed."""

LOOK_EVERY = 0.02

SCRIPT = Path(__file__).with_name("scripted_session.py")


@dataclass
class Findings:
    """What all kills together have brought to light."""

    kills: int = 0
    shown: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    other_box: int = 0
    same_box: int = 0
    projects: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.problems)


class ScriptedSession:
    """A process that reviews, with the diary that outlives it."""

    def __init__(self, project: Path, folder: Path, seed: int) -> None:
        self._diary, self._errors = folder / f"diary-{seed}.jsonl", folder / f"errors-{seed}.txt"
        given = (project, self._diary, seed, DECISIONS)
        command = [sys.executable, str(SCRIPT), *map(str, given)]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=errors, stderr=errors)
        try:
            self._wait_for_image()
        except BaseException:
            self._process.kill()
            raise

    def _wait_for_image(self) -> None:
        end = time.monotonic() + OPENING_SECONDS
        while not any(line["event"] in ("opened", "ended") for line in self.lines()):
            self._require_alive()
            if time.monotonic() > end:
                raise SystemExit("The window shows no image.")
            time.sleep(LOOK_EVERY)

    def _require_alive(self) -> None:
        if self._process.poll():
            raise SystemExit(f"The session has failed:\n{self._errors.read_text()[-3000:]}")

    def kill_after(self, seconds: float) -> bool:
        """End the process without a warning; whether it was still at work."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return True
        self._require_alive()
        return status != 0

    def lines(self) -> list[Line]:
        """What it has written down; a line that it was killed in is none."""
        if not self._diary.exists():
            return []
        whole = self._diary.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


def sessions(folder: Path, findings: Findings, rng: Random, longest: float) -> Iterator[None]:
    """Review one project to its end, killed again and again; yields after each kill."""
    project = make_project(folder, PROJECT)
    findings.projects += 1
    record, before = Record(), Findings(shown=findings.shown, lost=findings.lost)
    expected = 0
    current: tuple[int, ...] = ()
    while True:
        session = ScriptedSession(project, folder, rng.randrange(2**31))
        was_killed = session.kill_after(rng.uniform(0, longest))
        lines = session.lines()
        _compare_places(findings, lines, expected, current)
        record.read(lines)
        checked = check(project, record)
        findings.shown = before.shown + record.decisions
        findings.lost = before.lost + len(checked.lost)
        findings.problems += [p for p in checked.problems if p not in findings.problems]
        findings.kinds += Counter(line["what"] for line in lines if line["event"] == "doing")
        expected = checked.next_task
        current = record.current if lines[-1]["event"] == "current" else ()
        findings.kills += was_killed
        if was_killed:
            yield
        if not expected:
            return


def _compare_places(
    findings: Findings, lines: list[Line], expected: int, current: tuple[int, ...]
) -> None:
    """Whether a session has opened where the one before was cut off."""
    opened = next((line["task"] for line in lines if line["event"] == "opened"), 0)
    if expected and opened != expected:
        findings.problems.append(f"cut off at image {expected}, opened again at {opened}")
    elif expected and current:
        at = next((tuple(line["boxes"]) for line in lines if line["event"] == "current"), ())
        findings.same_box += at == current
        findings.other_box += at != current


def kill(kills: int, longest: float, seed: int) -> Findings:
    """Kill `kills` sessions, on as many projects as they use up."""
    findings, rng = Findings(), Random(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        while findings.kills < kills:
            folder = Path(name) / str(findings.projects)
            for _ in sessions(folder, findings, rng, longest):
                print(f"\r{findings.kills} of {kills}", end="", file=sys.stderr, flush=True)
                if findings.kills == kills:
                    break
    print(file=sys.stderr)
    return findings


def told(findings: Findings) -> str:
    """The findings as a table."""
    rows = {
        "killed": findings.kills,
        "decisions shown as done": findings.shown,
        "of these lost": findings.lost,
        "other problems": len(findings.problems),
        "opened again at the same box": findings.same_box,
        "at another box": findings.other_box,
        "begun": ", ".join(f"{count} {kind}" for kind, count in findings.kinds.most_common()),
    }
    lines = [f"{name:30}{value}" for name, value in rows.items()]
    return "\n".join([*lines, *findings.problems])


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a review and look for what was lost.")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--longest", type=float, default=6.0, help="seconds from the first image to the kill"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.monotonic()
    with virtual_display() as display:
        findings = kill(options.kills, options.longest, options.seed)
    if not options.json:
        print(told(findings))
    answer = {**vars(findings), "seconds": round(time.monotonic() - start), "seed": options.seed}
    print(json.dumps({**answer, "display": display}))
    sys.exit(not findings.is_well)


if __name__ == "__main__":
    main()
