"""Which boxes are taken to show the same object."""

from __future__ import annotations

import pytest

from napari_alc.plugin.review.counterparts import is_same_object
from napari_alc.project.storage.records import ReviewBox


@pytest.mark.parametrize(
    ("corners", "same"),
    [
        ((18, 0, 40, 22), True),  # IoU 4/40: a tenth is enough
        ((18.1, 0, 40.1, 22), False),
        ((17, 0, 19, 2), True),  # half of it or more inside
        ((21, 0, 23, 2), False),  # exactly half
        ((20.9, 0, 22.9, 2), True),
        ((22, 0, 44, 22), False),
        ((-100, -100, 122, 122), True),
    ],
)
def test_boxes_show_one_object_from_a_tenth_of_iou_on_or_where_one_lies_in_the_other(corners, same):
    box = ReviewBox(1, 1, (0, 0, 22, 22), "crowd")
    other = ReviewBox(2, 1, corners, "ma")
    assert is_same_object(box, other) is same
    assert is_same_object(other, box) is same
