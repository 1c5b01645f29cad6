"""A store as the first version of the program made it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

DDL = """
CREATE TABLE category (id INTEGER NOT NULL, name VARCHAR NOT NULL, PRIMARY KEY (id), UNIQUE (name));
CREATE TABLE event (id INTEGER NOT NULL, at DATETIME NOT NULL, step VARCHAR NOT NULL,
    iteration INTEGER, details JSON NOT NULL, PRIMARY KEY (id));
CREATE TABLE image (id INTEGER NOT NULL, file_name VARCHAR NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, fingerprint VARCHAR NOT NULL, role VARCHAR NOT NULL,
    PRIMARY KEY (id), UNIQUE (file_name));
CREATE TABLE meta ("key" VARCHAR NOT NULL, value VARCHAR NOT NULL, PRIMARY KEY ("key"));
CREATE TABLE run (iteration INTEGER NOT NULL, model VARCHAR NOT NULL, settings JSON NOT NULL,
    images INTEGER NOT NULL, boxes INTEGER NOT NULL, trained_at DATETIME, predicted_at DATETIME,
    threshold FLOAT, metrics JSON, PRIMARY KEY (iteration, model));
CREATE TABLE box (id INTEGER NOT NULL, image_id INTEGER NOT NULL, category_id INTEGER NOT NULL,
    x1 FLOAT NOT NULL, y1 FLOAT NOT NULL, x2 FLOAT NOT NULL, y2 FLOAT NOT NULL,
    source VARCHAR NOT NULL, iteration INTEGER, score FLOAT, person VARCHAR,
    created_at DATETIME NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(image_id) REFERENCES image (id),
    FOREIGN KEY(category_id) REFERENCES category (id));
CREATE INDEX ix_box_image_id ON box (image_id);
CREATE INDEX ix_box_source ON box (source);
CREATE TABLE ranking (iteration INTEGER NOT NULL, image_id INTEGER NOT NULL, rank INTEGER NOT NULL,
    score FLOAT NOT NULL, red INTEGER NOT NULL, pink INTEGER NOT NULL, green INTEGER NOT NULL,
    gray INTEGER NOT NULL, PRIMARY KEY (iteration, image_id),
    FOREIGN KEY(image_id) REFERENCES image (id));
CREATE TABLE task (id INTEGER NOT NULL, image_id INTEGER NOT NULL, step INTEGER NOT NULL,
    iteration INTEGER NOT NULL, models INTEGER, rank INTEGER NOT NULL, score FLOAT,
    done_at DATETIME, done_by VARCHAR, PRIMARY KEY (id), UNIQUE (image_id, step),
    FOREIGN KEY(image_id) REFERENCES image (id));
CREATE TABLE correction (box_id INTEGER NOT NULL, image_id INTEGER NOT NULL,
    iteration INTEGER NOT NULL, outcome VARCHAR NOT NULL, PRIMARY KEY (box_id),
    FOREIGN KEY(box_id) REFERENCES box (id), FOREIGN KEY(image_id) REFERENCES image (id));
CREATE INDEX ix_correction_image_id ON correction (image_id);
CREATE TABLE decision (id INTEGER NOT NULL, task_id INTEGER NOT NULL, box_id INTEGER NOT NULL,
    action VARCHAR NOT NULL, state VARCHAR NOT NULL, category_id INTEGER NOT NULL,
    x1 FLOAT NOT NULL, y1 FLOAT NOT NULL, x2 FLOAT NOT NULL, y2 FLOAT NOT NULL,
    person VARCHAR NOT NULL, credit VARCHAR NOT NULL, decided_at DATETIME NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(task_id) REFERENCES task (id),
    FOREIGN KEY(box_id) REFERENCES box (id), FOREIGN KEY(category_id) REFERENCES category (id));
CREATE INDEX decision_of_box ON decision (task_id, box_id);
CREATE TABLE proposal (task_id INTEGER NOT NULL, box_id INTEGER NOT NULL, state VARCHAR NOT NULL,
    PRIMARY KEY (task_id, box_id), FOREIGN KEY(task_id) REFERENCES task (id),
    FOREIGN KEY(box_id) REFERENCES box (id));
CREATE TABLE region (box_id INTEGER NOT NULL, iteration INTEGER NOT NULL, region VARCHAR NOT NULL,
    evaluation_score FLOAT, box_in_box BOOLEAN NOT NULL, PRIMARY KEY (box_id, iteration),
    FOREIGN KEY(box_id) REFERENCES box (id));
"""


def make_old(database: Path, ddl: str = DDL, version: int = 1) -> None:
    """Turn a closed project's database into what an older version would have written.

    Parameters
    ----------
    ddl
        The tables of that version.
    """
    old = database.with_suffix(".old")
    with closing(sqlite3.connect(old)) as to:
        to.execute("PRAGMA journal_mode=WAL")
        to.executescript(ddl)
        to.execute("ATTACH ? AS new", (str(database),))
        for (table,) in to.execute("SELECT name FROM main.sqlite_master WHERE type='table'"):
            names = [row[1] for row in to.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(f'"{name}"' for name in names)
            to.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        to.execute("UPDATE main.meta SET value = ? WHERE \"key\" = 'schema'", (str(version),))
        to.commit()
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    old.replace(database)
