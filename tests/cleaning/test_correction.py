from cleaning_cases import DETECTIONS, LABELS, THRESHOLDS
from hypothesis import given
from naive_method import sort_boxes, step_two

from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.regions import Source, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels


def named(result, rows):
    return {(Source(result.source[r]).label, int(result.index[r])) for r in rows}


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_agrees_with_the_method_written_box_by_box(crowd, mp, ma, thresholds):
    result = sort_labels(crowd, mp, ma, thresholds)
    fate = correct(result)
    found = tuple(
        named(result, rows) for rows in (fate.automatic, fate.review, fate.removed, fate.replaced)
    )
    assert found == step_two(sort_boxes(crowd, mp, ma, thresholds))


def boxes(*rows):
    return [1] * len(rows), [1] * len(rows), list(rows)


def test_a_gray_group_without_mp_keeps_its_ma_boxes():
    crowd = Labels(*boxes([0, 0, 10, 10], [50, 50, 60, 60]), [1, 2])
    mp = Detections(*boxes([50, 50, 60, 59]), [0.9])
    ma = Detections(*boxes([0, 0, 10, 9], [50, 50, 60, 58]), [0.9, 0.9])
    result = sort_labels(crowd, mp, ma, Thresholds())
    fate = correct(result)
    assert named(result, fate.automatic) == {("mp", 0), ("ma", 0)}
    assert named(result, fate.replaced) == {("crowd", 0), ("crowd", 1)}


def test_a_green_box_around_a_prediction_is_removed_not_reviewed():
    crowd = Labels(*boxes([0, 0, 40, 40], [60, 60, 70, 70]), [1, 2])
    mp = Detections(*boxes([5, 5, 15, 15]), [0.9])
    result = sort_labels(crowd, mp, Detections.empty(), Thresholds())
    fate = correct(result)
    assert named(result, fate.removed) == {("crowd", 0)}
    assert named(result, fate.review) == {("crowd", 1)}


def test_a_prediction_inside_by_exactly_gamma_does_not_count():
    crowd = Labels(*boxes([0, 0, 40, 8]), [1])
    mp = Detections(*boxes([10, 0, 20, 16]), [0.9])
    results = [
        sort_labels(crowd, mp, Detections.empty(), Thresholds(gamma=gamma)) for gamma in (0.5, 0.49)
    ]
    assert [result.box_in_box.tolist() for result in results] == [[False, False], [True, False]]


def test_nothing_to_correct():
    none = Detections.empty()
    fate = correct(sort_labels(Labels.empty(), none, none, Thresholds()))
    assert [len(rows) for rows in (fate.automatic, fate.review, fate.removed, fate.replaced)] == [
        0,
        0,
        0,
        0,
    ]
