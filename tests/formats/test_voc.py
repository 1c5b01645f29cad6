import pytest

from napari_alc.errors import BadData
from napari_alc.formats.voc import read_voc, write_voc
from napari_alc.labels import Category, ImageRecord, Labels, LabelSet

SIZE = "<size><width>640</width><height>480</height><depth>3</depth></size>"


def thing(name="RBC", corners=(1, 2, 30, 40)):
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
    return f"<object>\n<name>{name}</name><bndbox>{box}</bndbox></object>"


@pytest.fixture
def put(tmp_path):
    def write(name, *objects, size=SIZE, file_name=None, text=None):
        path = tmp_path / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        file_name = f"{path.stem}.jpg" if file_name is None else file_name
        body = f"<filename>{file_name}</filename>{size}{''.join(objects)}"
        path.write_text(text or f"<annotation>{body}</annotation>", encoding="utf-8")
        return path

    return write


def test_images_and_categories_are_numbered_in_sorted_order(put, tmp_path):
    put("b", thing("WBC"), thing("RBC", (5, 5, 640, 480)))
    put("a")
    put("sub/c", thing("Platelets", ("1.5", 2, 3, 4)))
    read = read_voc(tmp_path).label_set
    assert read.images == (
        ImageRecord(1, "a.jpg", 640, 480),
        ImageRecord(2, "b.jpg", 640, 480),
        ImageRecord(3, "sub/c.jpg", 640, 480),
    )
    assert read.categories == (Category(1, "Platelets"), Category(2, "RBC"), Category(3, "WBC"))
    assert read.labels.image_ids.tolist() == [2, 2, 3]
    assert read.labels.category_ids.tolist() == [3, 2, 1]
    assert read.labels.boxes[1:].tolist() == [[5, 5, 640, 480], [1.5, 2, 3, 4]]


def test_a_subset_keeps_the_ids_of_the_whole_folder(put, tmp_path):
    put("a", thing("WBC"))
    put("b", thing("RBC"))
    read = read_voc(tmp_path, {"b"}).label_set
    assert [image.id for image in read.images] == [2]
    assert read.labels.category_ids.tolist() == [1]
    assert [category.name for category in read.categories] == ["RBC", "WBC"]


def test_files_in_hidden_folders_are_no_labels(put, tmp_path):
    put("a", thing())
    put(".checkpoints/b", thing("WBC"))
    put("sub/.trash/deeper/c", thing("WBC"))
    read = read_voc(tmp_path).label_set
    assert [image.file_name for image in read.images] == ["a.jpg"]
    assert [category.name for category in read.categories] == ["RBC"]


def test_a_subset_with_an_unknown_image_is_refused(put, tmp_path):
    put("a")
    with pytest.raises(BadData, match="'z'"):
        read_voc(tmp_path, ["a", "z"])


def test_objects_without_area_are_reported_by_file_and_number(put, tmp_path):
    put("a", thing())
    path = put("b", thing(), thing(corners=(504, 337, 504, 337)), thing())
    reading = read_voc(tmp_path)
    assert len(reading.label_set.labels) == 3
    assert reading.positions.tolist() == [0, 1, 3]
    (note,) = reading.notes
    assert note.startswith(f"{path}: object 2 (RBC)")


@pytest.mark.parametrize(
    ("corners", "named"),
    [
        ((30, 2, 1, 40), "negative"),
        ((1, 2, "x", 40), "'x', not a number"),
        ((1, 2, "nan", 40), "finite"),
        ((1, 2, "", 40), "no 'xmax'"),
        ((700, 2, 710, 40), "outside"),
    ],
)
def test_a_wrong_object_is_refused_by_file_and_number(put, tmp_path, corners, named):
    put("a", thing())
    path = put("b", thing(), thing(corners=corners))
    with pytest.raises(BadData, match="object 2") as caught:
        read_voc(tmp_path)
    assert caught.value.where == path
    assert named in caught.value.problem


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_fault_is_named_by_its_own_file_wherever_it_stands(put, tmp_path, number):
    wrong = thing("WBC", (30, 2, 1, 40))
    put("a", thing(), thing())
    objects = [thing(), thing(), thing()]
    objects[number - 1] = wrong
    path = put("b", *objects)
    put("c", thing())
    with pytest.raises(BadData) as caught:
        read_voc(tmp_path)
    assert caught.value.where == path
    assert caught.value.problem.startswith(f"object {number} (WBC)")


