"""Exports of projects in which people were unsure, wrote notes and flagged images."""

from __future__ import annotations

import json

import pytest
from hand_made import A, B, C, by_image, make, see

from napari_alc.errors import Refused
from napari_alc.formats.coco import read_coco
from napari_alc.project.annotation.decisions import finish, open_document
from napari_alc.project.annotation.remarks import flag_image, unflag_image
from napari_alc.project.annotation.tasks import next_open_task, queue
from napari_alc.project.export.export import FORMATS, export, export_again, export_and_tell
from napari_alc.project.label_sets import UnsureRule
from napari_alc.project.reporting.html_report import html
from napari_alc.project.reporting.report_data import findings
from napari_alc.project.reporting.report_tables import markdown
from napari_alc.project.status import Step, status
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.storage.records import FlagKind

KEEP, DROP = UnsureRule


@pytest.fixture
def project(tmp_path):
    """Image 1 came reviewed; Ada is unsure about one of two boxes of 2 and noted on the other."""
    project = make(tmp_path, {1: [A], 2: [A, C]}, images=2, clean={1: [A]}, iterations=0)
    see(project, 0, [(2, A, 0.9)], [(2, A, 0.9), (2, B, 0.9)])
    correct_remaining(project)
    task = next_open_task(project)
    document = open_document(project, task, "Ada")
    unsure, noted = sorted(document.open_boxes, key=lambda box: box.corners)
    document.mark_unsure([unsure.id])
    document.keep([noted.id])
    document.note(noted.id, "a fold | or\ndirt?")
    finish(project, task, "Ada")
    yield project
    project.close()


def content(path):
    return json.loads(path.read_text())


def marked(project):
    [task] = [task for task in queue(project) if task.image_id == 2]
    document = open_document(project, task, "Bob")
    return document, document.unsure_boxes[0]


def test_an_export_with_unsure_boxes_is_refused_until_it_is_said_what_becomes_of_them(project):
    assert status(project).next_step is Step.EXPORT
    assert "1 box is still marked as unsure" in status(project).sentence
    with pytest.raises(Refused, match=r"1 box is marked as unsure in 1 image.*'--unsure keep'"):
        export(project)
    assert not project.exports_folder.exists()
    document, box = marked(project)
    document.delete([box.id])
    finish(project, queue(project)[-1], "Bob")
    assert export(project).is_file()
    assert status(project).unsure == 0


def test_unsure_boxes_are_written_as_they_stand_or_left_out(project, tmp_path):
    _, box = marked(project)
    kept = by_image(read_coco(export(project, tmp_path / "k", unsure=KEEP)).label_set.labels)
    dropped = by_image(read_coco(export(project, tmp_path / "d", unsure=DROP)).label_set.labels)
    assert set(kept[2]) - set(dropped[2]) == {box.corners}
    assert len(kept[2]) == len(dropped[2]) + 1


def test_coco_carries_marks_notes_and_flags_with_who_and_when(project, tmp_path):
    flag_image(project, 2, FlagKind.BAD_PICTURE, "Eve", "blurred")
    found = content(export(project, tmp_path / "out", unsure=KEEP))
    said = [one["attributes"] for one in found["annotations"] if "attributes" in one]
    unsure, noted = sorted(said, key=lambda one: "note" in one)
    assert (unsure["unsure"], unsure["unsure_by"]) == (True, "Ada")
    assert (noted["note"], noted["note_by"]) == ("a fold | or\ndirt?", "Ada")
    assert unsure["unsure_at"].endswith("+00:00")
    assert noted["note_at"].endswith("+00:00")
    [one] = [one for one in found["annotations"] if one.get("attributes") == unsure]
    assert (one["decision"], one["person"]) == ("unsure", "")
    [image] = [image for image in found["images"] if "flags" in image]
    [flag] = image["flags"]
    assert (image["id"], flag["flag"], flag["words"], flag["by"]) == (
        2, "bad picture", "blurred", "Eve",
    )  # fmt: skip
    assert flag["at"].endswith("+00:00")


