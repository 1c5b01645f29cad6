"""The sample projects, as napari's menu File opens them."""

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from napari_alc.errors import Cancelled
from napari_alc.execution.outcome import CANCELLED, SUCCESS
from napari_alc.plugin import sample_data
from napari_alc.plugin.contributions.reader import sample_reader
from napari_alc.plugin.project import sample_drawing
from napari_alc.plugin.review import image_loader
from napari_alc.plugin.sample_data import SAMPLES, make_sample, new_sample_folder
from napari_alc.project.project import Project
from napari_alc.project.sample import draw_awaited
from napari_alc.project.status import Step, status


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for key, sample in SAMPLES.items():
        monkeypatch.setitem(SAMPLES, key, replace(sample, images=4, initial=2))


@pytest.mark.parametrize(("key", "step"), [("tem-review", Step.REVIEW), ("tem-train", Step.TRAIN)])
def test_a_sample_opens_at_the_step_that_its_name_tells(docked, qtbot, key, step):
    viewer, widget = docked()
    assert viewer.open_sample("napari-alc", key) == []
    qtbot.waitUntil(lambda: widget.project is not None)
    assert status(widget.project).next_step is step
    assert widget.project.folder.parent == sample_data.samples_folder()
    qtbot.waitUntil(lambda: not widget.project_page.drawing.background.is_busy)
    assert widget.project.awaited_images() == ()
    assert widget.project_page.drawing.isHidden()


class Gate:
    """Drawing that waits, as on a slow computer, until it is let go on; it can be cancelled."""

    def __init__(self):
        self.opened = threading.Event()

    def __call__(self, arguments, report, should_stop, is_awaited):
        assert is_awaited
        while not self.opened.wait(0.01):
            if should_stop():
                return CANCELLED
        with closing(Project.open(Path(arguments[1]))) as project:
            draw_awaited(project, report, should_stop)
        return SUCCESS


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(sample_drawing, "run_child", gate)
    yield gate
    gate.opened.set()


@pytest.fixture
def sample(docked, qtbot, gate):  # noqa: ARG001
    """The sample to review, whose first image is on the canvas while the others are drawn."""
    viewer, widget = docked()
    viewer.open_sample("napari-alc", "tem-review")
    qtbot.waitUntil(lambda: widget.review_page.state.document is not None)
    return widget


def test_the_first_image_is_shown_while_the_others_are_still_drawn(sample):
    assert len(sample.project.awaited_images()) == 3


def test_a_step_can_begin_once_all_images_are_drawn(docked, qtbot, gate):
    viewer, widget = docked()
    viewer.open_sample("napari-alc", "tem-train")
    page = widget.iterate_page
    qtbot.waitUntil(lambda: widget.project is not None)
    assert page.waiting.text() == (
        "3 images of the sample are still being drawn. "
        "The next step can begin when all of them are there."
    )
    assert not page.next_button.isEnabled()
    gate.opened.set()
    qtbot.waitUntil(page.next_button.isEnabled)
    assert page.waiting.isHidden()


def test_an_image_that_is_not_drawn_yet_is_waited_for_in_words(sample, qtbot, gate):
    state = sample.review_page.state
    sample.review_page.controller.images.step(1)
    qtbot.waitUntil(lambda: "is not drawn yet" in state.message)
    assert state.document is None
    waited_for = state.task.file_name
    gate.opened.set()
    qtbot.waitUntil(lambda: state.document is not None)
    assert state.document.image.file_name == waited_for
    qtbot.waitUntil(lambda: not sample.project_page.drawing.background.is_busy)
    assert sample.iterate_page.waiting.isHidden()


def test_an_image_that_comes_while_it_is_looked_for_is_shown(sample, qtbot, monkeypatch):
    read, missed = image_loader.load, []

    def too_early(path):
        if missed:
            return read(path)
        missed.append(path)
        with closing(Project.open(sample.project.folder)) as project:
            draw_awaited(project)
        return image_loader.Unreadable("There is no such file.")

    monkeypatch.setattr(image_loader, "load", too_early)
    state = sample.review_page.state
    first = state.task
    sample.review_page.controller.images.step(1)
    qtbot.waitUntil(lambda: state.document is not None)
    assert state.task != first
    assert missed


def test_drawing_that_is_cancelled_says_so_and_goes_on_when_the_project_is_opened(
    sample, qtbot, gate
):
    drawing = sample.project_page.drawing
    drawing.job_bar.cancel.click()
    qtbot.waitUntil(lambda: not drawing.background.is_busy)
    assert drawing.error.text() == (
        "3 images of the sample are not drawn. Open the project again to go on."
    )
    gate.opened.set()
    sample.open_project(sample.project.folder)
    qtbot.waitUntil(lambda: sample.project.awaited_images() == ())
    qtbot.waitUntil(lambda: not drawing.background.is_busy)
    assert drawing.isHidden()


def test_the_drawing_of_a_project_ends_when_another_one_is_opened(sample, qtbot, fresh):
    left = sample.project.folder
    sample.open_project(fresh)
    qtbot.waitUntil(lambda: not sample.project_page.drawing.background.is_busy)
    assert sample.project_page.drawing.isHidden()
    with closing(Project.open(left)) as project:
        assert len(project.awaited_images()) == 3


def test_a_sample_is_made_anew_each_time():
    sample = SAMPLES["tem-review"]
    first = new_sample_folder(sample)
    make_sample(sample, first)
    assert new_sample_folder(sample) != first
    assert Project.open(first).crowd_labels().images


def test_a_sample_that_is_cancelled_leaves_nothing_behind():
    folder = new_sample_folder(SAMPLES["tem-review"])
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        make_sample(SAMPLES["tem-review"], folder, should_stop=lambda: next(asked))
    assert not folder.exists()


@pytest.mark.parametrize("path", ["napari-alc://samples/none", ["napari-alc://samples/tem-train"]])
def test_other_addresses_are_no_samples(path):
    assert sample_reader(path) is None
