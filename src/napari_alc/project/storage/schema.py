"""The tables of the store.

Rows are only added, never overwritten: what a person decided yesterday is still there
after today's undo. The exceptions are states of work (`run`, `task`, `ranking`), which move
forward or are made anew (`event` keeps that they were), and what holds for the moment only:
who has an image open (`lease`) and where a person stopped (`place`).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = 3
"""2: readings, leases, places and the time spent; 3: choices by hand, audits and what a ranked
image offers (`napari_alc.project.migration`)."""

metadata = MetaData()

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
    Column("role", String, nullable=False),  # "train" (the set X) or "validation"
)

box = Table(
    "box",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("category_id", ForeignKey("category.id"), nullable=False),
    Column("x1", Float, nullable=False),
    Column("y1", Float, nullable=False),
    Column("x2", Float, nullable=False),
    Column("y2", Float, nullable=False),
    Column("source", String, nullable=False, index=True),  # crowd, mp, ma, person, clean
    Column("iteration", Integer),  # of the model that proposed it
    Column("score", Float),
    Column("person", String),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

region = Table(
    "region",
    metadata,
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    Column("iteration", Integer, primary_key=True),  # of the models that sorted the box
    Column("region", String, nullable=False),
    Column("evaluation_score", Float),
    Column("box_in_box", Boolean, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("iteration", Integer, primary_key=True),
    Column("model", String, primary_key=True),  # mp, ma
    Column("settings", JSON, nullable=False),
    Column("images", Integer, nullable=False),
    Column("boxes", Integer, nullable=False),
    Column("trained_at", DateTime(timezone=True)),
    Column("predicted_at", DateTime(timezone=True)),
    Column("threshold", Float),
    Column("metrics", JSON),
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
)

choice = Table(
    "choice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("iteration", Integer, nullable=False),  # of the ranking: the choice is for the next X
    Column("kind", String, nullable=False),  # out, in, undone; the newest of an image holds
    Column("person", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("choice_of_iteration", choice.c.iteration, choice.c.image_id)

task = Table(
    "task",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False),
    Column("step", Integer, nullable=False),  # 1: whole image, 2: red and green boxes
    Column("iteration", Integer, nullable=False),  # the X^i it joins; g in step 2
    Column("models", Integer),  # iteration of the models behind its regions; none in X^0
    Column("rank", Integer, nullable=False),
    Column("score", Float),
    Column("done_at", DateTime(timezone=True)),
    Column("done_by", String),
    # whose blind reading it is; empty: the joint task of the image
    Column("reader", String, nullable=False, default="", server_default=""),
    # drawn at random to measure the noise that is left, not for its rank
    Column("audit", Boolean, nullable=False, default=False, server_default=false()),
    UniqueConstraint("image_id", "step", "reader"),
)

proposal = Table(
    "proposal",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    Column("state", String, nullable=False),  # "open", or "kept" where the program decided
)

decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("box_id", ForeignKey("box.id"), nullable=False),
    Column("action", String, nullable=False),  # keep, delete, change, take, add, undo, …
    Column("state", String, nullable=False),  # open, kept, changed, added, deleted
    Column("category_id", ForeignKey("category.id"), nullable=False),
    Column("x1", Float, nullable=False),
    Column("y1", Float, nullable=False),
    Column("x2", Float, nullable=False),
    Column("y2", Float, nullable=False),
    Column("person", String, nullable=False),  # who acted
    Column("credit", String, nullable=False),  # whose state it is: an undo restores it too
    Column("decided_at", DateTime(timezone=True), nullable=False),  # when they acted
    Column("credited_at", DateTime(timezone=True)),  # since when it is; None: nobody's
)
Index("decision_of_box", decision.c.task_id, decision.c.box_id)

correction = Table(
    "correction",
    metadata,
    Column("box_id", ForeignKey("box.id"), primary_key=True),
    Column("image_id", ForeignKey("image.id"), nullable=False, index=True),
    Column("iteration", Integer, nullable=False),
    Column("outcome", String, nullable=False),  # label, review, removed, replaced
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("step", String, nullable=False),
    Column("iteration", Integer),
    Column("details", JSON, nullable=False),
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

spent = Table(
    "spent",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False, index=True),
    Column("box_id", ForeignKey("box.id")),  # none: the image as a whole
    Column("person", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
