from __future__ import annotations

import re
import shutil

import pytest
from hand_made import A, B, by_image, make, rows_of, sources
from sqlalchemy import event, text, update

from napari_alc.errors import BadData
from napari_alc.labels import Category
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import next_open_task
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, create_project
from napari_alc.project.storage import boxes, schema
from napari_alc.project.storage.database import Database
from napari_alc.project.storage.records import BoxSource, ReviewBox, ReviewStep, Task
from napari_alc.project.storage.repository import now


@pytest.fixture
def project(tmp_path):
    project = make(tmp_path, {1: [A], 2: [B]}, images=2, initial=2)
    yield project
    project.close()


@pytest.fixture
def closed(project):
    project.close()
    return project.folder


def some_box(x, image_id=1):
    task = Task(1, image_id, "", ReviewStep.WHOLE_IMAGE, 0, None, 0, None, None, None)
    return task, ReviewBox(0, 1, (x, 1, 9, 9), BoxSource.PERSON)


def set_version(project, value, key="format"):
    statement = update(schema.meta).where(schema.meta.c.key == "format")
    with project.store.begin() as connection:
        connection.execute(statement.values(key=key, value=value))
    project.close()


def test_a_newer_database_is_left_to_a_newer_program(project):
    set_version(project, str(schema.SCHEMA_VERSION + 1))
    with pytest.raises(BadData, match=r"project\.db: was made by a newer napari-alc.*Update"):
        Project.open(project.folder)


def test_the_store_of_the_last_program_before_the_release_is_read_as_it_is(project):
    document = open_document(project, next_open_task(project), "Ada")
    document.keep([box.id for box in document.open_boxes])
    without_checks(project)
    set_version(project, "3", "schema")
    again = Project.open(project.folder)
    with again.store.begin() as connection:  # nothing holds it to the states
        connection.execute(text("UPDATE event SET step = 'guess'"))
    assert by_image(again.crowd_labels().labels) == {1: [A], 2: [B]}
    document = open_document(again, next_open_task(again), "Ada")
    document.add([1, 1, 20, 20], 1)
    assert {row["state"] for row in rows_of(again, schema.decision)} == {"kept", "added"}
    again.close()


def without_checks(project):
    """Let the tables be as they were before states were held by the database."""
    with project.store.begin() as connection:
        connection.execute(text("PRAGMA writable_schema = 1"))
        tables = text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        for name, sql in connection.execute(tables).all():
            head, *columns, tail = sql.strip().splitlines()
            bare = [re.sub(r" CHECK \([^)]*\)", "", line).strip(", ") for line in columns]
            kept = [line for line in bare if not line.strip().startswith("CHECK")]
            assert "CHECK" not in "".join(kept)
            old = {"sql": "\n".join([head, ",\n".join(kept), tail]), "name": name}
            connection.execute(text("UPDATE sqlite_master SET sql = :sql WHERE name = :name"), old)


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_older_store_is_refused_with_what_to_do(project, version):
    set_version(project, version, "schema")
    with pytest.raises(BadData, match=r"long before its first release.*Export its labels"):
        Project.open(project.folder)


def test_a_store_between_the_last_old_one_and_the_first_is_a_newer_one(project):
    set_version(project, "4", "schema")
    with pytest.raises(BadData, match="made by a newer napari-alc"):
        Project.open(project.folder)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE task SET step = 3",
        "UPDATE box SET source = 'somebody'",
        "UPDATE box SET x1 = x2 + 1",
        "UPDATE box SET score = 1.5",
        "UPDATE image SET role = 'test'",
        "UPDATE proposal SET state = 'done'",
        "UPDATE event SET step = 'guess'",
        "UPDATE task SET iteration = -1",
        "INSERT INTO image_flag VALUES (1, 1, 'ugly', 1, '', 'Ada', 'Ada', '2026-01-01', NULL)",
        "INSERT INTO note VALUES (1, 1, 1, 'note', '" + 501 * "x" + "', 'A', 'A', '2026-01-01', 0)",
    ],
)
def test_the_database_itself_holds_states_and_ranges(project, wrong):
    with pytest.raises(BadData, match="CHECK constraint"), project.store.begin() as connection:
        connection.execute(text(wrong))


