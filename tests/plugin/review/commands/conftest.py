"""A person at the review without a window."""

from __future__ import annotations

import pytest
from builders import make_project
from controller_driver import Review


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def at(project):
    review = Review(project)
    yield review
    review.controller.end_session()