def test_the_export_says_what_was_left_out_and_what_cannot_be_carried(project, tmp_path):
    flag_image(project, 2, FlagKind.WRONG_TISSUE, "Eve")
    told = export_and_tell(project, tmp_path / "a", FORMATS, unsure=KEEP).notes
    assert told == (
        "1 box that is marked as unsure is in the files as things stand.",
        "1 image is flagged as the wrong tissue and in the files all the same.",
        "Pascal VOC and YOLO cannot carry 1 unsure mark, 1 note and 1 image flag; the COCO file "
        "and the datasheet have them.",
    )
    told = export_and_tell(project, tmp_path / "b", ["yolo"], unsure=DROP).notes
    assert told[0] == "1 box that is marked as unsure was left out."
    assert told[-1] == "YOLO cannot carry 1 note and 1 image flag; the datasheet has them."
    assert len(export_and_tell(project, tmp_path / "c", unsure=DROP).notes) == 2


def test_an_excluded_image_is_not_in_the_export_and_is_named(project, tmp_path):
    flag_image(project, 2, FlagKind.EXCLUDE, "Eve", "torn")
    made = export_and_tell(project, tmp_path / "out", FORMATS)
    assert made.notes == ("1 image is left out of the dataset: image2.tif.",)
    assert [image["id"] for image in content(made.path)["images"]] == [1]
    assert len(list((tmp_path / "out" / "voc").iterdir())) == 1
    sheet = content(tmp_path / "out" / "datasheet.json")
    assert sheet["labels"]["crowd"]["boxes"] == 1
    assert [(one["file_name"], one["flag"]) for one in sheet["flags"]] == [
        ("image2.tif", "exclude")
    ]
    assert "1 image is left out of the dataset." in (tmp_path / "out" / "datasheet.md").read_text()


def test_the_datasheet_counts_and_lists_them(project, tmp_path):
    export(project, tmp_path / "out", unsure=DROP)
    sheet = content(tmp_path / "out" / "datasheet.json")
    assert sheet["unsure"] == {"boxes": 1, "rule": "drop"}
    assert sorted(one.get("note", "") for one in sheet["remarks"]) == ["", "a fold | or\ndirt?"]
    words = (tmp_path / "out" / "datasheet.md").read_text()
    assert "1 box was marked as unsure when it was made; they are left out." in words
    assert "a fold \\| or dirt?" in words


def test_an_export_is_made_again_as_it_was_whatever_was_said_since(project, tmp_path):
    flag_image(project, 2, FlagKind.BAD_PICTURE, "Eve", "blurred")
    first = export(project, tmp_path / "out", FORMATS, unsure=KEEP).read_bytes()
    document, box = marked(project)
    document.keep([box.id])
    document.note(box.id, "clear now")
    unflag_image(project, 2, FlagKind.BAD_PICTURE, "Eve")
    flag_image(project, 1, FlagKind.EXCLUDE, "Eve")
    sheet = tmp_path / "out" / "datasheet.json"
    again = export_again(project, sheet)
    assert (again.mended, again.other_images) == ((), ())
    (tmp_path / "out" / "clean.json").unlink()
    assert export_again(project, sheet).mended == ("clean.json",)
    assert (tmp_path / "out" / "clean.json").read_bytes() == first


def test_a_datasheet_from_before_there_were_marks_still_makes_its_export(project, tmp_path):
    document, box = marked(project)
    document.delete([box.id])
    finish(project, queue(project)[-1], "Bob")
    document.note(next(b.id for b in document.boxes.values() if b.note), "")
    export(project, tmp_path / "out")
    sheet = tmp_path / "out" / "datasheet.json"
    old = content(sheet)
    old["datasheet"] = 1
    for name in ("note", "flag"):
        del old["moment"][name]
    sheet.write_text(json.dumps(old))
    flag_image(project, 2, FlagKind.EXCLUDE, "Eve")
    assert export_again(project, sheet).mended == ()


def test_the_report_counts_and_lists_marks_notes_and_flags(project):
    flag_image(project, 2, FlagKind.BAD_PICTURE, "Eve", "<b>blurred</b>")
    record = findings(project).record
    assert record["state"]["figures"]["boxes that somebody is unsure about"] == "1"
    text = markdown(record)
    assert "## Unsure boxes and notes" in text
    assert "| image2.tif | bad picture | <b>blurred</b> | Eve |" in text
    page = html(record, {})
    assert "a fold | or\ndirt?" in page
    assert "<b>blurred</b>" not in page


def test_a_report_without_any_has_no_such_sections(tmp_path):
    project = make(tmp_path, {1: [A]}, images=1)
    text = markdown(findings(project).record)
    assert "Unsure boxes" not in text
    assert "Flagged images" not in text
    project.close()
