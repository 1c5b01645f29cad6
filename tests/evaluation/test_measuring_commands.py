"""The commands evaluate, compare-labels and add-noise, from the shell's side."""

import json
import sys

import pytest

from napari_alc import cli
from napari_alc.commands import measuring


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["napari-alc", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def coco(boxes, images=2):
    return {
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": 640, "height": 480}
            for i in range(1, images + 1)
        ],
        "categories": [{"id": 4, "name": "deposit"}],
        "annotations": [
            {"id": number, "image_id": 1 + number % images, "category_id": 4, "bbox": box}
            for number, box in enumerate(boxes)
        ],
    }


@pytest.fixture
def truth(tmp_path):
    """Forty clean boxes in two images."""
    boxes = [[60 * (i % 10) + 5, 50 * (i // 10) + 5, 40, 35] for i in range(40)]
    return write(tmp_path / "truth.json", coco(boxes))


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def read(path):
    return json.loads(path.read_text())


def test_evaluate_prints_one_json_object(run, truth, tmp_path):
    found = [
        {key: a[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for a in read(truth)["annotations"]
    ]
    detections = write(tmp_path / "found.json", found)
    status, out, _ = run("evaluate", "--truth", truth, "--detections", detections)
    assert status == 0
    result = json.loads(out)
    assert list(result) == ["AP50", "AP75", "AP", "TIDE", "per_category"]
    assert result["AP50"] == pytest.approx(100)
    assert result["TIDE"] == dict.fromkeys(["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"], 0.0)
    assert result["per_category"] == {"deposit": pytest.approx(100)}


def test_evaluate_counts_every_box_of_a_crowded_image(run, tmp_path):
    boxes = [[15 * (i % 40), 15 * (i // 40), 14, 14] for i in range(400)]
    truth = write(tmp_path / "truth.json", coco(boxes, images=1))
    found = [{"image_id": 1, "category_id": 4, "bbox": box, "score": 0.5} for box in boxes]
    found = write(tmp_path / "found.json", found)
    _, out, _ = run("evaluate", "--truth", truth, "--detections", found)
    assert json.loads(out)["AP50"] == pytest.approx(100)


def test_evaluate_without_detections_gives_zero(run, truth, tmp_path):
    status, out, _ = run("evaluate", "--truth", truth, "--detections", write(tmp_path / "d", []))
    assert status == 0
    assert json.loads(out)["AP50"] == 0


def test_evaluate_without_truth_says_what_to_do(run, tmp_path):
    empty = write(tmp_path / "empty.json", coco([]))
    status, out, err = run("evaluate", "--truth", empty, "--detections", write(tmp_path / "d", []))
    assert (status, out) == (1, "")
    assert err == f"napari-alc: {empty}: holds no box. Give clean labels with at least one box\n"


def test_notes_go_to_standard_error(run, tmp_path):
    truth = write(tmp_path / "truth.json", coco([[600, 10, 60, 40]]))
    status, out, err = run("compare-labels", "--truth", truth, "--labels", truth)
    assert status == 0
    assert json.loads(out)["clean"] == 1
    assert "clipped" in err


def test_compare_labels_prints_counts_and_ratios(run, truth, tmp_path):
    spoiled = read(truth)
    spoiled["annotations"] = spoiled["annotations"][10:]
    crowd = write(tmp_path / "crowd.json", spoiled)
    status, out, _ = run("compare-labels", "--truth", truth, "--labels", crowd)
    assert status == 0
    assert json.loads(out) == {
        "clean": 30,
        "location": 0,
        "box_in_box": 0,
        "background": 0,
        "miss": 10,
        "precision": 1.0,
        "recall": 0.75,
        "f1": pytest.approx(6 / 7),
    }


def test_compare_labels_refuses_files_of_other_images(run, truth, tmp_path):
    other = write(tmp_path / "other.json", coco([[10, 10, 20, 20]], images=3))
    status, out, err = run("compare-labels", "--truth", truth, "--labels", other)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert str(truth) in err
    assert str(other) in err


def test_add_noise_writes_labels_and_a_log_that_agree(run, truth, tmp_path):
    crowd, log = tmp_path / "crowd.json", tmp_path / "log.json"
    arguments = ["--labels", truth, "--output", crowd, "--log", log, "--seed", 5]
    assert run("add-noise", *arguments, "--box-in-box", 0.1)[0] == 0
    written, told = read(crowd), read(log)
    assert told["settings"] == {
        "background": 0.15,
        "miss": 0.1,
        "location": 0.2,
        "box_in_box": 0.1,
        "seed": 5,
    }
    assert told["counts"] == {
        "background": 6,
        "box_in_box": 4,
        "kept": 24,
        "location": 8,
        "miss": 4,
    }
    by_id = {a["id"]: a["bbox"] for a in written["annotations"]}
    shown = {r["label_id"]: r["bbox"] for r in told["boxes"] if r["label_id"] is not None}
    assert by_id == shown
    assert {r["truth_id"] for r in told["boxes"] if r["what"] != "background"} == set(range(40))


def test_the_seed_decides(run, truth, tmp_path):
    outputs = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    for output, seed in zip(outputs, (1, 1, 2), strict=True):
        run("add-noise", "--labels", truth, "--output", output, "--seed", seed)
    same, again, other = (output.read_bytes() for output in outputs)
    assert same == again != other


def test_without_noise_the_labels_stay(run, truth, tmp_path):
    output = tmp_path / "crowd.json"
    none = [part for kind in ("background", "miss", "location", "box-in-box")
            for part in (f"--{kind}", 0)]  # fmt: skip
    run("add-noise", "--labels", truth, "--output", output, *none)
    keep = ("id", "image_id", "category_id", "bbox")
    before, after = (
        [{key: a[key] for key in keep} for a in read(path)["annotations"]]
        for path in (truth, output)
    )
    assert before == after


@pytest.mark.parametrize(
    "rates",
    [
        ["--miss", "1.5"],
        ["--background", "-0.1"],
        ["--location", "nan"],
        ["--miss", "0.6", "--location", "0.5"],
        ["--seed", "-1"],
    ],
)
def test_impossible_rates_are_a_usage_error(run, truth, tmp_path, rates):
    output = tmp_path / "crowd.json"
    status, _, err = run("add-noise", "--labels", truth, "--output", output, *rates)
    assert status == 2
    assert "Traceback" not in err
    assert not output.exists()


def test_add_noise_does_not_write_over_what_it_reads(run, truth):
    before = truth.read_bytes()
    status, _, err = run("add-noise", "--labels", truth, "--output", truth)
    assert status == 1
    assert str(truth) in err
    assert truth.read_bytes() == before


def test_the_commands_are_python_functions_too(truth, tmp_path, capsys):
    crowd = tmp_path / "crowd.json"
    measuring.add_noise(truth, crowd, miss=0.5, location=0.0, box_in_box=0.0, background=0.0)
    measuring.compare_labels(truth, crowd)
    assert json.loads(capsys.readouterr().out)["miss"] == 20
