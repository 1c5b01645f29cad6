"""The sample projects, as napari's menu File opens them."""

from dataclasses import replace

import pytest

from napari_alc.errors import Cancelled
from napari_alc.plugin import sample_data
from napari_alc.plugin.contributions.reader import sample_reader
from napari_alc.plugin.sample_data import SAMPLES, make_sample, new_sample_folder
from napari_alc.project.project import Project
from napari_alc.project.status import Step, status


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(sample_data, "SIZE", 128)
    for key, sample in SAMPLES.items():
        monkeypatch.setitem(SAMPLES, key, replace(sample, images=4, initial=2))


@pytest.mark.parametrize(("key", "step"), [("tem-review", Step.REVIEW), ("tem-train", Step.TRAIN)])
def test_a_sample_opens_at_the_step_that_its_name_tells(docked, qtbot, key, step):
    viewer, widget = docked()
    assert viewer.open_sample("napari-alc", key) == []
    qtbot.waitUntil(lambda: widget.project is not None)
    assert status(widget.project).next_step is step
    assert widget.project.folder.parent == sample_data.samples_folder()


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
