import numpy as np
import pytest
from cleaning_cases import DETECTIONS, LABELS, THRESHOLDS
from hypothesis import given
from hypothesis import strategies as st
from naive_method import sort_boxes

from napari_alc import boxes
from napari_alc.boxes import pairs_within_groups
from napari_alc.cleaning import regions
from napari_alc.cleaning.regions import Region, Source, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels


def keyed(result):
    """What was found of each box, in the terms of `naive_method`."""
    keys = [(Source(s).label, int(i)) for s, i in zip(result.source, result.index, strict=True)]
    groups = {}
    for key, group in zip(keys, result.group.tolist(), strict=True):
        groups.setdefault(group, set()).add(key)
    scores = [None if np.isnan(s) else s for s in result.evaluation_score.tolist()]
    return {
        key: (
            Region(result.region[row]).label,
            scores[row],
            bool(result.box_in_box[row]),
            frozenset(groups[result.group[row]]),
        )
        for row, key in enumerate(keys)
    }


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_agrees_with_the_method_written_box_by_box(crowd, mp, ma, thresholds):
    result = sort_labels(crowd, mp, ma, thresholds)
    assert keyed(result) == sort_boxes(crowd, mp, ma, thresholds)


@given(LABELS, DETECTIONS, DETECTIONS)
def test_small_chunks_give_the_same_result(crowd, mp, ma):
    whole = keyed(sort_labels(crowd, mp, ma, Thresholds()))

    def in_small_chunks(a_keys, b_keys):
        return pairs_within_groups(a_keys, b_keys, at_once=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "pairs_within_groups", in_small_chunks)
        patch.setattr(regions, "pairs_within_groups", in_small_chunks)
        assert keyed(sort_labels(crowd, mp, ma, Thresholds())) == whole


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS)
def test_regions_partition_the_boxes(crowd, mp, ma, thresholds):
    result = sort_labels(crowd, mp, ma, thresholds)
    kept = [np.flatnonzero(d.scores >= thresholds.score) for d in (mp, ma)]
    expected = [np.arange(len(crowd)), *kept]
    assert [result.index[result.source == s].tolist() for s in Source] == [
        part.tolist() for part in expected
    ]
    allowed = {Source.CROWD: Region.GREEN, Source.MP: Region.PINK, Source.MA: Region.RED}
    for source, region in zip(result.source, result.region, strict=True):
        assert region in (Region.GRAY, allowed[Source(source)])


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS, st.randoms(use_true_random=False))
def test_permuting_the_inputs_changes_nothing(crowd, mp, ma, thresholds, random):
    parts = (crowd, mp, ma)
    orders = [random.sample(range(len(part)), len(part)) for part in parts]
    shuffled = sort_labels(
        *(part.take(order) for part, order in zip(parts, orders, strict=True)), thresholds
    )
    names = dict(zip(("crowd", "mp", "ma"), orders, strict=True))

    def original(key):
        return key[0], names[key[0]][key[1]]

    back = {
        original(key): (*facts, frozenset(original(member) for member in group))
        for key, (*facts, group) in keyed(shuffled).items()
    }
    assert back == keyed(sort_labels(*parts, thresholds))


def scaled(part, factor):
    columns = {name: getattr(part, name) for name in part.__dataclass_fields__}
    return type(part)(**{**columns, "boxes": part.boxes * factor})


@given(LABELS, DETECTIONS, DETECTIONS, THRESHOLDS, st.integers(-8, 8))
def test_scaling_all_boxes_changes_nothing(crowd, mp, ma, thresholds, power):
    larger = [scaled(part, 2.0**power) for part in (crowd, mp, ma)]
    assert keyed(sort_labels(*larger, thresholds)) == keyed(sort_labels(crowd, mp, ma, thresholds))


@given(LABELS, DETECTIONS, DETECTIONS, st.data())
def test_an_agreeing_mp_box_never_makes_a_crowd_box_green(crowd, mp, ma, data):
    if not len(crowd):
        crowd = Labels([1], [1], [[0, 0, 2, 2]], [1])
    row = data.draw(st.integers(0, len(crowd) - 1))
    agreeing = Detections(
        crowd.image_ids[[row]], crowd.category_ids[[row]], crowd.boxes[[row]], [0.9]
    )
    before = sort_labels(crowd, mp, ma, Thresholds()).region[: len(crowd)]
    after = sort_labels(crowd, mp.joined(agreeing), ma, Thresholds()).region[: len(crowd)]
    assert after[row] == Region.GRAY
    assert not np.any((after == Region.GREEN) & (before != Region.GREEN))


