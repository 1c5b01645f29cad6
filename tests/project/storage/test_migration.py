from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from builders import PERSON, make_project
from hand_made import rows_of
from sqlalchemy import insert, inspect
from version_one import DDL as FIRST
from version_one import make_old
from version_two import DDL as SECOND

from napari_alc.errors import BadData
from napari_alc.project.annotation.decisions import current_boxes, open_document
from napari_alc.project.annotation.tasks import next_open_task, queue
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import now, version_of


def undated(project):
    """The boxes of a project without when they were decided."""
    return [(task_id, replace(box, decided_at=None)) for task_id, box in current_boxes(project)]


@pytest.fixture(params=[1, 2])
def version(request):
    """Which older program made the project."""
    return request.param


@pytest.fixture
def before(tmp_path, version):
    """A project with decisions, and what it said before it became an old one."""
    project = make_project(tmp_path, images=3)
    document = open_document(project, next_open_task(project), PERSON)
    first, second, *_ = (box.id for box in document.open_boxes)
    document.keep([first])
    document.delete([second])
    document.undo()
    document.add((3, 3, 20, 20), 1)
    said = queue(project), undated(project)
    project.close()
    make_old(project.folder / "project.db", {1: FIRST, 2: SECOND}[version], version)
    return project.folder, said


def tables_of(store):
    """Columns, keys and indexes of every table of a store."""
    found = inspect(store.engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(str(u["column_names"]) for u in found.get_unique_constraints(table)),
            sorted(
                str((f["constrained_columns"], f["referred_table"]))
                for f in found.get_foreign_keys(table)
            ),
            sorted(str((i["name"], i["column_names"])) for i in found.get_indexes(table)),
        )
        for table in found.get_table_names()
    }


def test_an_old_project_opens_with_all_that_was_decided(before):
    folder, said = before
    project = Project.open(folder)
    assert (queue(project), undated(project)) == said
    for _, box in current_boxes(project):
        assert (box.decided_at is None) == (box.person == "")
    project.close()


def test_an_old_store_gets_the_tables_of_a_new_one(before, tmp_path):
    old, new = Project.open(before[0]), make_project(tmp_path / "new", images=2)
    assert tables_of(old.store) == tables_of(new.store)
    old.close()
    new.close()


def test_rows_still_refer_to_each_other(before):
    project = Project.open(before[0])
    with project.store.begin() as connection:
        assert version_of(connection) == schema.SCHEMA_VERSION
        assert not connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(BadData), project.store.begin() as connection:
        connection.execute(insert(schema.proposal), [{"task_id": 77, "box_id": 1, "state": "open"}])
    project.close()


def test_a_copy_of_the_old_store_is_left(before, version):
    folder, said = before
    Project.open(folder).close()
    (folder / f"project.v{version}.db").replace(folder / "project.db")
    for suffix in ("-wal", "-shm"):
        (folder / f"project.db{suffix}").unlink(missing_ok=True)
    again = Project.open(folder)
    assert queue(again) == said[0]
    again.close()


def test_work_goes_on_in_a_project_brought_up_to_date(before):
    project = Project.open(before[0])
    document = open_document(project, next_open_task(project), "Bob")
    document.keep([box.id for box in document.open_boxes])
    again = Project.open(before[0])
    assert open_document(again, next_open_task(again), "Bob").boxes == document.boxes
    again.close()
    project.close()


def test_a_new_project_is_left_as_it_is(tmp_path):
    project = make_project(tmp_path, images=2)
    project.close()
    Project.open(project.folder).close()
    assert not list(project.folder.glob("project.v*.db"))


def test_an_old_store_that_cannot_be_changed_stays_as_it_was(before):
    folder, _ = before
    with closing(sqlite3.connect(folder / "project.db")) as direct:
        direct.execute("CREATE TABLE choice (in_the_way INTEGER)")
        untouched = "\n".join(direct.iterdump())
    with pytest.raises(BadData, match="already exists"):
        Project.open(folder)
    with closing(sqlite3.connect(folder / "project.db")) as direct:
        assert "\n".join(direct.iterdump()) == untouched


def test_without_a_copy_nothing_is_changed(before, version):
    folder, _ = before
    (folder / f"project.v{version}.db").mkdir()
    with pytest.raises(BadData, match="no copy of the project"):
        Project.open(folder)
    with closing(sqlite3.connect(folder / "project.db")) as direct:
        assert direct.execute("SELECT value FROM meta").fetchall() == [(str(version),)]


def test_old_tasks_are_no_audits_and_choices_can_be_made(before):
    project = Project.open(before[0])
    assert {row["audit"] for row in rows_of(project, schema.task)} == {False}
    choice = {"image_id": 1, "iteration": 0, "kind": "out", "person": "Ada", "reason": "torn"}
    with project.store.begin() as connection:
        connection.execute(insert(schema.choice), [{**choice, "at": now()}])
    assert [row["reason"] for row in rows_of(project, schema.choice)] == ["torn"]
    project.close()


def test_readings_of_an_image_stand_beside_its_joint_task(before):
    project = Project.open(before[0])
    task = queue(project)[0]
    row = {"image_id": task.image_id, "step": task.step, "iteration": 0, "rank": 0}
    with project.store.begin() as connection:
        connection.execute(insert(schema.task), [{**row, "reader": "Ada"}])
    with pytest.raises(BadData, match="UNIQUE"), project.store.begin() as connection:
        connection.execute(insert(schema.task), [{**row, "reader": "Ada"}])
    assert len(rows_of(project, schema.task)) == len(queue(project)) + 1
    project.close()
