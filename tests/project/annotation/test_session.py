from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from builders import PERSON, make_project
from hand_made import rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, update
from test_stopwatch import Clock

from napari_alc.errors import AlcError, Refused
from napari_alc.project.annotation.decisions import current_boxes, finish
from napari_alc.project.annotation.leases import LEASE_SECONDS
from napari_alc.project.annotation.session import ReviewSession, Stopwatch
from napari_alc.project.annotation.tasks import next_open_task, queue
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import ReviewPosition


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3)
    yield project
    project.close()


@pytest.fixture
def elsewhere(project):
    """The same project, opened a second time."""
    again = Project.open(project.folder)
    yield again
    again.close()


@pytest.fixture
def task(project):
    return next_open_task(project)


@pytest.fixture
def ada(project):
    return ReviewSession(project, "Ada")


@pytest.fixture
def bob(elsewhere):
    return ReviewSession(elsewhere, "Bob")


def stored(project, task):
    """The boxes of a task as the store has them."""
    return {box.id: box for _, box in current_boxes(project, [task.id])}


def fall_asleep(project, seconds=LEASE_SECONDS + 1):
    """Let all leases be as old as if nobody had renewed them."""
    c = schema.lease.c
    with project.store.begin() as connection:
        for row in connection.execute(select(schema.lease)).all():
            earlier = row.seen_at - timedelta(seconds=seconds)
            statement = update(schema.lease).where(c.task_id == row.task_id)
            connection.execute(statement.values(seen_at=earlier))


def test_an_image_held_elsewhere_opens_read_only_and_says_by_whom(ada, bob, project, task):
    ada.open(task)
    found = bob.open(task)
    assert "Ada, in another window on this computer" in found.held_by
    assert found.document.boxes == stored(project, task)
    box = found.document.open_boxes[0]
    for command in (
        lambda: found.document.keep([box.id]),
        lambda: found.document.nudge(box.id, 1, 1),
        lambda: found.document.add((1, 1, 9, 9), 1),
    ):
        with pytest.raises(Refused, match="Ada"):
            command()
    assert found.document.boxes == stored(project, task)
    assert bob.held_by_others() == {task.id: "Ada, in another window on this computer"}
    assert ada.held_by_others() == {}


def test_what_the_other_window_lets_go_can_be_changed(ada, bob, project, task):
    decided = ada.open(task).document
    decided.keep([decided.open_boxes[0].id])
    ada.leave()
    found = bob.open(task)
    assert found.held_by == ""
    assert found.document.boxes == decided.boxes
    found.document.delete([found.document.open_boxes[0].id])
    assert found.document.boxes == stored(project, task)


def test_a_window_holds_one_image(ada, bob, project):
    first, second, _ = queue(project)
    ada.open(first)
    ada.open(second)
    assert bob.open(first).held_by == ""
    assert bob.open(second).held_by
    assert ada.held_by_others() == {}


def test_one_person_in_two_windows_is_told_too(project, elsewhere, task):
    ReviewSession(project, "Ada").open(task)
    assert "Ada" in ReviewSession(elsewhere, "Ada").open(task).held_by


def test_a_window_that_slept_refuses_once_another_took_its_image(ada, bob, project, task):
    mine = ada.open(task).document
    mine.keep([mine.open_boxes[0].id])
    fall_asleep(project)
    theirs = bob.open(task)
    assert theirs.held_by == ""
    theirs.document.delete([mine.open_boxes[0].id])
    before = mine.boxes
    for command in (
        lambda: mine.keep([mine.open_boxes[0].id]),
        lambda: mine.add((1, 1, 9, 9), 1),
        mine.undo,
    ):
        with pytest.raises(AlcError, match="opened elsewhere meanwhile"):
            command()
    assert mine.boxes == before
    assert stored(project, task) == theirs.document.boxes
    with pytest.raises(AlcError, match="opened elsewhere"):
        ada.renew()
    bob.leave()
    with pytest.raises(AlcError, match="opened elsewhere"):
        mine.keep([mine.open_boxes[0].id])
    assert ada.open(task).document.boxes == theirs.document.boxes


def test_a_window_that_slept_alone_goes_on(ada, project, task):
    document = ada.open(task).document
    fall_asleep(project)
    ada.renew()
    fall_asleep(project)
    document.keep([document.open_boxes[0].id])
    assert stored(project, task) == document.boxes


def test_signs_of_life_and_decisions_keep_the_image(ada, bob, project, task):
    document = ada.open(task).document
    for live in (ada.renew, lambda: document.keep([document.open_boxes[0].id])):
        fall_asleep(project, LEASE_SECONDS - 10)
        live()
        fall_asleep(project, LEASE_SECONDS - 10)
        assert bob.open(task).held_by


HOLD = """
import sys
from pathlib import Path
from napari_alc.project.project import Project
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.annotation.tasks import next_open_task
project = Project.open(Path(sys.argv[1]))
document = ReviewSession(project, "Eve").open(next_open_task(project)).document
document.keep([document.open_boxes[0].id])
print("at work", flush=True)
sys.stdin.read()
"""


def test_the_image_of_a_killed_process_is_free_at_once(ada, project, task, waiting):
    child = waiting.start(HOLD, project.folder)
    assert "Eve" in ada.open(task).held_by
    child.kill()
    child.wait()
    found = ada.open(task)
    assert found.held_by == ""
    assert [box.person for box in found.document.labels] == ["Eve"]


