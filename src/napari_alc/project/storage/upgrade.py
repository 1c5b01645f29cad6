"""Stores of earlier programs are brought up to date when their project is opened.

From format 1 to 2 decisions learned to say that somebody does not know, and notes, flags on images,
second readings and skipped images came. What was stored before stays as it is.
"""

from __future__ import annotations

from sqlalchemy import Connection, column, insert, inspect, select, table
from sqlalchemy.schema import CreateColumn

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import DecisionAction

ADDED = ("unsure_by", "unsure_at")
"""Columns of a decision that format 1 did not have."""


def hold(connection: Connection) -> None:
    """Let nobody else change the store's tables until the transaction ends."""
    if connection.dialect.name == "sqlite":
        # Python's driver begins no transaction before tables are changed, only before rows are.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(schema.meta).with_for_update())


def upgrade(connection: Connection) -> None:
    """Make the tables of format 1 those of today, in a transaction that nobody else disturbs."""
    if connection.dialect.name == "sqlite":
        _make_decisions_anew(connection)
    else:
        _alter_decisions(connection)
    schema.metadata.create_all(connection)


def _make_decisions_anew(connection: Connection) -> None:
    """SQLite cannot change what a column is held to: the rows go over into a new table."""
    known = [one.name for one in schema.decision.c if one.name not in ADDED]
    connection.exec_driver_sql("ALTER TABLE decision RENAME TO decision_before")
    connection.exec_driver_sql("DROP INDEX decision_of_box")
    schema.decision.create(connection)
    before = table("decision_before", *map(column, known))
    rows = select(*before.c).order_by(before.c.id)
    connection.execute(insert(schema.decision).from_select(known, rows))
    connection.exec_driver_sql("DROP TABLE decision_before")


def _alter_decisions(connection: Connection) -> None:
    for name in ADDED:
        definition = CreateColumn(schema.decision.c[name]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE decision ADD COLUMN {definition}")
    for check in inspect(connection).get_check_constraints("decision"):
        if "action" in check["sqltext"]:
            connection.exec_driver_sql(f'ALTER TABLE decision DROP CONSTRAINT "{check["name"]}"')
    values = schema.one_of("action", DecisionAction).sqltext
    connection.exec_driver_sql(f"ALTER TABLE decision ADD CHECK ({values})")
