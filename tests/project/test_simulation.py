"""The whole method on seven tiny images, with real trainings of a few iterations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hand_made import by_image

from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import Cancelled
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.project.label_sets import clean_labels, training_labels
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulation import Simulation, TestImages, prepare_review, simulate
from napari_alc.project.status import Step, status
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from tiny_projects import draw

IMAGES = 7


def simulation(base, name):
    truth = draw(base / "images", IMAGES)
    test = draw(base / "test", 2, seed=9)
    # The crowd missed the last box of all and drew the first ones of some images elsewhere.
    rows = truth.labels.take(range(len(truth.labels) - 1))
    boxes = rows.boxes.copy()
    boxes[::4] += 14
    crowd = truth.with_labels(replace(rows, boxes=boxes))
    project = create_project(
        base / name,
        Sources(base / "images", crowd, base / "crowd.json"),
        CreateOptions(
            MethodSettings(initial=3, per_iteration=1, iterations=1, seed=3),
            DetectorSettings(preset="compact", iterations=5, threads=1, score_floor=0.01),
        ),
    )
    return Simulation(project, truth, TestImages(base / "test", test), "cpu")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A simulation without interruption, its report and the rows that it showed."""
    base = tmp_path_factory.mktemp("simulation")
    rows: list = []
    made = simulation(base, "whole")
    return base, made, simulate(made, on_iteration=rows.append), rows


def test_the_report_tells_every_iteration_and_the_result(finished):
    _, made, report, rows = finished
    assert [row["iteration"] for row in rows] == [0, 1]
    assert report["iterations"] == rows
    assert [row["images"] for row in rows] == [3, 4]
    assert set(report["detectors"]) == {"noisy", "ours", "clean"}
    assert report["budget"]["counts"]["clean"] == len(made.truth.labels)
    exports = made.project.exports_folder
    assert json.loads((exports / "report.json").read_text()) == report
    assert "| iteration |" in (exports / "report.md").read_text()
    assert (exports / "clean.json").is_file()
    text = (exports / "report" / "report.html").read_text(encoding="utf-8")
    assert "Detectors trained on all images" in text
    assert "test images of the simulation" in text
    assert {path.name for path in (exports / "report").glob("*.png")} >= {
        "ap50.png", "noise.png", "tide.png", "detectors.png", "contact-sheet.png",
    }  # fmt: skip


def test_reviewed_images_are_clean_and_the_consensus_is_a_part_of_them(finished):
    _, made, _, _ = finished
    clean = training_labels(made.project, 1, "mp")
    noise = compare_labels(made.truth.of_images(clean.image_ids.tolist()), clean).figures()
    assert (noise["f1"], noise["miss"]) == (1, 0)
    agreed = training_labels(made.project, 1, "ma").labels
    assert set(agreed.ids.tolist()) < set(clean.labels.ids.tolist())


def test_running_again_does_nothing_new(finished):
    _, made, report, _ = finished
    steps: list = []
    assert simulate(made, on_step=steps.append) == report
    assert steps == []


def interrupted(made, after):
    """Run until `should_stop` has been asked so many times; whether it was stopped."""
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > after

    try:
        simulate(made, should_stop=should_stop)
    except Cancelled:
        return True
    return False


def test_a_simulation_that_was_stopped_again_and_again_ends_the_same(finished):
    base, whole, report, _ = finished
    made = simulation(base, "stopped")
    stops = [interrupted(made, after) for after in (3, 9, 14)]
    assert stops == [True] * 3
    rows: list = []
    found = simulate(made, on_iteration=rows.append)
    assert [row["iteration"] for row in rows] == [0, 1]
    ours, theirs = (clean_labels(s.project) for s in (made, whole))
    assert by_image(ours.label_set.labels) == by_image(theirs.label_set.labels)
    assert ours.origins == theirs.origins
    assert found == report


def test_the_method_can_stop_at_the_first_review_after_the_models(tmp_path):
    made = simulation(tmp_path, "review")
    prepare_review(made)
    found = status(made.project)
    assert (found.next_step, found.iteration, found.waiting) == (Step.REVIEW, 1, 1)
