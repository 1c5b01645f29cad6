import copy
import json

import numpy as np
import orjson
import pytest

from napari_alc.errors import BadData
from napari_alc.formats import coco
from napari_alc.formats.coco import read_coco, read_detections, write_coco
from napari_alc.labels import Category, ImageRecord, Labels, LabelSet

IMAGES = (ImageRecord(7, "a.png", 640, 480), ImageRecord(3, "sub/b.png", 100, 50))
CATEGORIES = (Category(1, "deposit"), Category(5, "artefact"))


def document(**changes):
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 640, "height": 480},
            {"id": 3, "file_name": "sub/b.png", "width": 100, "height": 50},
        ],
        "categories": [{"id": 1, "name": "deposit"}, {"id": 5, "name": "artefact"}],
        "annotations": [
            {"id": 20, "image_id": 7, "category_id": 5, "bbox": [10, 20, 30.5, 40]},
            {"id": 4, "image_id": 3, "category_id": 1, "bbox": [0, 0, 100, 50]},
        ],
        **changes,
    }


def annotation(**changes):
    return {"id": 9, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], **changes}


def detection(**changes):
    return {"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, **changes}


@pytest.fixture
def put(tmp_path):
    def write(content, name="labels.json"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        return path

    return write


def test_labels_keep_ids_order_and_images_without_boxes(put):
    extra = {"id": 8, "file_name": "c.png", "width": 1, "height": 1}
    reading = read_coco(put(document(images=[*document()["images"], extra])))
    labels = reading.label_set.labels
    assert reading.label_set.images == (*IMAGES, ImageRecord(8, "c.png", 1, 1))
    assert reading.label_set.categories == CATEGORIES
    assert labels.ids.tolist() == [20, 4]
    assert labels.image_ids.tolist() == [7, 3]
    assert labels.category_ids.tolist() == [5, 1]
    assert labels.boxes.tolist() == [[10, 20, 40.5, 60], [0, 0, 100, 50]]
    assert reading.notes == ()
    assert reading.positions.tolist() == [0, 1]


def test_boxes_beyond_the_image_are_clipped_and_counted(put):
    boxes = [[-3, 5, 10, 10], [630, 470, 20, 20], [1, 1, 5, 5]]
    reading = read_coco(
        put(document(annotations=[annotation(id=i, bbox=b) for i, b in enumerate(boxes)]))
    )
    assert reading.label_set.labels.boxes.tolist() == [
        [0, 5, 7, 15],
        [630, 470, 640, 480],
        [1, 1, 6, 6],
    ]
    (note,) = reading.notes
    assert "2 boxes" in note
    assert "annotations[0] (id 0)" in note


def test_clipping_less_than_rounding_is_not_worth_a_note(put):
    reading = read_coco(put(document(annotations=[annotation(bbox=[630, 1, 10.001, 5])])))
    assert reading.label_set.labels.boxes[0, 2] == 640
    assert reading.notes == ()


def test_boxes_without_area_are_named_and_left_out_and_positions_remain(put):
    records = [
        annotation(id=1, bbox=[5, 5, 0, 9]),
        annotation(id=2),
        annotation(id=3, bbox=[5, 5, 9, 0]),
        annotation(id=4),
    ]
    reading = read_coco(put(document(annotations=records)))
    assert reading.label_set.labels.ids.tolist() == [2, 4]
    assert reading.positions.tolist() == [1, 3]
    assert len(reading.notes) == 2
    assert "annotations[0] (id 1)" in reading.notes[0]
    assert "annotations[2] (id 3)" in reading.notes[1]


def test_very_many_boxes_without_area_are_counted_rather_than_listed(put):
    records = [annotation(id=i, bbox=[5, 5, 0, 0]) for i in range(150)]
    reading = read_coco(put(document(annotations=records)))
    assert len(reading.notes) == 101
    assert reading.notes[-1].startswith("50 more")


@pytest.mark.parametrize(
    ("records", "named"),
    [
        ([annotation(bbox=[1, 2, -3, 4])], "negative"),
        ([annotation(bbox=[1, 2, 3, -4])], "negative"),
        ([annotation(bbox=[640, 2, 3, 4])], "outside"),
        ([annotation(bbox=[-9, 2, 3, 4])], "outside"),
        ([annotation(bbox=[1, 2, 3])], "four numbers"),
        ([annotation(bbox=[1, 2, 3, "4"])], "not a number"),
        ([annotation(bbox=[1, 2, 3, True])], "not a number"),
        ([annotation(bbox=[1, 2, None, 4])], "not a number"),
        ([annotation(bbox="1 2 3 4")], "not a list"),
        ([annotation(image_id=99)], "image id 99"),
        ([annotation(category_id=99)], "category id 99"),
        ([annotation(image_id="7")], "whole number"),
        ([annotation(image_id=7.0)], "whole number"),
        ([annotation(category_id=True)], "whole number"),
        ([annotation(id=2**63)], "too large"),
        ([{"id": 9, "image_id": 7, "category_id": 1}], "no 'bbox'"),
        (["text"], "not a JSON object"),
    ],
)
def test_a_wrong_annotation_is_refused_by_name(put, records, named):
    path = put(document(annotations=[annotation(id=1000), *records]))
    with pytest.raises(BadData) as caught:
        read_coco(path)
    assert caught.value.where == path
    assert "annotations[1]" in caught.value.problem
    assert named in caught.value.problem
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_coordinates_that_are_not_finite_are_refused_by_record(put, word):
    content = orjson.dumps(
        document(annotations=[annotation(), annotation(id=10, bbox=[1, 2, 77, 4])])
    )
    with pytest.raises(BadData, match=r"annotations\[1\] \(id 10\).*finite"):
        read_coco(put(content.replace(b"77", word)))


@pytest.mark.parametrize(
    ("key", "records", "named"),
    [
        ("images", [{"id": 1, "file_name": "a.png", "width": 0, "height": 5}], "0×5"),
        ("images", [{"id": 1, "file_name": "a.png", "width": 5, "height": 0}], "5×0"),
        ("images", [{"id": 1, "file_name": "a.png", "width": 2.5, "height": 5}], "width"),
        ("images", [{"id": 1, "file_name": "a.png", "width": 5}], "height"),
        ("images", [{"id": 1, "file_name": 3, "width": 5, "height": 5}], "file_name"),
        ("images", [{"id": 1, "file_name": "a", "width": 5, "height": 5}] * 2, "id 1"),
        ("images", {"id": 1}, "not a list"),
        ("categories", [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "id 1"),
        ("categories", [{"id": 1, "name": None}], "name"),
        ("categories", [{"id": "1", "name": "a"}], "id"),
        ("annotations", None, "not a list"),
        ("annotations", [annotation(id=2), annotation(id=3), annotation(id=2)], "annotations[2]"),
    ],
)
def test_wrong_lists_are_refused(put, key, records, named):
    with pytest.raises(BadData) as caught:
        read_coco(put(document(**{key: records})))
    assert key in caught.value.problem
    assert named in caught.value.problem


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "a/../../b.png",
        "/etc/a.png",
        "..\\a.png",
        "C:\\a.png",
        "",
        ".",
        "a/",
        "a/..",
        "a\0.png",
    ],
)
def test_a_file_name_that_leaves_the_image_folder_is_refused(put, name):
    images = [{"id": 7, "file_name": name, "width": 5, "height": 5}]
    with pytest.raises(BadData, match=r"images\[0\].*image folder"):
        read_coco(put(document(images=images, annotations=[])))


@pytest.mark.parametrize("name", ["..a.png", "a..png", "a/b.c/d.png", ".hidden/a.png", "a b.png"])
def test_odd_file_names_inside_the_folder_are_taken(put, name):
    images = [{"id": 7, "file_name": name, "width": 5, "height": 5}]
    reading = read_coco(put(document(images=images, annotations=[])))
    assert reading.label_set.images[0].file_name == name


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (orjson.dumps(document())[:-40], "not valid JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not valid JSON"),
        ('{"images": "\xe9"}'.encode("latin-1"), "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "instead of an object"),
        (b"3", "instead of an object"),
        (b"{}", "no 'images'"),
        (b'{"images": [], "categories": []}', "no 'annotations'"),
    ],
)
def test_files_that_are_no_coco_are_refused(put, content, named):
    with pytest.raises(BadData, match=named) as caught:
        read_coco(put(content))
    assert "\n" not in str(caught.value)


