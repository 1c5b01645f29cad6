from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alc_experiments.peers import objectlab
from alc_experiments.peers.suspicion import NOT_PROPOSED
from napari_alc.errors import AlcError
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered

filter_module = pytest.importorskip("cleanlab.object_detection.filter", reason="needs cleanlab")
rank = pytest.importorskip("cleanlab.object_detection.rank", reason="needs cleanlab")

REFERENCE = json.loads((Path(__file__).parent / "objectlab.json").read_text(encoding="utf-8"))


def label_set(records, kinds=1):
    """Labels of images 10, 20, …, of (image, category, box)."""
    images = tuple(ImageRecord(10 * n, f"{n}.tif", 300, 300) for n in range(1, 6))
    categories = tuple(Category(7 * n, str(n)) for n in range(1, kinds + 1))
    return LabelSet(images, categories, numbered(*zip(*records, strict=True)))


def detections(records):
    return Detections(*zip(*records, strict=True)) if records else Detections.empty()


def reference_case():
    crowd = [
        (10 * n, 7, box)
        for n, image in enumerate(REFERENCE["labels"], start=1)
        for box in image["bboxes"]
    ]
    found = [
        (10 * n, 7, row[:4], row[4])
        for n, [rows] in enumerate(REFERENCE["predictions"], start=1)
        for row in rows
    ]
    return label_set(crowd), detections(found)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, np.array(theirs, dtype=float), rtol=1e-12)


@pytest.mark.parametrize("name", ["overlooked", "badloc", "swap"])
def test_boxes_get_the_scores_of_the_reference_case(name):
    data = objectlab.given(*reference_case())
    scores = getattr(rank, f"compute_{name}_box_scores")(
        labels=data.labels, predictions=data.predictions
    )
    assert_same(scores, REFERENCE[name])
    assert_same(rank.pool_box_scores_per_image(scores), REFERENCE[f"{name}_image"])


def test_images_get_the_scores_and_flags_of_the_reference_case():
    data = objectlab.given(*reference_case())
    assert_same(objectlab.image_quality(data), REFERENCE["label_quality"])
    flagged = filter_module.find_label_issues(data.labels, data.predictions)
    assert flagged.tolist() == REFERENCE["is_issue"]


def test_suspicion_follows_the_scores_of_the_reference_case():
    found = objectlab.suspicions(*reference_case())
    badloc, swap, overlooked = (
        np.array([value for image in REFERENCE[name] for value in image], dtype=float)
        for name in ("badloc", "swap", "overlooked")
    )
    np.testing.assert_allclose(found.crowd, 1 - badloc * swap, rtol=1e-12)
    assert found.crowd.argmax() == 3
    proposed = np.flatnonzero(found.predictions > NOT_PROPOSED)
    assert proposed.tolist() == np.flatnonzero(~np.isnan(overlooked)).tolist() == [3]


@settings(max_examples=25)
@given(data=st.data())
def test_the_order_of_boxes_does_not_matter(data):
    crowd, found = reference_case()
    of_crowd = np.array(data.draw(st.permutations(range(len(crowd.labels)))))
    of_found = np.array(data.draw(st.permutations(range(len(found)))))
    plain = objectlab.suspicions(crowd, found)
    mixed = objectlab.suspicions(
        crowd.with_labels(crowd.labels.take(of_crowd)), found.take(of_found)
    )
    np.testing.assert_allclose(mixed.crowd, plain.crowd[of_crowd])
    np.testing.assert_allclose(mixed.predictions, plain.predictions[of_found])


def test_a_box_of_another_category_is_suspect_and_a_lonely_one_is_not():
    crowd = label_set([(10, 7, [0, 0, 40, 40]), (10, 7, [100, 100, 140, 140])], kinds=2)
    found = detections([(10, 14, [0, 0, 40, 40], 0.99)])
    swapped, lonely = objectlab.suspicions(crowd, found).crowd
    assert swapped > 0.9
    assert lonely < 0.1


def test_images_without_labels_or_predictions_are_no_trouble():
    crowd = label_set([(30, 7, [0, 0, 40, 40])])
    nothing_found = objectlab.suspicions(crowd, Detections.empty())
    assert nothing_found.crowd.tolist() == [0]
    assert nothing_found.predictions.tolist() == []
    nothing_drawn = objectlab.suspicions(
        crowd.with_labels(crowd.labels.take([])), detections([(50, 7, [0, 0, 9, 9], 0.99)])
    )
    assert nothing_drawn.crowd.tolist() == []
    assert nothing_drawn.predictions[0] > NOT_PROPOSED


def test_the_way_to_get_the_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.object_detection", None)
    with pytest.raises(AlcError, match="pip install cleanlab"):
        objectlab.suspicions(*reference_case())