def change_lease(project, **values):
    with project.store.begin() as connection:
        connection.execute(update(schema.lease).values(**values))


def test_a_process_number_used_again_holds_nothing(ada, bob, project, task):
    ada.open(task)
    change_lease(project, process_started=rows_of(project, schema.lease)[0]["process_started"] - 60)
    assert bob.open(task).held_by == ""


def test_a_window_of_another_computer_keeps_its_image_a_minute(ada, bob, project, task):
    ada.open(task)
    change_lease(project, host="pathology-2", process=2**22 + 1)
    assert "Ada, on the computer pathology-2" in bob.open(task).held_by
    fall_asleep(project)
    assert bob.held_by_others() == {}
    assert bob.open(task).held_by == ""


def test_time_is_stored_with_the_decision_for_box_and_image(ada, project, task):
    clock = Clock()
    ada.stopwatch = Stopwatch(clock)
    document = ada.open(task).document
    box = document.open_boxes[0]
    clock.at += 3
    ada.look_at(task.id, box.id)
    clock.at += 4
    document.keep([box.id])
    rows = rows_of(project, schema.spent)
    assert [(row["box_id"], row["seconds"], row["person"]) for row in rows] == [
        (None, 3, "Ada"),
        (box.id, 4, "Ada"),
    ]
    clock.at += 5
    ada.renew()
    clock.at += 6
    ada.leave()
    assert [row["seconds"] for row in rows_of(project, schema.spent)] == [3, 4, 5, 6]


def test_time_on_an_image_that_another_holds_does_not_count(ada, bob, project, task):
    ada.open(task)
    clock = Clock()
    bob.stopwatch = Stopwatch(clock)
    bob.open(task)
    bob.look_at(task.id, None)
    clock.at += 9
    bob.leave()
    assert rows_of(project, schema.spent) == []


def test_time_is_kept_until_it_can_be_stored(ada, project, task):
    clock = Clock()
    ada.stopwatch = Stopwatch(clock)
    document = ada.open(task).document
    clock.at += 3

    @event.listens_for(project.store.engine, "commit")
    def fail(_connection):
        raise AlcError("the disk is full")

    before = document.boxes
    with pytest.raises(AlcError, match="full"):
        document.keep([document.open_boxes[0].id])
    event.remove(project.store.engine, "commit", fail)
    assert document.boxes == before == stored(project, task)
    clock.at += 4
    ada.renew()
    assert [row["seconds"] for row in rows_of(project, schema.spent)] == [7]


def test_a_person_comes_back_to_the_same_image_and_box(ada, elsewhere, task):
    assert ada.last_place() is None
    document = ada.open(task).document
    first, second, third, *_ = (box.id for box in document.open_boxes)
    ada.look_at(task.id, second)
    ada.keep_place()
    again = ReviewSession(elsewhere, "Ada")
    assert again.last_place() == ReviewPosition(task.id, second)
    assert ReviewSession(elsewhere, "Bob").last_place() is None
    ada.look_at(task.id, third)
    document.keep([first])
    assert again.last_place() == ReviewPosition(task.id, third)


def test_a_place_that_has_not_changed_is_not_stored_again(ada, project, task):
    ada.open(task)
    ada.keep_place()
    begun = []
    event.listen(project.store.engine, "begin", begun.append)
    ada.keep_place()
    assert begun == []
    ada.look_at(task.id, None)
    ada.keep_place()
    assert begun == []


def test_undo_reaches_an_image_that_is_done_and_opens_it_again(ada, project):
    _, first, second = queue(project)
    document = ada.open(first).document
    document.keep([box.id for box in document.open_boxes])
    finish(project, first, PERSON)
    assert next_open_task(project) == second
    ada.open(second)
    assert ada.history.undo_task == first.id
    assert len(ada.open(first).document.undo()) == 8
    assert next_open_task(project) == first


steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "decide", "draw", "undo", "leave", "sleep", "renew"]),
        st.integers(0, 1),
        st.integers(0, 7),
    ),
    max_size=14,
)


class Window:
    """A session with what it has open."""

    def __init__(self, project, person):
        self.project, self.session = project, ReviewSession(project, person)
        self.task = self.opened = None

    def act(self, name, number):
        tasks = queue(self.project)
        if name == "open":
            self.task = tasks[number % len(tasks)]
            self.opened = self.session.open(self.task)
        elif name in ("leave", "renew"):
            getattr(self.session, name)()
        elif self.opened is not None:
            document = self.opened.document
            ids = list(document.boxes)
            {
                "decide": lambda: document.nudge(ids[number % len(ids)], 1, 0),
                "draw": lambda: document.add((1, 1, 9, 9), 1),
                "undo": document.undo,
            }[name]()


@given(steps)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_two_windows_do_neither_overwrites_what_it_has_not_seen(project, elsewhere, steps):
    windows = [Window(project, "Ada"), Window(elsewhere, "Bob")]
    for name, who, number in steps:
        before = len(rows_of(project, schema.decision))
        if name == "sleep":
            fall_asleep(project)
            continue
        with suppress(AlcError):
            windows[who].act(name, number)
        if len(rows_of(project, schema.decision)) > before:
            window = windows[who]
            assert window.opened.held_by == ""
            assert window.opened.document.boxes == stored(project, window.task)
    for window in windows:
        window.session.leave()
    assert rows_of(project, schema.lease) == []
