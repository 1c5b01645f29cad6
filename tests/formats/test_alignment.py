from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made import A, B, C, by_image, label_set
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.errors import BadData
from napari_alc.formats.reading import aligned, require_images
from napari_alc.labels import Category

ONE = label_set({1: [A], 2: [B, C], 4: [A]}, images=4)
PATH = Path("other.json")


def renumbered(label_set, image_ids, category_id):
    """The same labels as another program would number them."""
    new = dict(zip([image.id for image in label_set.images], image_ids, strict=True))
    labels = replace(
        label_set.labels,
        image_ids=np.array([new[i] for i in label_set.labels.image_ids.tolist()]),
        category_ids=np.full(len(label_set.labels), category_id),
    )
    images = tuple(replace(image, id=new[image.id]) for image in label_set.images)
    return replace(
        label_set,
        images=tuple(reversed(images)),
        categories=(Category(category_id, "deposit"),),
        labels=labels,
    )


@given(
    st.lists(st.integers(-(2**40), 2**60), min_size=4, max_size=4, unique=True), st.integers(0, 90)
)
def test_numbers_do_not_matter_where_names_agree(image_ids, category_id):
    found = aligned(ONE, renumbered(ONE, image_ids, category_id), PATH)
    assert by_image(found.labels) == by_image(ONE.labels)
    assert sorted(image.id for image in found.images) == [1, 2, 3, 4]
    assert found.categories == ONE.categories
    assert set(found.labels.category_ids.tolist()) == {1}


def test_what_is_new_is_numbered_behind_what_is_known():
    other = renumbered(ONE, [7, 1, 2, 3], 1)
    strange = replace(
        other,
        images=tuple(replace(image, file_name=f"new{image.id}.tif") for image in other.images),
        categories=(Category(1, "artefact"),),
    )
    found = aligned(ONE, strange, PATH)
    assert sorted(image.id for image in found.images) == [5, 6, 7, 8]
    assert found.categories == (Category(2, "artefact"),)
    assert set(found.labels.image_ids.tolist()) <= {5, 6, 7, 8}


def test_a_file_without_boxes_is_aligned_too():
    empty = replace(renumbered(ONE, [9, 8, 7, 6], 3), labels=label_set({}, 0).labels)
    assert len(aligned(ONE, empty, PATH).labels) == 0


def test_files_that_disagree_on_a_size_are_refused():
    other = replace(ONE, images=(replace(ONE.images[0], width=640),))
    with pytest.raises(BadData, match=r"other\.json: .*'image1\.tif' has 640×100.*100×100"):
        aligned(ONE, other, PATH)


def test_images_that_the_other_file_lacks_are_named():
    with pytest.raises(BadData, match=r"'image2\.tif', which the crowd's labels do not list"):
        require_images(ONE.of_images([1, 3]), ONE, PATH, "the crowd's labels")
    require_images(ONE, ONE.of_images([1, 3]), PATH, "the crowd's labels")
