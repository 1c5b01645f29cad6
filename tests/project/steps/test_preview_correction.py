"""What is shown before the correction is what the correction does."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hand_made import A, B, C, D, make, rows_of, see
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.errors import AlcError
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.steps.correct import correct_remaining, preview
from napari_alc.project.storage import schema

AROUND_B_AND_D = (45, 5, 75, 75)
ONLY_MA = (11, 10, 30, 30)
CROWD = {1: [A], 2: [A, AROUND_B_AND_D], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, B, 0.8), (2, D, 0.8), (4, B, 0.3)]
MA = [(2, A, 0.8), (3, ONLY_MA, 0.9), (4, D, 0.7)]

TABLES = tuple(schema.metadata.tables.values())


@pytest.fixture
def project(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, iterations=0)
    see(project, 0, MP, MA)
    return project


def stored(project):
    """Boxes by region, source and outcome, as the correction has written them."""
    region = {row["box_id"]: row["region"] for row in rows_of(project, schema.region)}
    source = {row["id"]: row["source"] for row in rows_of(project, schema.box)}
    return Counter(
        (region[row["box_id"]], source[row["box_id"]], row["outcome"])
        for row in rows_of(project, schema.correction)
    )


def test_a_preview_changes_nothing_and_tells_what_will_be_told(project):
    before = [rows_of(project, table) for table in TABLES]
    seen = preview(project)
    assert [rows_of(project, table) for table in TABLES] == before
    assert correct_remaining(project) == seen.figures


def test_counts_by_region(project):
    seen = preview(project)
    assert seen.count("pink", "label") == 2
    assert seen.count("gray", "label") == 2
    assert seen.count("gray", "replaced") == 2
    assert seen.count("gray", "left out") == 1
    assert (seen.count("green", "removed"), seen.count("green", "review")) == (1, 1)
    assert seen.count("red", "review") == 1
    assert sum(seen.counts.values()) == 10


def test_the_pictures_show_the_most_changed_images_first(project):
    first, second = preview(project).pictures
    assert (first.image.id, second.image.id) == (2, 4)
    assert {name: len(boxes) for name, boxes in first.before.items()} == {
        "removed": 1,
        "replaced": 1,
    }
    assert sorted(map(tuple, first.after["pink"].tolist())) == [B, D]
    assert first.after["gray"].tolist() == [list(A)]
    assert second.before["review"].tolist() == [list(C)]
    assert second.after["review"].tolist() == [list(C), list(D)]
    assert len(preview(project, pictures=1).pictures) == 1


def test_it_is_told_when_it_is_not_the_time(tmp_path):
    project = make(tmp_path, {1: [A]})
    with pytest.raises(AlcError, match="not the time to correct"):
        preview(project)


places = st.sampled_from([A, B, C, D, AROUND_B_AND_D, ONLY_MA, (60, 60, 95, 95)])
drawn = st.lists(places, max_size=4, unique=True)
seen_boxes = st.lists(
    st.tuples(st.sampled_from([2, 3]), places, st.floats(0.1, 1)), max_size=6, unique=True
)


@settings(max_examples=15)
@given(drawn, drawn, seen_boxes, seen_boxes)
def test_a_preview_and_the_correction_never_differ(two, three, mp, ma):
    with tempfile.TemporaryDirectory() as folder:
        project = make(Path(folder), {1: [A], 2: two, 3: three}, 3, {1: [A]}, iterations=0)
        try:
            see(project, 0, mp, ma)
            seen = preview(project)
            assert correct_remaining(project) == seen.figures
            wanted = {key: n for key, n in seen.counts.items() if key[2] != "left out"}
            assert stored(project) == wanted
            clean = clean_labels(project).label_set.labels.by_image()
            for picture in seen.pictures:
                labels = [b for name, b in picture.after.items() if name != "review"]
                found = np.concatenate(labels) if labels else np.empty((0, 4))
                here = clean.get(picture.image.id)
                assert sorted(found.tolist()) == sorted(
                    here.boxes.tolist() if here is not None else []
                )
        finally:
            project.close()