def test_a_version_that_is_no_number_is_refused(project):
    set_version(project, "many")
    with pytest.raises(BadData, match="is no napari-alc database"):
        Project.open(project.folder)


def test_a_missing_database_is_named(closed):
    (closed / "project.db").unlink()
    with pytest.raises(BadData, match=r"database is missing.*Restore it"):
        Project.open(closed)


def scribbled(content):
    return b"\xff" * len(content)


def cut(content):
    return content[:5000]


def emptied(_content):
    return b""


@pytest.mark.parametrize("harm", [scribbled, cut, emptied])
def test_a_damaged_database_is_named_with_a_remedy(closed, harm):
    path = closed / "project.db"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(BadData, match=r"project\.db: .*[Rr]estore it from a copy"):
        Project.open(closed)


def test_a_transaction_is_stored_wholly_or_not_at_all(project):
    before = rows_of(project, schema.box)
    with pytest.raises(BadData, match="refused"), project.store.transaction() as unit:
        unit.boxes.add_drawn([some_box(1)], "Ada", now())
        unit.images.add_categories([Category(1, "again")])
    assert rows_of(project, schema.box) == before


def test_a_box_of_an_unknown_image_is_refused(project):
    with pytest.raises(BadData, match="refused"), project.store.transaction() as unit:
        unit.boxes.add_drawn([some_box(1, image_id=77)], "Ada", now())


def test_a_full_disk_loses_no_decision(project):
    document = open_document(project, next_open_task(project), "Ada")
    document.keep([box.id for box in document.open_boxes])
    stored = rows_of(project, schema.decision)

    @event.listens_for(project.store.engine, "checkout")
    def fill(connection, *_):
        connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(BadData, match=r"full.*Free some disk space"):
        for x in range(500):
            document.add([x % 60, 1, 99, 99 - x % 50], 1)
    shown = len(document.boxes)
    event.remove(project.store.engine, "checkout", fill)
    project.close()
    again = Project.open(project.folder)
    assert rows_of(again, schema.decision)[: len(stored)] == stored
    task = next_open_task(again)
    assert len(open_document(again, task, "Ada").boxes) == shown
    again.close()


def test_ids_come_in_the_order_of_the_rows(project, monkeypatch):
    monkeypatch.setattr(boxes, "ROWS_AT_ONCE", 3)
    with project.store.transaction() as unit:
        drawn = unit.boxes.add_drawn([some_box(x / 8) for x in range(8)], "Ada", now())
    found = {row["id"]: row["x1"] for row in rows_of(project, schema.box)}
    assert [found[box.id] for box in drawn] == [x / 8 for x in range(8)]


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle9://x", "sqlite://", "sqlite:///relative.db", "mysql+none://h/d"]
)
def test_an_address_that_cannot_be_used_names_the_line(tmp_path, url):
    with pytest.raises(BadData, match=r"project\.toml: the database address"):
        Database(tmp_path, url)


def test_a_password_is_not_shown(tmp_path):
    with pytest.raises(BadData) as refused:
        Database(tmp_path, "nonsense+driver://ada:secret@host/d")
    assert "secret" not in str(refused.value)


def test_the_database_may_lie_elsewhere(tmp_path):
    url = f"sqlite:///{(tmp_path / 'kept elsewhere.db').as_posix()}"
    options = CreateOptions(MethodSettings(initial=1), database=url)
    project = create_project(tmp_path / "study", sources(tmp_path, {1: [A]}), options)
    project.close()
    assert not (tmp_path / "study" / "project.db").exists()
    again = Project.open(tmp_path / "study")
    assert by_image(again.crowd_labels().labels) == {1: [A]}
    again.close()
    with pytest.raises(BadData, match="holds a project already"):
        create_project(tmp_path / "other", sources(tmp_path, {1: [B]}), options)
    assert by_image(Project.open(tmp_path / "study").crowd_labels().labels) == {1: [A]}


def test_what_was_committed_survives_a_copy_taken_while_open(project, tmp_path):
    document = open_document(project, next_open_task(project), "Ada")
    document.add([1, 1, 20, 20], 1)
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy)
    again = Project.open(copy)
    with again.store.begin() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert rows_of(again, schema.decision) == rows_of(project, schema.decision)
