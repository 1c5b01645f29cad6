from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier

import pytest
from builders import make_project
from hand_made import readers_of, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_together import CORNER, boxes_of, drawn_in, ids_of, now_of, read, read_step2, reading
from sqlalchemy import insert

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import next_open_task, open_counts, queue, queue_of, reopen
from napari_alc.project.label_sets import clean_labels, pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import differences, verdicts
from napari_alc.project.readers.sharing import finish_task, readers, share
from napari_alc.project.status import Step, status
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import ReviewStep
from napari_alc.project.storage.repository import now
from napari_alc.wording import verdict_words


def test_the_majority_of_three_settles_an_image(project, consensus):
    share(project, ["Ada", "Bob", "Cy"])
    kept, moved, gone, single, *_ = ids_of(project, consensus)
    x1, y1, x2, y2 = boxes_of(project, consensus)[moved].corners
    shifted = {moved: (x1 + 2, y1, x2 + 2, y2)}
    read(project, consensus, "Ada", delete=[gone, single], move=shifted, add=[CORNER])
    read(project, consensus, "Bob", delete=[gone], move=shifted, add=[(3.0, 1.0, 20.0, 20.0)])
    read(project, consensus, "Cy", delete=[kept])
    boxes = boxes_of(project, consensus)
    assert [boxes[i].state for i in (kept, moved, gone, single)] == [
        "kept", "changed", "deleted", "kept",
    ]  # fmt: skip
    assert boxes[moved].corners == shifted[moved]
    [drawn] = drawn_in(project, consensus)
    assert (drawn.state, drawn.corners) == ("added", (2, 1, 20, 20))
    assert {box.person for box in boxes.values()} == {"majority of Ada, Bob and Cy"}
    assert now_of(project, consensus).done_by == "majority of Ada, Bob and Cy"
    said = verdicts(project, consensus)
    assert verdict_words(said[kept]) == "Ada kept it, Bob kept it, Cy deleted it"
    assert verdict_words(said[moved]) == "Ada moved it, Bob moved it, Cy kept it"
    assert verdict_words(said[drawn.id]) == "Ada drew it, Bob drew it, Cy did not draw it"


def test_what_one_of_three_drew_is_no_object_but_is_listed(project, consensus):
    share(project, ["Ada", "Bob", "Cy"])
    read(project, consensus, "Ada", add=[CORNER])
    read(project, consensus, "Bob")
    read(project, consensus, "Cy")
    assert drawn_in(project, consensus) == []
    [found] = differences(project)
    assert (found.task_id, found.box_id, found.corners) == (consensus.id, None, CORNER)
    assert found.file_name == consensus.file_name
    assert verdict_words(found.verdicts) == "Ada drew it, Bob did not draw it, Cy did not draw it"
    assert found.settled_by == "majority"


def test_a_tie_of_two_stays_open_until_somebody_settles_it(project, consensus):
    share(project, ["Ada", "Bob"])
    tied = ids_of(project, consensus)[0]
    read(project, consensus, "Ada", delete=[tied], add=[CORNER])
    read(project, consensus, "Bob")
    assert consensus in queue_of(project, "Dee")
    document = open_document(project, consensus, "Dee")
    [drawn] = drawn_in(project, consensus)
    assert [box.id for box in document.open_boxes] == [tied, drawn.id]
    assert open_counts(project)[consensus.id] == 2
    assert {found.box_id: found.settled_by for found in differences(project)} == {
        tied: "",
        drawn.id: "",
    }
    with pytest.raises(AlcError, match="2 boxes"):
        finish_task(project, consensus, "Dee")
    document.keep([tied])
    document.delete([drawn.id])
    finish_task(project, consensus, "Dee")
    assert now_of(project, consensus).done_by == "Dee"
    assert {found.settled_by for found in differences(project)} == {"Dee"}
    assert (
        verdict_words(verdicts(project, consensus)[drawn.id]) == "Ada drew it, Bob did not draw it"
    )


