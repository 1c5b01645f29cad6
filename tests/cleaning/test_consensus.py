import pytest
from cleaning_cases import LABELS
from hypothesis import given
from hypothesis import strategies as st
from naive_method import consensus_ids

from napari_alc.cleaning.consensus import consensus
from napari_alc.labels import Labels


@given(LABELS, LABELS, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_agrees_with_the_definition_written_box_by_box(pathologist, crowd, delta):
    kept = consensus(pathologist, crowd, delta)
    assert kept.ids.tolist() == consensus_ids(pathologist, crowd, delta)


@given(LABELS)
def test_a_crowd_that_draws_the_same_confirms_every_box(labels):
    assert consensus(labels, labels, 0.99).ids.tolist() == labels.ids.tolist()


def test_the_crowd_box_may_be_much_larger():
    small = Labels([1], [1], [[10, 10, 12, 12]], [7])
    large = Labels([1], [1], [[0, 0, 100, 100]], [1])
    assert consensus(small, large).ids.tolist() == [7]
    assert consensus(large, small).ids.tolist() == []


@pytest.mark.parametrize("delta", [-0.01, 1.01, float("nan")])
def test_delta_outside_0_to_1_is_refused(delta):
    with pytest.raises(ValueError, match="delta"):
        consensus(Labels.empty(), Labels.empty(), delta)
