import numpy as np
import pytest
from PIL import Image

from napari_alc.errors import BadData
from napari_alc.formats.yolo import read_yolo, write_yolo
from napari_alc.labels import Category, ImageRecord, LabelSet


@pytest.fixture
def images(tmp_path):
    for name in ("a.png", "sub/b.jpg", "c.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (200, 100)).save(path)
    return tmp_path / "images"


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path.parent if path.parent.name == "labels" else path.parent.parent

    return write


def test_lines_become_boxes_of_the_image_beside(put, images):
    put("sub/b.txt", "1 0.5 0.5 1 1\n\n0 .25 .5 .1 .2\n")
    labels = put("a.txt", "")
    read = read_yolo(labels, images).label_set
    assert read.images == (
        ImageRecord(1, "a.png", 200, 100),
        ImageRecord(2, "c.png", 200, 100),
        ImageRecord(3, "sub/b.jpg", 200, 100),
    )
    assert read.categories == (Category(1, "class 0"), Category(2, "class 1"))
    assert read.labels.image_ids.tolist() == [3, 3]
    assert read.labels.category_ids.tolist() == [2, 1]
    np.testing.assert_allclose(read.labels.boxes, [[0, 0, 200, 100], [40, 40, 60, 60]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "round\nlong one\n\n"),
        ("../classes.txt", "round\nlong one"),
        ("data.yaml", "nc: 2\nnames: ['round', \"long one\"]\n"),
        ("data.yaml", "path: x\nnames:\n  0: round\n  1: long one\nnc: 2\n"),
        ("data.yaml", "names:\n- round\n- 'long one'\n"),
    ],
)
def test_class_names_are_found_beside(put, images, name, text):
    labels = put("a.txt", "1 .5 .5 .1 .1")
    (labels / name).write_text(text)
    read = read_yolo(labels, images).label_set
    assert read.categories == (Category(1, "round"), Category(2, "long one"))


@pytest.mark.parametrize("number", [100, 1000, 12345])
def test_classes_of_many_digits_are_classes(put, images, number):
    labels = put("a.txt", f"{number} .5 .5 .1 .1\n7 .5 .5 .1 .1\n")
    read = read_yolo(labels, images).label_set
    assert read.labels.category_ids.tolist() == [number + 1, 8]
    assert read.categories[number] == Category(number + 1, f"class {number}")
    assert len(read.categories) == number + 1


def test_a_subset_keeps_ids(put, images):
    put("classes.txt", "x")
    labels = put("c.txt", "0 .5 .5 .1 .1")
    read = read_yolo(labels, images, subset=["c"]).label_set
    assert read.categories == (Category(1, "x"),)
    assert [image.id for image in read.images] == [2]
    assert read.labels.image_ids.tolist() == [2]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("0 .5 .5 .1", "4 values"),
        ("0 .5 .5 .1 .1 .9", "6 values"),
        ("0 .5 .5 .1 wide", "not all numbers"),
        ("-1 .5 .5 .1 .1", "class"),
        ("0.5 .5 .5 .1 .1", "class"),
        ("100000 .5 .5 .1 .1", "not a number"),
        ("7 .5 .5 .1 .1", "class 7"),
        ("0 nan .5 .1 .1", "finite"),
        ("0 .5 .5 -.1 .1", "negative"),
        ("0 500 50 10 10", "outside"),
    ],
)
def test_a_wrong_line_is_refused_by_file_and_number(put, images, line, named):
    put("classes.txt", "only")
    labels = put("a.txt", f"0 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(BadData, match="line 2") as caught:
        read_yolo(labels, images)
    assert caught.value.where == labels / "a.txt"
    assert named in caught.value.problem


def test_a_line_without_area_is_reported_and_left_out(put, images):
    labels = put("a.txt", "0 .5 .5 0 .1\n0 .5 .5 .1 .1\n")
    reading = read_yolo(labels, images)
    assert len(reading.label_set.labels) == 1
    assert reading.notes[0].startswith(f"{labels / 'a.txt'}: line 1")


def test_labels_without_their_image_are_refused(put, images):
    with pytest.raises(BadData, match="no image 'z'"):
        read_yolo(put("z.txt", "0 .5 .5 .1 .1"), images)


def test_images_that_share_a_stem_are_refused(put, images):
    Image.new("L", (9, 9)).save(images / "a.jpg")
    with pytest.raises(BadData, match=r"as a\.jpg does"):
        read_yolo(put("a.txt", ""), images)


def test_a_binary_label_file_is_refused(put, images):
    labels = put("a.txt", "")
    (labels / "a.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadData, match="not a text file"):
        read_yolo(labels, images)


def test_an_image_that_would_take_the_place_of_the_class_list_is_refused(tmp_path):
    with pytest.raises(BadData, match=r"classes\.txt"):
        write_yolo(tmp_path / "out", LabelSet((ImageRecord(1, "classes.png", 5, 5),), ()))
    assert not (tmp_path / "out").exists()
