from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import make_project
from hand_made import readers_of, rows_of
from reading_together import CORNER, boxes_of, ids_of, read, reading, reading_of_step2
from sqlalchemy import insert

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.leases import LEASE_SECONDS
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import queue, queue_of, write_tasks
from napari_alc.project.readers.sharing import (
    differences,
    finish_task,
    readers,
    share,
    shareable,
    verdicts,
)
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import Batch, BoxState, Proposal, ReviewStep
from napari_alc.project.storage.repository import now


def test_sharing_gives_every_image_that_waits_to_every_reader(project, joint):
    assert shareable(project) == 2
    assert share(project, ["Ada", " Bob "]) == 2
    assert readers(project) == readers_of(project, joint) == ("Ada", "Bob")
    assert [task.reader for task in queue_of(project, "Ada")] == ["", "Ada", "Ada"]
    assert [task.reader for task in queue_of(project, "Eve")] == [""]
    own = reading(project, joint, "Bob")
    assert replace(own, id=joint.id, reader="") == joint
    assert len(open_document(project, own, "Bob").open_boxes) == 8


def test_images_that_somebody_began_are_not_shared(project, joint):
    open_document(project, joint, "Ada").keep(ids_of(project, joint)[:1])
    assert shareable(project) == 1
    assert share(project, ["Ada", "Bob"]) == 1
    assert readers_of(project, joint) == ()


def test_an_image_that_somebody_has_open_is_not_shared(project, joint):
    session = ReviewSession(project, "Dee")
    session.open(joint)
    assert share(project, ["Ada", "Bob"]) == shareable(project) == 1
    session.close()
    assert share(project, ["Ada", "Bob"]) == shareable(project) == 2


def test_an_image_whose_window_crashed_is_shared(project, joint):
    gone = {
        "task_id": joint.id, "session": "a", "person": "Dee", "host": "elsewhere", "process": 1,
        "process_started": 0.0, "seen_at": now() - timedelta(seconds=2 * LEASE_SECONDS),
    }  # fmt: skip
    with project.store.begin() as connection:
        connection.execute(insert(schema.lease), [gone])
    assert share(project, ["Ada", "Bob"]) == 2


def test_a_reading_that_somebody_has_open_is_not_taken_back(project, joint):
    share(project, ["Ada", "Bob"])
    session = ReviewSession(project, "Ada")
    session.open(reading(project, joint, "Ada"))
    share(project, ())
    assert readers_of(project, joint) == ("Ada",)
    session.close()
    share(project, ())
    assert readers_of(project, joint) == ()


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["Ada"], "at least two names"),
        (["Ada", " "], "name is empty"),
        (["Ada", "Bob", "ada"], "ada is named twice"),
    ],
)
def test_names_that_are_none_are_refused(project, names, complaint):
    with pytest.raises(AlcError, match=complaint):
        share(project, names)
    assert readers(project) == ()


def test_sharing_twice_changes_nothing(project):
    share(project, ["Ada", "Bob"])
    before = rows_of(project, schema.task), rows_of(project, schema.proposal)
    assert share(project, ["Ada", "Bob"]) == 2
    assert (rows_of(project, schema.task), rows_of(project, schema.proposal)) == before


def test_images_handed_out_later_are_shared_too(tmp_path):
    project = make_project(tmp_path, images=3)
    share(project, ["Ada", "Bob"])
    [image_id] = {task.image_id for task in queue(project) if task.is_done}
    crowd = [
        Proposal(image_id, row["id"], BoxState.OPEN)
        for row in rows_of(project, schema.box)
        if row["image_id"] == image_id
    ]
    with project.store.transaction() as unit:
        write_tasks(unit, [image_id], Batch(ReviewStep.OPEN_BOXES, 1, 0), [1.0], crowd)
    [later] = queue(project, ReviewStep.OPEN_BOXES)
    assert readers_of(project, later) == ("Ada", "Bob")
    own = reading_of_step2(project, "Bob")
    assert len(open_document(project, own, "Bob").open_boxes) == len(crowd) > 0
    project.close()


def test_nobody_sees_what_others_decide_or_draw(project, joint):
    share(project, ["Ada", "Bob"])
    read(project, joint, "Ada", delete=ids_of(project, joint)[:3], add=[CORNER])
    bobs = open_document(project, reading(project, joint, "Bob"), "Bob")
    assert sorted(bobs.boxes) == ids_of(project, joint)
    assert {box.state for box in bobs.boxes.values()} == {"open"}
    assert CORNER not in {box.corners for box in bobs.suggestions}
    assert verdicts(project, joint) == {}
    assert differences(project) == ()
    assert joint not in queue_of(project, "Bob")


def test_a_joint_image_waits_for_all_of_its_readers(project, joint):
    share(project, ["Ada", "Bob", "Cy"])
    read(project, joint, "Bob")
    with pytest.raises(AlcError, match="Ada and Cy have not finished reading"):
        open_document(project, joint, "Dee").keep(ids_of(project, joint))
    read(project, joint, "Ada")
    with pytest.raises(AlcError, match="Cy has not finished reading"):
        finish_task(project, joint, "Dee")
    assert {box.state for box in boxes_of(project, joint).values()} == {"open"}


def test_a_reading_is_finished_by_its_reader_and_without_open_boxes(project, joint):
    share(project, ["Ada", "Bob"])
    task = reading(project, joint, "Ada")
    with pytest.raises(AlcError, match="8 boxes of image"):
        finish_task(project, task, "Ada")
    with pytest.raises(AlcError, match="Only Ada can finish"):
        finish_task(project, task, "Bob")
