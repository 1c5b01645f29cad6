"""Notes on boxes in the store, and who is asked to look at a box for a second time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import DecisionAction, Note, SecondReading, Snapshot
from napari_alc.project.storage.repository import Repository, as_utc, rows_of

BoxKey = tuple[int, int]
"""A box of a task: their ids. What people say of a box is of one task."""

_note, _second = schema.note.c, schema.second_reading.c


class NoteRepository(Repository):
    """Notes; they are only added, and the newest of a box holds."""

    def add(
        self, box: BoxKey, action: DecisionAction, note: Note | None, person: str, at: datetime
    ) -> None:
        """Keep that a person wrote a note on a box, or removed it where `note` is None."""
        row = {
            "task_id": box[0],
            "box_id": box[1],
            "action": action,
            "text": "" if note is None else note.text,
            "person": person,
            "author": "" if note is None else note.person,
            "noted_at": at,
            "written_at": None if note is None else note.at,
        }
        self._add(schema.note, [row])

    def newest(self) -> int:
        """The highest number of a note; 0 where there is none."""
        return int(self._value(select(func.max(_note.id))) or 0)

    def current(
        self, task_ids: Iterable[int] | None = None, until: Snapshot | None = None
    ) -> dict[BoxKey, Note]:
        """The note of each box that has one, for some tasks or for all."""
        query = select(_note.task_id, _note.box_id, _note.text, _note.author, _note.written_at)
        query = query.where(_note.text != "", _note.id.in_(_newest_notes(until)))
        if task_ids is not None:
            query = query.where(_note.task_id.in_(list(task_ids)))
        return {
            (task_id, box_id): Note(text, author, as_utc(at))
            for task_id, box_id, text, author, at in self._rows(query)
        }


def _newest_notes(until: Snapshot | None) -> Select[Any]:
    query = select(func.max(_note.id)).group_by(_note.task_id, _note.box_id)
    return query if until is None else query.where(_note.id <= until.note)


class SecondReadingRepository(Repository):
    """Who is asked to look at which box again; requests are only added, the newest holds."""

    def add(self, boxes: Sequence[BoxKey], asked: SecondReading) -> None:
        """Keep who is asked to look at boxes; nobody any more where the reader is empty."""
        task_ids, box_ids = [key[0] for key in boxes], [key[1] for key in boxes]
        self._add(schema.second_reading, rows_of(vars(asked), task_id=task_ids, box_id=box_ids))

    def current(self) -> dict[BoxKey, SecondReading]:
        """Who is asked, by box."""
        newest = select(func.max(_second.id)).group_by(_second.task_id, _second.box_id)
        query = select(
            _second.task_id, _second.box_id, _second.reader, _second.person, _second.at
        ).where(_second.reader != "", _second.id.in_(newest))
        return {
            (task_id, box_id): SecondReading(reader, person, as_utc(at))
            for task_id, box_id, reader, person, at in self._rows(query)
        }
