from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hand_made import A, B, C, D, by_image, label_set, make, see

from napari_alc import files
from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.formats.anyformat import read_labels
from napari_alc.formats.coco import read_coco
from napari_alc.formats.images import write_tiff
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.tasks import queue, reopen
from napari_alc.project.export import datasheet
from napari_alc.project.export.datasheet import image_checksums
from napari_alc.project.export.export import (
    FORMATS,
    Again,
    AtomicReplacement,
    Layout,
    export,
    export_again,
)
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.simulated_review import PERSON, review_everything
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.select import select
from napari_alc.project.storage import runs


@pytest.fixture
def project(tmp_path):
    """Image 1 came in reviewed, 2 was selected, 3 corrected by itself, 4 reviewed in part."""
    crowd = {1: [A], 2: [A], 3: [A], 4: [A, C]}
    project = make(tmp_path, crowd, clean={1: [A]})
    see(project, 0, [(2, B, 0.9), (3, A, 0.9), (4, A, 0.9)], [(2, D, 0.9)])
    assert select(project) == (2,)
    review_everything(project, label_set({2: [A, C]}, 4).labels)
    see(project, 1, [(3, A, 0.8), (4, A, 0.7)], [(4, D, 0.6)])
    correct_remaining(project)
    review_everything(project, label_set({4: [A, D]}, 4).labels)
    return project


def test_every_box_tells_where_it_comes_from(project):
    content = json.loads(export(project).read_text())
    told = {
        (a["image_id"], a["source"], a["region"], a["iteration"], a["decision"], a["person"])
        for a in content["annotations"]
    }
    assert told == {
        (1, "person", "", 0, "added", "imported"),
        (2, "crowd", "green", 1, "kept", PERSON),
        (2, "person", "", 1, "added", PERSON),
        (3, "mp", "gray", 1, "automatic", ""),
        (4, "mp", "gray", 1, "automatic", ""),
        (4, "ma", "red", 1, "kept", PERSON),
    }
    scores = {a["image_id"]: a["score"] for a in content["annotations"] if a["source"] == "mp"}
    assert scores == {3: 0.8, 4: 0.7}
    assert content["info"]["images_folder"] == "../../images"


def test_the_file_holds_exactly_the_clean_labels(project):
    found = read_coco(export(project)).label_set
    assert by_image(found.labels) == {1: [A], 2: sorted([A, C]), 3: [A], 4: sorted([A, D])}
    assert by_image(found.labels) == by_image(clean_labels(project).label_set.labels)
    assert found.images == project.images()


@pytest.mark.parametrize("waits", [True, False])
def test_all_files_are_on_the_disk_before_one_takes_its_place(
    project, tmp_path, monkeypatch, waits
):
    done = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(files, "SYNC_WAITS", waits)
    monkeypatch.setattr(os, "sync", lambda: done.append("sync"), raising=False)
    monkeypatch.setattr(os, "fsync", lambda number: (done.append("fsync"), fsync(number)))
    monkeypatch.setattr(Path, "rename", lambda a, b: (done.append("rename"), rename(a, b))[1])
    export(project, tmp_path / "out", FORMATS)
    until_first = done[: done.index("rename")]
    written = 1 + 4 + 5 + 2  # COCO, XML an image, text an image and classes, both datasheets
    if waits:
        assert until_first[-1] == "sync"
        assert until_first.count("fsync") < 4  # of lists beside the project
    else:
        assert until_first[-written:] == ["fsync"] * written
    assert "fsync" not in done[len(until_first) :]


def test_exporting_again_gives_the_same_bytes(project, tmp_path):
    first = export(project, tmp_path / "a.json").read_bytes()
    assert export(project, tmp_path / "b.json").read_bytes() == first


def test_labels_that_are_not_settled_are_not_written(tmp_path):
    project = make(tmp_path, {1: [A]})
    with pytest.raises(AlcError, match="not the time to export: 1 image waits"):
        export(project, tmp_path / "clean.json")
    assert not (tmp_path / "clean.json").exists()


def test_a_place_that_cannot_be_written_is_named(project, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AlcError, match="could not be written"):
        export(project, tmp_path / "file" / "clean.json")
    assert (tmp_path / "file").read_text() == "mine"


