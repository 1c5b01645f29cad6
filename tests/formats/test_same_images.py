from dataclasses import replace
from pathlib import Path

import pytest

from napari_alc.errors import BadData
from napari_alc.formats.reading import require_same_images
from napari_alc.labels import Category, ImageRecord, LabelSet

FIRST, SECOND = Path("first.json"), Path("second.json")
ONE = LabelSet(
    (ImageRecord(1, "a.png", 10, 20), ImageRecord(2, "b.png", 10, 20)),
    (Category(1, "deposit"), Category(2, "artefact")),
)


def test_equal_sets_agree_in_any_order_and_folder():
    moved = replace(ONE.images[0], file_name="images/a.png")
    require_same_images(ONE, FIRST, replace(ONE, images=(ONE.images[1], moved)), SECOND)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"width": 11}, "11×20"), ({"file_name": "c.png"}, "c.png"), ({"id": 9}, "image 9")],
)
def test_images_that_differ_are_named(change, named):
    other = replace(ONE, images=(replace(ONE.images[0], **change), ONE.images[1]))
    with pytest.raises(BadData, match=named) as caught:
        require_same_images(ONE, FIRST, other, SECOND)
    assert "first.json" in str(caught.value)
    assert "second.json" in str(caught.value)


def test_a_part_of_the_images_is_enough_only_on_request():
    part = replace(ONE, images=ONE.images[:1])
    require_same_images(ONE, FIRST, part, SECOND, subset=True)
    with pytest.raises(BadData, match=r"b\.png"):
        require_same_images(ONE, FIRST, part, SECOND)
    with pytest.raises(BadData, match=r"b\.png"):
        require_same_images(part, FIRST, ONE, SECOND, subset=True)


def test_a_category_with_another_name_is_refused_but_may_be_absent():
    require_same_images(ONE, FIRST, replace(ONE, categories=(Category(3, "x"),)), SECOND)
    with pytest.raises(BadData, match="category 2 'x'"):
        require_same_images(ONE, FIRST, replace(ONE, categories=(Category(2, "x"),)), SECOND)
