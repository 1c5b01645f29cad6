"""What was done in a project: the runs of its models, and its history of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import EventKind, RunRecord
from napari_alc.project.storage.repository import Repository, now

_run, _event = schema.run.c, schema.event.c

_COLUMNS = tuple(_run[field.name] for field in fields(RunRecord))


class RunRepository(Repository):
    """The runs; one that is trained again takes the place of the old one."""

    def run(self, iteration: int, model: str) -> RunRecord | None:
        """The run of a model in an iteration; None where it was never begun."""
        rows = self._rows(select(*_COLUMNS).where(*_is(iteration, model)))
        return RunRecord(*rows[0]) if rows else None

    def all(self) -> tuple[RunRecord, ...]:
        """All runs by iteration, Mp before Ma."""
        order = _run.iteration, _run.model.desc()
        return tuple(RunRecord(*row) for row in self._rows(select(*_COLUMNS).order_by(*order)))

    def replace(self, run: RunRecord) -> None:
        """Keep a run in place of an earlier one of the same model and iteration."""
        self._execute(delete(schema.run).where(*_is(run.iteration, run.model)))
        self._add(schema.run, [vars(run)])

    def set_metrics(self, iteration: int, model: str, metrics: Mapping[str, object]) -> None:
        """Keep what was measured of a run."""
        self._set(iteration, model, metrics=dict(metrics))

    def set_predicted(
        self,
        iteration: int,
        model: str,
        at: datetime,
        threshold: float,
        metrics: Mapping[str, object],
    ) -> None:
        """Keep that a model has predicted, the tau found, and what was measured."""
        self._set(iteration, model, predicted_at=at, threshold=threshold, metrics=dict(metrics))

    def _set(self, iteration: int, model: str, **values: Any) -> None:
        self._execute(update(schema.run).where(*_is(iteration, model)).values(**values))


def _is(iteration: int, model: str) -> tuple[ColumnElement[bool], ...]:
    return _run.iteration == iteration, _run.model == model


class EventRepository(Repository):
    """The history of a project."""

    def add(self, kind: EventKind, iteration: int | None, details: Mapping[str, object]) -> None:
        """Write into the history what a step did."""
        row = {"at": now(), "step": kind, "iteration": iteration, "details": dict(details)}
        self._add(schema.event, [row])

    def has(self, kind: EventKind) -> bool:
        """Whether something was ever done."""
        return self._count(schema.event, _event.step == kind) > 0

    def stopped_by(self) -> str:
        """Who ended the iterations early; empty where nobody has, or it was taken back."""
        query = (
            select(_event.step, _event.details)
            .where(_event.step.in_((EventKind.STOP, EventKind.GO_ON)))
            .order_by(_event.id.desc())
            .limit(1)
        )
        rows = self._rows(query)
        return str(rows[0].details["person"]) if rows and rows[0].step == EventKind.STOP else ""
