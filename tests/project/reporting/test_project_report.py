"""The report of finished and unfinished projects: figures, pictures, one file for all."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
from hand_made import A, B, C, D, label_set, make, see
from PIL import Image

from napari_alc.errors import AlcError, Cancelled
from napari_alc.project.reporting import html_report
from napari_alc.project.reporting.contact_sheet import (
    AROUND,
    CONFIRMED,
    MISPLACED,
    MISSED,
    NO_OBJECT,
    REDRAWN,
    changed_pairs,
    draw_sheet,
    preview_pairs,
    read_picture,
)
from napari_alc.project.reporting.html_report import FILES, html, report_file, write_report
from napari_alc.project.reporting.report_data import findings
from napari_alc.project.reporting.report_tables import markdown
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.audit import draw as draw_audit
from napari_alc.project.steps.correct import correct_remaining, preview
from napari_alc.project.steps.select import select

TRUTH = {1: [A], 2: [A, C], 3: [A], 4: [A, D]}


@pytest.fixture
def unfinished(tmp_path):
    """Image 1 came in reviewed, 2 was selected and waits."""
    crowd = {1: [A, C], 2: [A], 3: [A], 4: [A, C]}
    project = make(tmp_path, crowd, clean={1: [A]})
    see(project, 0, [(2, B, 0.9), (3, A, 0.9), (4, A, 0.9)], [(2, D, 0.9)])
    select(project)
    return project


@pytest.fixture
def corrected(unfinished):
    """All iterations are done."""
    review_everything(unfinished, label_set({2: TRUTH[2]}, 4).labels)
    see(unfinished, 1, [(3, A, 0.8), (4, A, 0.7)], [(4, D, 0.6)])
    return unfinished


@pytest.fixture
def finished(corrected):
    correct_remaining(corrected)
    review_everything(corrected, label_set({4: TRUTH[4]}, 4).labels)
    return corrected


class Reader(HTMLParser):
    """Tags that were opened and not closed, sources of pictures, and the words."""

    def __init__(self):
        super().__init__()
        self.open, self.pictures, self.words, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_one_file_holds_every_picture_that_lies_beside_it(finished, tmp_path):
    path = write_report(finished, tmp_path / "out", label_set(TRUTH, 4))
    found = read(path)
    beside = sorted(p.read_bytes() for p in (tmp_path / "out").glob("*.png"))
    held = [b64decode(source.removeprefix("data:image/png;base64,")) for source in found.pictures]
    assert sorted(held) == beside
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "report.html", "contact-sheet.png", "noise.png", "ap50.png", "tide.png",
    }  # fmt: skip
    assert not found.tags & {"script", "link", "iframe"}
    for png in held:
        Image.open(io.BytesIO(png)).verify()


def test_with_the_truth_noise_is_told_before_and_after(finished):
    record = findings(finished, label_set(TRUTH, 4)).record
    assert (record["labels"]["crowd"]["background"], record["labels"]["crowd"]["miss"]) == (2, 2)
    assert record["labels"]["clean"]["f1"] == 1
    assert record["budget"]["counts"]["clean"] == 6
    assert "2 images that no pathologist" in record["measured_on"]
    assert record["iterations"][1]["models"]["mp"]["AP50"] == pytest.approx(66.3, abs=0.1)
    assert record["iterations"][1]["models"]["mp"]["TIDE"]["Miss"] > 30


def test_without_the_truth_the_clean_labels_judge_the_crowd(finished):
    record = findings(finished).record
    assert set(record["labels"]) == {"crowd"}
    assert record["labels"]["crowd"]["background"] == 2
    assert "noise that was found" in record["judged_by"]
    assert record["origins"]["decided"] == {"added": 2, "automatic": 2, "kept": 2}
    assert record["state"]["summary"][0] == (
        "Of 6 boxes of the crowd 4 were right; 2 held no object, 0 had the wrong place, size or "
        "kind, 0 held several objects; 2 objects had been missed (to be read with caution, as it "
        "rests on the models: nobody knows how well they find objects (no AP50) and no audit has "
        "judged what they make of the labels)."
    )
    assert "The noise that was found is to be read with caution" in markdown(record)
    assert any(words.startswith("Noise that is left") for words in record["missing"])


def test_what_the_truth_has_judged_needs_no_caution(finished):
    assert findings(finished, label_set(TRUTH, 4)).record["caveat"] == ""


def test_what_pathologists_have_settled_alone_needs_no_caution(unfinished):
    record = findings(unfinished).record
    assert "objects had been missed." in record["state"]["summary"][0]
    assert record["caveat"] == ""


def test_an_unfinished_project_says_what_is_not_there_yet(unfinished, tmp_path):
    words = " ".join(read(write_report(unfinished, tmp_path / "out")).words)
    assert "1 image waits for a pathologist." in words
    assert "The clean dataset: review and correction are not finished." in words
    assert "AP50 and TIDE: there are neither" in words
    assert "as many boxes an image as the 1 images that pathologists have finished" in words
    assert "How to cite" in words


def test_a_new_project_has_a_report_too(tmp_path):
    project = make(tmp_path, {1: [A]})
    words = " ".join(read(write_report(project)).words)
    assert "no image is settled yet" in words
    assert report_file(project).is_file()
    assert not list(report_file(project).parent.glob("*.png"))


def test_a_picture_that_is_no_longer_shown_goes(finished, tmp_path):
    write_report(finished, tmp_path, label_set(TRUTH, 4))
    assert (tmp_path / FILES["tide"]).is_file()
    write_report(finished, tmp_path)
    assert not (tmp_path / FILES["tide"]).exists()


def test_names_of_people_and_files_are_no_markup(finished):
    record = dict(findings(finished).record)
    record["title"] = "<script>alert(1)</script>"
    record["time"] = {
        "step1_minutes": 1.0,
        "step2_minutes": 0.0,
        "minutes_by_person": {'"Ada" <b> & $x$': 1.0},
        "box_in_box_time": None,
    }
    text = html(record, {"time": b""})
    assert "<script>" not in text
    assert "&#34;Ada&#34; &lt;b&gt; &amp; $x$" in text
    assert "Ada" in markdown(record)


def test_names_with_signs_of_formulas_are_drawn_as_they_are():
    from napari_alc.project.reporting.plots import draw_plots

    pair = {"first": "$x", "second": r"\frac$", "images": 2, "boxes": 9, "f1": 0.5, "kappa": None}
    drawn = draw_plots({"iterations": [], "labels": {}, "detectors": {}, "agreement": [pair]})
    assert set(drawn) == {"agreement"}


def test_the_record_of_a_simulation_is_used_while_it_fits(finished):
    record = dict(findings(finished, label_set(TRUTH, 4)).record)
    record["detectors"] = {"ours": record["iterations"][1]["models"]["mp"]}
    path = finished.exports_folder / "report.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record))
    assert set(findings(finished).record["detectors"]) == {"ours"}
    assert "test images of the simulation" in findings(finished).record["measured_on"]
    path.write_text(json.dumps({**record, "iterations": record["iterations"][:1]}))
    assert findings(finished).record["detectors"] == {}
    path.write_text("{")
    assert findings(finished).record["detectors"] == {}


def test_a_report_can_be_stopped_and_leaves_the_last_one(finished, tmp_path):
    path = write_report(finished, tmp_path)
    before = path.read_bytes()
    with pytest.raises(Cancelled):
        write_report(finished, tmp_path, should_stop=lambda: True)
    assert path.read_bytes() == before


def test_a_missing_image_is_named(finished, tmp_path):
    (tmp_path / "images" / "image4.tif").unlink()
    with pytest.raises(AlcError, match=r"image4\.tif"):
        write_report(finished, tmp_path / "out")


def test_boxes_of_the_sheet_are_named_by_what_they_are():
    shifted = (20, 10, 40, 30)
    crowd = label_set({1: [A, B], 2: [shifted, (9, 49, 71, 71), (80, 80, 95, 95)]}, 3)
    clean = label_set({1: [A, B], 2: [A, C, D], 3: [B]}, 3)
    two, three = changed_pairs(crowd, clean)
    assert (two.image.id, three.image.id) == (2, 3)
    assert {style: len(boxes) for style, boxes in two.before.items()} == {
        MISPLACED: 1,
        AROUND: 1,
        NO_OBJECT: 1,
    }
    assert {style: len(boxes) for style, boxes in two.after.items()} == {REDRAWN: 3}
    assert (dict(three.before), list(three.after)) == ({}, [MISSED])
    [one] = changed_pairs(label_set({1: [A]}, 1), label_set({1: [A, B]}, 1))
    assert set(one.before) | set(one.after) == {CONFIRMED, MISSED}
    assert changed_pairs(crowd, crowd) == ()


def test_a_sheet_is_drawn_of_a_preview_with_its_boxes_in_place(corrected):
    pairs = preview_pairs(preview(corrected))
    shown = np.asarray(Image.open(io.BytesIO(draw_sheet(corrected, pairs))).convert("RGB"))
    assert shown.shape[1] == 1200
    orange = (np.abs(shown.astype(int) - (0xE6, 0x9F, 0)) < 30).all(axis=2)
    assert orange[:, :600].any()
    assert orange[:, 600:].any()
    assert draw_sheet(corrected, pairs) == draw_sheet(corrected, pairs)


def test_the_legend_stands_above_the_pictures(corrected):
    png = draw_sheet(corrected, preview_pairs(preview(corrected)))
    shown = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    is_legend = (shown == 0x4A).all(axis=2).mean(axis=1) > 0.2
    is_white = (shown > 250).all(axis=2)
    is_picture = ~is_legend & (is_white.mean(axis=1) < 0.2)
    assert is_legend.any()
    assert np.flatnonzero(is_legend).max() < np.flatnonzero(is_picture).min()


def test_large_images_are_shown_small(corrected, monkeypatch):
    monkeypatch.setattr("napari_alc.project.reporting.contact_sheet.LONGEST", 40)
    picture = read_picture(corrected, corrected.images()[0])
    assert (picture.pixels.shape, picture.scale, picture.nm) == ((40, 40), 0.4, None)


def test_the_date_and_the_version_are_told(finished, monkeypatch):
    monkeypatch.setattr(html_report, "__version__", "9.8.7")
    text = html(findings(finished).record, {})
    assert re.search(r"\d+ \w+ 20\d\d, napari-alc 9\.8\.7", text)


def test_an_audit_and_the_forecast_are_told(tmp_path):
    boxes = {i: [A, B] for i in range(2, 6)}
    project = make(tmp_path, {1: [A], **boxes}, 5, clean={1: [A]}, iterations=2)
    see(project, 0, [(i, A, 0.9) for i in boxes], [(i, A, 0.9) for i in boxes])
    draw_audit(project, 2, "Ada")
    review_everything(project, label_set({i: [A, C] for i in boxes}, 5).labels)
    text = markdown(findings(project).record)
    assert "| boxes of the crowd with no object in them | 2 of 4 | 50.0 % | 9.5–90.5 % |" in text
    assert "noise after the correction" in text
    assert "| objects that the crowd has missed | 2 of 4 | 50.0 % | 9.5–90.5 % |" in text
    assert "noise after the correction" in text
    assert "## Forecast" in text
    assert "It is too early to tell" in text
    assert "| without another one |" in text
