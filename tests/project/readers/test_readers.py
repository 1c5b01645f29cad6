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
from napari_alc.project.readers.agreement import differences, verdicts
from napari_alc.project.readers.sharing import finish_task, readers, share, shareable
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import Batch, BoxState, Proposal, ReviewStep
from napari_alc.project.storage.repository import now


def test_sharing_gives_every_image_that_waits_to_every_reader(project, consensus):
    assert shareable(project) == 2
    assert share(project, ["Ada", " Bob "]) == 2
    assert readers(project) == readers_of(project, consensus) == ("Ada", "Bob")
    assert [task.reader for task in queue_of(project, "Ada")] == ["", "Ada", "Ada"]
    assert [task.reader for task in queue_of(project, "Eve")] == [""]
    own = reading(project, consensus, "Bob")
    assert replace(own, id=consensus.id, reader="") == consensus
    assert len(open_document(project, own, "Bob").open_boxes) == 8


def test_images_that_somebody_began_are_not_shared(project, consensus):
    open_document(project, consensus, "Ada").keep(ids_of(project, consensus)[:1])
    assert shareable(project) == 1
    assert share(project, ["Ada", "Bob"]) == 1
    assert readers_of(project, consensus) == ()


def test_an_image_that_somebody_has_open_is_not_shared(project, consensus):
    session = ReviewSession(project, "Dee")
    session.open(consensus)
    assert share(project, ["Ada", "Bob"]) == shareable(project) == 1
    session.leave()
    assert share(project, ["Ada", "Bob"]) == shareable(project) == 2


def test_an_image_whose_window_crashed_is_shared(project, consensus):
    gone = {
        "task_id": consensus.id, "session": "a", "person": "Dee", "host": "elsewhere", "process": 1,
        "process_started": 0.0, "seen_at": now() - timedelta(seconds=2 * LEASE_SECONDS),
    }  # fmt: skip
    with project.store.begin() as connection:
        connection.execute(insert(schema.lease), [gone])
    assert share(project, ["Ada", "Bob"]) == 2


def test_a_reading_that_somebody_has_open_is_not_taken_back(project, consensus):
    share(project, ["Ada", "Bob"])
    session = ReviewSession(project, "Ada")
    session.open(reading(project, consensus, "Ada"))
    share(project, ())
    assert readers_of(project, consensus) == ("Ada",)
    session.leave()
    share(project, ())
    assert readers_of(project, consensus) == ()


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


def test_nobody_sees_what_others_decide_or_draw(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada", delete=ids_of(project, consensus)[:3], add=[CORNER])
    bobs = open_document(project, reading(project, consensus, "Bob"), "Bob")
    assert sorted(bobs.boxes) == ids_of(project, consensus)
    assert {box.state for box in bobs.boxes.values()} == {"open"}
    assert CORNER not in {box.corners for box in bobs.suggestions}
    assert verdicts(project, consensus) == {}
    assert differences(project) == ()
    assert consensus not in queue_of(project, "Bob")


def test_a_consensus_image_waits_for_all_of_its_readers(project, consensus):
    share(project, ["Ada", "Bob", "Cy"])
    read(project, consensus, "Bob")
    with pytest.raises(AlcError, match="Ada and Cy have not finished reading"):
        open_document(project, consensus, "Dee").keep(ids_of(project, consensus))
    read(project, consensus, "Ada")
    with pytest.raises(AlcError, match="Cy has not finished reading"):
        finish_task(project, consensus, "Dee")
    assert {box.state for box in boxes_of(project, consensus).values()} == {"open"}


def test_a_reading_is_finished_by_its_reader_and_without_open_boxes(project, consensus):
    share(project, ["Ada", "Bob"])
    task = reading(project, consensus, "Ada")
    with pytest.raises(AlcError, match="8 boxes of image"):
        finish_task(project, task, "Ada")
    with pytest.raises(AlcError, match="Only Ada can finish"):
        finish_task(project, task, "Bob")