def test_two_readers_who_name_different_categories_leave_the_box_open(project, consensus):
    share(project, ["Ada", "Bob"])
    box_id = ids_of(project, consensus)[0]
    read(project, consensus, "Ada", category=[box_id])
    read(project, consensus, "Bob")
    assert [box.id for box in boxes_of(project, consensus).values() if box.state == "open"] == [
        box_id
    ]
    assert (
        verdict_words(verdicts(project, consensus)[box_id]) == "Ada called it artefact, Bob kept it"
    )


def test_an_object_drawn_anew_is_the_offered_one(project, consensus):
    share(project, ["Ada", "Bob"])
    box_id = ids_of(project, consensus)[0]
    x1, y1, x2, y2 = boxes_of(project, consensus)[box_id].corners
    read(project, consensus, "Ada", delete=[box_id], add=[(x1 + 1, y1, x2 + 1, y2)])
    read(project, consensus, "Bob")
    box = boxes_of(project, consensus)[box_id]
    assert (box.state, box.corners) == ("changed", (x1 + 0.5, y1, x2 + 0.5, y2))
    assert drawn_in(project, consensus) == []
    assert verdict_words(verdicts(project, consensus)[box_id]) == "Ada drew it anew, Bob kept it"


def test_small_shifts_are_no_difference(project, consensus):
    share(project, ["Ada", "Bob"])
    near, far, *_ = ids_of(project, consensus)
    places = {i: boxes_of(project, consensus)[i].corners for i in (near, far)}
    moves = {near: 1, far: 8}
    moved = {i: (x1 + moves[i], y1, x2 + moves[i], y2) for i, (x1, y1, x2, y2) in places.items()}
    read(project, consensus, "Ada", move=moved)
    read(project, consensus, "Bob")
    assert [found.box_id for found in differences(project)] == [far]


def test_in_step2_automatic_labels_that_nobody_touched_stay_automatic(tmp_path):
    project = make_project(tmp_path, images=2, step=ReviewStep.OPEN_BOXES)
    consensus = next_open_task(project)
    before = boxes_of(project, consensus)
    touched, *untouched = [box.id for box in before.values() if box.state == "kept"]
    share(project, ["Ada", "Bob"])
    read_step2(project, "Ada", [touched])
    read_step2(project, "Bob", [touched])
    boxes = boxes_of(project, consensus)
    assert [boxes[i] for i in untouched] == [before[i] for i in untouched]
    assert boxes[touched].state == "deleted"
    assert now_of(project, consensus).is_done
    project.close()


def test_labels_status_and_export_see_only_the_joint_decisions(project):
    for task in queue(project):
        if not task.is_done:
            consensus = task
    other = next_open_task(project)
    share(project, ["Ada", "Bob", "Cy"])
    before = pathologist_labels(project, 1).labels, status(project)
    for reader in ("Ada", "Bob"):
        read(project, consensus, reader, add=[CORNER])
    labels = pathologist_labels(project, 1).labels
    assert len(labels) == len(before[0])
    assert status(project) == before[1]
    for task in (consensus, other):
        read(project, task, "Cy")
    for reader in ("Ada", "Bob"):
        read(project, other, reader)
    assert len(pathologist_labels(project, 1).labels) == len(before[0]) + 2 * 8 + 1
    assert status(project).next_step is Step.TRAIN
    people = {origin.person for origin in clean_labels(project).origins}
    assert people == {"Ada", "majority of Ada, Bob and Cy"}


def test_a_reading_opened_again_gives_a_new_majority(project, consensus):
    share(project, ["Ada", "Bob", "Cy"])
    box_id, other, *_ = ids_of(project, consensus)
    read(project, consensus, "Ada", add=[CORNER])
    read(project, consensus, "Bob", add=[CORNER], delete=[other])
    read(project, consensus, "Cy", delete=[box_id])
    assert boxes_of(project, consensus)[box_id].state == "kept"
    again = reading(project, consensus, "Bob")
    document = open_document(project, again, "Bob")
    [own] = [box.id for box in document.boxes.values() if box.source == "person"]
    document.delete([box_id, own])
    assert not now_of(project, consensus).is_done
    assert consensus.id not in [task.id for task in queue_of(project, "Dee")]
    finish_task(project, again, "Bob")
    boxes = boxes_of(project, consensus)
    assert boxes[box_id].state == "deleted"
    assert boxes[other].state == "kept"
    assert [box.state for box in drawn_in(project, consensus)] == ["deleted"]
    assert now_of(project, consensus).is_done
    document.undo()
    finish_task(project, again, "Bob")
    assert boxes_of(project, consensus)[box_id].state == "kept"
    assert sorted(box.state for box in drawn_in(project, consensus)) == ["added", "deleted"]


