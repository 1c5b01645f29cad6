import math

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, LABELS
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning import selection
from napari_alc.cleaning.regions import Region, Thresholds, sort_labels
from napari_alc.cleaning.selection import STRATEGIES, Candidates, Strategy, rank, register, scores
from napari_alc.errors import AlcError
from napari_alc.labels import Detections, Labels
from napari_alc.project.settings import MethodSettings

IDS = np.array([20, 1, 3, 99])


def red_boxes(*rows):
    """Sorted labels of nothing but red boxes, given as (image id, confidence)."""
    corners = [[10.0 * i, 0, 10.0 * i + 5, 5] for i in range(len(rows))]
    ma = Detections([r[0] for r in rows], [1] * len(rows), corners, [r[1] for r in rows])
    return sort_labels(Labels.empty(), Detections.empty(), ma, Thresholds(score=0.0))


@given(LABELS, DETECTIONS, DETECTIONS)
def test_score_is_the_sum_over_red_and_green_boxes(crowd, mp, ma):
    result = sort_labels(crowd, mp, ma, Thresholds())
    for image_id, score in zip(IDS, scores(result, IDS), strict=True):
        counted = np.isin(result.region, [Region.RED, Region.GREEN])
        values = result.evaluation_score[counted & (result.image_ids == image_id)]
        assert score == pytest.approx(math.fsum(values), abs=1e-8)


@given(st.permutations([0.1, 0.2, 0.3, 1e-3, 0.7, 0.123456]))
def test_the_order_of_the_boxes_leaves_no_trace_in_the_score(values):
    found = scores(red_boxes(*[(1, v) for v in values]), np.array([1]))
    assert found.tolist() == [1.424456]


def test_equal_sums_tie_whatever_their_terms():
    found = scores(red_boxes((1, 0.1), (1, 0.2), (3, 0.3)), IDS)
    assert found.tolist() == [0.0, 0.3, 0.3, 0.0]


def test_images_without_boxes_score_zero():
    nothing = sort_labels(Labels.empty(), Detections.empty(), Detections.empty(), Thresholds())
    assert scores(nothing, IDS).tolist() == [0, 0, 0, 0]
    assert scores(nothing, np.array([], dtype=np.int64)).tolist() == []


def test_ranks_highest_first_and_ties_by_ascending_id():
    assert rank(IDS, np.array([0.5, 0.5, 0.9, 0.5])).tolist() == [3, 1, 20, 99]


@given(st.permutations(range(4)), st.integers(0, 5))
def test_seeded_ties_do_not_depend_on_the_order_of_the_images(order, seed):
    tied = np.array([0.5, 0.5, 0.9, 0.5])
    expected = rank(IDS, tied, np.random.default_rng(seed)).tolist()
    shuffled = rank(IDS[order], tied[order], np.random.default_rng(seed)).tolist()
    assert shuffled == expected
    assert expected[0] == 3


def test_seeds_break_ties_differently():
    ids = np.arange(50)
    first, second = (
        rank(ids, np.zeros(50), np.random.default_rng(seed)).tolist() for seed in (1, 2)
    )
    assert first != second
    assert sorted(first) == sorted(second) == ids.tolist()


def test_the_score_strategy_takes_the_most_inconsistent_image():
    candidates = Candidates(IDS, scores(red_boxes((1, 0.9), (3, 0.2)), IDS))
    values = STRATEGIES["score"].values(candidates, np.random.default_rng(0))
    assert rank(IDS, values)[:1].tolist() == [1]


def test_the_random_strategy_is_seeded_and_blind_to_order():
    ids = np.arange(30)
    drawn = [
        rank(
            order,
            STRATEGIES["random"].values(
                Candidates(order, np.zeros(30)), np.random.default_rng(seed)
            ),
        ).tolist()
        for order, seed in ((ids, 1), (ids[::-1], 1), (ids, 2))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sorted(drawn[2]) == ids.tolist()


def test_every_strategy_has_a_title_and_a_sentence():
    for name, strategy in STRATEGIES.items():
        assert strategy.name == name
        assert strategy.title
        assert strategy.sentence.endswith(".")


@pytest.fixture
def newest_first():
    """A strategy that another method brings along."""
    strategy = Strategy(
        "newest", "Newest first", "Takes the last images.", lambda found, _: found.image_ids * 1.0
    )
    register(strategy)
    yield strategy
    selection._registered.pop("newest")


def test_a_strategy_that_joins_can_be_set_and_ranks(newest_first):
    assert STRATEGIES["newest"] is newest_first
    assert MethodSettings(strategy="newest").strategy == "newest"
    values = newest_first.values(Candidates(IDS, np.zeros(4)), np.random.default_rng(0))
    assert rank(IDS, values).tolist() == [99, 20, 3, 1]


def test_a_name_is_taken_once(newest_first):
    with pytest.raises(ValueError, match="a strategy called 'newest' already"):
        register(newest_first)


def test_a_strategy_that_nobody_registered_cannot_be_set():
    with pytest.raises(AlcError, match=r"strategy must be one of score, random.*, not 'newest'"):
        MethodSettings.parse({"strategy": "newest"})