def test_a_fault_after_a_file_without_objects_is_named(put, tmp_path):
    put("a", thing())
    put("b")
    path = put("c", thing(corners=(30, 2, 1, 40)))
    with pytest.raises(BadData, match="object 1") as caught:
        read_voc(tmp_path)
    assert caught.value.where == path


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"size": ""}, "no 'size'"),
        ({"size": "<size><width>0</width><height>4</height></size>"}, "'width' is 0"),
        ({"size": "<size><width>nan</width><height>4</height></size>"}, "'width' is nan"),
        ({"file_name": ""}, "no 'filename'"),
        ({"file_name": "../x.jpg"}, "image folder"),
        ({"text": "<annotation><filename>"}, "not valid XML"),
        ({"text": "\x00\x01"}, "not valid XML"),
        ({"text": " "}, "is empty"),
        ({"text": "<html/>"}, "'html'"),
        ({"text": "<annotation><object/></annotation>"}, "filename"),
    ],
)
def test_a_wrong_file_is_refused(put, tmp_path, changes, named):
    path = put("a", **changes)
    with pytest.raises(BadData, match=named) as caught:
        read_voc(tmp_path)
    assert caught.value.where == path
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(tmp_path, encoding):
    (tmp_path / "a.xml").write_text(
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        f"<annotation><filename>&e;</filename>{SIZE}</annotation>",
        encoding=encoding,
    )
    with pytest.raises(BadData, match="document type"):
        read_voc(tmp_path)


def test_two_files_about_one_image_are_refused(put, tmp_path):
    put("a")
    put("b", file_name="a.jpg")
    with pytest.raises(BadData, match=r"as a\.xml does"):
        read_voc(tmp_path)


def test_a_folder_without_xml_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(BadData, match=r"\.xml"):
        read_voc(tmp_path)
    with pytest.raises(BadData, match="not a folder"):
        read_voc(tmp_path / "none")


def images(*names):
    return tuple(ImageRecord(i, name, 64, 48) for i, name in enumerate(names, start=1))


@pytest.mark.parametrize(
    "label_set",
    [
        LabelSet(images("a.png", "a.jpg"), ()),
        LabelSet(images("a.png", "A.png"), ()),
        LabelSet(images("a.png", "a.png"), ()),
        LabelSet(images("../a.png"), ()),
        LabelSet(images("a\n.png"), ()),
        LabelSet(images("a.png"), (Category(1, "x"), Category(2, "x"))),
        LabelSet(images("a.png"), (Category(1, " x"),)),
        LabelSet(images("a.png"), (Category(1, "x\x01"),)),
    ],
)
def test_names_that_the_format_cannot_keep_are_refused_and_nothing_is_written(tmp_path, label_set):
    with pytest.raises(BadData):
        write_voc(tmp_path / "out", label_set)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_labels_of_other_images_is_refused(tmp_path):
    write_voc(tmp_path, LabelSet(images("a.png", "b.png"), ()))
    write_voc(tmp_path, LabelSet(images("a.png", "b.png"), ()))
    with pytest.raises(BadData, match=r"b\.xml"):
        write_voc(tmp_path, LabelSet(images("a.png"), ()))


def test_names_with_marks_of_xml_survive(tmp_path):
    labels = Labels([1], [4], [[1, 2, 3, 4]], [1])
    write_voc(tmp_path, LabelSet(images("s & t/a<b>.png"), (Category(4, "<µm> & co"),), labels))
    read = read_voc(tmp_path).label_set
    assert read.images[0].file_name == "s & t/a<b>.png"
    assert read.categories == (Category(1, "<µm> & co"),)
