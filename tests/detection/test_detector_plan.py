from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.detection.plan import LEAST_SPAN, Plan, anchor_sizes, make_plan
from napari_alc.detection.settings import DetectorSettings


def squares(sides):
    sides = np.asarray(sides, dtype=float)
    return np.stack([np.zeros_like(sides), np.zeros_like(sides), sides, sides], axis=1)


def plan_for(width, height, sides, **settings):
    return make_plan(DetectorSettings(**settings), [(width, height)], [squares(sides)])


def test_large_cells_are_seen_at_a_quarter_of_the_pixels():
    plan = plan_for(640, 480, np.linspace(34, 230, 50))
    assert plan.input_shape(640, 480) == (320, 240)
    assert plan.strides == (8, 16, 32)


def test_tiny_particles_keep_their_pixels_and_get_a_finer_map():
    plan = plan_for(2048, 2048, np.linspace(8, 100, 50))
    assert plan.input_shape(2048, 2048) == (2048, 2048)
    assert plan.strides == (4, 8, 16)
    assert plan.window < 2048


def test_batch_norm_is_for_whole_images_in_batches():
    assert plan_for(640, 480, [50, 60]).norm == "batch"
    assert plan_for(640, 480, [50, 60], batch_size=1).norm == "group"
    assert plan_for(2048, 2048, [8, 20]).norm == "group"


def test_the_input_is_bounded_and_never_enlarges_unasked():
    assert plan_for(9000, 9000, [10, 12]).longer == 2048
    assert plan_for(96, 64, [5, 6]).input_shape(96, 64) == (96, 64)


def test_a_given_input_size_wins():
    assert plan_for(640, 480, [50, 60], input_size=512).input_shape(640, 480) == (512, 384)


def test_resnet50_takes_the_papers_input_size():
    assert plan_for(640, 480, [50, 60], preset="resnet50").input_shape(640, 480) == (1067, 800)


def test_crowded_images_get_more_proposals_and_detections():
    few, many = plan_for(2048, 2048, [20] * 10), plan_for(2048, 2048, [20] * 487)
    assert (few.proposals, few.max_detections) == (100, 300)
    assert many.proposals >= 2 * 487
    assert many.max_detections > 487


def test_boxes_without_area_do_not_count():
    assert plan_for(640, 480, [0, 0, 50, 60]) == plan_for(640, 480, [50, 60])


@given(st.lists(st.floats(2, 500), min_size=1, max_size=40), st.integers(1, 4))
def test_anchors_ascend_and_cover_the_objects(sides, maps):
    anchors = np.array(anchor_sizes(np.array(sides), maps))
    assert len(anchors) == 2 * maps
    assert (np.diff(anchors) > 0).all()
    assert anchors[-1] / anchors[0] >= LEAST_SPAN * 0.999
    middle = np.sqrt(np.percentile(sides, 2) * np.percentile(sides, 98))
    assert anchors[0] <= middle <= anchors[-1]


def test_anchors_span_the_2nd_to_the_98th_percentile():
    anchors = anchor_sizes(np.linspace(0, 100, 101)[1:], 3)
    assert anchors[0] == pytest.approx(1.1 * np.percentile(np.arange(1, 101), 2))
    assert anchors[-1] == pytest.approx(np.percentile(np.arange(1, 101), 98) / 1.1)


@given(st.integers(16, 4000), st.integers(16, 4000))
def test_the_aspect_is_kept_and_both_bounds_hold(width, height):
    plan = plan_for(640, 480, [50, 60], preset="resnet50")
    shape = plan.input_shape(width, height)
    assert min(shape) <= plan.shorter and max(shape) <= plan.longer
    assert shape[0] == pytest.approx(shape[1] * width / height, abs=1 + width / height)


def test_json_round_trip():
    plan = plan_for(640, 480, [50, 60])
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
