"""Candidates, their corners, and what stands beside them."""

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, LABELS
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.boxes import MATCH_IOU, iof_matrix, iou_matrix
from napari_alc.cleaning.calibrated.candidates import find_candidates
from napari_alc.cleaning.calibrated.corners import corner_sigmas, fused_corners
from napari_alc.cleaning.calibrated.neighbours import nearest_crowd, neighbours
from napari_alc.labels import Detections, Labels

CROWD = 2
"""The third source, after two models."""


def clustered_one_by_one(mp, ma, crowd):
    """Step 3 as it is written: through the boxes by falling score, one after the other."""
    claims = [
        (-score, source, row, image, category, box)
        for source, part in enumerate((mp, ma, crowd))
        for row, (image, category, box) in enumerate(
            zip(part.image_ids, part.category_ids, part.boxes, strict=True)
        )
        for score in [part.scores[row] if source != CROWD else -1.0]
    ]
    claims.sort(key=lambda claim: claim[:3])
    free, clusters = set(range(len(claims))), []
    for seed, (_, source, row, *where, box) in enumerate(claims):
        if seed not in free:
            continue
        near = {
            other: iou_matrix(box[None], claims[other][5][None])[0, 0]
            for other in free
            if list(claims[other][3:5]) == where and other != seed
        }
        near = {other: iou for other, iou in near.items() if iou > MATCH_IOU}
        members = {source: row}
        for wanted in {0, 1, CROWD} - {source}:
            found = [other for other in near if claims[other][1] == wanted]
            if found:
                best = max(found, key=lambda other: (near[other], -claims[other][2]))
                members[wanted] = claims[best][2]
                free.discard(best)
        free -= {other for other in near if claims[other][1] != CROWD} | {seed}
        clusters.append(tuple(members.get(number, -1) for number in range(3)))
    return set(clusters)


@given(DETECTIONS, DETECTIONS, LABELS)
def test_clusters_are_those_found_one_box_after_the_other(mp, ma, crowd):
    found = find_candidates((mp, ma), crowd)
    rows = [tuple(column) for column in found.rows.T.tolist()]
    assert len(rows) == len(set(rows))
    assert set(rows) == clustered_one_by_one(mp, ma, crowd)


@given(DETECTIONS, DETECTIONS, LABELS)
def test_a_candidate_has_the_image_the_category_and_the_boxes_of_its_members(mp, ma, crowd):
    found = find_candidates((mp, ma), crowd)
    for source, part in enumerate((mp, ma, crowd)):
        has = found.rows[source] >= 0
        own = part.take(found.rows[source][has])
        assert (own.image_ids == found.image_ids[has]).all()
        assert (own.category_ids == found.category_ids[has]).all()
        np.testing.assert_array_equal(own.boxes, found.boxes[source][has])
        assert np.isnan(found.boxes[source][~has]).all()
        if source != CROWD:
            np.testing.assert_array_equal(own.scores, found.scores[source][has])
            assert (found.scores[source][~has] == 0).all()


@given(DETECTIONS, DETECTIONS, LABELS, st.permutations([1, 3, 20]))
def test_the_order_of_the_images_changes_nothing(mp, ma, crowd, order):
    def moved(part):
        return type(part).joined(*(part.of_images([image]) for image in order))

    def by_image(candidates, beside):
        return {
            image: (candidates.boxes[:, own].tolist(), beside[own].tolist())
            for image in order
            for own in [candidates.image_ids == image]
        }

    one, two = (
        find_candidates((a, b), c) for a, b, c in [(mp, ma, crowd), map(moved, (mp, ma, crowd))]
    )
    first, second = (by_image(each, neighbours(each).company) for each in (one, two))
    np.testing.assert_equal(first, second)


