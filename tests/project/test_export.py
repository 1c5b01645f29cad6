from __future__ import annotations

import json

import pytest
from hand_made import A, B, C, D, by_image, label_set, make, see

from napari_alc.errors import AlcError
from napari_alc.formats.coco import read_coco
from napari_alc.project.correction import correct_remaining
from napari_alc.project.export import export
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.simulated_review import PERSON, review_everything
from napari_alc.project.sorting import select


@pytest.fixture
def project(tmp_path):
    """Image 1 came in reviewed, 2 was selected, 3 corrected by itself, 4 reviewed in part."""
    crowd = {1: [A], 2: [A], 3: [A], 4: [A, C]}
    project = make(tmp_path, crowd, clean={1: [A]})
    see(project, 0, [(2, B, 0.9), (3, A, 0.9), (4, A, 0.9)], [(2, D, 0.9)])
    assert select(project) == (2,)
    review_everything(project, label_set({2: [A, C]}, 4).labels)
    see(project, 1, [(3, A, 0.8), (4, A, 0.7)], [(4, D, 0.6)])
    correct_remaining(project)
    review_everything(project, label_set({4: [A, D]}, 4).labels)
    return project


def test_every_box_tells_where_it_comes_from(project):
    content = json.loads(export(project).read_text())
    told = {
        (a["image_id"], a["source"], a["region"], a["iteration"], a["decision"], a["person"])
        for a in content["annotations"]
    }
    assert told == {
        (1, "person", "", 0, "added", "imported"),
        (2, "crowd", "green", 1, "kept", PERSON),
        (2, "person", "", 1, "added", PERSON),
        (3, "mp", "gray", 1, "automatic", ""),
        (4, "mp", "gray", 1, "automatic", ""),
        (4, "ma", "red", 1, "kept", PERSON),
    }
    scores = {a["image_id"]: a["score"] for a in content["annotations"] if a["source"] == "mp"}
    assert scores == {3: 0.8, 4: 0.7}
    assert content["info"]["images_folder"] == "../../images"


def test_the_file_holds_exactly_the_clean_labels(project):
    found = read_coco(export(project)).label_set
    assert by_image(found.labels) == {1: [A], 2: sorted([A, C]), 3: [A], 4: sorted([A, D])}
    assert by_image(found.labels) == by_image(clean_labels(project).label_set.labels)
    assert found.images == project.images()


def test_exporting_again_gives_the_same_bytes(project, tmp_path):
    first = export(project, tmp_path / "a.json").read_bytes()
    assert export(project, tmp_path / "b.json").read_bytes() == first


def test_labels_that_are_not_settled_are_not_written(tmp_path):
    project = make(tmp_path, {1: [A]})
    with pytest.raises(AlcError, match="not the time to export: 1 image waits"):
        export(project, tmp_path / "clean.json")
    assert not (tmp_path / "clean.json").exists()


def test_a_place_that_cannot_be_written_is_named(project, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(AlcError, match="there: could not be written"):
        export(project, tmp_path / "there")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AlcError, match="could not be written"):
        export(project, tmp_path / "file" / "clean.json")
    assert (tmp_path / "file").read_text() == "mine"
