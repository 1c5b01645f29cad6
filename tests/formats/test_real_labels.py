"""BCCD and the STEM set as published; they lie beside the project or at $NAPARI_ALC_DATA."""

import os
from pathlib import Path

import numpy as np
import pytest

from napari_alc.formats.anyformat import read_labels
from napari_alc.formats.folders import read_stems

BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("NAPARI_ALC_DATA", BESIDE))
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data at {DATA}; set NAPARI_ALC_DATA to its folder"
)


def test_bccd_is_read_but_for_two_boxes_without_width():
    reading = read_labels(DATA / "bccd" / "Annotations", DATA / "bccd" / "JPEGImages")
    read = reading.label_set
    assert len(read.images) == 364
    assert [category.name for category in read.categories] == ["Platelets", "RBC", "WBC"]
    assert len(read.labels) == 4886
    assert len(reading.notes) == 2
    assert "BloodImage_00338.xml: object 13 (RBC)" in reading.notes[0]
    assert "BloodImage_00343.xml: object 4 (RBC)" in reading.notes[1]


def test_bccd_subsets_share_no_image_and_keep_their_ids():
    main = DATA / "bccd" / "ImageSets" / "Main"
    train, test = (
        read_labels(DATA / "bccd" / "Annotations", subset=read_stems(main / name)).label_set
        for name in ("train.txt", "test.txt")
    )
    assert len(train.images) == 205
    assert len(test.images) == 72
    assert not set(train.image_ids.tolist()) & set(test.image_ids.tolist())


def test_stem_is_read_with_the_sizes_of_its_images():
    stem = DATA / "stem-nanoparticles"
    reading = read_labels(stem / "labels", stem / "images")
    read = reading.label_set
    assert len(read.images) == 17
    assert {(image.width, image.height) for image in read.images} == {(2048, 2048)}
    assert np.bincount(read.labels.image_ids).max() == 486
    assert len(read.labels) == 2804
    (note,) = reading.notes  # one of the 487 boxes on PtW6 has no width
    assert "PtW6.txt: line 407" in note
