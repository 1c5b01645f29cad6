import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_alc.cli import app
from napari_alc.errors import BadData
from napari_alc.formats.anyformat import read_labels, write_labels
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered

LABELS = LabelSet(
    (ImageRecord(1, "a.png", 40, 30), ImageRecord(2, "sub/b.png", 40, 30)),
    (Category(1, "deposit"), Category(2, "unused")),
    numbered([1, 2, 2], [1, 1, 1], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 20, 20]]),
)


@pytest.fixture
def labels(tmp_path):
    write_labels(tmp_path / "labels.json", LABELS, "coco")
    return tmp_path / "labels.json"


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for image in LABELS.images:
        Image.new("L", (image.width, image.height)).save(tmp_path / "images" / image.file_name)
    return tmp_path / "images"


def run(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_the_command_goes_through_every_format_and_back(labels, images, tmp_path):
    assert run(labels, tmp_path / "voc", "--to", "voc").exit_code == 0
    assert run(tmp_path / "voc", tmp_path / "yolo", "--to", "yolo").exit_code == 0
    done = run(tmp_path / "yolo", tmp_path / "back.json", "--images", images)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "3 boxes on 2 images" in done.stderr
    back = read_labels(tmp_path / "back.json").label_set
    assert back.labels.boxes.tolist() == LABELS.labels.boxes.tolist()
    assert back.images == LABELS.images
    assert back.categories == LABELS.categories[:1]


def test_a_subset_file_chooses_images_by_stem(labels, tmp_path):
    (tmp_path / "train.txt").write_text("b\n\n")
    assert run(labels, tmp_path / "out.json", "--subset", tmp_path / "train.txt").exit_code == 0
    reading = read_labels(tmp_path / "out.json")
    assert [image.file_name for image in reading.label_set.images] == ["sub/b.png"]
    assert reading.label_set.labels.ids.tolist() == [2, 3]
    assert read_labels(labels, subset=["sub/b"]).positions.tolist() == [1, 2]


def test_notes_go_to_standard_error(labels, tmp_path):
    document = orjson.loads(labels.read_bytes())
    document["annotations"][1]["bbox"] = [39, 6, 50, 5]
    labels.write_bytes(orjson.dumps(document))
    done = run(labels, tmp_path / "voc", "--to", "voc")
    assert "1 box reaches beyond the image" in done.stderr
    assert "'unused' has no box" in done.stderr


def test_a_target_whose_format_is_not_told_is_a_usage_error(labels, tmp_path):
    done = run(labels, tmp_path / "out")
    assert done.exit_code == 2
    assert "--to" in done.stderr


def test_the_source_is_not_overwritten(labels):
    before = labels.read_bytes()
    assert isinstance(run(labels, labels).exception, BadData)
    assert labels.read_bytes() == before


def test_a_listed_image_that_is_absent_or_of_other_size_is_named(labels, images):
    assert len(read_labels(labels, images).label_set.images) == 2
    Image.new("L", (40, 31)).save(images / "sub" / "b.png")
    with pytest.raises(BadData, match=r"'sub/b.png' 40×30 .* 40×31"):
        read_labels(labels, images)
    (images / "sub" / "b.png").unlink()
    with pytest.raises(BadData, match=r"'sub/b.png', which is not in"):
        read_labels(labels, images)


def test_what_is_no_label_source_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("a,b")
    (tmp_path / "empty").mkdir()
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "a.txt").write_text("0 .5 .5 .1 .1")
    for name, named in [
        ("none", "no such file"),
        ("labels.csv", "neither a .json"),
        ("empty", "neither Pascal VOC"),
        ("yolo", "--images|image sizes"),
    ]:
        with pytest.raises(BadData, match=named):
            read_labels(tmp_path / name)


def test_an_empty_subset_file_is_refused(labels, tmp_path):
    (tmp_path / "none.txt").write_text("\n")
    done = run(labels, tmp_path / "out.json", "--subset", tmp_path / "none.txt")
    assert isinstance(done.exception, BadData)
    assert not (tmp_path / "out.json").exists()
