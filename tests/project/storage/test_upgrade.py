"""Projects of earlier programs open, keep what is in them, and can do what today's can."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hand_made import A, B, C, D, by_image, make, rows_of
from sqlalchemy import text

from napari_alc.errors import BadData
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import open_counts, queue
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.storage import schema, upgrade
from napari_alc.project.storage.records import FlagKind

FORMAT_1 = Path(__file__).with_name("format1.sql")
"""A store as the program of format 1 left it: image 1 finished by Ada, half of image 2 by Bob."""


def stored(folder, script):
    """Put a store in place of the one in a project's folder."""
    for file in folder.glob("project.db*"):
        file.unlink()
    with closing(sqlite3.connect(folder / "project.db")) as connection:
        connection.executescript(script)


@pytest.fixture
def folder(tmp_path):
    """A project's folder with a store of format 1."""
    project = make(tmp_path, {1: [A, B], 2: [B, C]}, images=2, initial=2)
    project.close()
    stored(project.folder, FORMAT_1.read_text())
    return project.folder


def opened(folder):
    return closing(Project.open(folder))


def without_checks(script):
    """A store of the last program before the release: the same tables, held to nothing."""
    bare = re.sub(r",?\s*CHECK \((?:[^()]|\([^()]*\))*\)", "", script)
    assert "CHECK" not in bare
    return bare.replace("'format','1'", "'schema','3'")


@pytest.mark.parametrize("script", [FORMAT_1.read_text(), without_checks(FORMAT_1.read_text())])
def test_what_was_decided_is_there_after_the_upgrade(folder, script):
    stored(folder, script)
    with closing(sqlite3.connect(folder / "project.db")) as connection:
        before = connection.execute("SELECT * FROM decision ORDER BY id").fetchall()
    with opened(folder) as project:
        assert by_image(pathologist_labels(project, 0).labels) == {
            1: [(10, 10, 30, 30), (10, 50, 30, 70), (48, 10, 70, 30)],
            2: [B],
        }
        assert [task.done_by for task in queue(project)].count("Ada") == 1
        rows = rows_of(project, schema.decision)
        assert {(row["unsure_by"], row["unsure_at"]) for row in rows} == {(None, None)}
    with closing(sqlite3.connect(folder / "project.db")) as connection:
        after = connection.execute("SELECT * FROM decision ORDER BY id").fetchall()
    assert [row[:-2] for row in after] == before


@pytest.mark.parametrize("script", [FORMAT_1.read_text(), without_checks(FORMAT_1.read_text())])
def test_an_upgraded_project_can_do_what_a_new_one_can(folder, script):
    stored(folder, script)
    with opened(folder) as project:
        [task] = [task for task in queue(project) if not task.is_done]
        document = open_document(project, task, "Ada")
        [box] = document.open_boxes
        document.mark_unsure([box.id])
        document.note(box.id, "a fold?")
        document.flag(FlagKind.BAD_PICTURE)
        assert open_counts(project) == {}
    with opened(folder) as project:
        again = open_document(project, task, "Ada")
        assert again.boxes == document.boxes
        assert again.flags == document.flags
        with pytest.raises(BadData, match="CHECK constraint"), project.store.begin() as connection:
            connection.execute(text("UPDATE decision SET action = 'guess'"))


def test_an_upgraded_store_has_the_tables_of_a_new_one(folder, tmp_path):
    new = make(tmp_path / "new", {1: [D]}, images=1)
    with opened(folder) as project:
        assert tables_of(project) == tables_of(new)
    new.close()


def tables_of(project):
    """Columns and indices of every table, as SQLite tells them, without their spelling."""
    with project.store.begin() as connection:
        names = sorted(
            row.name for row in connection.execute(text("SELECT name FROM sqlite_master"))
        )
        columns = {
            name: [tuple(row) for row in connection.execute(text(f"PRAGMA table_info({name})"))]
            for name in names
        }
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    return columns


def test_an_upgrade_that_was_interrupted_changes_nothing(folder, monkeypatch):
    def fail(_connection):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(schema.metadata, "create_all", fail)  # after the decisions were made anew
        with pytest.raises(KeyboardInterrupt):
            Project.open(folder)
    with closing(sqlite3.connect(folder / "project.db")) as connection:
        assert "\n".join(connection.iterdump()) + "\n" == FORMAT_1.read_text()
    with opened(folder) as project:
        assert len(rows_of(project, schema.decision)) == 6


def test_two_windows_may_upgrade_at_the_same_moment(folder):
    with ThreadPoolExecutor(2) as pool:
        projects = list(pool.map(Project.open, [folder, folder]))
    for project in projects:
        assert len(rows_of(project, schema.decision)) == 6
        project.close()


def test_an_upgraded_store_is_upgraded_once(folder, monkeypatch):
    Project.open(folder).close()
    monkeypatch.setattr(upgrade, "upgrade", lambda _connection: pytest.fail("again"))
    with opened(folder) as project, project.store.begin() as connection:
        versions = dict(map(tuple, connection.execute(text("SELECT key, value FROM meta"))))
    assert versions["format"] == "2"


def test_the_program_before_the_release_is_told_to_be_updated(folder):
    stored(folder, without_checks(FORMAT_1.read_text()))
    with opened(folder) as project, project.store.begin() as connection:
        versions = dict(map(tuple, connection.execute(text("SELECT key, value FROM meta"))))
    assert (versions["format"], versions["schema"]) == ("2", "4")
