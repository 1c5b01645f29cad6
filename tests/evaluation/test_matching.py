"""The order in which boxes are looked at where scores or overlaps are equal, and the limit."""

from measuring_cases import detections, label_set

from napari_alc.evaluation.matching import best_of_first, best_scored, by_falling_score, overlaps

BOX = (10, 10, 50, 50)


def test_the_limit_holds_for_each_image_by_itself():
    found = detections([(2, 3, *BOX, 0.2), (1, 3, *BOX, 0.9), (1, 3, *BOX, 0.8), (2, 3, *BOX, 0.3)])
    assert best_scored(found, 1).tolist() == [False, True, False, True]
    assert best_scored(found, 2).all()


def test_equal_scores_are_ordered_by_image_then_by_position():
    found = detections([(2, 3, *BOX, 0.5), (1, 3, *BOX, 0.5), (1, 7, *BOX, 0.5), (3, 3, *BOX, 0.6)])
    assert by_falling_score(found).tolist() == [3, 1, 2, 0]


def test_of_truths_that_overlap_alike_the_first_is_the_closest():
    truth = label_set([(1, 3, 0, 0, 9, 9), (1, 3, *BOX), (1, 3, *BOX)])
    pairs = overlaps(detections([(1, 3, *BOX, 0.9), (2, 3, *BOX, 0.9)]), truth.labels)
    iou, second = best_of_first(pairs, 2)
    assert iou.tolist() == [1, 0]
    assert second.tolist() == [1, -1]
