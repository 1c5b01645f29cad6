"""Questions that are answered beside the window."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QObject

from napari_alc.errors import AlcError
from napari_alc.plugin.widgets.workers import AsyncQuery
from patience import PATIENCE


@pytest.fixture
def query(qapp, qtbot):  # noqa: ARG001
    owner = QObject()
    query = AsyncQuery(owner)
    yield query
    qtbot.waitUntil(lambda: not query.is_running)
    owner.deleteLater()


class Gate:
    """A question that is answered once the gate is opened."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.open.wait(PATIENCE)
        return "answer"


def test_a_question_is_answered_in_another_thread(query, qtbot):
    with qtbot.waitSignal(query.answered) as told:
        query.ask(threading.current_thread)
        assert query.is_asking
    assert told.args[0] is not threading.main_thread()
    assert not query.is_asking


def test_of_questions_put_meanwhile_only_the_last_is_asked(query, qtbot):
    gate, answers, asked = Gate(), [], []

    def question(number):
        return lambda: asked.append(number) or number

    query.answered.connect(answers.append)
    query.ask(gate)
    assert gate.begun.wait(PATIENCE)
    for number in (1, 2, 3):
        query.ask(question(number))
    with qtbot.waitSignal(query.settled):
        gate.open.set()
    assert (asked, answers) == ([3], [3])


def test_two_queries_take_turns(query, qtbot):
    owner, gate, asked = QObject(), Gate(), []
    other = AsyncQuery(owner)
    query.ask(gate)
    assert gate.begun.wait(PATIENCE)
    other.ask(lambda: asked.append(gate.open.is_set()) or True)
    with qtbot.waitSignals([query.settled, other.settled]):
        gate.open.set()
    assert asked == [True]


def test_an_answer_that_nobody_awaits_any_more_is_not_told(query, qtbot):
    gate = Gate()
    with qtbot.assertNotEmitted(query.answered), qtbot.assertNotEmitted(query.settled):
        query.ask(gate)
        query.forget()
        gate.open.set()
        qtbot.waitUntil(lambda: not query.is_running)


def test_a_refusal_is_told_and_the_next_question_is_answered(query, qtbot):
    def refuse():
        raise AlcError("Not now.")

    with qtbot.waitSignals([query.refused, query.settled]):
        query.ask(refuse)
    with qtbot.waitSignal(query.answered) as told:
        query.ask(lambda: "now")
    assert told.args == ["now"]