def test_a_tie_found_anew_opens_a_box_that_the_majority_had_settled(project, consensus):
    share(project, ["Ada", "Bob"])
    box_id = ids_of(project, consensus)[0]
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    assert now_of(project, consensus).is_done
    again = reading(project, consensus, "Bob")
    open_document(project, again, "Bob").delete([box_id])
    finish_task(project, again, "Bob")
    box = boxes_of(project, consensus)[box_id]
    assert (box.state, box.person, box.decided_at) == ("open", "", None)
    assert open_counts(project)[consensus.id] == 1


def test_finishing_a_finished_reading_changes_nothing(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    before = rows_of(project, schema.decision), rows_of(project, schema.task)
    finish_task(project, reading(project, consensus, "Bob"), "Bob")
    assert (rows_of(project, schema.decision), rows_of(project, schema.task)) == before


def test_a_settled_image_refuses_changes_to_its_readings(project, consensus):
    share(project, ["Ada", "Bob"])
    tied, other, *_ = ids_of(project, consensus)
    read(project, consensus, "Ada", delete=[tied])
    read(project, consensus, "Bob")
    open_document(project, consensus, "Dee").keep([tied])
    bobs = open_document(project, reading(project, consensus, "Bob"), "Bob")
    with pytest.raises(AlcError, match="Dee has settled this image since; open it as the joint"):
        bobs.delete([other])
    with pytest.raises(AlcError, match="Dee has settled this image since"):
        reopen(project, reading(project, consensus, "Bob"))
    assert bobs.boxes[other].state == "kept"
    assert reading(project, consensus, "Bob").is_done


def test_a_reading_taken_back_into_the_queue_takes_the_image_with_it(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    reopen(project, reading(project, consensus, "Bob"))
    assert not now_of(project, consensus).is_done
    finish_task(project, reading(project, consensus, "Bob"), "Bob")
    assert now_of(project, consensus).is_done


def test_who_only_looks_at_a_finished_consensus_image_leaves_it_to_the_majority(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    before = now_of(project, consensus)
    finish_task(project, consensus, "Dee")
    assert now_of(project, consensus) == before
    open_document(project, reading(project, consensus, "Bob"), "Bob").delete(
        ids_of(project, consensus)
    )


def test_an_image_that_was_looked_at_again_without_a_change_is_settled_too(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    reopen(project, now_of(project, consensus))
    finish_task(project, consensus, "Dee")
    with pytest.raises(AlcError, match="Dee has settled this image since"):
        open_document(project, reading(project, consensus, "Bob"), "Bob").delete(
            ids_of(project, consensus)
        )


def test_readers_who_finish_at_the_same_moment_settle_the_image(project, consensus):
    names = ("Ada", "Bob", "Cy")
    share(project, names)
    tasks = {reader: reading(project, consensus, reader) for reader in names}
    for reader, task in tasks.items():
        document = open_document(project, task, reader)
        document.keep([box.id for box in document.open_boxes])
    together = Barrier(len(names))

    def finish_own(reader):
        own = Project.open(project.folder)
        together.wait()
        finish_task(own, tasks[reader], reader)
        own.close()

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(finish_own, names))
    assert now_of(project, consensus).done_by == "majority of Ada, Bob and Cy"


def test_a_late_reader_gets_what_nobody_has_settled(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    other = next(task for task in queue(project) if not task.is_done)
    read(project, other, "Ada", delete=ids_of(project, other))
    assert share(project, ["Ada", "Bob", "Cy"]) == 1
    assert readers_of(project, consensus) == ("Ada", "Bob")
    assert readers_of(project, other) == ("Ada", "Bob", "Cy")
    assert len(open_document(project, reading(project, other, "Cy"), "Cy").open_boxes) == 8
    read(project, other, "Bob")
    assert not now_of(project, other).is_done
    read(project, other, "Cy")
    assert now_of(project, other).is_done
    assert {box.state for box in boxes_of(project, other).values()} == {"kept"}


def test_a_late_reader_breaks_a_tie_without_seeing_it(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada", delete=ids_of(project, consensus))
    read(project, consensus, "Bob", move={})
    assert share(project, ["Ada", "Bob", "Cy"]) == 2
    assert consensus not in queue_of(project, "Dee")
    read(project, consensus, "Cy")
    assert {box.state for box in boxes_of(project, consensus).values()} == {"kept"}


def test_ending_takes_back_what_nobody_began(project, consensus):
    share(project, ["Ada", "Bob"])
    adas = reading(project, consensus, "Ada")
    open_document(project, adas, "Ada").keep(ids_of(project, consensus)[:1])
    spent = {"task_id": reading(project, consensus, "Bob").id, "person": "Bob", "seconds": 4.0}
    place = {"task_id": spent["task_id"], "person": "Bob", "at": now()}
    with project.store.begin() as connection:
        connection.execute(insert(schema.spent), [{**spent, "at": now()}])
        connection.execute(insert(schema.place), [place])
    assert share(project, ()) == 1
    assert readers(project) == ()
    assert readers_of(project, consensus) == ("Ada",)
    assert [row["task_id"] for row in rows_of(project, schema.spent)] == [consensus.id]
    assert rows_of(project, schema.place) == []
    assert len(queue_of(project, "Bob")) == 2


def test_the_only_reading_left_settles_the_image(project, consensus):
    share(project, ["Ada", "Bob"])
    gone = ids_of(project, consensus)[0]
    read(project, consensus, "Ada", delete=[gone], add=[CORNER])
    share(project, ())
    boxes = boxes_of(project, consensus)
    assert boxes[gone].state == "deleted"
    assert [box.corners for box in drawn_in(project, consensus)] == [CORNER]
    assert now_of(project, consensus).done_by == "reading of Ada"


def test_an_image_without_boxes_is_done_when_all_have_looked(project, consensus):
    with project.store.begin() as connection:
        connection.execute(
            schema.proposal.delete().where(schema.proposal.c.task_id == consensus.id)
        )
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    assert now_of(project, consensus).done_by == "majority of Ada and Bob"


def test_every_decision_of_readers_and_majority_is_kept(project, consensus):
    share(project, ["Ada", "Bob"])
    read(project, consensus, "Ada")
    read(project, consensus, "Bob")
    first = ids_of(project, consensus)[0]
    made = [row for row in rows_of(project, schema.decision) if row["box_id"] == first]
    assert [row["person"] for row in made] == ["Ada", "Bob", "majority of Ada and Bob"]


@given(
    choices=st.lists(
        st.tuples(*[st.sampled_from(["keep", "delete", "move", "draw"])] * 3),
        min_size=8,
        max_size=8,
    ),
    order=st.sampled_from(list(permutations(range(3)))),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_three_readers_settle_every_image_whoever_comes_first(tmp_path_factory, choices, order):
    project = make_project(tmp_path_factory.mktemp("study"), images=2)
    consensus = next_open_task(project)
    names = ("Ada", "Bob", "Cy")
    share(project, names)
    ids = ids_of(project, consensus)
    for reader in order:
        said = dict(zip(ids, (choice[reader] for choice in choices), strict=True))
        corners = {i: boxes_of(project, consensus)[i].corners for i in ids}
        read(
            project,
            consensus,
            names[reader],
            delete=[i for i in ids if said[i] in ("delete", "draw")],
            move={
                i: (*corners[i][:2], corners[i][2] + 3, corners[i][3])
                for i in ids
                if said[i] == "move"
            },
            add=[corners[i] for i in ids if said[i] == "draw"],
        )
    found = {box_id for box_id, box in boxes_of(project, consensus).items() if box.is_label}
    expected = {
        i for i, said in zip(ids, choices, strict=True) if sum(s != "delete" for s in said) >= 2
    }
    drawn = {box.id for box in drawn_in(project, consensus) if box.is_label}
    assert now_of(project, consensus).is_done
    assert len(found) == len(expected)
    assert found - drawn <= expected
    project.close()
