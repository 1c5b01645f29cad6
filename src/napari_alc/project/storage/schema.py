"""The tables of the store.

Rows are only added, never overwritten: what a person decided yesterday is still there
after today's undo. The exceptions are states of work (`run`, `task`, `ranking`), which move
forward or are made anew (`event` keeps that they were), and what holds for the moment only:
who has an image open (`lease`), where a person stopped (`place`) and which images they put off
(`skipped`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from napari_alc.cleaning.regions import Region
from napari_alc.project.storage.records import (
    EVERYBODY,
    NOTE_LENGTH,
    BoxSource,
    BoxState,
    CorrectionOutcome,
    DecisionAction,
    EventKind,
    FlagKind,
    ImageRole,
    ModelName,
    OverrideKind,
    ReviewStep,
)

SCHEMA_VERSION = 2
"""A store of a higher one was made by a newer program; one of a lower one is upgraded."""

metadata = MetaData()


def _state(name: str, kind: type[StrEnum], *, primary_key: bool = False) -> Column[Any]:
    """A column of a state, which the database itself holds to its values."""
    return Column(name, _named(kind), one_of(name, kind), primary_key=primary_key, nullable=False)


def _named(kind: type[StrEnum]) -> Enum:
    values = [member.value for member in kind]
    return Enum(kind, native_enum=False, values_callable=lambda _kind: values)


def one_of(name: str, values: Iterable[str]) -> CheckConstraint:
    """The condition that a column has one of some values."""
    # SQLite builds a tree for each row to look into where such a list stands behind IN.
    return CheckConstraint(" OR ".join(f"{name} = '{value}'" for value in values))


def _corners() -> tuple[Column[float], ...]:
    return tuple(Column(name, Float, nullable=False) for name in ("x1", "y1", "x2", "y2"))


def _in_order() -> CheckConstraint:
    return CheckConstraint("x1 <= x2 AND y1 <= y2")


def _share(name: str) -> CheckConstraint:
    return CheckConstraint(f"{name} BETWEEN 0 AND 1")


def _short(name: str) -> CheckConstraint:
    return CheckConstraint(f"length({name}) <= {NOTE_LENGTH}")


def _not_negative(*names: str) -> CheckConstraint:
    return CheckConstraint(" AND ".join(f"{name} >= 0" for name in names))


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

category = Table(
    "category",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False, unique=True),
)

image = Table(
    "image",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("file_name", String, nullable=False, unique=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    _state("role", ImageRole),
)

box = Table(
    "box",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("category_id", ForeignKey("category.id"), nullable=False),
    *_corners(),
    _state("source", BoxSource),
    Column("iteration", Integer),  # of the model that proposed it
    Column("score", Float),
    Column("person", String),
    Column("created_at", DateTime(timezone=True), nullable=False),
    _in_order(),
    _share("score"),
    _not_negative("iteration"),
)
Index("ix_box_source", box.c.source)

_REGIONS = [region.label for region in Region]

region = Table(
    "region",
    metadata,
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    Column("iteration", Integer, primary_key=True),  # of the models that sorted the box
    Column("region", String, one_of("region", _REGIONS), nullable=False),
    Column("evaluation_score", Float),
    Column("box_in_box", Boolean, nullable=False),
    _share("evaluation_score"),
    _not_negative("iteration"),
)

run = Table(
    "run",
    metadata,
    Column("iteration", Integer, primary_key=True),
    _state("model", ModelName, primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("images", Integer, nullable=False),
    Column("boxes", Integer, nullable=False),
    Column("trained_at", DateTime(timezone=True)),
    Column("predicted_at", DateTime(timezone=True)),
    Column("threshold", Float),
    Column("metrics", JSON),
    _not_negative("iteration", "images", "boxes"),
)

ranking = Table(
    "ranking",
    metadata,
    Column("iteration", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("red", Integer, nullable=False),
    Column("pink", Integer, nullable=False),
    Column("green", Integer, nullable=False),
    Column("gray", Integer, nullable=False),
    Column("offered", Integer),  # boxes that a review of the whole image would offer
    _not_negative("iteration", "rank", "score", "red", "pink", "green", "gray"),
)

choice = Table(
    "choice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("iteration", Integer, nullable=False),  # of the ranking: the choice is for the next X
    _state("kind", OverrideKind),
    Column("person", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    _not_negative("iteration"),
)
Index("choice_of_iteration", choice.c.iteration, choice.c.image_id)

task = Table(
    "task",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("step", Integer, nullable=False),  # a `ReviewStep`
    Column("iteration", Integer, nullable=False),  # the X^i it joins; g in step 2
    Column("models", Integer),  # iteration of the models behind its regions; none in X^0
    Column("rank", Integer, nullable=False),
    Column("score", Float),
    Column("done_at", DateTime(timezone=True)),
    Column("done_by", String),
    # whose blind reading it is; empty: the consensus task of the image
    Column("reader", String, nullable=False, default=EVERYBODY),
    # drawn at random to measure the noise that is left, not for its rank
    Column("audit", Boolean, nullable=False, default=False),
    UniqueConstraint("image_id", "step", "reader"),
    CheckConstraint(" OR ".join(f"step = {step:d}" for step in ReviewStep)),
    _not_negative("iteration", "rank"),
)

proposal = Table(
    "proposal",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    _state("state", BoxState),  # kept where the program decided
)

decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("box_id", ForeignKey("box.id"), nullable=False),
    _state("action", DecisionAction),
    _state("state", BoxState),
    Column("category_id", ForeignKey("category.id"), nullable=False),
    *_corners(),
    Column("person", String, nullable=False),  # who acted
    Column("credit", String, nullable=False),  # whose state it is: an undo restores it too
    Column("decided_at", DateTime(timezone=True), nullable=False),  # when they acted
    Column("credited_at", DateTime(timezone=True)),  # since when it is; None: nobody's
    Column("unsure_by", String),  # who does not know; None: nobody, or it was decided since
    Column("unsure_at", DateTime(timezone=True)),
    _in_order(),
)
Index("decision_of_box", decision.c.task_id, decision.c.box_id)

note = Table(
    "note",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("box_id", ForeignKey("box.id"), nullable=False),
    _state("action", DecisionAction),
    Column("text", String, nullable=False),  # empty: the note was removed
    Column("person", String, nullable=False),  # who acted
    Column("author", String, nullable=False),  # whose words they are: an undo restores it too
    Column("noted_at", DateTime(timezone=True), nullable=False),  # when they acted
    Column("written_at", DateTime(timezone=True)),  # when the words were written; None without
    _short("text"),
)
Index("note_of_box", note.c.task_id, note.c.box_id)

image_flag = Table(
    "image_flag",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    _state("kind", FlagKind),
    Column("is_set", Boolean, nullable=False),
    Column("words", String, nullable=False),
    Column("person", String, nullable=False),  # who acted
    Column("author", String, nullable=False),  # whose flag it is: an undo restores it too
    Column("flagged_at", DateTime(timezone=True), nullable=False),  # when they acted
    Column("set_at", DateTime(timezone=True)),  # since when it is set; None: it is not
    _short("words"),
)
Index("flag_of_image", image_flag.c.image_id, image_flag.c.kind)

second_reading = Table(
    "second_reading",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("box_id", ForeignKey("box.id"), nullable=False),
    Column("reader", String, nullable=False),  # who is asked; empty: nobody any more
    Column("person", String, nullable=False),  # who asked
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("second_reading_of_box", second_reading.c.task_id, second_reading.c.box_id)

correction = Table(
    "correction",
    metadata,
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("iteration", Integer, nullable=False),
    _state("outcome", CorrectionOutcome),
    _not_negative("iteration"),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    _state("step", EventKind),
    Column("iteration", Integer),
    Column("details", JSON, nullable=False),
    _not_negative("iteration"),
)

lease = Table(
    "lease",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True, autoincrement=False),
    Column("session", String, nullable=False),  # one window of one person
    Column("person", String, nullable=False),
    Column("host", String, nullable=False),
    Column("process", Integer, nullable=False),
    Column("process_started", Float, nullable=False),  # seconds since 1970: tells reused numbers
    Column("seen_at", DateTime(timezone=True), nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("person", String, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("box_id", ForeignKey("box.id")),  # none: the image as a whole
    Column("at", DateTime(timezone=True), nullable=False),
)

skipped = Table(
    "skipped",
    metadata,
    Column("person", String, primary_key=True),
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
)

spent = Table(
    "spent",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False, index=True),
    Column("box_id", ForeignKey("box.id")),  # none: the image as a whole
    Column("person", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    _not_negative("seconds"),
)
