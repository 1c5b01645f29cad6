from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

from napari_alc.detection.models.presets import build_network, pairwise_iou
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings

coordinates = st.floats(-50, 300, width=32)
boxes = st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), max_size=9).map(
    lambda corners: torch.tensor(
        [[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in corners]
    ).reshape(-1, 4)
)


@given(boxes, boxes)
def test_overlaps_are_the_same_bits_as_torchvisions(a, b):
    assert torch.equal(pairwise_iou(a, b).nan_to_num(-1), box_iou(a, b).nan_to_num(-1))


def test_boxes_and_anchors_are_left_as_they_were():
    box, anchors = torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([[2.0, 2, 6, 6], [8, 8, 9, 9]])
    before = box.clone(), anchors.clone()
    assert torch.allclose(pairwise_iou(box, anchors), torch.tensor([[4 / 28, 0]]))
    assert torch.equal(box, before[0])
    assert torch.equal(anchors, before[1])


def test_detectors_with_proposals_use_them():
    settings = DetectorSettings()
    plan = make_plan(settings, [(96, 64)], [torch.tensor([[0.0, 0, 20, 20]]).numpy()])
    assert build_network(settings, plan, 1).rpn.box_similarity is pairwise_iou