@given(DETECTIONS, LABELS)
def test_neighbours_are_those_counted_pair_by_pair(mp, crowd):
    found = find_candidates((mp,), crowd)
    beside, near = neighbours(found), nearest_crowd(found, crowd)
    boxes, strength = found.first_boxes, found.strength
    iou, cover = iou_matrix(boxes, boxes), iof_matrix(boxes, boxes)
    for i in range(len(found)):
        here = found.image_ids == found.image_ids[i]
        same = here & (found.category_ids == found.category_ids[i])
        above = strength > strength[i]
        assert beside.stronger_iou[i] == iou[i][same & above].max(initial=0)
        assert beside.stronger_cover[i] == cover[:, i][same & above].max(initial=0)
        inside = same & above & (strength > 0.3) & (cover[i] > 0.8)
        assert beside.covered[i] == inside.sum()
        others = here & ~same & above
        weighed = (iou[i] * np.minimum(strength, 1))[others]
        assert beside.other_category[i] == pytest.approx(weighed.max(initial=0))
        drawn = crowd.take(
            (crowd.image_ids == found.image_ids[i]) & (crowd.category_ids == found.category_ids[i])
        )
        assert near[i] == iou_matrix(boxes[[i]], drawn.boxes).max(initial=0)


def place(x, y, width=20.0, height=20.0):
    return [x, y, x + width, y + height]


def test_company_counts_strong_ones_within_two_sides_of_whatever_category():
    mp = Detections(
        [1, 1, 1, 1],
        [1, 2, 1, 1],
        [place(0, 0), place(39, 0), place(0, 41), place(20, 20)],
        [0.9, 0.9, 0.9, 0.2],
    )
    found = find_candidates((mp,), Labels.empty())
    company = dict(
        zip(map(tuple, found.first_boxes.tolist()), neighbours(found).company, strict=True)
    )
    assert company[0, 0, 20, 20] == 1
    assert company[20, 20, 40, 40] == 3


def agreeing(offsets, score=0.8):
    """One candidate of two models and the crowd, whose boxes are moved by `offsets`."""
    models = [Detections([1], [1], [place(50 + by, 50)], [score]) for by in offsets[:2]]
    crowd = Labels([1], [1], [place(50 + offsets[2], 50)], [1])
    return find_candidates(models, crowd)


def test_corners_are_the_mean_weighted_by_score_and_error():
    [box] = fused_corners(agreeing((0, 2, 1)), np.array([0.1, 0.2, 0.1]))
    weights = np.array([0.8 / 0.01, 0.8 / 0.04, 1 / 0.01])
    assert box[0] == pytest.approx((weights * [50, 52, 51]).sum() / weights.sum())


def test_a_crowd_box_that_was_drawn_elsewhere_moves_no_corner():
    """Its IoU with the models' box is 0.6."""
    [box] = fused_corners(agreeing((0, 0, 5)), np.array([0.1, 0.1, 0.01]))
    assert box.tolist() == place(50, 50)


def test_where_no_model_has_a_box_the_corners_are_the_crowds():
    crowd = Labels([1], [1], [place(3, 4)], [1])
    found = find_candidates((Detections.empty(), Detections.empty()), crowd)
    [box] = fused_corners(found, np.array([0.1, 0.1, 0.1]))
    assert box.tolist() == place(3, 4)


def test_the_error_of_a_source_is_measured_where_it_has_partners_enough():
    """Six objects, drawn two pixels to the right by the first model alone."""
    truth = np.array([place(60 * number, 0) for number in range(6)])
    moved = Detections(np.ones(6), np.ones(6), truth + np.array([2, 0, 2, 0]), np.full(6, 0.9))
    few = Detections(np.ones(4), np.ones(4), truth[:4], np.full(4, 0.8))
    found = find_candidates((moved, few), Labels.empty())
    partners = (found.first_boxes[:, 0] // 60).astype(int)
    sigmas = corner_sigmas(found, partners, truth)
    assert sigmas == pytest.approx([1.2533 * 0.05, 0.1, 0.1])
    exact = find_candidates(
        (Detections(np.ones(6), np.ones(6), truth, np.full(6, 0.9)),), Labels.empty()
    )
    assert corner_sigmas(exact, np.arange(6), truth)[0] == 0.01
