"""The whole method with a simulated pathologist, and the report on what it gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_alc.cleaning.loop import relabelled
from napari_alc.detection.run_files import WEIGHTS_FILE, detections_folder
from napari_alc.errors import Cancelled
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.files import write_text
from napari_alc.labels import LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.annotation.time_spent import time_record
from napari_alc.project.export.export import export
from napari_alc.project.label_sets import clean_labels, pathologist_labels, training_labels
from napari_alc.project.project import MODELS, Project
from napari_alc.project.readers.agreement import agreement
from napari_alc.project.reporting.html_report import write_report
from napari_alc.project.reporting.report_data import REPORT_FILE
from napari_alc.project.reporting.report_tables import (
    Record,
    budget_record,
    detector_record,
    markdown,
)
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Status, Step, run_of, status
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.forecast import budget
from napari_alc.project.steps.predict import predict, tau_of
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import train, train_on
from napari_alc.project.storage.prediction_files import predict_pieces

READABLE_REPORT_FILE = "report.md"

TRAINING_SHARE = 10
"""A training counts this many times a prediction in the estimate of the time left."""


@dataclass(frozen=True)
class TestImages:
    """Images with clean labels that only measure the detectors."""

    __test__ = False  # pytest takes the name for a test

    folder: Path
    truth: LabelSet


@dataclass(frozen=True)
class Simulation:
    """A project, the clean labels that its simulated pathologist knows, and test images.

    The project may be half-way through; the labels are those of all images in X, with its ids.
    Without test images no detector is measured.
    """

    project: Project
    truth: LabelSet
    test: TestImages | None = None
    device: str = "auto"


def simulate(
    simulation: Simulation,
    report: Report = silent,
    should_stop: ShouldStop = never,
    on_iteration: Callable[[Record], None] = lambda _: None,
    on_step: Callable[[Status], None] = lambda _: None,
) -> Record:
    """Run the method to its end, or on from where it stopped; returns the report.

    The report is written to ``exports/report.json``, as tables to ``report.md``, and with pictures
    to ``report/report.html``.

    `on_iteration` receives the record of every iteration once its models are measured, first those
    of an earlier, interrupted call; `on_step` receives the project's status before each step.
    """
    whole = _Whole(report, _units(simulation, final=simulation.test is not None))
    for iteration in _measured_before(simulation.project):
        on_iteration(iteration_record(simulation, iteration, should_stop))
    while (found := status(simulation.project)).next_step is not Step.EXPORT:
        on_step(found)
        _advance(simulation, found, whole, should_stop)
        if found.next_step is Step.PREDICT:
            on_iteration(iteration_record(simulation, found.iteration, should_stop))
    export(simulation.project)
    return _finish(simulation, whole, should_stop)


def prepare_review(
    simulation: Simulation, report: Report = silent, should_stop: ShouldStop = never
) -> None:
    """Run the method until images chosen by the models wait for a person."""
    whole = _Whole(report, _units(simulation, final=False, iterations=1))
    while True:
        found = status(simulation.project)
        if found.next_step is Step.EXPORT or (
            found.next_step is Step.REVIEW and (found.iteration > 0 or found.corrected)
        ):
            return
        _advance(simulation, found, whole, should_stop)


def _advance(simulation: Simulation, found: Status, whole: _Whole, should_stop: ShouldStop) -> None:
    """Do the step that comes next."""
    project, device = simulation.project, simulation.device
    if should_stop():
        raise Cancelled("The simulation")
    if found.next_step is Step.REVIEW:
        review_everything(project, simulation.truth.labels)
    elif found.next_step is Step.TRAIN:
        for model in MODELS:
            train(project, [model], whole.part(TRAINING_SHARE), should_stop, device)
    elif found.next_step is Step.PREDICT:
        predict(project, whole.part(1), should_stop, device)
    elif found.next_step is Step.SELECT:
        select(project)
    else:
        correct_remaining(project)


def _finish(simulation: Simulation, whole: _Whole, should_stop: ShouldStop) -> Record:
    result = {
        "settings": {
            "method": simulation.project.settings.method.model_dump(),
            "detector": simulation.project.settings.detector.given,
        },
        "iterations": [
            iteration_record(simulation, i, should_stop) for i in _measured(simulation.project)
        ],
        "labels": _label_records(simulation),
        "budget": budget_record(budget(simulation.project, len(simulation.truth.labels))),
        "time": time_record(simulation.project),
        "detectors": dict(_final_detectors(simulation, whole, should_stop)),
        "agreement": [pair.record() for pair in agreement(simulation.project)],
    }
    folder = simulation.project.exports_folder
    write_text(folder / REPORT_FILE, json.dumps(result, indent=1) + "\n")
    write_text(folder / READABLE_REPORT_FILE, markdown(result))
    write_report(simulation.project, truth=simulation.truth)
    return result


def _measured(project: Project) -> range:
    return range(status(project).iteration + 1)


def _measured_before(project: Project) -> range:
    """The iterations whose models have predicted."""
    found = status(project)
    newest = run_of(project, found.iteration, MODELS[-1])
    has_predicted = newest is not None and newest.predicted_at is not None
    return range(found.iteration + has_predicted)


def iteration_record(
    simulation: Simulation, iteration: int, should_stop: ShouldStop = never
) -> Record:
    """What the models of one iteration learned from, what they reach, and the cost so far."""
    project = simulation.project
    clean = pathologist_labels(project, iteration)
    mixed = relabelled(project.crowd_labels(), clean)
    return {
        "iteration": iteration,
        "images": len(clean.images),
        "boxes": {m: len(training_labels(project, iteration, m).labels) for m in MODELS},
        "tau": tau_of(project, iteration),
        "models": {
            m: _measure(simulation, project.run_folder(iteration, m), should_stop) for m in MODELS
        },
        "labels": compare_labels(simulation.truth, mixed).figures(),
        "budget": budget_record(budget(project, len(simulation.truth.labels), iteration)),
    }


def _measure(simulation: Simulation, folder: Path, should_stop: ShouldStop) -> Record | None:
    """AP50 and TIDE of the weights in `folder` on the test images."""
    test = simulation.test
    if test is None:
        return None
    images = [(image.id, test.folder / image.file_name) for image in test.truth.images]
    found = predict_pieces(
        folder / WEIGHTS_FILE,
        images,
        detections_folder(folder, "test"),
        silent,
        should_stop,
        simulation.device,
    )
    return detector_record(test.truth, found)


def _label_records(simulation: Simulation) -> Record:
    """Label noise before and after."""
    project = simulation.project
    named = {"crowd": project.crowd_labels(), "clean": clean_labels(project).label_set}
    return {
        name: compare_labels(simulation.truth, labels).figures() for name, labels in named.items()
    }


def _final_detectors(
    simulation: Simulation, whole: _Whole, should_stop: ShouldStop
) -> Iterator[tuple[str, Record | None]]:
    """The same recipe on the crowd's, on our and on the pathologists' labels of all images."""
    if simulation.test is None:
        return
    project = simulation.project
    named = {
        "noisy": project.crowd_labels(),
        "ours": clean_labels(project).label_set,
        "clean": simulation.truth,
    }
    for name, labels in named.items():
        folder = project.folder / "runs" / "final" / name
        report = whole.part(TRAINING_SHARE)
        train_on(project, labels, folder, f"train {name}", report, should_stop, simulation.device)
        yield name, _measure(simulation, folder, should_stop)


def _units(simulation: Simulation, final: bool, iterations: int | None = None) -> int:
    """Work still to be done, in predictions."""
    found = status(simulation.project)
    planned = simulation.project.settings.method.iterations + 1
    left = 0 if found.corrected else (iterations or planned) - found.iteration
    return left * (2 * TRAINING_SHARE + len(MODELS)) + final * 3 * TRAINING_SHARE


class _Whole:
    """Turns the progress of parts into progress of the whole."""

    def __init__(self, report: Report, units: int) -> None:
        self._report = report
        self._units = max(units, 1)
        self._done = 0.0

    def part(self, units: int) -> Report:
        """A report for the next part, which is worth `units` for each step it names."""
        began, steps = self._done, list[str]()

        def report(progress: Progress) -> None:
            if progress.step not in steps:
                steps.append(progress.step)
            share = progress.done / max(progress.total, 1)
            self._done = min(began + units * (len(steps) - 1 + share), self._units)
            done, total = round(1000 * self._done), 1000 * self._units
            message = f"{progress.step}: {progress.message}" if progress.message else progress.step
            self._report(Progress("simulate", done, total, message, progress.values))

        return report
