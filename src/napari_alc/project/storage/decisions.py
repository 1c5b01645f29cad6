"""Decisions in the store: what people did to boxes, and the boxes as they left them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, null, select

from napari_alc.project.storage import schema
from napari_alc.project.storage.boxes import BOX_COLUMNS, as_stored, corner_values, review_box
from napari_alc.project.storage.notes import BoxKey, NoteRepository
from napari_alc.project.storage.records import (
    EVERYBODY,
    Decision,
    DecisionAction,
    Note,
    ReviewBox,
    ReviewStep,
    Snapshot,
)
from napari_alc.project.storage.repository import Repository, as_utc

_task, _decision = schema.task.c, schema.decision.c


class DecisionRepository(Repository):
    """Decisions; they are only added."""

    def add(self, decisions: Iterable[Decision]) -> None:
        """Keep decisions, in the order in which they were made."""
        rows = [
            {
                "task_id": made.task_id,
                "box_id": made.box.id,
                "action": made.action,
                "state": made.box.state,
                "category_id": made.box.category_id,
                **corner_values(made.box.corners),
                "person": made.person,
                "credit": made.box.person,
                "decided_at": made.at,
                "credited_at": made.box.decided_at,
                "unsure_by": None if made.box.unsure is None else made.box.unsure.person,
                "unsure_at": None if made.box.unsure is None else made.box.unsure.at,
            }
            for made in decisions
        ]
        self._add(schema.decision, rows)

    def current_boxes(
        self, task_ids: Iterable[int] | None = None, until: Snapshot | None = None
    ) -> list[tuple[int, ReviewBox]]:
        """Pairs of task id and box as decided so far, for some tasks or for all consensus ones.

        With `until` the boxes are as they were at that moment.
        """
        wanted = None if task_ids is None else list(task_ids)
        rows = [*self._rows(_drawn_query(wanted, until)), *self._rows(_offered_query(wanted))]
        latest = {row[:2]: row[2:] for row in self._rows(_latest_query(wanted, until))}
        boxes = {row[:2]: row[1:] for row in rows}
        notes = NoteRepository(self._connection).current(wanted, until)
        return [
            (key[0], _noted(review_box(boxes[key], latest.get(key)), notes.get(key)))
            for key in sorted(boxes)
        ]

    def unsure(self) -> list[BoxKey]:
        """Every box that somebody is unsure about, in whichever task."""
        later = schema.decision.alias()
        of_same = later.c.task_id == _decision.task_id, later.c.box_id == _decision.box_id
        newest = select(func.max(later.c.id)).where(*of_same).scalar_subquery()
        query = select(_decision.task_id, _decision.box_id).where(
            _decision.unsure_by.is_not(None), _decision.id == newest
        )
        return [(task_id, box_id) for task_id, box_id in self._rows(query)]

    def newest(self) -> int:
        """The highest number of a decision; 0 where there is none."""
        return int(self._value(select(func.max(_decision.id))) or 0)

    def newest_whole(self, iteration: int) -> int:
        """Number of the latest decision on the images of X^i; 0 where there is none."""
        query = (
            select(func.max(_decision.id))
            .join(schema.task, _task.id == _decision.task_id)
            .where(
                _task.step == ReviewStep.WHOLE_IMAGE,
                _task.iteration <= iteration,
                _task.reader == EVERYBODY,
            )
        )
        return int(self._value(query) or 0)

    def time_of(self, number: int) -> datetime | None:
        """When the newest decision up to a number was made; None where there is none."""
        found = self._value(select(func.max(_decision.decided_at)).where(_decision.id <= number))
        return None if found is None else as_utc(found)

    def last_person_besides(self, task_id: int, name: str) -> str | None:
        """Who decided last in a task, `name` left out."""
        query = (
            select(_decision.person)
            .where(_decision.task_id == task_id, _decision.person != name)
            .order_by(_decision.id.desc())
            .limit(1)
        )
        found = self._value(query)
        return None if found is None else str(found)


def _noted(box: ReviewBox, note: Note | None) -> ReviewBox:
    return box if note is None else replace(box, note=note)


def _offered_query(task_ids: list[int] | None) -> Select[Any]:
    """Proposed boxes by task, as `review_box` takes them."""
    p, r = schema.proposal.c, schema.region.c
    query = (
        select(_task.id, *BOX_COLUMNS, r.region, r.evaluation_score, as_stored(p.state))
        .select_from(schema.task)
        .join(schema.proposal, p.task_id == _task.id)
        .join(schema.box, schema.box.c.id == p.box_id)
        .outerjoin(schema.region, and_(r.box_id == schema.box.c.id, r.iteration == _task.models))
    )
    return _of_tasks(query, task_ids)


def _drawn_query(task_ids: list[int] | None, until: Snapshot | None) -> Select[Any]:
    """Boxes that a person drew, by task; no model has seen them."""
    drawn = and_(_decision.task_id == _task.id, _decision.action == DecisionAction.ADD)
    query = (
        select(_task.id, *BOX_COLUMNS, null(), null(), as_stored(_decision.state))
        .select_from(schema.task)
        .join(schema.decision, drawn)
        .join(schema.box, schema.box.c.id == _decision.box_id)
    )
    if until is not None:
        query = query.where(_decision.id <= until.decision)
    return _of_tasks(query, task_ids)


def _of_tasks(query: Select[Any], task_ids: list[int] | None) -> Select[Any]:
    return query.where(_task.reader == EVERYBODY if task_ids is None else _task.id.in_(task_ids))


def _latest_query(task_ids: list[int] | None, until: Snapshot | None) -> Select[Any]:
    """The latest decision on each box of each task: task, box, and what they left of the box."""
    d = _decision
    newest = select(func.max(d.id)).group_by(d.task_id, d.box_id)
    if task_ids is not None:
        newest = newest.where(d.task_id.in_(task_ids))
    if until is not None:
        newest = newest.where(d.id <= until.decision)
    left = d.category_id, d.x1, d.y1, d.x2, d.y2, as_stored(d.state), d.credit, d.credited_at
    return select(d.task_id, d.box_id, *left, d.unsure_by, d.unsure_at).where(d.id.in_(newest))
