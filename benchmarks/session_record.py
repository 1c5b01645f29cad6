"""What the sessions on one project have shown, and whether its store holds all of it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from napari_alc.project.annotation import decisions as review
from napari_alc.project.annotation import tasks
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import DATABASE_FILE

CLOSE = 0.02
"""Pixels by which the canvas, which computes in float32, may differ from the store."""

Line = Mapping[str, Any]
Corners = tuple[float, ...]

Decided = tuple[str, int, Corners]
"""State, category and corners of a box."""

Key = tuple[int, int]
"""Task and box."""

Stored = Mapping[Key, Sequence[Decided]]


@dataclass
class Record:
    """What was seen of all sessions on a project, the last one that was killed included.

    Parameters
    ----------
    shown
        Decisions that the screen has shown as done, in order, by image and box.
    rows
        Boxes that the canvas drew anew, elsewhere, or (None) not any more; box 0 is one
        that had no identity yet.
    finished
        Images that were left as finished.
    task, current
        The image on screen and its current boxes, when the last session was killed.
    doing
        What was begun last and did not show yet; empty where nothing was.
    """

    shown: dict[Key, list[Decided]] = field(default_factory=lambda: defaultdict(list))
    rows: list[tuple[int, int, Corners | None]] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)
    task: int = 0
    current: tuple[int, ...] = ()
    doing: str = ""

    @property
    def decisions(self) -> int:
        """How many decisions were shown as done."""
        return sum(len(history) for history in self.shown.values())

    def read(self, diary: Iterable[Line]) -> None:
        """Take in what a session has written down."""
        for line in diary:
            getattr(self, f"_read_{line['event']}")(line)

    def _read_shown(self, line: Line) -> None:
        decided = line["state"], line["category"], tuple(line["corners"])
        self.shown[line["task"], line["box"]].append(decided)
        self.finished.discard(line["task"])
        self.doing = ""

    def _read_row(self, line: Line) -> None:
        corners = line["corners"]
        place = None if corners is None else tuple(corners)
        self.rows.append((line["task"], line["box"], place))

    def _read_opened(self, line: Line) -> None:
        self.task, self.current, self.doing = line["task"], (), ""

    def _read_current(self, line: Line) -> None:
        self.current = tuple(line["boxes"])

    def _read_doing(self, line: Line) -> None:
        self.doing = line["what"]

    def _read_left(self, line: Line) -> None:
        self.finished.add(line["task"])

    def _read_ended(self, _line: Line) -> None:
        self.doing = ""


@dataclass(frozen=True)
class Checked:
    """What a look into the store has found.

    Parameters
    ----------
    lost
        Image, box and number of each decision that was shown and is not there.
    problems
        Anything else that is wrong, in words.
    next_task
        The image at which the next session has to open; 0 where every image is finished.
    """

    lost: frozenset[tuple[int, int, int]]
    problems: tuple[str, ...]
    next_task: int


def check(folder: Path, record: Record) -> Checked:
    """Look for everything that was shown in the store of the project in `folder`."""
    problems = list(_unsound(folder))
    project = Project.open(folder)
    try:
        stored = _stored(project)
        lost = {(*key, i) for key, i in _lost(record.shown, stored)}
        problems += _drawn_but_not_decided(record, stored)
        problems += _found_otherwise(project, record, stored)
        queue = tasks.queue(project)
    finally:
        project.close()
    done = {task.id for task in queue if task.is_done}
    problems += [f"image {i} is not finished any more" for i in _reopened(record, done)]
    here = next((task for task in queue if task.id == record.task), None)
    if here is not None and here.is_done:
        here = tasks.first_open(queue, here)
    return Checked(frozenset(lost), tuple(problems), 0 if here is None else here.id)


def _unsound(folder: Path) -> Iterator[str]:
    """What SQLite itself finds wrong."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as database:
        answers = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if answers != ["ok"]:
            yield f"the database is damaged: {answers[0]}"
        for row in database.execute("PRAGMA foreign_key_check"):
            yield f"a row of {row[0]} refers to nothing"


def _stored(project: Project) -> dict[Key, list[Decided]]:
    """The decisions in the store, in their order."""
    c = schema.decision.c
    query = select(c.task_id, c.box_id, c.state, c.category_id, c.x1, c.y1, c.x2, c.y2).order_by(
        c.id
    )
    found: dict[Key, list[Decided]] = defaultdict(list)
    with project.store.begin() as connection:
        for task, box, state, category, *corners in connection.execute(query):
            found[task, box].append((state, category, tuple(corners)))
    return found


def _lost(shown: Stored, stored: Stored) -> Iterator[tuple[Key, int]]:
    """Decisions that are not stored, or not in the order in which they were shown."""
    for key, history in shown.items():
        there = iter(stored.get(key, ()))
        for i, decided in enumerate(history):
            if decided not in there:  # uses up what it passes, so order counts
                yield key, i
                there = iter(())


def _drawn_but_not_decided(record: Record, stored: Stored) -> Iterator[str]:
    of_task: dict[int, list[Decided]] = defaultdict(list)
    for (task, _), history in stored.items():
        of_task[task] += history
    for task, box, corners in record.rows:
        decided = stored.get((task, box), ()) if box else of_task[task]
        if not any(_is_drawn_as(one, corners) for one in decided):
            where = "gone" if corners is None else f"at {corners}"
            yield f"box {box} of image {task} was drawn {where}, which nobody has decided"


def _is_drawn_as(decided: Decided, corners: Corners | None) -> bool:
    state, _, stored = decided
    if corners is None or state == "deleted":
        return corners is None and state == "deleted"
    return all(abs(a - b) <= CLOSE for a, b in zip(corners, stored, strict=True))


def _found_otherwise(project: Project, record: Record, stored: Stored) -> Iterator[str]:
    """Boxes that a new session does not find as they were decided last."""
    queue = {task.id: task for task in tasks.queue(project)}
    for task_id in sorted({task for task, _ in record.shown}):
        boxes = review.open_document(project, queue[task_id], "reader").boxes
        for box in [box for task, box in stored if task == task_id]:
            now = boxes[box]
            if (now.state, now.category_id, now.corners) != stored[task_id, box][-1]:
                yield f"box {box} of image {task_id} is not as it was decided last"


def _reopened(record: Record, done: set[int]) -> list[int]:
    """Images that were finished and are not; an undo that did not show yet may reopen one."""
    missing = sorted(record.finished - done)
    return missing[1:] if record.doing == "undo" else missing
