"""How far a job is and how long it takes, by a clock that the test turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.execution.job_steps import commands
from napari_alc.execution.progress import JobProgress
from napari_alc.progress import Progress
from napari_alc.project.status import Step


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def job_of(clock, **options):
    return JobProgress(commands(Step.TRAIN, "study", "cpu", **options), clock)


def test_both_models_make_up_the_training_which_is_most_of_the_job(clock):
    job = job_of(clock)
    job.update(Progress("train mp", 50, 100))
    assert job.share == pytest.approx(0.8 * 0.25)
    job.update(Progress("train ma", 100, 100))
    assert job.share == pytest.approx(0.8 * 0.75)
    job.enter(1)
    assert job.share == pytest.approx(0.8)
    job.update(Progress("predict mp", 3, 3))
    assert job.share == pytest.approx(0.9)


def test_the_time_left_follows_the_speed_since_the_first_report(clock):
    job = job_of(clock)
    clock.now = 30.0
    for model in ("mp", "ma"):
        job.update(Progress(f"train {model}", 10, 100))
    assert job.seconds_left is None
    clock.now = 40.0
    for model in ("mp", "ma"):
        job.update(Progress(f"train {model}", 20, 100))
    # 80 s are left of a training that takes 100, and a quarter of 100 for the prediction
    assert job.seconds_left == pytest.approx(80 + 25)


def test_what_an_earlier_job_did_has_taken_no_time(clock):
    job = job_of(clock)
    for model in ("mp", "ma"):
        job.update(Progress(f"train {model}", 50, 100))
    clock.now = 10.0
    for model in ("mp", "ma"):
        job.update(Progress(f"train {model}", 60, 100))
    assert job.share == pytest.approx(0.8 * 0.6)
    assert job.seconds_left == pytest.approx(40 + 25)


def test_a_job_on_a_cluster_counts_both_models_too(clock):
    job = job_of(clock, cluster="tcp://host:1")
    job.update(Progress("train mp", 100, 100))
    assert job.share == pytest.approx(0.8 * 0.5)


@given(st.lists(st.tuples(st.sampled_from(["mp", "ma"]), st.integers(0, 50)), min_size=1))
def test_the_bar_never_goes_back(reports):
    job, shares = job_of(Clock()), [0.0]
    for model, done in reports:
        job.update(Progress(f"train {model}", done, 50))
        shares.append(job.share)
    assert shares == sorted(shares)
    assert shares[-1] <= 1
