"""What several tests of the project need."""

from __future__ import annotations

import pytest
from builders import make_project

from napari_alc.project.annotation.tasks import next_open_task
from waiting_processes import waiting_processes


@pytest.fixture
def waiting():
    """Starts other processes that hold something until they are told to go on."""
    with waiting_processes() as processes:
        yield processes


@pytest.fixture
def project(tmp_path):
    """Three images: the first done, each of the others with eight open boxes."""
    project = make_project(tmp_path, images=3)
    yield project
    project.close()


@pytest.fixture
def consensus(project):
    """The first image that waits."""
    return next_open_task(project)