def everything_in(folder):
    """Bytes of every file below a folder, by path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def as_drawn(labels):
    return {
        image_id: sorted(tuple(np.round(box, 4)) for box in boxes)
        for image_id, boxes in by_image(labels).items()
    }


def test_all_formats_hold_the_same_boxes(project, tmp_path):
    export(project, tmp_path / "out", FORMATS)
    wanted = as_drawn(clean_labels(project).label_set.labels)
    images = tmp_path / "images"
    for name in ("clean.json", "voc", "yolo"):
        found = read_labels(tmp_path / "out" / name, images).label_set
        assert as_drawn(found.labels) == wanted
        assert [image.file_name for image in found.images] == [f"image{i}.tif" for i in range(1, 5)]


def test_only_the_chosen_formats_are_there(project, tmp_path):
    out = tmp_path / "out"
    assert export(project, out, ["voc", "coco"]) == out / "clean.json"
    assert export(project, out, ["yolo"]) == out
    assert sorted(path.name for path in out.iterdir()) == ["datasheet.json", "datasheet.md", "yolo"]
    for wrong in ([], ["csv"]):
        with pytest.raises(AlcError, match="choose from coco, voc, yolo"):
            export(project, out, wrong)


def test_the_datasheet_counts_what_is_in_the_files(project, tmp_path):
    export(project, tmp_path / "out", FORMATS)
    sheet = json.loads((tmp_path / "out" / "datasheet.json").read_text())
    assert sheet["counts"] == {
        "images": 4,
        "images_with_labels": 4,
        "labels": 6,
        "categories": {"deposit": 6},
    }
    assert sheet["provenance"]["decision"] == {"added": 2, "automatic": 2, "kept": 2}
    assert sheet["provenance"]["source"] == {"crowd": 1, "ma": 1, "mp": 2, "person": 2}
    assert sheet["provenance"]["region"] == {"gray": 2, "green": 1, "none": 2, "red": 1}
    assert sheet["seeds"] == {"method": 0, "detector": 0}
    assert [(m["iteration"], m["model"]) for m in sheet["models"]] == [
        (0, "mp"), (0, "ma"), (1, "mp"), (1, "ma"),
    ]  # fmt: skip
    assert sheet["settings"]["method"]["gamma"] == 0.8
    assert {"napari-alc", "python", "torch"} <= set(sheet["versions"])
    for name, facts in sheet["files"].items():
        content = (tmp_path / "out" / name).read_bytes()
        assert facts == {"bytes": len(content), "blake2b": blake2b(content).hexdigest()}
    assert set(sheet["files"]) == set(everything_in(tmp_path / "out")) - {
        "datasheet.json",
        "datasheet.md",
    }
    for image in sheet["images"]:
        content = (tmp_path / "images" / image["file_name"]).read_bytes()
        assert image["blake2b"] == blake2b(content).hexdigest()
    words = (tmp_path / "out" / "datasheet.md").read_text()
    assert "6 labels on 4 images" in words
    assert f"| clean.json | {sheet['files']['clean.json']['blake2b'][:16]}… |" in words


def test_no_byte_depends_on_the_clock(project, tmp_path, monkeypatch):
    export(project, tmp_path / "a", FORMATS)
    later = datetime(2099, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(runs, "now", lambda: later)
    monkeypatch.setattr("time.time", later.timestamp)
    export(project, tmp_path / "b", FORMATS)
    assert everything_in(tmp_path / "a") == everything_in(tmp_path / "b")


def decide_more(project):
    """Somebody takes an image of step 1 back and deletes all of it."""
    task = next(task for task in queue(project) if task.image_id == 2)
    reopen(project, task)
    document = open_document(project, task, "Eve")
    document.delete([key for key, box in document.boxes.items() if box.is_label])
    document.add((1, 1, 9, 9), 1)
    finish(project, task, "Eve")


def test_an_export_is_made_again_bit_for_bit_whatever_was_decided_since(project, tmp_path):
    out = tmp_path / "out"
    export(project, out, FORMATS)
    first = everything_in(out)
    decide_more(project)
    export(project, tmp_path / "newer", FORMATS)
    assert everything_in(tmp_path / "newer")["clean.json"] != first["clean.json"]
    assert export_again(project, out / "datasheet.json") == Again(9 + 1, (), ())
    sheet = out / "datasheet.json"
    for path in sorted(out.rglob("*"), reverse=True):
        if path != sheet:
            path.unlink() if path.is_file() else path.rmdir()
    assert len(export_again(project, sheet).mended) == 10
    assert everything_in(out) == first


@pytest.mark.parametrize("last", ["drawn", "moved"])
def test_the_last_decision_before_an_export_is_in_it_and_the_next_is_not(project, tmp_path, last):
    task = next(task for task in queue(project) if task.image_id == 2)
    reopen(project, task)
    document = open_document(project, task, "Eve")
    drawn = document.add((1, 1, 9, 9), 1)
    if last == "moved":
        document.reshape({drawn: (2, 2, 9, 9)})
    finish(project, task, "Eve")
    first = export(project, tmp_path / "out", FORMATS).read_bytes()
    assert len(json.loads(first)["annotations"]) == 7
    reopen(project, task)
    document.reshape({drawn: (3, 3, 9, 9)})
    document.add((80, 80, 90, 90), 1)
    finish(project, task, "Eve")
    again = export_again(project, tmp_path / "out" / "datasheet.json")
    assert (again.mended, again.other_images) == ((), ())
    assert (tmp_path / "out" / "clean.json").read_bytes() == first


def test_a_changed_file_is_put_right(project, tmp_path):
    export(project, tmp_path / "study.json")
    path = tmp_path / "study.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"10.0", b"11.0", 1))
    again = export_again(project, tmp_path / "study.datasheet.json")
    assert again == Again(1, ("study.json",), ())
    assert path.read_bytes() == content


def test_images_that_are_others_now_are_named(project, tmp_path):
    export(project, tmp_path / "out")
    write_tiff(tmp_path / "images" / "image2.tif", np.ones((100, 100), dtype=np.uint8))
    write_tiff(tmp_path / "images" / "image3.tif", np.ones((50, 50), dtype=np.uint8))
    (tmp_path / "images" / "image4.tif").unlink()
    again = export_again(project, tmp_path / "out" / "datasheet.json")
    assert again.other_images == ("image2.tif", "image3.tif", "image4.tif")


def test_another_project_cannot_make_the_export(project, tmp_path):
    export(project, tmp_path / "out")
    before = everything_in(tmp_path / "out")
    other = make(tmp_path / "other", {1: [A], 2: [B]}, 2, clean={1: [A], 2: [B]})
    with pytest.raises(AlcError, match=r"does not give the same 'clean\.json'"):
        export_again(other, tmp_path / "out" / "datasheet.json")
    assert everything_in(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "cannot be read as a datasheet"),
        ("[]", "is no datasheet"),
        ('{"datasheet": 99}', "newer napari-alc"),
        ('{"datasheet": 1}', "has no 'formats'"),
        (
            '{"datasheet": 1, "formats": [], "info": {}, "moment": {}, "files": {}, "images": [],'
            ' "names": {"coco": "../x.json"}}',
            "outside its folder",
        ),
    ],
)
def test_what_is_no_datasheet_is_refused(project, tmp_path, content, complaint):
    (tmp_path / "sheet.json").write_text(content)
    with pytest.raises(AlcError, match=complaint):
        export_again(project, tmp_path / "sheet.json")


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("way", [KeyboardInterrupt, OSError])
def test_an_interrupted_export_leaves_the_last_whole_one(project, tmp_path, monkeypatch, at, way):
    out = tmp_path / "out"
    export(project, out, FORMATS)
    before = everything_in(out)
    decide_more(project)
    calls = []
    rename = Path.rename

    def failing(self, target):
        calls.append(target)
        if len(calls) == at + 1:
            raise way
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises((way, AlcError)):
            export(project, out, FORMATS)
    assert everything_in(out) == before
    export(project, out, FORMATS)
    assert everything_in(out)["clean.json"] != before["clean.json"]
    assert sorted(path.name for path in out.iterdir()) == [
        "clean.json", "datasheet.json", "datasheet.md", "voc", "yolo",
    ]  # fmt: skip


@pytest.mark.parametrize("at", range(12))
def test_an_export_that_was_killed_is_settled_by_the_next(project, tmp_path, monkeypatch, at):
    """A killed process runs no handler: `settle` is not reached either."""
    out = tmp_path / "out"
    export(project, out, FORMATS)
    before = everything_in(out)
    decide_more(project)
    calls = []
    rename = Path.rename

    def failing(self, target):
        calls.append(target)
        if len(calls) == at + 1:
            patch.setattr(AtomicReplacement, "settle", lambda _: None)
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(KeyboardInterrupt):
            export(project, out, FORMATS)
    Layout.at(out).places.settle()
    assert everything_in(out) == before


def test_a_folder_with_foreign_files_is_not_replaced(project, tmp_path):
    (tmp_path / "out" / "voc").mkdir(parents=True)
    (tmp_path / "out" / "voc" / "mine.txt").write_text("mine")
    with pytest.raises(AlcError, match=r"mine\.txt: was not written by an export"):
        export(project, tmp_path / "out", ["voc"])
    assert everything_in(tmp_path / "out") == {"voc/mine.txt": b"mine"}


def test_a_missing_image_stops_the_export(project, tmp_path):
    (tmp_path / "images" / "image3.tif").unlink()
    with pytest.raises(AlcError, match=r"image3\.tif: the image is not there any more"):
        export(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_checksums_are_computed_once_and_again_when_the_image_changes(project, tmp_path):
    told = []
    first = image_checksums(project, project.images(), told.append)
    assert [p.done for p in told] == [p.total for p in told] == [4]
    assert image_checksums(project, project.images(), told.append) == first
    assert len(told) == 1
    image = tmp_path / "images" / "image2.tif"
    os.utime(image)
    assert image_checksums(project, project.images(), told.append) == first
    assert (told[1].done, told[1].total) == (1, 1)
    write_tiff(image, np.ones((100, 100), dtype=np.uint8))
    with pytest.raises(BadData, match=r"image2\.tif: is another image"):
        image_checksums(project, project.images(), told.append)


def test_computing_checksums_can_be_stopped_and_goes_on(project, monkeypatch):
    monkeypatch.setattr(datasheet, "IMAGES_AT_ONCE", 2)
    asked = []
    with pytest.raises(Cancelled):
        image_checksums(
            project, project.images(), should_stop=lambda: len(asked) or asked.append(1)
        )
    told = []
    image_checksums(project, project.images(), told.append)
    assert [p.total for p in told] == [2]
