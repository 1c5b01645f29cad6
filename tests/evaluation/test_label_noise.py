"""Label noise: one box for each type, and what the counts add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring_cases import label_set, rows

from napari_alc.evaluation.label_noise import compare_labels

TRUTH = [(1, 3, 10, 10, 50, 50), (1, 3, 60, 10, 100, 50), (2, 7, 100, 100, 140, 140)]
TYPES = ("clean", "location", "box_in_box", "background")


def counts(noise):
    return [getattr(noise, kind) for kind in (*TYPES, "miss")]


@given(rows(), rows())
def test_every_label_has_one_type_and_every_truth_is_matched_or_missed(truth, labels):
    noise = compare_labels(label_set(truth), label_set(labels))
    assert sum(counts(noise)[:4]) == len(labels) == len(noise.types)
    assert noise.clean + noise.miss == len(truth)
    assert set(noise.types) <= set(TYPES)


@given(rows())
def test_the_truth_itself_is_clean(boxes):
    boxes = list(dict.fromkeys(boxes))
    noise = compare_labels(label_set(boxes), label_set(boxes))
    assert counts(noise) == [len(boxes), 0, 0, 0, 0]
    assert (noise.precision, noise.recall, noise.f1) == (1, 1, 1)


@given(rows(), rows(), st.randoms(use_true_random=False))
def test_ratios_follow_from_the_counts(truth, labels, random):
    random.shuffle(labels)
    noise = compare_labels(label_set(truth), label_set(labels))
    assert noise.precision == (noise.clean / len(labels) if labels else 1)
    assert noise.recall == (noise.clean / len(truth) if truth else 1)
    if noise.clean:
        harmonic = 2 / (1 / noise.precision + 1 / noise.recall)
        assert noise.f1 == pytest.approx(harmonic)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ((1, 3, 12, 10, 52, 50), "clean"),
        ((1, 3, 25, 10, 65, 50), "location"),
        ((1, 3, 5, 5, 105, 95), "box_in_box"),
        ((1, 3, 150, 150, 190, 190), "background"),
        ((3, 3, 10, 10, 50, 50), "background"),
        # An object is there, but of another category.
        ((2, 3, 100, 100, 140, 140), "location"),
    ],
)
def test_each_kind_of_label_has_its_type(label, kind):
    assert compare_labels(label_set(TRUTH), label_set([label])).types.tolist() == [kind]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ((1, 3, 10, 10, 50, 30), "location"),  # IoU 0.5
        ((1, 3, 10, 10, 50, 30.1), "clean"),
        ((1, 3, 10, 46, 50, 50), "background"),  # IoU 0.1
        ((1, 3, 10, 45.9, 50, 50), "location"),
        ((1, 3, 18, 10, 92, 50), "location"),  # IoF 0.8 of two
        ((1, 3, 17.9, 10, 92, 50), "location"),  # more of one
        ((1, 3, 17.9, 10, 92.1, 50), "box_in_box"),  # more of both
    ],
)
def test_a_limit_itself_is_not_above_the_limit(label, kind):
    assert compare_labels(label_set(TRUTH), label_set([label])).types.tolist() == [kind]


def test_shifting_a_label_makes_it_location_noise_and_its_truth_missed():
    shifted = [(1, 3, 30, 10, 70, 50), *TRUTH[1:]]
    noise = compare_labels(label_set(TRUTH), label_set(shifted))
    assert counts(noise) == [2, 1, 0, 0, 1]


def test_dropping_a_label_makes_a_miss():
    noise = compare_labels(label_set(TRUTH), label_set(TRUTH[1:]))
    assert counts(noise) == [2, 0, 0, 0, 1]
    assert noise.missed.tolist() == [True, False, False]
    assert (noise.precision, noise.recall) == (1, pytest.approx(2 / 3))


def test_a_duplicate_is_not_clean_twice():
    noise = compare_labels(label_set(TRUTH), label_set([*TRUTH, (1, 3, 12, 10, 52, 50)]))
    assert counts(noise) == [3, 1, 0, 0, 0]
    assert noise.types.tolist() == ["clean", "clean", "clean", "location"]


def test_the_closest_pair_is_matched_first():
    labels = [(1, 3, 20, 10, 60, 50), (1, 3, 10, 10, 50, 50)]
    noise = compare_labels(label_set(TRUTH[:1]), label_set(labels))
    assert noise.types.tolist() == ["location", "clean"]


def test_two_objects_of_other_categories_do_not_make_a_box_in_box():
    noise = compare_labels(label_set(TRUTH), label_set([(1, 7, 5, 5, 105, 55)]))
    assert noise.types.tolist() == ["location"]


def test_without_any_box_nothing_is_wrong():
    noise = compare_labels(label_set([]), label_set([]))
    assert (noise.precision, noise.recall, noise.f1) == (1, 1, 1)


def test_figures_are_the_counts_and_ratios():
    figures = compare_labels(label_set(TRUTH), label_set(TRUTH)).figures()
    assert list(figures) == [
        "clean",
        "location",
        "box_in_box",
        "background",
        "miss",
        "precision",
        "recall",
        "f1",
    ]
