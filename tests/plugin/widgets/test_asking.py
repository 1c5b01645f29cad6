"""Questions to a project, asked beside the window."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QObject

from napari_alc.errors import AlcError
from napari_alc.plugin.widgets.workers import AsyncQuery
from napari_alc.project.project import Project
from patience import PATIENCE


@pytest.fixture
def project(predicted):
    project = Project.open(predicted)
    yield project
    project.close()


@pytest.fixture
def asker(qapp, qtbot):  # noqa: ARG001
    owner = QObject()
    asker = AsyncQuery(owner)
    yield asker
    qtbot.waitUntil(lambda: not asker.is_running)
    owner.deleteLater()


class Gate:
    """A question that is answered once the gate is opened."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, project):
        self.begun.set()
        assert self.open.wait(PATIENCE)
        return project


def test_a_question_is_answered_in_another_thread(asker, project, qtbot):
    with qtbot.waitSignal(asker.answered) as told:
        asker.ask(lambda asked: (asked, threading.current_thread()), project)
        assert asker.is_asking
    answered, thread = told.args[0]
    assert answered is project
    assert thread is not threading.main_thread()
    assert not asker.is_asking


def test_of_questions_put_meanwhile_only_the_last_is_asked(asker, project, qtbot):
    gate, answers, asked = Gate(), [], []

    def question(number):
        return lambda _: asked.append(number) or number

    asker.answered.connect(answers.append)
    asker.ask(gate, project)
    assert gate.begun.wait(PATIENCE)
    for number in (1, 2, 3):
        asker.ask(question(number), project)
    with qtbot.waitSignal(asker.settled):
        gate.open.set()
    assert (asked, answers) == ([3], [3])


def test_two_askers_take_turns(asker, project, qtbot):
    owner, gate, asked = QObject(), Gate(), []
    other = AsyncQuery(owner)
    asker.ask(gate, project)
    assert gate.begun.wait(PATIENCE)
    other.ask(lambda _: asked.append(gate.open.is_set()) or True, project)
    with qtbot.waitSignals([asker.settled, other.settled]):
        gate.open.set()
    assert asked == [True]


def test_an_answer_that_nobody_awaits_any_more_is_not_told(asker, project, qtbot):
    gate = Gate()
    with qtbot.assertNotEmitted(asker.answered), qtbot.assertNotEmitted(asker.settled):
        asker.ask(gate, project)
        asker.forget()
        gate.open.set()
        qtbot.waitUntil(lambda: not asker.is_running)


def test_a_refusal_is_told_and_the_next_question_is_answered(asker, project, qtbot):
    def refuse(_):
        raise AlcError("Not now.")

    with qtbot.waitSignals([asker.refused, asker.settled]):
        asker.ask(refuse, project)
    with qtbot.waitSignal(asker.answered) as told:
        asker.ask(lambda _: "now", project)
    assert told.args == ["now"]
