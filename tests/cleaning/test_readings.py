"""The readings where the paper is silent, each against its definition written box by box."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, FRACTION, LABELS
from hypothesis import given
from naive_method import comparable, iou, rows_of

from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.matching import match_graph
from napari_alc.cleaning.regions import Region, Source, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels, box_sets

ONE_TO_ONE = Thresholds(matching="one-to-one")
LITERAL = Thresholds(green_argmax="literal")


def boxes(*rows):
    return [1] * len(rows), [1] * len(rows), list(rows)


def closest_first(a_rows, b_rows, threshold):
    """Pairs taken greedily by falling IoU, each row once."""
    pairs = [
        (-iou(a[4], b[4]), i, j)
        for i, a in enumerate(a_rows)
        for j, b in enumerate(b_rows)
        if comparable(a, b) and iou(a[4], b[4]) > threshold
    ]
    taken = []
    for _, i, j in sorted(pairs):
        if all(i != other and j != one for other, one in taken):
            taken.append((i, j))
    return taken


@given(LABELS, DETECTIONS, DETECTIONS, FRACTION)
def test_one_to_one_takes_the_closest_pairs_first(crowd, mp, ma, threshold):
    parts = (crowd, mp, ma)
    rows = [rows_of(name, part, 0.0) for name, part in zip("cpa", parts, strict=True)]
    starts = np.cumsum([0, *map(len, parts)])
    expected = {
        (int(starts[a]) + i, int(starts[b]) + j)
        for a, b in combinations(range(3), 2)
        for i, j in closest_first(rows[a], rows[b], threshold)
    }
    edges = match_graph(box_sets(*parts), threshold, "one-to-one")
    assert set(zip(edges.first.tolist(), edges.second.tolist(), strict=True)) == expected


def test_a_second_drawing_of_the_crowd_is_green_when_matching_is_one_to_one():
    crowd = Labels(*boxes([0, 0, 10, 10], [0, 0, 10, 9]), [1, 2])
    mp = Detections(*boxes([0, 0, 10, 10]), [0.9])
    found = sort_labels(crowd, mp, mp, ONE_TO_ONE)
    assert [Region(code).label for code in found.region] == ["gray", "green", "gray", "gray"]
    assert found.evaluation_score[1] == 0.9
    assert not sort_labels(crowd, mp, mp, Thresholds()).region.any()


@given(LABELS, DETECTIONS, DETECTIONS)
def test_one_to_one_leaves_no_region_but_gray_smaller(crowd, mp, ma):
    free = sort_labels(crowd, mp, ma, Thresholds()).region
    strict = sort_labels(crowd, mp, ma, ONE_TO_ONE).region
    assert (free[strict == Region.GRAY] == Region.GRAY).all()
    assert (strict[free != Region.GRAY] == free[free != Region.GRAY]).all()


def first_of_highest(row, predictions):
    """What an argmax over the row of IoUs gives: the confidence of the first maximum."""
    here = [other for other in predictions if comparable(row, other)]
    overlaps = [iou(row[4], other[4]) for other in here]
    return here[overlaps.index(max(overlaps))][5] if here else 0.0


@given(LABELS, DETECTIONS, DETECTIONS)
def test_the_literal_argmax_takes_the_first_maximum_even_of_zeros(crowd, mp, ma):
    found = sort_labels(crowd, mp, ma, LITERAL)
    rows, predictions = rows_of("crowd", crowd, 0.0), rows_of("mp", mp, 0.0)
    for row in np.flatnonzero(found.region == Region.GREEN):
        assert found.evaluation_score[row] == first_of_highest(rows[row], predictions)


def test_a_green_box_far_from_every_prediction_gets_the_score_of_the_first():
    crowd = Labels(*boxes([0, 0, 10, 10]), [1])
    mp = Detections(*boxes([50, 50, 60, 60], [70, 70, 80, 80]), [0.7, 0.9])
    scores = [
        sort_labels(crowd, mp, Detections.empty(), thresholds).evaluation_score[0]
        for thresholds in (Thresholds(), LITERAL)
    ]
    assert scores == [0.0, 0.7]
    nothing = Detections.empty()
    assert sort_labels(crowd, nothing, nothing, LITERAL).evaluation_score[0] == 0.0


@given(LABELS, DETECTIONS, DETECTIONS)
def test_gray_without_mp_may_keep_the_closest_box_of_the_crowd(crowd, mp, ma):
    found = sort_labels(crowd, mp, ma, Thresholds())
    fate, other = correct(found), correct(found, "crowd")
    expected = {row for row in fate.automatic if found.source[row] == Source.MP}
    for row in set(fate.automatic) - expected:
        together = np.flatnonzero(
            (found.group == found.group[row]) & (found.source == Source.CROWD)
        )
        overlaps = [iou(found.boxes[row], found.boxes[mate]) for mate in together]
        expected.add(together[np.argmax(overlaps)])
    assert set(other.automatic) == expected
    assert other.review.tolist() == fate.review.tolist()
    assert other.removed.tolist() == fate.removed.tolist()
    assert set(other.replaced) == set(fate.replaced) - expected


def test_an_object_that_the_crowd_drew_twice_is_kept_once():
    crowd = Labels(*boxes([0, 0, 10, 7], [0, 0, 10, 9]), [1, 2])
    ma = Detections(*boxes([0, 0, 10, 10]), [0.9])
    found = sort_labels(crowd, Detections.empty(), ma, Thresholds())
    assert correct(found).automatic.tolist() == [2]
    assert correct(found, "crowd").automatic.tolist() == [1]
    assert correct(found, "crowd").replaced.tolist() == [0]


@pytest.mark.parametrize("name", ["matching", "gray_without_mp", "green_argmax"])
def test_a_reading_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        Thresholds(**{name: "other"})