CROWD = Labels([1], [1], [[0, 0, 10, 10]], [1])


def mp_boxes(*rows):
    return Detections([1] * len(rows), [1] * len(rows), [r[0] for r in rows], [r[1] for r in rows])


def test_a_green_box_that_no_mp_box_overlaps_scores_zero():
    far = mp_boxes(([50, 50, 60, 60], 0.9), ([70, 70, 80, 80], 0.8))
    assert sort_labels(CROWD, far, Detections.empty(), Thresholds()).evaluation_score[0] == 0.0


def test_a_green_box_takes_the_score_of_the_nearest_not_of_the_surest_mp_box():
    mp = mp_boxes(([0, 0, 10, 4], 0.6), ([0, 0, 10, 2], 0.99))
    result = sort_labels(CROWD, mp, Detections.empty(), Thresholds())
    assert result.evaluation_score[0] == 0.6


def test_equal_overlaps_give_a_green_box_the_higher_confidence():
    mp = mp_boxes(([0, 0, 10, 4], 0.6), ([0, 6, 10, 10], 0.7), ([0, 0, 4, 10], 0.5))
    result = sort_labels(CROWD, mp, Detections.empty(), Thresholds())
    assert result.evaluation_score[0] == 0.7


def test_a_weak_mp_box_lends_its_score_only_from_the_full_list():
    weak = mp_boxes(([0, 0, 10, 4], 0.3))
    settings = [Thresholds(green_score_from_all=from_all) for from_all in (True, False)]
    found = [sort_labels(CROWD, weak, Detections.empty(), s) for s in settings]
    assert [result.evaluation_score.tolist() for result in found] == [[0.3], [0.0]]


def test_an_overlap_of_exactly_the_threshold_is_no_match():
    half = mp_boxes(([0, 0, 10, 5], 0.9))
    result = sort_labels(CROWD, half, Detections.empty(), Thresholds(iou=0.5))
    assert result.region.tolist() == [Region.GREEN, Region.PINK]


def test_other_categories_and_images_never_match():
    same_place = Detections([1, 2], [2, 1], [[0, 0, 10, 10]] * 2, [0.9, 0.9])
    result = sort_labels(CROWD, same_place, Detections.empty(), Thresholds())
    assert result.region.tolist() == [Region.GREEN, Region.PINK, Region.PINK]
    assert result.evaluation_score[0] == 0.0
    assert not result.box_in_box.any()


def test_duplicates_of_the_crowd_fall_into_one_gray_group():
    twice = Labels([1, 1], [1, 1], [[0, 0, 10, 10], [0, 0, 10, 10]], [1, 2])
    result = sort_labels(twice, mp_boxes(([0, 0, 10, 9], 0.9)), Detections.empty(), Thresholds())
    assert result.region.tolist() == [Region.GRAY] * 3
    assert len(set(result.group.tolist())) == 1


def test_duplicates_within_one_set_do_not_match_each_other():
    twice = Labels([1, 1], [1, 1], [[0, 0, 10, 10], [0, 0, 10, 10]], [1, 2])
    result = sort_labels(twice, Detections.empty(), Detections.empty(), Thresholds())
    assert result.region.tolist() == [Region.GREEN, Region.GREEN]
    assert len(set(result.group.tolist())) == 2


def test_nothing_given_gives_nothing():
    result = sort_labels(Labels.empty(), Detections.empty(), Detections.empty(), Thresholds())
    assert len(result) == 0
    assert result.boxes.shape == (0, 4)


def test_predictions_without_crowd_boxes_are_pink_red_or_gray():
    mp = mp_boxes(([0, 0, 10, 10], 0.9), ([50, 50, 60, 60], 0.9))
    ma = mp_boxes(([0, 0, 10, 9], 0.9), ([80, 80, 90, 90], 0.7))
    result = sort_labels(Labels.empty(), mp, ma, Thresholds())
    assert result.region.tolist() == [Region.GRAY, Region.PINK, Region.GRAY, Region.RED]
    np.testing.assert_array_equal(result.evaluation_score, [np.nan, np.nan, np.nan, 0.7])


def test_taken_rows_keep_all_columns():
    result = sort_labels(CROWD, mp_boxes(([50, 50, 60, 60], 0.9)), Detections.empty(), Thresholds())
    part = result.take(result.region == Region.PINK)
    assert len(part) == 1
    assert part.scores.tolist() == [0.9]
    assert part.boxes.tolist() == [[50, 50, 60, 60]]


@pytest.mark.parametrize("name", ["iou", "gamma", "score", "delta"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_outside_0_to_1_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Thresholds(**{name: value})
