from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.detection.plan import LEAST_SPAN, Plan, anchor_sizes, looks_for, make_plan
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
    assert plan_for(9000, 9000, [40, 45]).longer == 2048
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


def test_objects_that_would_vanish_are_looked_at_in_tiles_at_full_size():
    plan = plan_for(9000, 9000, np.linspace(10, 100, 50))
    assert plan.input_shape(9000, 9000) == (9000, 9000)
    assert (plan.tile, plan.overlap) == (1024, 0.25)
    assert plan.window == 384 and plan.norm == "group"


def test_the_scale_in_tiles_is_what_the_objects_need_and_no_larger():
    plan = plan_for(9000, 6000, [30, 40])
    assert plan.tile == 1024
    assert 30 * plan.longer / 9000 == pytest.approx(14, abs=0.1)


@pytest.mark.parametrize(
    ("side", "smallest"), [(9000, 40), (4096, 17), (2048, 4), (640, 3), (512, 50)]
)
def test_whole_images_stay_whole_where_they_keep_the_objects(side, smallest):
    plan = plan_for(side, side, np.linspace(smallest, 2 * smallest, 50))
    assert (plan.tile, plan.overlap) == (0, 0)
    assert plan.longer <= 2048


def test_the_largest_object_fits_into_the_overlap_of_two_tiles():
    plan = plan_for(9000, 9000, [10] * 98 + [11, 350])
    assert plan.tile * plan.overlap >= 350
    assert plan_for(9000, 9000, [10] * 98 + [11, 3000]).tile == 2048
    assert plan_for(9000, 9000, [10] * 98 + [11, 3000], tile_overlap=0.0).tile == 1024


def test_the_user_decides_about_tiles():
    large, small = (9000, 9000, [10, 12]), (640, 480, [50, 60])
    assert plan_for(*large, tile_size=0).tile == 0
    assert plan_for(*large, tile_size=0).longer == 2048
    assert plan_for(*large, tile_size=512, tile_overlap=0.4).overlap == 0.4
    assert plan_for(*large, tile_size=512).longer == 9000
    asked = plan_for(*small, tile_size=128)
    assert (asked.tile, asked.window, asked.norm, asked.longer) == (128, 128, "group", 320)
    assert plan_for(*small, tile_size=400).tile == 0


def test_a_given_input_size_is_cut_up_on_request_only():
    assert plan_for(9000, 9000, [10, 12], input_size=640).tile == 0
    plan = plan_for(9000, 9000, [10, 12], input_size=4000, tile_size=800)
    assert (plan.longer, plan.tile) == (4000, 800)


def test_resnet50_sees_tiles_and_is_trained_on_windows_of_their_size():
    plan = plan_for(9000, 9000, [10, 12], preset="resnet50")
    assert (plan.longer, plan.tile, plan.window) == (9000, 1024, 1024)


def test_a_tile_needs_proposals_for_its_own_objects():
    x, y = np.meshgrid(np.arange(0, 9000, 100.0), np.arange(0, 9000, 100.0))
    corners = np.stack([x.ravel(), y.ravel()], axis=1)
    plan = make_plan(DetectorSettings(), [(9000, 9000)], [np.hstack([corners, corners + 10])])
    assert 2 * 100 <= plan.proposals <= 2 * 11**2
    assert plan.max_detections >= 8100


def test_plans_from_before_there_were_tiles_look_at_whole_images():
    values = plan_for(640, 480, [50, 60]).to_json()
    del values["tile"], values["overlap"]
    assert Plan.from_json(values) == plan_for(640, 480, [50, 60])


def test_json_round_trip():
    plan = plan_for(640, 480, [50, 60])
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_recipe_2_predicts_with_more_proposals_than_it_trains_with():
    plan = plan_for(640, 480, [50, 60], recipe=2)
    assert (plan.proposals, plan.predicted_proposals) == (100, 300)
    assert plan_for(2048, 2048, [20] * 487, recipe=2).predicted_proposals == 2 * 487


def test_recipe_2_takes_finer_maps_for_small_objects():
    sides = np.linspace(17, 60, 50)
    assert plan_for(384, 384, sides).strides == (8, 16, 32)
    assert plan_for(384, 384, sides, recipe=2).strides == (4, 8, 16)


@pytest.mark.parametrize(
    ("to_see", "looks"), [(0, 4), (133, 4), (134, 2), (533, 2), (534, 1), (100_000, 1)]
)
def test_looking_at_all_images_takes_a_share_of_a_training(to_see, looks):
    # While 1,200 images are learned from, 1,600 looks could be taken: four may be a third of
    # that, two may be two thirds.
    assert looks_for(DetectorSettings(recipe=2), 1200, to_see) == looks


def test_the_number_of_looks_may_be_fixed_and_recipe_1_takes_one():
    assert looks_for(DetectorSettings(recipe=2, looks=4), 1, 100_000) == 4
    assert looks_for(DetectorSettings(looks=2), 1, 100_000) == 2
    assert looks_for(DetectorSettings(), 1200, 0) == 1


def test_a_plan_of_recipe_1_is_stored_as_before_there_was_another():
    stored = plan_for(640, 480, [50, 60]).to_json()
    assert not {"looks", "predicted_proposals"} & stored.keys()
    plan = plan_for(640, 480, [50, 60], recipe=2, looks=2)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
