from __future__ import annotations

import pytest
from squares import CATEGORIES, QUICK, make_images

from napari_alc.detection.training.training import train


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Weights of a detector that has learned the squares."""
    folder = tmp_path_factory.mktemp("trained")
    images = make_images(folder / "images", 12)
    return train(images, CATEGORIES, QUICK.changed(iterations=120), folder / "run")


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """Weights after a single step."""
    folder = tmp_path_factory.mktemp("untrained")
    images = make_images(folder / "images", 2)
    return train(images, CATEGORIES, QUICK.changed(iterations=1), folder / "run")
