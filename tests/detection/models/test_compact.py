"""Pooling on the CPU against torchvision's RoIAlign."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from napari_alc.detection.models.compact import PyramidPooling

STRIDES = (8, 16, 32)
NAMES = ("8", "16", "32")
HEIGHT, WIDTH = 96, 160
CHANNELS = 5


def torchvision_pooling():
    theirs = MultiScaleRoIAlign(list(NAMES), 5, sampling_ratio=2)
    theirs.scales = [1 / stride for stride in STRIDES]
    theirs.map_levels = LevelMapper(3, 5, canonical_scale=56, canonical_level=3)
    return theirs


def pooling():
    return PyramidPooling(torchvision_pooling())


def pyramid(images=2, memory_format=torch.contiguous_format):
    shapes = [(images, CHANNELS, HEIGHT // stride, WIDTH // stride) for stride in STRIDES]
    return {
        name: torch.randn(shape).contiguous(memory_format=memory_format).requires_grad_()
        for name, shape in zip(NAMES, shapes, strict=True)
    }


def a_box(coordinates):
    x, y, width, height = coordinates
    return [x, y, x + width, y + height]


boxes_lists = st.lists(
    st.tuples(
        st.floats(-20, WIDTH, width=32),
        st.floats(-20, HEIGHT, width=32),
        st.floats(0.125, 200, width=32),
        st.floats(0.125, 150, width=32),
    ).map(a_box),
    min_size=1,
    max_size=6,
)


def as_boxes(lists):
    return [torch.tensor(boxes).reshape(-1, 4) for boxes in lists]


@settings(max_examples=60)
@given(st.lists(boxes_lists, min_size=2, max_size=2), st.integers(0, 99))
def test_values_and_gradients_are_torchvisions(lists, seed):
    torch.manual_seed(seed)
    maps, boxes = pyramid(), as_boxes(lists)
    ours = pooling()(maps, boxes, [(HEIGHT, WIDTH)] * 2)
    theirs = torchvision_pooling()(maps, boxes, [(HEIGHT, WIDTH)] * 2)
    assert torch.allclose(ours, theirs, atol=1e-4)
    direction = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad(ours, list(maps.values()), direction),
        torch.autograd.grad(theirs, list(maps.values()), direction),
        strict=True,
    ):
        assert torch.allclose(mine, other, atol=1e-3)


def test_an_image_without_boxes_takes_no_rows():
    torch.manual_seed(0)
    maps, boxes = pyramid(), as_boxes([[], [[8.0, 8, 70, 60]]])
    ours = pooling()(maps, boxes, [(HEIGHT, WIDTH)] * 2)
    assert ours.shape == (1, CHANNELS, 5, 5)
    theirs = torchvision_pooling()(maps, boxes, [(HEIGHT, WIDTH)] * 2)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_no_boxes_at_all_give_no_rows():
    assert pooling()(pyramid(), as_boxes([[], []]), [(HEIGHT, WIDTH)] * 2).shape[0] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_are_the_same_bits_each_time_and_with_any_threads(threads):
    corners = torch.rand(60, 2) * 60
    boxes = [torch.cat([corners, corners + torch.rand(60, 2) * 90], dim=1)] * 2
    maps = pyramid(memory_format=torch.channels_last)
    before = torch.get_num_threads()
    gradients = []
    for count in (1, threads):
        torch.set_num_threads(count)
        pooled = pooling()(maps, boxes, [(HEIGHT, WIDTH)] * 2)
        gradients.append(torch.autograd.grad(pooled.square().sum(), list(maps.values())))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
