"""TIDE: the original tool's outputs, laws, and one box for each type."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring_cases import as_detections, detections, label_set, rows, scored_rows

from napari_alc.boxes import xywh_to_xyxy
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.tide import tide_errors
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered

CASES = json.loads((Path(__file__).parent / "tide.json").read_text())["cases"]
ONE = [(1, 3, 10, 10, 50, 50)]


@pytest.fixture(params=sorted(CASES))
def case(request):
    """Truth, detections and the original tool's results."""
    stored = CASES[request.param]
    ids = stored["images"] if isinstance(stored["images"], list) else range(1, stored["images"] + 1)
    size = stored["wh"]
    images = tuple(ImageRecord(i, f"{i}.png", size, size) for i in ids)
    categories = tuple(Category(i, str(i)) for i in stored["classes"])
    truth = LabelSet(images, categories, numbered(*columns(stored["gt"])))
    found = Detections(*columns(stored["dt"]), [row["score"] for row in stored["dt"]])
    return truth, found, stored


def columns(records):
    return (
        [record["image_id"] for record in records],
        [record["category_id"] for record in records],
        xywh_to_xyxy([record["bbox"] for record in records]),
    )


def test_ap50_and_costs_are_those_of_the_original(case):
    truth, found, stored = case
    result = tide_errors(truth, found, stored["max_dets"])
    assert result.ap50 == pytest.approx(stored["tidecv"]["AP50"], abs=1e-6)
    assert result.gains() == pytest.approx(stored["tidecv"]["dAP"], abs=1e-6)
    precision = average_precision(truth, found, stored["max_dets"])
    assert precision.ap50 == pytest.approx(stored["pycocotools"]["AP50"], abs=1e-6)
    per_category = stored["pycocotools"]["AP50_per_class"]
    assert precision.per_category == pytest.approx(per_category, abs=1e-6)


def test_every_box_has_the_type_that_the_original_gives(case):
    truth, found, stored = case
    result = tide_errors(truth, found, stored["max_dets"])
    expected = np.full(len(found), "TP", dtype="<U4")
    missed = np.zeros(len(truth.labels), dtype=bool)
    for item in stored["tidecv"]["per_item"]:
        if item["type"] == "Miss":
            missed[item["gt_index"]] = True
        else:
            expected[item["dt_index"]] = item["type"]
    assert result.types.tolist() == expected.tolist()
    assert result.missed.tolist() == missed.tolist()


def test_counts_are_those_of_the_original(case):
    truth, found, stored = case
    result = tide_errors(truth, found, stored["max_dets"])
    counts = {kind: int((result.types == kind).sum()) for kind in stored["tidecv"]["counts"]}
    counts["Miss"] = int(result.missed.sum())
    assert counts == stored["tidecv"]["counts"]


def test_order_of_boxes_does_not_matter(case):
    truth, found, stored = case
    rng = np.random.default_rng(0)
    order = rng.permutation(len(found))
    shuffled = truth.with_labels(truth.labels.take(rng.permutation(len(truth.labels))))
    before = tide_errors(truth, found, stored["max_dets"])
    after = tide_errors(shuffled, found.take(order), stored["max_dets"])
    assert after.gains() == pytest.approx(before.gains(), abs=1e-9)
    assert after.types.tolist() == before.types[order].tolist()


@given(rows().filter(len))
def test_detections_equal_to_the_truth_have_no_errors(boxes):
    truth = label_set(list(dict.fromkeys(boxes)))
    result = tide_errors(truth, as_detections(truth, np.full(len(truth.labels), 0.8)))
    assert result.ap50 == pytest.approx(100)
    assert set(result.gains().values()) == {0.0}
    assert (result.types == "TP").all()
    assert not result.missed.any()


@given(rows().filter(len), scored_rows(), st.randoms(use_true_random=False))
def test_order_of_detections_with_distinct_scores_does_not_matter(boxes, found, random):
    truth, shuffled = label_set(boxes), list(found)
    random.shuffle(shuffled)
    before = tide_errors(truth, detections(found))
    after = tide_errors(truth, detections(shuffled))
    assert after.ap50 == pytest.approx(before.ap50)
    assert after.gains() == pytest.approx(before.gains())


@given(rows().filter(len), scored_rows())
def test_a_repair_never_costs(boxes, found):
    result = tide_errors(label_set(boxes), detections(found))
    assert all(value >= 0 for value in result.gains().values())
    assert result.ap50 + max(result.gains().values()) <= 100 + 1e-9


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ((1, 3, 30, 10, 70, 50, 0.5), "Loc"),
        ((1, 7, 11, 10, 51, 50, 0.5), "Cls"),
        ((1, 3, 11, 10, 51, 50, 0.5), "Dupe"),
        ((1, 3, 150, 150, 190, 190, 0.5), "Bkg"),
        ((1, 7, 30, 10, 70, 50, 0.5), "Both"),
    ],
)
def test_each_kind_of_wrong_box_has_its_type(extra, kind):
    result = tide_errors(label_set(ONE), detections([(1, 3, 10, 10, 50, 50, 0.9), extra]))
    assert result.types.tolist() == ["TP", kind]


def test_a_shifted_box_is_a_location_error_whose_repair_gives_all_back():
    result = tide_errors(label_set(ONE), detections([(1, 3, 30, 10, 70, 50, 0.9)]))
    assert (result.ap50, result.loc, result.miss) == pytest.approx((0, 100, 0))


def test_a_dropped_box_is_missed():
    truth = label_set([*ONE, (1, 3, 100, 100, 140, 140)])
    result = tide_errors(truth, detections([(1, 3, 10, 10, 50, 50, 0.9)]))
    assert result.missed.tolist() == [False, True]
    assert result.ap50 + result.miss == pytest.approx(100)


def test_boxes_beyond_the_limit_have_no_type():
    found = detections([(1, 3, 150, 150, 190, 190, 0.1), (1, 3, 10, 10, 50, 50, 0.9)])
    assert tide_errors(label_set(ONE), found, max_detections=1).types.tolist() == ["", "TP"]


def test_without_detections_everything_is_missed():
    result = tide_errors(label_set(ONE), detections([]))
    assert result.ap50 == 0
    assert result.missed.all()
