"""Step 3 of an iteration: let Mp and Ma predict on X without X^i, and find tau."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_alc.detection.run_files import WEIGHTS_FILE, detections_folder
from napari_alc.evaluation.threshold import FALLBACK_TAU, best_threshold
from napari_alc.labels import Detections, ImageRecord
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.locks import one_at_a_time
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import Step, require, run_of
from napari_alc.project.steps.executor import Executor, LocalExecutor
from napari_alc.project.steps.train import VALIDATION_AP50
from napari_alc.project.storage.prediction_files import load_pieces
from napari_alc.project.storage.records import EventKind
from napari_alc.project.storage.repository import now
from napari_alc.project.strategy_measurements import measure_images


@one_at_a_time("predict")
def predict(
    project: Project,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    executor: Executor | None = None,
) -> float:
    """Let both models look at X without X^i and at the validation images; returns tau.

    Where the project's selection strategy looks further, that is measured here too, whoever
    predicts. Pieces that are there already are kept, so a call after a crash goes on. Without an
    executor, this process predicts.

    Raises
    ------
    AlcError
        When the models are not trained yet, or not as the selection strategy needs it.
    """
    iteration = require(project, Step.PREDICT, Step.SELECT, Step.CORRECT).iteration
    remaining = remaining_images(project, iteration)
    validation = project.validation_labels().images
    for model in MODELS:
        for name, images in (("remaining", remaining), ("validation", validation)):
            predict_images(
                project, iteration, model, name, images, report, should_stop, device, executor
            )
    measure_images(project, iteration, report, should_stop, device)
    tau = _tau(project, iteration)
    metrics = {model: _measured(project, iteration, model) for model in MODELS}
    with project.store.transaction() as unit:
        for model in MODELS:
            unit.runs.set_predicted(iteration, model, now(), tau, metrics[model])
        details = {"images": len(remaining), "tau": tau}
        unit.events.add(EventKind.PREDICT, iteration, details)
    return tau


def predict_images(
    project: Project,
    iteration: int,
    model: str,
    name: str,
    images: Sequence[ImageRecord],
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    executor: Executor | None = None,
) -> Detections:
    """What a model sees in `images`, kept under `name` in its run's folder."""
    folder = project.run_folder(iteration, model)
    paths = [(image.id, project.path_of(image)) for image in images]

    def named(progress: Progress) -> None:
        report(Progress(f"predict {model}", progress.done, progress.total, progress.message))

    who = executor or LocalExecutor(project.cache_folder)
    return who.predict_pieces(
        folder / WEIGHTS_FILE, paths, detections_folder(folder, name), named, should_stop, device
    )


def detections_of(
    project: Project, iteration: int, model: str, image_ids: Iterable[int], name: str = "remaining"
) -> Detections:
    """The stored detections of a model, with scores from the detector's floor upwards.

    Raises
    ------
    BadData
        When a file is damaged, or one of the images was not looked at.
    """
    return load_pieces(detections_folder(project.run_folder(iteration, model), name), image_ids)


def tau_of(project: Project, iteration: int) -> float:
    """The score threshold that holds in `iteration`."""
    run = run_of(project, iteration, "mp")
    return float(run.threshold) if run is not None and run.threshold is not None else FALLBACK_TAU


def _tau(project: Project, iteration: int) -> float:
    if project.settings.method.tau >= 0:
        return project.settings.method.tau
    truth = project.validation_labels()
    detections = detections_of(project, iteration, "mp", truth.image_ids, "validation")
    return best_threshold(truth, detections)


def _measured(project: Project, iteration: int, model: str) -> dict[str, object]:
    """The metrics of a run, with its AP50 on the validation images where there are any."""
    from napari_alc.evaluation.average_precision import average_precision
    from napari_alc.evaluation.matching import detection_limit

    run = run_of(project, iteration, model)
    metrics = dict(run.metrics) if run is not None and run.metrics else {}
    truth = project.validation_labels()
    if len(truth.labels):
        found = detections_of(project, iteration, model, truth.image_ids, "validation")
        metrics[VALIDATION_AP50] = average_precision(truth, found, detection_limit(found)).ap50
    return metrics
