"""AP through pycocotools: reference values, laws and what happens without boxes."""

import numpy as np
import pytest
from hypothesis import given
from measuring_cases import as_detections, detections, label_set, rows, scored_rows

from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.tide import tide_errors

ONE = [(1, 3, 10, 10, 50, 50)]


@given(rows().filter(len))
def test_detections_equal_to_the_truth_have_full_precision(boxes):
    truth = label_set(list(dict.fromkeys(boxes)))
    result = average_precision(truth, as_detections(truth, np.full(len(truth.labels), 0.9)))
    assert (result.ap50, result.ap75, result.ap) == pytest.approx((100, 100, 100))


@given(rows().filter(len), scored_rows())
def test_agrees_with_tide_on_ap50(boxes, found):
    truth, found = label_set(boxes), detections(found)
    assert average_precision(truth, found).ap50 == pytest.approx(tide_errors(truth, found).ap50)


def test_a_box_of_iou_0_6_counts_at_0_5_but_not_at_0_75():
    result = average_precision(label_set(ONE), detections([(1, 3, 20, 10, 60, 50, 0.9)]))
    assert (result.ap50, result.ap75) == pytest.approx((100, 0))
    # IoU 0.6 reaches the thresholds 0.5, 0.55 and 0.6 of ten.
    assert result.ap == pytest.approx(30)


@pytest.mark.parametrize(
    ("height", "ap75", "ap"),
    [(29, 0, 50), (30, 100, 60)],  # IoU 29/40 lies between 0.7 and 0.75, 30/40 reaches 0.75
)
def test_ap75_is_that_of_iou_0_75(height, ap75, ap):
    result = average_precision(label_set(ONE), detections([(1, 3, 10, 10, 50, 10 + height, 0.9)]))
    assert (result.ap75, result.ap) == pytest.approx((ap75, ap))


@pytest.mark.parametrize("side", [0.5, 30, 95, 400, 20_000])
def test_boxes_of_every_area_count(side):
    box = (1, 3, 10, 10, 10 + side, 10 + side)
    result = average_precision(label_set([box, *ONE]), detections([(*box, 0.9)]))
    assert result.ap50 == pytest.approx(100 * 51 / 101)


def test_a_category_without_truth_is_left_out():
    found = detections([(1, 3, 10, 10, 50, 50, 0.9), (2, 7, 10, 10, 50, 50, 0.95)])
    result = average_precision(label_set(ONE), found)
    assert result.ap50 == pytest.approx(100)
    assert result.per_category == {"deposit": pytest.approx(100)}


def test_every_category_with_truth_counts_the_same():
    truth = label_set([*ONE, (1, 7, 100, 100, 140, 140), (2, 7, 100, 100, 140, 140)])
    result = average_precision(truth, detections([(1, 3, 10, 10, 50, 50, 0.9)]))
    assert result.per_category == {"deposit": pytest.approx(100), "vesicle": 0}
    assert result.ap50 == pytest.approx(50)


def test_without_detections_every_figure_is_zero():
    result = average_precision(label_set(ONE), detections([]))
    assert (result.ap50, result.ap75, result.ap, result.per_category) == (0, 0, 0, {"deposit": 0})


def test_only_the_best_scored_boxes_of_an_image_count():
    found = detections([(1, 3, 150, 150, 190, 190, 0.9), (1, 3, 10, 10, 50, 50, 0.5)])
    assert average_precision(label_set(ONE), found, max_detections=1).ap50 == 0
    assert average_precision(label_set(ONE), found, max_detections=2).ap50 == pytest.approx(50)


def test_pycocotools_is_kept_quiet(capsys):
    average_precision(label_set(ONE), detections([]))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("measure", [average_precision, tide_errors])
def test_nothing_can_be_measured_without_truth(measure):
    with pytest.raises(ValueError, match="no true box"):
        measure(label_set([]), detections([(1, 3, 10, 10, 50, 50, 0.9)]))


@pytest.mark.parametrize("measure", [average_precision, tide_errors])
def test_detections_on_unlisted_images_are_refused(measure):
    with pytest.raises(ValueError, match="does not list"):
        measure(label_set(ONE), detections([(99, 3, 10, 10, 50, 50, 0.9)]))
