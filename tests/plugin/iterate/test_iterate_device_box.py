"""Where the next step computes, and the time it will take."""

import json
import threading

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_alc.errors import AlcError
from napari_alc.execution.outcome import CANCELLED, SUCCESS, Ending, Outcome
from napari_alc.execution.resources import Gpu
from napari_alc.plugin import preferences
from napari_alc.plugin.iterate import device_picker, job_monitor
from napari_alc.plugin.iterate.device_picker import (
    ESTIMATE,
    MEASURING,
    DeviceBox,
    StepTime,
    device_words,
    read_estimate,
)
from tiny_projects import make_project

LEFT = Qt.MouseButton.LeftButton
RECORD = {
    "device": "CPU, 2 cores",
    "train_seconds": 720.0,
    "predict_seconds": 181.0,
    "looks": 1,
    "tries_pasting": False,
}


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def box(project, qtbot, monkeypatch):
    monkeypatch.setattr(device_picker.shutil, "which", lambda _name: None)
    monkeypatch.setattr(device_picker, "cores", lambda: 2)
    box = DeviceBox()
    qtbot.addWidget(box)
    box.set_project(project)
    box.allow(True)
    box.show()
    yield box
    box.stop()
    qtbot.waitUntil(lambda: not box.is_busy)


@pytest.fixture
def child(monkeypatch):
    """Stands in for the command: prints what it is told to, or waits until it is stopped."""

    class Child:
        outcome, lines, waits = SUCCESS, (json.dumps(RECORD),), False
        began = threading.Event()

        def __call__(self, arguments, _report, should_stop, output, **_options):
            self.arguments = arguments
            self.began.set()
            pause = threading.Event()
            while self.waits and not should_stop():
                pause.wait(0.01)
            for line in self.lines:
                output(line)
            return CANCELLED if self.waits else self.outcome

    child = Child()
    monkeypatch.setattr(device_picker, "run_child", child)
    return child


def measure(box, qtbot):
    with qtbot.waitSignal(box.background.ended):
        qtbot.mouseClick(box.button, LEFT)


def test_the_device_is_told_at_once(box):
    assert box.device_words.text() == "Computes on: CPU, 2 cores"


@pytest.mark.parametrize(
    ("device", "cards", "words"),
    [
        ("auto", 1, "NVIDIA graphics card"),
        ("cuda", 2, "2 NVIDIA graphics cards"),
        ("mps", 1, "Apple GPU"),
    ],
)
def test_a_graphics_card_is_named(device, cards, words):
    assert device_words(device, cards) == words


def test_more_of_the_computer_is_used_where_a_person_says_so(
    box, qtbot, monkeypatch, project, tmp_path
):
    asked = []

    def start(*_arguments, full_share):
        asked.append(full_share)
        raise AlcError("Nothing is started here.")

    monkeypatch.setattr(job_monitor, "start_job", start)
    watch = job_monitor.JobWatch(box)
    for is_more in (False, True):
        box.set_project(project)
        assert box.more.isChecked() is is_more is preferences.uses_more()
        with pytest.raises(AlcError):
            watch.start(tmp_path, (), "Train and predict", "cpu")
        qtbot.mouseClick(box.more, LEFT, pos=QPoint(8, box.more.height() // 2))
    assert asked == [False, True]


def test_cards_are_looked_for_beside_the_window(box, qtbot, monkeypatch, project):
    answer = threading.Event()

    def late(_device):
        answer.wait()
        return (Gpu("GPU-1", {}),)

    monkeypatch.setattr(device_picker.shutil, "which", lambda name: name)
    monkeypatch.setattr(device_picker, "gpus_of", late)
    box.set_project(project)
    assert "looking for graphics cards" in box.device_words.text()
    answer.set()
    qtbot.waitUntil(lambda: box.device_words.text() == "Computes on: NVIDIA graphics card")


def test_the_measured_time_is_told_in_words(box, child, qtbot, project):
    measure(box, qtbot)
    assert box.time_words.text() == "About 12 min for both trainings, about 3 min to predict."
    assert child.arguments == ("estimate", str(project.folder), "--device", "auto", "--json")
    assert box.button.text() == ESTIMATE


def test_the_programs_own_command_measures(box, qtbot):
    with qtbot.waitSignal(box.background.ended):
        qtbot.mouseClick(box.button, LEFT)
    assert box.error.isHidden()
    assert box.time_words.text().endswith("to predict.")
    assert box.device_words.text().startswith("Computes on: CPU, ")


def test_a_device_that_is_chosen_is_remembered_and_measured(box, child, qtbot):
    box.choice.setFocus()
    QTest.keyClick(box.choice, Qt.Key.Key_P)
    assert preferences.device() == "cpu"
    measure(box, qtbot)
    assert child.arguments[3] == "cpu"


def test_measuring_can_be_stopped(box, child, qtbot):
    child.waits = True
    qtbot.mouseClick(box.button, LEFT)
    assert box.button.text() == MEASURING
    with qtbot.waitSignal(box.background.ended):
        qtbot.mouseClick(box.button, LEFT)
    assert box.time_words.isHidden()
    assert box.error.isHidden()
    assert box.button.text() == ESTIMATE


def test_what_was_measured_before_a_change_is_not_shown(box, child, qtbot):
    measure(box, qtbot)
    box.forget()
    assert box.time_words.isHidden()
    child.waits = True
    qtbot.mouseClick(box.button, LEFT)
    qtbot.waitUntil(child.began.is_set)
    with qtbot.waitSignal(box.background.ended):
        box.forget()
    assert box.time_words.isHidden()


def test_why_it_could_not_be_measured_is_told(box, child, qtbot):
    child.outcome = Outcome(Ending.FAILED, "The disk is full.")
    measure(box, qtbot)
    assert box.error.text() == "The disk is full."
    child.outcome, child.lines = SUCCESS, ("no figures",)
    measure(box, qtbot)
    assert "gave no figures" in box.error.text()


def test_a_cluster_is_named_and_not_measured(box, project):
    project.change(cluster="tcp://lab:8786")
    box.forget()
    assert box.device_words.text() == "Computes on: the cluster at tcp://lab:8786"
    assert not box.button.isEnabled()


def test_nothing_is_measured_while_it_is_not_allowed(box):
    box.allow(False)
    assert not box.button.isEnabled()
    assert not box.choice.isEnabled()


def test_the_last_line_is_the_estimate():
    assert read_estimate(["a warning", json.dumps(RECORD)]) == StepTime(
        "CPU, 2 cores", 720.0, 181.0
    )


def test_several_looks_and_trials_are_told():
    found = read_estimate([json.dumps({**RECORD, "looks": 4, "tries_pasting": True})])
    assert found.words == (
        "About 12 min for both trainings with and without pasted objects, about 3 min to predict "
        "with 4 looks at each image."
    )


@pytest.mark.parametrize("lines", [[], ["{}"], ["[]"], ['{"device": 1, "train_seconds": "x"}']])
def test_anything_else_is_refused(lines):
    with pytest.raises(AlcError, match="gave no figures"):
        read_estimate(lines)
