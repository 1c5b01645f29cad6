"""Following a job in the window. The test writes what a supervisor would, in its own name."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from napari.utils import progress as ActivityBar  # noqa: N812
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.execution.contention import Contention
from napari_alc.execution.job_folder import JobFolder, JobRecord
from napari_alc.execution.job_steps import StepCommand
from napari_alc.execution.outcome import CANCELLED, LOST, SUCCESS, Ending, Outcome
from napari_alc.execution.progress import JOB_SECONDS_LEFT, JOB_SHARE
from napari_alc.plugin.iterate.job_monitor import JobPanel, JobWatch
from napari_alc.plugin.widgets import workers

MOUSE = Qt.MouseButton.LeftButton
TITLE = "Train and predict"


class Supervised:
    """A job that this process says it does."""

    def __init__(self, project):
        self.folder = JobFolder(project / "jobs" / "1")
        self.folder.path.mkdir(parents=True)
        here = psutil.Process()
        stages = ((StepCommand(("train", "study"), True),),)
        record = JobRecord(TITLE, "cpu", stages, here.pid, here.create_time(), "now")
        self.folder.begin(record)

    def tell(self, step, done, total=100, share=0.0, left=None, message="", **values):
        values[JOB_SHARE] = share
        if left is not None:
            values[JOB_SECONDS_LEFT] = left
        line = {"step": step, "done": done, "total": total, "message": message, "values": values}
        with self.folder.progress_file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def end(self, outcome):
        self.folder.end(outcome)

    def die(self):
        self.folder.begin(replace(self.folder.record, started=0.0))


@pytest.fixture
def job(tmp_path):
    return Supervised(tmp_path)


@pytest.fixture
def panel(qtbot, job):
    """The panel in a page; what is followed has ended when the test ends."""
    page = QWidget()
    watch = JobWatch(page)
    panel = JobPanel(watch)
    QVBoxLayout(page).addWidget(panel)
    page.resize(420, 400)
    qtbot.addWidget(page)
    page.show()
    panel.watch = watch
    yield panel
    job.end(SUCCESS)
    qtbot.waitUntil(lambda: not watch.is_busy)


@pytest.fixture
def clock(monkeypatch):
    """The time that the activity dock goes by stands still, unless a test moves it."""
    stopped = SimpleNamespace(now=0.0)
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: stopped.now))
    return stopped


def outcomes_of(watch):
    found = []
    watch.ended.connect(found.append)
    return found


def test_the_bar_shows_the_whole_job_with_time_left_and_a_line_for_each_model(
    panel, job, tmp_path, qtbot
):
    assert panel.watch.find(tmp_path)
    bar = panel.job_bar
    assert bar.message.text() == f"{TITLE}: starting…"
    job.tell("train mp", 40, share=0.3, message="iteration 40 of 100, about 3 s left")
    job.tell("train ma", 20, share=0.4, left=290.0, message="iteration 20 of 100, about 9 s left")
    both = (
        "Training the expert's model (Mp): iteration 40 of 100\n"
        "Training the shared model (Ma): iteration 20 of 100"
    )
    qtbot.waitUntil(lambda: bar.message.text() == both)
    assert bar.bar.value() / bar.bar.maximum() == 0.4
    assert bar.bar.format() == "%p % · about 5 min left"
    job.tell("train mp", 100, share=0.6)
    job.tell("train ma", 100, share=0.8, left=20.0)
    job.tell("predict mp", 1, share=0.85)
    qtbot.waitUntil(lambda: bar.message.text() == "The expert's model (Mp) looks at the images")


def test_napari_shows_the_job_in_its_activity_dock(panel, job, tmp_path, qtbot):
    panel.watch.find(tmp_path)
    job.tell("train mp", 40, share=0.25, left=70.0)

    def shown():
        return [(one.desc, one.n / one.total) for one in ActivityBar._all_instances if one.total]

    qtbot.waitUntil(lambda: (f"{TITLE}, about 70 s left: ", 0.25) in shown())
    job.end(SUCCESS)
    qtbot.waitUntil(lambda: not panel.watch.is_busy)
    assert shown() == []


def test_the_activity_dock_is_not_drawn_for_each_of_many_reports(
    panel, job, tmp_path, qtbot, clock
):
    drawn = []
    panel.watch.progressed.connect(lambda one: heard.append(one.done))
    heard = []
    panel.watch.find(tmp_path)
    qtbot.waitUntil(lambda: bool(ActivityBar._all_instances))
    bar = next(iter(ActivityBar._all_instances))
    bar.set_description = drawn.append
    for done in (40, 41, 42):
        job.tell("train mp", done)
        qtbot.waitUntil(lambda done=done: done in heard)
    assert len(drawn) == 1
    clock.now += 1.0
    job.tell("train mp", 43)
    qtbot.waitUntil(lambda: 43 in heard)
    assert len(drawn) == 2


def test_cancel_says_so_until_the_job_has_stopped(panel, job, tmp_path, qtbot):
    ended = outcomes_of(panel.watch)
    panel.watch.find(tmp_path)
    bar = panel.job_bar
    qtbot.mouseClick(bar.cancel, MOUSE)
    assert bar.cancel.text() == "Cancelling…"
    assert not bar.cancel.isEnabled()
    assert job.folder.is_cancelled
    assert panel.watch.is_stopping
    job.tell("train mp", 41)
    qtbot.waitUntil(lambda: "loss Mp" not in panel.watch.points)
    assert bar.message.text() == "Stopping at the next safe point…"
    job.end(CANCELLED)
    qtbot.waitUntil(lambda: ended == [CANCELLED])
    assert bar.cancel.isHidden()
    assert bar.bar.isHidden()


def test_a_job_that_is_stopping_is_found_as_such(panel, job, tmp_path):
    job.folder.cancel_file.touch()
    panel.watch.find(tmp_path)
    assert panel.job_bar.cancel.text() == "Cancelling…"


def test_the_log_is_shown_on_demand_and_grows(panel, job, tmp_path, qtbot):
    panel.watch.find(tmp_path)
    bar = panel.job_bar
    job.folder.log_file.write_text("first line\n")
    assert bar.log.isHidden()
    qtbot.mouseClick(bar.show_log, MOUSE)
    assert bar.log.toPlainText() == "first line\n"
    job.folder.log_file.write_text("first line\nsecond line\n")
    job.tell("train mp", 1)
    qtbot.waitUntil(lambda: "second line" in bar.log.toPlainText())
    assert not bar.log_folder.isHidden()
    assert str(job.folder.path) in bar.log_folder.toolTip()
    qtbot.mouseClick(bar.show_log, MOUSE)
    assert bar.log.isHidden()
    assert bar.log_folder.isHidden()


def test_a_job_that_others_crowd_out_says_so_and_what_to_do(
    panel, job, tmp_path, qtbot, monkeypatch
):
    panel.watch.find(tmp_path)
    for is_waiting in (True, False, True):
        monkeypatch.setattr(Contention, "is_waiting", lambda _self, found=is_waiting: found)
        panel.look_at_processor()
        assert panel.waiting.isHidden() != is_waiting
    assert "Use more of this computer" in panel.waiting.text()
    job.end(SUCCESS)
    qtbot.waitUntil(panel.waiting.isHidden)


def test_a_loss_that_rises_is_explained_beside_the_curve_of_ap50(panel, job, tmp_path, qtbot):
    panel.watch.find(tmp_path)
    job.tell("train mp", 5, loss=0.5)
    qtbot.waitUntil(lambda: not panel.curves.isHidden())
    assert panel.curve_words.isHidden()
    job.tell("train mp", 10, loss=0.6, validation_AP50=30.0)
    qtbot.waitUntil(lambda: not panel.curve_words.isHidden())
    assert "may rise while AP50 rises" in panel.curve_words.text()


def test_a_job_with_a_long_past_is_caught_up_with_few_signals_and_whole_curves(
    panel, job, tmp_path, qtbot
):
    for done in range(3000):
        for model in ("mp", "ma"):
            further = {"validation_AP50": done / 100} if done % 100 == 0 else {}
            job.tell(f"train {model}", done, 10_000, loss=1.0, **further)
    seen = []
    panel.watch.progressed.connect(seen.append)
    panel.watch.find(tmp_path)
    qtbot.waitUntil(lambda: len(panel.watch.points.get("loss Ma", ())) == 3000)
    points = panel.watch.points
    assert {name: len(found) for name, found in points.items()} == {
        "loss Mp": 3000,
        "loss Ma": 3000,
        "validation_AP50 Mp": 30,
        "validation_AP50 Ma": 30,
    }
    assert points["validation_AP50 Mp"][-1] == (2900, 29.0)
    qtbot.waitUntil(lambda: bool(seen) and (seen[-1].step, seen[-1].done) == ("train ma", 2999))
    qtbot.waitUntil(lambda: not panel.curves.isHidden())
    assert len(seen) < 100


def test_curves_are_hidden_until_there_is_something_to_draw(panel, job, tmp_path, qtbot):
    panel.watch.find(tmp_path)
    job.tell("predict mp", 5)
    with qtbot.waitSignal(panel.watch.progressed):
        pass
    assert panel.curves.isHidden()
    job.tell("train mp", 5, loss=0.5)
    qtbot.waitUntil(lambda: not panel.curves.isHidden())
    assert panel.curves.points == {"loss Mp": [(5, 0.5)]}


def test_what_happened_while_nobody_looked_is_told_once(panel, job, tmp_path, qtbot):
    ended = outcomes_of(panel.watch)
    failed = Outcome(Ending.FAILED, "x.tif: the image is not there any more.")
    job.tell("train mp", 5, loss=0.5)
    job.end(failed)
    assert panel.watch.find(tmp_path)
    qtbot.waitUntil(lambda: ended == [failed])
    assert panel.watch.points == {"loss Mp": [(5, 0.5)]}
    assert not panel.watch.find(tmp_path)


def test_a_job_whose_process_is_gone_is_told_in_words(panel, job, tmp_path, qtbot):
    ended = outcomes_of(panel.watch)
    panel.watch.find(tmp_path)
    job.die()
    qtbot.waitUntil(lambda: ended == [LOST])
    assert "start the step again" in ended[0].message


def test_a_job_that_is_let_go_runs_on_and_is_found_again(panel, job, tmp_path, qtbot):
    ended = outcomes_of(panel.watch)
    panel.watch.find(tmp_path)
    assert not panel.watch.find(tmp_path), "it is followed already"
    with qtbot.waitSignal(panel.watch.left):
        panel.watch.let_go()
    assert ended == []
    assert panel.job_bar.bar.isHidden()
    assert not job.folder.is_cancelled
    assert panel.watch.find(tmp_path)
    assert panel.watch.is_busy


def test_the_page_that_goes_does_not_take_the_job_along(job, tmp_path, qtbot):
    page = QWidget()
    watch = JobWatch(page)
    watch.find(tmp_path)
    ended = outcomes_of(watch)
    gone = []
    page.destroyed.connect(lambda: gone.append(True))
    page.deleteLater()
    qtbot.waitUntil(lambda: gone == [True])
    assert ended == []
    assert not job.folder.is_cancelled
    assert job.folder.is_alive