def test_text_that_is_no_unicode_is_refused_by_record(put):
    content = orjson.dumps(document()).replace(b"artefact", b"\\ud800")
    with pytest.raises(BadData, match=r"categories\[1\].*not valid text"):
        read_coco(put(content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadData, match="cannot be read"):
            read_coco(path)


def test_a_byte_order_mark_is_accepted(put):
    assert len(read_coco(put(b"\xef\xbb\xbf" + orjson.dumps(document()))).label_set.labels) == 2


LABELS = LabelSet(
    IMAGES,
    CATEGORIES,
    Labels([7, 3], [1, 5], [[467.02, 1, 467.02 + 48.59, 2.5], [0, 0, 9, 9]], [8, 2]),
)


def test_images_carry_further_keys(tmp_path):
    path = tmp_path / "l.json"
    first = LABELS.images[0].id
    write_coco(path, LABELS, of_images={first: {"flags": ["torn"]}})
    found = {image["id"]: image for image in json.loads(path.read_text())["images"]}
    assert found.pop(first)["flags"] == ["torn"]
    assert all("flags" not in image for image in found.values())
    assert read_coco(path).label_set.images == LABELS.images


def test_written_annotations_are_complete_and_keep_their_decimals(tmp_path):
    path = tmp_path / "new" / "out.json"
    write_coco(path, LABELS, [{"region": "red"}, {"region": "pink"}], {"made": "here"})
    written = orjson.loads(path.read_bytes())
    assert written["info"] == {"made": "here"}
    assert written["annotations"] == [
        {
            "id": 8,
            "image_id": 7,
            "category_id": 1,
            "bbox": [467.02, 1.0, 48.59, 1.5],
            "area": 72.885,
            "iscrowd": 0,
            "region": "red",
        },
        {
            "id": 2,
            "image_id": 3,
            "category_id": 5,
            "bbox": [0.0, 0.0, 9.0, 9.0],
            "area": 81.0,
            "iscrowd": 0,
            "region": "pink",
        },
    ]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 11])
