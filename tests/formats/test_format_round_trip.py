import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_alc.formats.anyformat import read_labels, write_labels
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered

SIDES = st.integers(1, 5000)
SHARES = st.floats(0, 1)
NAMES = st.sampled_from(["deposit", "Ablagerung µ", "box in box", "a<b&c", "x,y"])


@st.composite
def boxes(draw, image):
    left, top, right, bottom = (draw(SHARES) for _ in range(4))
    corners = np.array([[min(left, right), min(top, bottom)], [max(left, right), max(top, bottom)]])
    corners *= (image.width, image.height)
    # nothing smaller than a thousandth of a pixel, which no format is asked to keep
    corners[1] = np.maximum(corners[1], np.minimum(corners[0] + 0.001, (image.width, image.height)))
    corners[0] = np.minimum(corners[0], corners[1] - 0.001)
    return corners.ravel().tolist()


@st.composite
def label_sets(draw):
    stems = draw(
        st.lists(st.sampled_from(["a", "b.c", "d/e", "d/a", "f g"]), min_size=1, unique=True)
    )
    images = tuple(
        ImageRecord(5 * i + 2, f"{stem}.png", draw(SIDES), draw(SIDES))
        for i, stem in enumerate(stems)
    )
    names = draw(st.lists(NAMES, min_size=1, unique=True))
    categories = tuple(Category(3 * i + 1, name) for i, name in enumerate(names))
    rows = [
        (image.id, draw(st.sampled_from(categories)).id, draw(boxes(image)))
        for image in draw(st.lists(st.sampled_from(images), max_size=12))
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return LabelSet(images, categories, numbered(*columns))


def claims(label_set):
    """Each box as image name, category name and corners: what every format must keep."""
    images = {image.id: image.file_name for image in label_set.images}
    categories = {category.id: category.name for category in label_set.categories}
    labels = label_set.labels
    columns = labels.image_ids.tolist(), labels.category_ids.tolist(), labels.boxes.tolist()
    return sorted((images[i], categories[c], *box) for i, c, box in zip(*columns, strict=True))


def empty_images(folder, label_set):
    for image in label_set.images:
        path = folder / image.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("1", (image.width, image.height)).save(path)


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo"])
@given(label_set=label_sets())
@settings(max_examples=25)
def test_a_round_trip_keeps_boxes_to_half_a_pixel_and_their_categories(kind, label_set):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "labels.json" if kind == "coco" else "labels")
        images = Path(folder, "images")
        empty_images(images, label_set)
        write_labels(target, label_set, kind)
        back = read_labels(target, images).label_set
    assert sorted(i.file_name for i in back.images) == sorted(i.file_name for i in label_set.images)
    sizes = {image.file_name: (image.width, image.height) for image in label_set.images}
    assert all(sizes[i.file_name] == (i.width, i.height) for i in back.images)
    before, after = claims(label_set), claims(back)
    assert [row[:2] for row in before] == [row[:2] for row in after]
    for name in {row[:2] for row in before}:
        ours = np.array([row[2:] for row in before if row[:2] == name])
        theirs = np.array([row[2:] for row in after if row[:2] == name])
        distance = np.abs(ours[:, None] - theirs[None]).max(axis=2)
        assert distance.min(axis=1).max() <= 1e-3
        assert distance.min(axis=0).max() <= 1e-3


@given(label_set=label_sets())
@settings(max_examples=25)
def test_coco_keeps_everything(label_set):
    with tempfile.TemporaryDirectory() as folder:
        write_labels(Path(folder, "l.json"), label_set, "coco")
        back = read_labels(Path(folder, "l.json")).label_set
    assert back.images == label_set.images
    assert back.categories == label_set.categories
    assert back.labels.ids.tolist() == label_set.labels.ids.tolist()
    np.testing.assert_allclose(back.labels.boxes, label_set.labels.boxes, atol=2e-6)
