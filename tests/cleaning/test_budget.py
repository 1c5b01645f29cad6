import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning.budget import Budget, Costs


def test_the_parts_follow_the_formula():
    budget = Budget(crowd=1000, clean=1000, step1_boxes=250, step1_edits=100, step2_boxes=50)
    assert budget.crowd_part == pytest.approx(100 / 30)
    assert budget.step1_part == pytest.approx(25)
    assert budget.step1_edit_part == pytest.approx(10)
    assert budget.step2_part == pytest.approx(5)
    assert budget.total == pytest.approx(100 / 30 + 30)
    assert budget.edit_total == pytest.approx(100 / 30 + 15)


def test_crowd_labels_alone_cost_what_the_paper_reports_at_its_box_ratio():
    assert Budget(crowd=1056, clean=1000).total == pytest.approx(3.52)


def test_readers_and_prices_are_settings():
    budget = Budget(crowd=100, clean=100, step1_boxes=10, costs=Costs(2, 4, 1))
    assert budget.crowd_part == pytest.approx(50)
    assert budget.step1_part == pytest.approx(10)


@given(*[st.integers(0, 1000)] * 4, st.integers(1, 1000))
def test_the_parts_add_up_and_edits_cost_no_more(crowd, boxes, edits, step2, clean):
    budget = Budget(crowd, clean, boxes, min(edits, boxes), step2)
    assert budget.total == budget.crowd_part + budget.step1_part + budget.step2_part
    assert budget.edit_total <= budget.total


@pytest.mark.parametrize("counts", [{"crowd": -1, "clean": 1}, {"crowd": 1, "clean": 0}])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        Budget(**counts)


@pytest.mark.parametrize("prices", [(-1, 10, 3), (1, 0, 3), (1, 10, 0)])
def test_impossible_costs_are_refused(prices):
    with pytest.raises(ValueError, match="costs"):
        Costs(*prices)
