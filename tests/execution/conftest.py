"""Jobs that are over when a test ends, and locks of GPUs of their own."""

from __future__ import annotations

import pytest

from napari_alc.execution.job_folder import start_job
from running_jobs import at_ordinary_priority, end_all, use_cache


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """The locks of graphics cards in a temporary folder, in child processes too."""
    use_cache(monkeypatch, tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def priority(monkeypatch):
    """What tests start yields to nobody, or beside others it might never begin."""
    at_ordinary_priority(monkeypatch)


@pytest.fixture
def start():
    """Starts jobs; at the test's end their processes are gone."""
    jobs = []

    def started(*args, **options):
        job = start_job(*args, **options)
        jobs.append(job)
        return job

    yield started
    end_all(jobs)
