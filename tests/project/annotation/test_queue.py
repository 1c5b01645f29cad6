from __future__ import annotations

import pytest
from builders import PERSON, make_project
from sqlalchemy import insert, select

from napari_alc.project.annotation.decisions import current_boxes, finish, open_document
from napari_alc.project.annotation.tasks import next_open_task, queue, queue_of
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.status import newest_decision, status
from napari_alc.project.storage import schema


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3)
    yield project
    project.close()


def give_reading(project, task, reader):
    """A copy of a consensus task for one reader."""
    t, p = schema.task.c, schema.proposal.c
    names = [c.name for c in t if c.name not in ("id", "reader")]
    with project.store.begin() as connection:
        [row] = connection.execute(select(*(t[name] for name in names)).where(t.id == task.id))
        added = connection.execute(insert(schema.task), {**row._mapping, "reader": reader})
        reading = added.inserted_primary_key[0]
        offered = select(p.box_id, p.state).where(p.task_id == task.id)
        rows = [{"task_id": reading, **row._mapping} for row in connection.execute(offered)]
        connection.execute(insert(schema.proposal), rows)
    return next(found for found in queue_of(project, reader) if found.id == reading)


def settle(project, task, person):
    """Keep everything and finish."""
    document = open_document(project, task, person)
    document.keep([box.id for box in document.open_boxes])
    finish(project, task, person)


def test_without_readings_everybody_has_the_consensus_queue(project):
    assert queue_of(project, PERSON) == queue_of(project, "") == queue(project)
    assert not any(task.is_reading for task in queue(project))


def test_readers_see_their_own_reading_in_the_images_place_and_nobody_elses(project):
    first, second, third = queue(project)
    adas, bobs = (give_reading(project, second, reader) for reader in ("Ada", "Bob"))
    assert queue_of(project, "Ada") == (first, adas, third)
    assert queue_of(project, "Bob") == (first, bobs, third)
    assert queue_of(project, "Eve") == queue_of(project, "") == (first, third)
    assert queue(project) == (first, second, third)
    assert adas.is_reading


def test_the_consensus_task_comes_back_when_all_have_read_the_image(project):
    task = next_open_task(project)
    readings = [give_reading(project, task, reader) for reader in ("Ada", "Bob")]
    settle(project, readings[0], "Ada")
    assert task not in queue_of(project, "Ada")
    settle(project, readings[1], "Bob")
    assert task in queue_of(project, "Ada")
    assert task in queue_of(project, "Eve")
    assert [t.id for t in queue_of(project, "Ada")].count(readings[1].id) == 0


def test_what_readers_decide_stays_out_of_status_and_labels(project):
    before = status(project), current_boxes(project), clean_labels(project).origins
    newest = newest_decision(project, 1)
    task = next_open_task(project)
    reading = give_reading(project, task, "Ada")
    open_document(project, reading, "Ada").add((1, 1, 20, 20), 1)
    assert len(open_document(project, reading, "Ada").boxes) == 9
    assert len(open_document(project, task, "Ada").boxes) == 8
    settle(project, reading, "Ada")
    assert (status(project), current_boxes(project), clean_labels(project).origins) == before
    assert newest_decision(project, 1) == newest