def test_lists_longer_than_one_chunk_are_whole(tmp_path, monkeypatch, count):
    monkeypatch.setattr(coco, "AT_ONCE", 5)
    boxes = np.tile([1.0, 1, 2, 2], (count, 1))
    labels = Labels([7] * count, [1] * count, boxes, np.arange(count))
    write_coco(tmp_path / "l.json", LABELS.with_labels(labels))
    assert read_coco(tmp_path / "l.json").label_set.labels.ids.tolist() == list(range(count))


@pytest.mark.parametrize("count", [5, 12])
def test_attributes_stay_with_their_labels_however_many_are_written(tmp_path, monkeypatch, count):
    monkeypatch.setattr(coco, "AT_ONCE", 5)
    numbers = np.arange(count)
    boxes = np.stack([numbers, numbers, numbers + 2.0, numbers + 2.0], axis=1)
    labels = Labels([7] * count, [1] * count, boxes, 100 + numbers)
    attributes = [{"source": f"of {number}"} for number in (100 + numbers).tolist()]
    write_coco(tmp_path / "l.json", LABELS.with_labels(labels), attributes)
    written = orjson.loads((tmp_path / "l.json").read_bytes())["annotations"]
    assert [(a["bbox"][0], a["source"]) for a in written] == [
        (number, f"of {100 + number}") for number in range(count)
    ]


def test_attributes_must_match_the_labels(tmp_path):
    with pytest.raises(ValueError, match="attributes"):
        write_coco(tmp_path / "out.json", LABELS, [{}])


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "out.json"
    write_coco(path, LABELS)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_coco(path, LABELS, [{}, {"bad": object()}])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_detections_keep_their_order_and_their_positions(put):
    records = [
        detection(score=0.1),
        detection(bbox=[5, 5, 0, 0]),
        detection(image_id=3, score=1),
        detection(bbox=[-1, 0, 5, 5], score=0),
    ]
    reading = read_detections(put(records), LABELS)
    assert reading.detections.scores.tolist() == [0.1, 1, 0]
    assert reading.detections.boxes[2].tolist() == [0, 0, 4, 5]
    assert reading.positions.tolist() == [0, 2, 3]
    assert ["detections[1]" in note for note in reading.notes] == [True, False]
    assert "1 box reaches" in reading.notes[1]


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (detection(score=1.01), "score 1.01"),
        (detection(score=-0.1), "score -0.1"),
        (detection(score="high"), "score"),
        (detection(score=None), "score"),
        (detection(image_id=99), "image id 99"),
        (detection(category_id=99), "category id 99"),
        (detection(bbox=[1, 1, -1, 1]), "negative"),
        (detection(bbox=[900, 1, 1, 1]), "outside"),
        ({"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}, "no 'score'"),
    ],
)
def test_a_wrong_detection_is_refused_by_its_index(put, record, named):
    with pytest.raises(BadData, match=r"detections\[2\]") as caught:
        read_detections(put([detection(), detection(), record]), LABELS)
    assert named in caught.value.problem


def test_a_score_or_box_that_is_nan_is_refused_by_its_index(put):
    good = orjson.dumps(detection())
    for word in (b"0.5", b"3"):
        content = b"[" + good + b"," + good.replace(word, b"NaN") + b"]"
        with pytest.raises(BadData, match=r"detections\[1\]"):
            read_detections(put(content), LABELS)


def test_an_object_in_place_of_a_list_of_detections_is_refused(put):
    with pytest.raises(BadData, match="not a list"):
        read_detections(put({"annotations": []}), LABELS)


def test_an_empty_list_of_detections_is_read(put):
    assert len(read_detections(put([]), LABELS).detections) == 0


def places(value):
    """Every place inside a JSON document, as a path of keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (key,)
        if isinstance(inner, dict | list):
            yield from ((key, *rest) for rest in places(inner))


@pytest.mark.parametrize("value", [None, True, -1, 1.5, 2**70, "x", [], {}, [[]], float("nan")])
def test_any_value_at_any_place_is_read_or_refused_in_one_line(tmp_path, value):
    outcomes = set()
    for place in places(document()):
        changed = copy.deepcopy(document())
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        path = tmp_path / "labels.json"
        path.write_text(json.dumps(changed))
        try:
            outcomes.add(type(read_coco(path)))
        except BadData as error:
            assert "\n" not in str(error)
            outcomes.add(BadData)
    assert BadData in outcomes
