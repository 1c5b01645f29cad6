"""Bad input through the real commands: one clear line, status 1, and nothing lost."""

from __future__ import annotations

import copy
import errno
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_alc.formats.coco import write_coco
from napari_alc.formats.images import write_tiff
from napari_alc.project.project import Project
from napari_alc.project.simulated_review import review_everything
from tiny_projects import draw, make_project, pretend_predicted


@pytest.fixture
def base(tmp_path):
    """Three images with the crowd's labels beside them."""
    write_coco(tmp_path / "crowd.json", draw(tmp_path / "images", 3))
    return tmp_path


def creating(base: Path, *more: object) -> list[object]:
    return [
        "create", base / "study", "--images", base / "images", "--crowd", base / "crowd.json",
        "--progress", "none", *more,
    ]  # fmt: skip


def content_of(path: Path):
    return json.loads(path.read_text())


def changed(key, position, **values):
    def change(document):
        document[key][position].update(values)

    return change


def without(key):
    return lambda document: document.pop(key)


def second_of(key):
    return lambda document: document[key].append(copy.deepcopy(document[key][0]))


WRONG_LABELS = {
    "NaN box": (changed("annotations", 1, bbox=[float("nan"), 1, 5, 5]), r"annotations\[1\]"),
    "infinite box": (changed("annotations", 1, bbox=[1, 1, float("inf"), 5]), "finite"),
    "negative box": (changed("annotations", 1, bbox=[9, 9, -5, 5]), "negative width"),
    "box outside": (changed("annotations", 1, bbox=[500, 500, 9, 9]), "wholly outside"),
    "three numbers": (changed("annotations", 1, bbox=[1, 2, 3]), "not four numbers"),
    "words": (changed("annotations", 1, bbox="all"), "not a list"),
    "unknown image": (changed("annotations", 1, image_id=77), "image id 77.*not listed"),
    "unknown category": (changed("annotations", 1, category_id=77), "category id 77"),
    "image id twice": (changed("images", 1, id=1), r"images\[1\] has the id 1"),
    "category id twice": (second_of("categories"), r"categories\[1\] has the id 1"),
    "annotation id twice": (changed("annotations", 1, id=1), r"annotations\[1\] has the id 1"),
    "image name twice": (
        changed("images", 1, file_name="squares_1.tif"), "'squares_1.tif' twice"
    ),
    "out of the folder": (changed("images", 1, file_name="../x.tif"), "not inside the image"),
    "absolute path": (changed("images", 1, file_name="/etc/x.tif"), "not inside the image"),
    "absent image": (changed("images", 1, file_name="none.tif"), "'none.tif', which is not in"),
    "other size": (changed("images", 1, width=95), "95×96 pixels"),
    "no size": (changed("images", 1, width=0), "Give its width"),
    "no images": (without("images"), "has no 'images'"),
    "no annotations": (without("annotations"), "has no 'annotations'"),
    "no record": (lambda d: d["annotations"].append(3), "not a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_LABELS)
def test_create_refuses_wrong_labels(program, base, case):
    change, expected = WRONG_LABELS[case]
    document = content_of(base / "crowd.json")
    change(document)
    (base / "crowd.json").write_text(json.dumps(document))
    complaint = program(*creating(base)).complaint
    assert "crowd.json" in complaint
    assert re.search(expected, complaint), complaint
    assert not (base / "study").exists()


WRONG_FILES = {
    "empty": (lambda _: b"", "is empty"),
    "cut off": (lambda content: content[: len(content) // 2], "not valid JSON"),
    "binary": (lambda _: bytes(range(256)), "not valid JSON"),
    "a list": (lambda _: b"[1, 2]", "instead of an object"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_create_refuses_wrong_files(program, base, case):
    harm, expected = WRONG_FILES[case]
    path = base / "crowd.json"
    path.write_bytes(harm(path.read_bytes()))
    complaint = program(*creating(base)).complaint
    assert str(path) in complaint
    assert expected in complaint
    assert not (base / "study").exists()


def test_missing_labels_are_named(program, base):
    (base / "crowd.json").unlink()
    assert "crowd.json: there is no such file" in program(*creating(base)).complaint


def test_a_folder_without_images_is_refused(program, base):
    document = content_of(base / "crowd.json") | {"images": [], "annotations": []}
    (base / "crowd.json").write_text(json.dumps(document))
    for path in (base / "images").iterdir():
        path.unlink()
    assert "holds no images" in program(*creating(base)).complaint
    assert not (base / "study").exists()


def test_an_unreadable_image_is_named(program, base):
    (base / "images" / "squares_2.tif").write_bytes(b"II*\x00 no image")
    assert "squares_2.tif: cannot be read as an image" in program(*creating(base)).complaint
    assert not (base / "study").exists()


@pytest.mark.parametrize("split", ["validation", "initial"])
def test_label_files_that_disagree_on_a_size_are_refused(program, base, split):
    document = content_of(base / "crowd.json")
    document["images"][0]["width"] = 90
    (base / "clean.json").write_text(json.dumps(document))
    ended = program(*creating(base, "--clean", base / "clean.json", "--split", split))
    assert "clean.json: gives image 'squares_1.tif' 90×96 pixels" in ended.complaint
    assert not (base / "study").exists()


def test_boxes_a_little_outside_are_clipped_and_counted(program, base):
    document = content_of(base / "crowd.json")
    document["annotations"][1]["bbox"] = [-3, 5, 20, 20]
    document["annotations"][2]["bbox"] = [80, 80, 20, 20]
    (base / "crowd.json").write_text(json.dumps(document))
    ended = program(*creating(base, "--initial", 1))
    assert ended.status == 0
    assert "2 boxes reach beyond the image and were clipped" in ended.err


def detections_with(**values):
    record = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "score": 0.5}
    return json.dumps([record, {**record, **values}])


WRONG_DETECTIONS = {
    "score above 1": (detections_with(score=1.5), "detections[1] has the score 1.5"),
    "score below 0": (detections_with(score=-0.1), "detections[1] has the score -0.1"),
    "no score": (detections_with(score=None), "detections[1]: 'score' is None"),
    "unknown image": (detections_with(image_id=9), "detections[1] belongs to image id 9"),
    "unknown category": (detections_with(category_id=9), "detections[1] has category id 9"),
    "NaN box": (detections_with(bbox=[float("nan")] * 4), "detections[1]"),
    "cut off": (detections_with()[:-9], "not valid JSON"),
}


@pytest.mark.parametrize("case", WRONG_DETECTIONS)
def test_wrong_detections_leave_the_old_output_alone(program, base, case):
    text, expected = WRONG_DETECTIONS[case]
    (base / "bad.json").write_text(text)
    (base / "good.json").write_text(detections_with())
    (base / "out.json").write_text("old")
    ended = program(
        "regions", "--crowd", base / "crowd.json", "--mp", base / "good.json",
        "--ma", base / "bad.json", "--output", base / "out.json",
    )  # fmt: skip
    assert "bad.json" in ended.complaint
    assert expected in ended.complaint
    assert (base / "out.json").read_text() == "old"


STEPS = ("status", "train", "predict", "select", "correct", "export")


@pytest.fixture
def study(tmp_path):
    """A project that is ready to select."""
    project = make_project(tmp_path)
    pretend_predicted(project)
    project.close()
    return project.folder


def newer_settings(study):
    path = study / "project.toml"
    path.write_text(path.read_text().replace("format = 1", "format = 99"))


def damaged_settings(study):
    (study / "project.toml").write_bytes(b"\x00\xff = [")


def newer_database(study):
    connection = sqlite3.connect(study / "project.db")
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.commit()
    connection.close()


def damaged_database(study):
    (study / "project.db").write_bytes(b"no database at all" * 999)


def missing_database(study):
    (study / "project.db").unlink()


WRONG_PROJECTS = {
    newer_settings: "made by a newer napari-alc",
    damaged_settings: "project.toml: cannot be read",
    newer_database: "made by a newer napari-alc",
    damaged_database: "project.db: the database refused",
    missing_database: "project.db: the project's database is missing",
}


@pytest.mark.parametrize("harm", WRONG_PROJECTS)
def test_every_step_refuses_a_project_that_it_cannot_read(program, study, harm):
    harm(study)
    before = {path: path.read_bytes() for path in study.rglob("*.*") if path.is_file()}
    for step in STEPS:
        assert WRONG_PROJECTS[harm] in program(step, study).complaint
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_without_a_project_is_named(program, tmp_path):
    for step in STEPS:
        assert "there is no napari-alc project here" in program(step, tmp_path).complaint


def test_a_training_set_without_any_box_is_explained(program, base):
    document = content_of(base / "crowd.json") | {"annotations": []}
    (base / "clean.json").write_text(json.dumps(document))
    program(*creating(base, "--clean", base / "clean.json", "--split", "initial"))
    complaint = program("train", base / "study", "--progress", "none").complaint
    assert "found no object" in complaint
    assert "Review more images" in complaint


def test_a_truncated_image_is_named_when_it_is_needed(program, tmp_path):
    folder = make_project(tmp_path).folder
    path = tmp_path / "images" / "squares_2.tif"
    whole = path.read_bytes()
    write_tiff(path, np.random.default_rng(0).integers(0, 255, (96, 96), np.uint8))
    path.write_bytes(path.read_bytes()[:-2000])
    complaint = program("train", folder, "--progress", "none").complaint
    assert "squares_2.tif" in complaint
    path.write_bytes(whole)
    assert program("train", folder, "--progress", "none").status == 0
    broken = tmp_path / "images" / "squares_5.tif"
    broken.write_bytes(broken.read_bytes()[:-500])
    assert "squares_5.tif" in program("predict", folder, "--progress", "none").complaint


FULL_DISK = """
import resource, sys
from napari_alc import cli
limit = int(sys.argv.pop(1))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
cli.main()
"""


@pytest.fixture
def on_a_full_disk(loaded_python):
    """The complaint of a command that may write no file longer than so many bytes."""

    def complaint(limit: int, *arguments: object) -> str:
        call = [*loaded_python, "-c", FULL_DISK, str(limit), *map(str, arguments)]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done
        [line] = done.stderr.splitlines()
        assert line.startswith("napari-alc: ")
        return line

    return complaint


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")


@posix_only
def test_a_full_disk_leaves_no_half_project(program, base, on_a_full_disk):
    on_a_full_disk(20_000, *creating(base))
    assert sorted(path.name for path in base.iterdir()) == ["crowd.json", "images"]
    assert program(*creating(base)).status == 0


def test_a_full_disk_keeps_the_old_dataset(program, study, monkeypatch):
    program("correct", study)
    project = Project.open(study)
    review_everything(project, draw(study.parent / "again").labels)
    project.close()
    assert program("export", study).status == 0
    old = (study / "exports" / "clean.json").read_bytes()

    def full(**_where):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_alc.files.tempfile.mkstemp", full)
    complaint = program("export", study).complaint
    assert "clean.json: could not be written (No space left on device)" in complaint
    assert (study / "exports" / "clean.json").read_bytes() == old
    left = sorted(path.name for path in (study / "exports").iterdir())
    assert left == ["clean.json", "datasheet.json", "datasheet.md"]


@posix_only
def test_a_full_disk_loses_no_training(program, tmp_path, on_a_full_disk):
    folder = make_project(tmp_path).folder
    complaint = on_a_full_disk(100_000, "train", folder, "--progress", "none")
    assert "weights.pt" in complaint
    assert program("train", folder, "--progress", "none").status == 0
