"""The commands on files: reference cases, the shape of what they write, and bad input."""

import json
import sys

import pytest
from cleaning_fixtures import CASES, FIXTURES, load

from napari_alc import cli
from napari_alc.commands import label_cleaning


@pytest.fixture
def run(monkeypatch):
    """Run the program with the given arguments; returns its exit status."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["napari-alc", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            return stop.code or 0
        return 0

    return run


def inputs(folder):
    return [part for n in ("crowd", "mp", "ma") for part in (f"--{n}", folder / f"{n}.json")]


def read(path):
    return json.loads(path.read_text())


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


BOX = [10, 10, 20, 20]


@pytest.fixture
def small(tmp_path):
    """Three images (one without any box) with one crowd box, seen by Mp, and one Ma box."""
    images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 80} for i in (30, 10, 20)]
    crowd = {
        "images": images,
        "categories": [{"id": 1, "name": "deposit"}],
        "annotations": [{"id": 5, "image_id": 30, "category_id": 1, "bbox": BOX}],
    }
    write(tmp_path / "crowd.json", crowd)
    write(tmp_path / "mp.json", [detection(30, 0.9)])
    write(tmp_path / "ma.json", [detection(20, 0.6)])
    return tmp_path


def detection(image_id, score, bbox=BOX):
    return {"image_id": image_id, "category_id": 1, "bbox": bbox, "score": score}


@pytest.mark.parametrize("case", CASES)
def test_regions_gives_the_reference_result(run, tmp_path, case):
    assert run("regions", *inputs(FIXTURES / case), "--output", tmp_path / "r.json") == 0
    found, expected = read(tmp_path / "r.json"), load(case, "expected_regions")
    assert found["settings"] == {"iou": 0.5, "gamma": 0.8, "score_threshold": 0.5}
    for part in ("images", "labels"):
        assert len(found[part]) == len(expected[part])
        for record, wanted in zip(found[part], expected[part], strict=True):
            assert list(record) == list(wanted)
            assert {k: v for k, v in record.items() if k != "bbox"} == pytest.approx(
                {k: v for k, v in wanted.items() if k != "bbox"}
            )
            assert record.get("bbox", []) == pytest.approx(wanted.get("bbox", []), abs=1e-6)


def as_rows(records):
    return sorted((r["image_id"], r["category_id"], *r["bbox"]) for r in records)


@pytest.mark.parametrize("case", CASES)
def test_clean_gives_the_reference_result(run, tmp_path, case):
    files = {"automatic": tmp_path / "l.json", "review": tmp_path / "v.json"}
    arguments = ("--output", files["automatic"], "--review", files["review"])
    assert run("clean", *inputs(FIXTURES / case), *arguments) == 0
    expected, crowd = load(case, "expected_clean"), load(case, "crowd")
    regions = {"automatic": {"gray", "pink"}, "review": {"red", "green"}}
    for name, path in files.items():
        found = read(path)
        assert as_rows(found["annotations"]) == as_rows(expected[name])
        assert [i["id"] for i in found["images"]] == [i["id"] for i in crowd["images"]]
        assert found["categories"] == crowd["categories"]
        assert {a["region"] for a in found["annotations"]} == regions[name]


@pytest.mark.parametrize("case", CASES)
def test_consensus_gives_the_reference_result(run, tmp_path, case):
    folder = FIXTURES / case
    arguments = ("--pathologist", folder / "pathologist.json", "--crowd", folder / "crowd.json")
    assert run("consensus", *arguments, "--output", tmp_path / "a.json") == 0
    found = read(tmp_path / "a.json")
    kept = load(case, "expected_consensus")["annotation_ids"]
    assert sorted(a["id"] for a in found["annotations"]) == sorted(kept)
    given = {a["id"]: a for a in load(case, "pathologist")["annotations"]}
    assert as_rows(found["annotations"]) == as_rows(given[i] for i in kept)


def test_every_image_of_the_crowd_is_ranked_ties_by_id(run, small):
    assert run("regions", *inputs(small), "--output", small / "r.json") == 0
    ranked = read(small / "r.json")["images"]
    assert ranked == [
        {"image_id": 20, "inconsistency": 0.6, "red": 1, "pink": 0, "green": 0, "gray": 0},
        {"image_id": 10, "inconsistency": 0.0, "red": 0, "pink": 0, "green": 0, "gray": 0},
        {"image_id": 30, "inconsistency": 0.0, "red": 0, "pink": 0, "green": 0, "gray": 2},
    ]


def test_thresholds_given_are_used_and_written(run, small):
    options = ("--iou", 0.3, "--gamma", 0.7, "--score-threshold", 0.95)
    assert run("regions", *inputs(small), "--output", small / "r.json", *options) == 0
    found = read(small / "r.json")
    assert found["settings"] == {"iou": 0.3, "gamma": 0.7, "score_threshold": 0.95}
    assert [label["source"] for label in found["labels"]] == ["crowd"]


def test_the_score_of_a_green_box_ignores_detections_below_the_threshold(run, small):
    write(small / "mp.json", [detection(30, 0.4, [10, 10, 20, 5])])
    assert run("regions", *inputs(small), "--output", small / "r.json") == 0
    by_source = {label["source"]: label for label in read(small / "r.json")["labels"]}
    assert by_source["crowd"]["evaluation_score"] == 0.0


def test_index_counts_the_records_of_the_file_also_those_left_out(run, small, capsys):
    flat = detection(30, 0.9, [5, 5, 0, 10])
    write(small / "mp.json", [flat, detection(30, 0.1), detection(30, 0.9)])
    assert run("regions", *inputs(small), "--output", small / "r.json") == 0
    indices = {(r["source"], r["index"]) for r in read(small / "r.json")["labels"]}
    assert indices == {("crowd", 0), ("mp", 2), ("ma", 0)}
    told = capsys.readouterr()
    assert "left out" in told.err
    assert told.out == ""


def test_no_detections_at_all_leave_every_crowd_box_green(run, small):
    write(small / "mp.json", [])
    write(small / "ma.json", [])
    assert run("regions", *inputs(small), "--output", small / "r.json") == 0
    (label,) = read(small / "r.json")["labels"]
    assert (label["region"], label["evaluation_score"], label["score"]) == ("green", 0.0, None)


def test_no_boxes_anywhere_is_fine(run, small):
    crowd = read(small / "crowd.json")
    write(small / "crowd.json", {**crowd, "annotations": []})
    write(small / "mp.json", [])
    write(small / "ma.json", [])
    assert run("regions", *inputs(small), "--output", small / "r.json") == 0
    found = read(small / "r.json")
    assert found["labels"] == []
    assert [image["image_id"] for image in found["images"]] == [10, 20, 30]
    outputs = ("--output", small / "l.json", "--review", small / "v.json")
    assert run("clean", *inputs(small), *outputs) == 0
    assert read(small / "l.json")["annotations"] == []


def test_review_tells_why_each_box_is_there(run, small):
    outputs = ("--output", small / "l.json", "--review", small / "v.json")
    assert run("clean", *inputs(small), *outputs) == 0
    (automatic,) = read(small / "l.json")["annotations"]
    assert (automatic["region"], automatic["source"]) == ("gray", "mp")
    (left,) = read(small / "v.json")["annotations"]
    assert {k: left[k] for k in ("region", "source", "score", "evaluation_score")} == {
        "region": "red",
        "source": "ma",
        "score": 0.6,
        "evaluation_score": 0.6,
    }


def test_many_records_are_written_in_pieces_that_join(run, tmp_path, monkeypatch):
    monkeypatch.setattr(label_cleaning, "AT_ONCE", 7)
    assert run("regions", *inputs(FIXTURES / "case1"), "--output", tmp_path / "r.json") == 0
    assert len(read(tmp_path / "r.json")["labels"]) == 115


def test_a_missing_output_folder_is_created(run, small):
    assert run("regions", *inputs(small), "--output", small / "new" / "deep" / "r.json") == 0
    assert (small / "new" / "deep" / "r.json").exists()


@pytest.mark.parametrize("value", ["-0.1", "1.5", "nan", "much"])
@pytest.mark.parametrize("option", ["--iou", "--gamma", "--score-threshold"])
def test_a_threshold_outside_0_to_1_is_a_usage_error(run, small, option, value):
    arguments = (*inputs(small), "--output", small / "r.json", option, value)
    assert run("regions", *arguments) == 2
    assert not (small / "r.json").exists()


def test_a_missing_option_is_a_usage_error(run, small):
    assert run("regions", *inputs(small)) == 2


@pytest.mark.parametrize("name", ["crowd", "mp", "ma"])
@pytest.mark.parametrize("content", [None, "", '{"images": [', "3", "[1]"])
def test_a_bad_file_is_named_in_one_line_and_nothing_is_written(run, small, capsys, name, content):
    path = small / f"{name}.json"
    path.unlink()
    if content is not None:
        write(path, content)
    assert run("regions", *inputs(small), "--output", small / "r.json") == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(path) in told
    assert not (small / "r.json").exists()


def test_a_detection_of_an_unknown_image_is_named(run, small, capsys):
    write(small / "ma.json", [detection(20, 0.6), detection(77, 0.6)])
    outputs = ("--output", small / "l.json", "--review", small / "v.json")
    assert run("clean", *inputs(small), *outputs) == 1
    told = capsys.readouterr().err
    assert "detections[1]" in told
    assert "77" in told
    assert not (small / "l.json").exists()


def test_inputs_are_never_overwritten(run, small, capsys):
    before = (small / "crowd.json").read_text()
    assert run("regions", *inputs(small), "--output", small / "crowd.json") == 1
    assert (small / "crowd.json").read_text() == before
    same = ("--output", small / "l.json", "--review", small / "l.json")
    assert run("clean", *inputs(small), *same) == 1
    assert "named twice" in capsys.readouterr().err


def consensus_of(small, crowd, output):
    pathologist = ("--pathologist", small / "crowd.json")
    return ("consensus", *pathologist, "--crowd", crowd, "--output", output)


def test_pathologists_may_have_seen_only_some_images(run, small):
    crowd = read(small / "crowd.json")
    more = {"id": 99, "file_name": "99.png", "width": 5, "height": 5}
    larger = write(small / "all.json", {**crowd, "images": [*crowd["images"], more]})
    assert run(*consensus_of(small, larger, small / "a.json")) == 0
    assert [a["id"] for a in read(small / "a.json")["annotations"]] == [5]


def test_label_files_that_disagree_on_an_image_size_are_refused(run, small, capsys):
    crowd = read(small / "crowd.json")
    crowd["images"][0]["width"] = 90
    other = write(small / "other.json", crowd)
    assert run(*consensus_of(small, other, small / "a.json")) == 1
    assert "image 30" in capsys.readouterr().err
    assert not (small / "a.json").exists()


@pytest.mark.parametrize("delta", ["-1", "2", "nan"])
def test_delta_outside_0_to_1_is_a_usage_error(run, small, delta):
    arguments = consensus_of(small, small / "crowd.json", small / "a.json")
    assert run(*arguments, "--delta", delta) == 2


@pytest.mark.parametrize("command", ["regions", "consensus", "clean"])
def test_help_shows_an_example(run, capsys, command):
    assert run(command, "--help") == 0
    assert f"napari-alc {command} --" in capsys.readouterr().out.replace("\n", " ")


def test_a_second_drawing_is_green_where_boxes_match_once(run, small):
    crowd = read(small / "crowd.json")
    crowd["annotations"].append({**crowd["annotations"][0], "id": 6})
    write(small / "crowd.json", crowd)
    assert run("regions", *inputs(small), "--output", small / "once.json",
               "--matching", "one-to-one") == 0  # fmt: skip
    found = read(small / "once.json")
    assert found["settings"]["matching"] == "one-to-one"
    regions = [label["region"] for label in found["labels"] if label["source"] == "crowd"]
    assert sorted(regions) == ["gray", "green"]


def test_the_literal_argmax_takes_the_first_box_of_mp(run, small):
    write(small / "mp.json", [detection(30, 0.9, [60, 50, 20, 20])])
    assert run("regions", *inputs(small), "--output", small / "zero.json") == 0
    assert run("regions", *inputs(small), "--output", small / "first.json",
               "--green-argmax", "literal") == 0  # fmt: skip
    scores = [
        label["evaluation_score"]
        for name in ("zero.json", "first.json")
        for label in read(small / name)["labels"]
        if label["region"] == "green"
    ]
    assert scores == [0.0, 0.9]
    assert set(read(small / "zero.json")["settings"]) == {"iou", "gamma", "score_threshold"}


def test_the_crowds_box_may_stay_where_mp_saw_nothing(run, small):
    write(small / "mp.json", [])
    write(small / "ma.json", [detection(30, 0.9, [12, 10, 20, 20])])
    outputs = ("--output", small / "labels.json", "--review", small / "review.json")
    kept = []
    for reading in ("ma", "crowd"):
        assert run("clean", *inputs(small), *outputs, "--gray-without-mp", reading) == 0
        kept += [label["bbox"] for label in read(small / "labels.json")["annotations"]]
    assert kept == [[12, 10, 20, 20], BOX]
