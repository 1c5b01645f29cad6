"""Unsure boxes and notes go to a second reader, who sees what the first one said.

Unlike the blind readings of `sharing`, the second reader decides in the image as everybody sees it:
a decision settles the box, in their name, and takes the mark off.
"""

from __future__ import annotations

from collections.abc import Collection

from napari_alc.errors import Refused
from napari_alc.project.annotation.remarks import RemarkedBox, remarked_boxes
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import readers
from napari_alc.project.storage.notes import BoxKey
from napari_alc.project.storage.records import SecondReading
from napari_alc.project.storage.repository import now
from napari_alc.wording import Refusal


def hand_over(project: Project, keys: Collection[BoxKey], reader: str, person: str) -> None:
    """Ask `reader` to look again at boxes with a mark or a note; `person` asks.

    Boxes are named by task and box. Who was asked before is not asked any more.

    Raises
    ------
    Refused
        When the name is empty or is that of whoever said so, or a box has neither mark nor note,
        or is in somebody's blind reading.
    """
    name = reader.strip()
    if not name:
        raise Refused(Refusal.NAMELESS_READER)
    for row in _listed(project, keys):
        if is_own(row, name):
            raise Refused(Refusal.OWN_REMARK, row.author, row.task.file_name)
    _ask(project, keys, SecondReading(name, person, now()))


def is_own(row: RemarkedBox, reader: str) -> bool:
    """Whether a reader said so themselves; names that differ in capitals only are one."""
    return row.author.casefold() == reader.strip().casefold()


def take_back(project: Project, keys: Collection[BoxKey], person: str) -> None:
    """Ask nobody to look at boxes again (errors as of `hand_over`)."""
    _listed(project, keys)
    _ask(project, keys, SecondReading("", person, now()))


def known_people(project: Project) -> tuple[str, ...]:
    """Who has worked on a project, reads in it, or was asked to; in alphabetical order."""
    rows = remarked_boxes(project).rows
    asked = [row.second.reader for row in rows if row.second is not None]
    names = {*time_spent(project).by_person, *readers(project), *asked, *(r.author for r in rows)}
    return tuple(sorted(names - {""}, key=str.casefold))


def _listed(project: Project, keys: Collection[BoxKey]) -> list[RemarkedBox]:
    rows = {row.key: row for row in remarked_boxes(project).rows}
    missing = [key for key in keys if key not in rows]
    if missing:
        raise Refused(Refusal.NOTHING_TO_READ, missing[0][1])
    return [rows[key] for key in keys]


def _ask(project: Project, keys: Collection[BoxKey], asked: SecondReading) -> None:
    with project.store.transaction() as unit:
        unit.second_readings.add(sorted(set(keys)), asked)
