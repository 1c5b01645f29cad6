"""Jobs that are over when a test ends, and locks of GPUs of their own."""

from __future__ import annotations

import pytest

from napari_alc.execution.job_folder import start_job
from running_jobs import at_ordinary_priority, end_all


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """The locks of graphics cards in a temporary folder, in child processes too."""
    folder = tmp_path_factory.mktemp("cache")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def start(monkeypatch):
    """Starts jobs; at the test's end their processes are gone."""
    at_ordinary_priority(monkeypatch)
    jobs = []

    def started(*args, **options):
        job = start_job(*args, **options)
        jobs.append(job)
        return job

    yield started
    end_all(jobs)
