"""People at work in the store: which window holds which image, and the time spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import (
    CorrectionOutcome,
    Lease,
    ReviewPosition,
    ReviewStep,
    Spent,
)
from napari_alc.project.storage.repository import Repository, as_utc, now

_lease, _place, _spent = schema.lease.c, schema.place.c, schema.spent.c
_skipped = schema.skipped.c
_task, _decision = schema.task.c, schema.decision.c

_COLUMNS = tuple(_lease[field.name] for field in fields(Lease))


class LeaseRepository(Repository):
    """Which window holds which image, where people stopped, and what they put off."""

    def clock(self) -> datetime:
        """The present moment by the clock that leases are compared by, in UTC."""
        return self._clock()

    def of(self, task_id: int) -> Lease | None:
        """The lease of an image, alive or not; None where there is none."""
        rows = self._rows(select(*_COLUMNS).where(_lease.task_id == task_id))
        return _lease_of(rows[0]) if rows else None

    def all(self) -> list[Lease]:
        """Every lease, alive or not."""
        return [_lease_of(row) for row in self._rows(select(*_COLUMNS))]

    def put(self, lease: Lease) -> None:
        """Let a window hold an image, in place of whoever held it."""
        self._execute(delete(schema.lease).where(_lease.task_id == lease.task_id))
        self._add(schema.lease, [vars(lease)])

    def renew(self, task_id: int, session: str) -> bool:
        """Give a sign of life; whether the window still holds the image.

        As the first statement of a transaction it keeps others from taking the image until the end.
        """
        mine = _lease.task_id == task_id, _lease.session == session
        return self._execute(update(schema.lease).where(*mine).values(seen_at=self._clock())) == 1

    def end(self, session: str) -> None:
        """Let go of whatever a window holds."""
        self._execute(delete(schema.lease).where(_lease.session == session))

    def position(self, person: str) -> ReviewPosition | None:
        """Where a person stopped; None where they never began."""
        query = select(_place.task_id, _place.box_id).where(_place.person == person)
        rows = self._rows(query)
        return ReviewPosition(*rows[0]) if rows else None

    def set_position(self, person: str, position: ReviewPosition) -> None:
        """Keep where a person is."""
        values = {**vars(position), "at": now()}
        if not self._execute(update(schema.place).where(_place.person == person).values(values)):
            self._add(schema.place, [{"person": person, **values}])

    def skip(self, person: str, task_id: int) -> None:
        """Put an image at the end of a person's queue, behind those skipped before."""
        self.come_back(person, task_id)
        self._add(schema.skipped, [{"person": person, "task_id": task_id, "at": now()}])

    def come_back(self, person: str, task_id: int) -> None:
        """Give an image its place in a person's queue again."""
        mine = _skipped.person == person, _skipped.task_id == task_id
        self._execute(delete(schema.skipped).where(*mine))

    def skipped(self, person: str) -> list[int]:
        """Ids of the tasks that a person has skipped, in the order in which they did."""
        query = select(_skipped.task_id).where(_skipped.person == person)
        return [row.task_id for row in self._rows(query.order_by(_skipped.at, _skipped.task_id))]


def _lease_of(row: Row[*tuple[Any, ...]]) -> Lease:
    return replace(Lease(*row), seen_at=as_utc(row.seen_at))


@dataclass(frozen=True)
class SecondsSpent:
    """Seconds that people have worked, idle time left out."""

    by_step: Mapping[ReviewStep, float]
    by_person: Mapping[str, float]
    by_box: Mapping[int, float]

    @property
    def total(self) -> float:
        """All seconds together."""
        return sum(self.by_step.values())


class TimeRepository(Repository):
    """The seconds that people have worked, idle time left out."""

    def add(self, person: str, spent: Sequence[Spent]) -> None:
        """Keep time that a person has spent."""
        at = now()
        self._add(schema.spent, [{**vars(item), "person": person, "at": at} for item in spent])

    def spent(self) -> SecondsSpent:
        """All time together; what was spent on images as a whole is no box's."""
        total = func.sum(_spent.seconds)
        joined = select(_task.step, total).join(schema.spent, _spent.task_id == _task.id)
        steps = self._pairs(joined.group_by(_task.step))
        boxes = select(_spent.box_id, total).where(_spent.box_id.is_not(None))
        return SecondsSpent(
            {ReviewStep(step): seconds for step, seconds in steps.items()},
            self._pairs(select(_spent.person, total).group_by(_spent.person)),
            self._pairs(boxes.group_by(_spent.box_id)),
        )

    def boxes_decided_by(self, person: str) -> int:
        """Boxes that a person decided in finished images on which their time was measured."""
        measured = select(_spent.task_id).where(_spent.person == person, _IN_FINISHED)
        boxes = (
            select(_decision.task_id, _decision.box_id)
            .where(_decision.person == person, _decision.task_id.in_(measured))
            .distinct()
            .subquery()
        )
        return int(self._value(select(func.count()).select_from(boxes)))

    def seconds_of(self, person: str) -> float:
        """Seconds that a person has spent on images that are finished."""
        return self._sum(_spent.person == person, _IN_FINISHED)

    def boxes_in_timed_wholes(self) -> int:
        """Boxes decided in whole images on which somebody's time was measured."""
        query = (
            select(func.count(func.distinct(_decision.box_id)))
            .join(schema.task, _task.id == _decision.task_id)
            .where(_task.step == ReviewStep.WHOLE_IMAGE, _task.id.in_(select(_spent.task_id)))
        )
        return int(self._value(query))

    def seconds_of_step2(self) -> float:
        """Seconds that step 2 has taken."""
        return self._sum(_IN_STEP2)

    def seconds_on_reviewed(self) -> float:
        """Seconds that step 2 has taken on the red and green boxes themselves."""
        c = schema.correction.c
        reviewed = select(c.box_id).where(c.outcome == CorrectionOutcome.REVIEW)
        return self._sum(_IN_STEP2, _spent.box_id.in_(reviewed))

    def _sum(self, *conditions: ColumnElement[bool]) -> float:
        return float(self._value(select(func.sum(_spent.seconds)).where(*conditions)) or 0.0)


_IN_FINISHED = _spent.task_id.in_(select(_task.id).where(_task.done_at.is_not(None)))

_IN_STEP2 = _spent.task_id.in_(select(_task.id).where(_task.step == ReviewStep.OPEN_BOXES))
