"""Training a detector: reproducible, cancellable, and resumed where it was interrupted.

Every random draw depends on the seed and the number of the iteration alone: the data order and
augmentation through `samples.Batches`, torchvision's sampling of anchors through a reseeding of
torch's generator at each iteration. So weights, optimiser state and the iteration's number are
all that a checkpoint needs, and on the CPU a resumed training ends with the very same bits.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import torch

from napari_alc.detection.data.augmentation import compact_augmentation, paper_augmentation
from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.data.pasting import Paster
from napari_alc.detection.data.samples import Batches, TrainingImage
from napari_alc.detection.devices import choose_device, cpu_threads, enough_memory
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.weights import (
    Detector,
    categories_by_label,
    save_detector,
    saved_fingerprint,
)
from napari_alc.detection.plan import Plan, make_plan, object_sizes
from napari_alc.detection.precision import Precision, choose_precision
from napari_alc.detection.run_files import CHECKPOINT_FILE, METRICS_FILE, WEIGHTS_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.iteration import Batch, advance, coming_batches
from napari_alc.detection.training.optimisation import make_optimiser
from napari_alc.detection.training.record import progress_of, record_of
from napari_alc.detection.training.run import Run, Variant, resume, save_checkpoint
from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.files import write_text
from napari_alc.formats.images import image_size
from napari_alc.labels import Category
from napari_alc.progress import Report, ShouldStop, never, silent

CHECKPOINT_SECONDS = 20.0
CHECKPOINT_SHARE = 0.05
"""Most of the time that saving checkpoints may take; large models are saved less often."""
REPORT_SECONDS = 0.2

Measure = Callable[[Detector], float]
"""AP50 of a detector on the validation images, in percent."""


def train(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    folder: Path,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
    step: str = "train",
    *,
    plan: Plan | None = None,
    measure: Measure | None = None,
    cache: ImageCache | None = None,
    variant: Variant | None = None,
) -> Path:
    """Train a detector and write it to `folder`.

    Writes ``weights.pt``, ``metrics.json`` and, while it runs, ``checkpoint.pt``. A checkpoint
    of the same settings and data is resumed; where their weights are already there, nothing is
    done. Weights of an earlier training stay until the new ones are complete. Where a GPU's
    memory does not hold a batch, it is halved (see `napari_alc.detection.training.iteration`).

    Parameters
    ----------
    images
        The training set; images without boxes are negative examples.
    categories
        All categories, in the order in which the network numbers them.
    folder
        Made where it does not exist.
    report, should_stop
        See `napari_alc.progress`; reported values are ``loss``, ``learning_rate`` and
        ``seconds_left``, and after a measurement ``validation_AP50`` (percent).
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    step
        Name of the step in progress reports.
    plan
        Sizes of the network and its input; None chooses them from `images`.
    measure
        Called about ten times a training, or as the settings say, with the detector as it is
        then; the weights are the same with it and without.
    cache
        Images decoded and scaled earlier; the weights are the same with it and without.
    variant
        Another way of training than the plain one.

    Returns
    -------
    Path
        The weights file.

    Raises
    ------
    Cancelled
        When `should_stop` says so; the checkpoint is written first.
    AlcError
        When there is no box to learn from, the loss is no longer finite, the device or the
        initial weights are not there, or its memory is too small for a single image.
    """
    _require_learnable(images, categories)
    weights = folder / WEIGHTS_FILE
    fingerprint = training_fingerprint(images, categories, settings, plan, variant)
    # Of all that decides the outcome: an unchanged training is not done again, a changed one is.
    if saved_fingerprint(weights) == fingerprint:
        return weights
    # Forked, so that a training in another program's process leaves its random numbers alone.
    with enough_memory(), cpu_threads(settings.threads), torch.random.fork_rng():
        precision = choose_precision(settings.precision, choose_device(device))
        plan = plan or _plan(images, settings)
        torch.manual_seed(settings.seed)
        network = build_network(settings, plan, len(categories))
        if variant:
            variant.prepare(network)
        detector = Detector(precision.place(network).train(), settings, plan, tuple(categories))
        run = _start(detector, _batches(images, detector, cache), precision, step, fingerprint)
        run.variant = variant
        # After the variant has changed the network: the checkpoint holds the changed one.
        resume(run, folder / CHECKPOINT_FILE)
        _iterate(run, folder / CHECKPOINT_FILE, report, should_stop, measure)
    if variant:
        folder.mkdir(parents=True, exist_ok=True)
        variant.finish(run.detector.network, folder)
    # The weights come last: whoever finds them finds the record too. The checkpoint goes after
    # them, so that a crash in between costs no more than the last iterations.
    write_text(folder / METRICS_FILE, record_of(run))
    save_detector(weights, run.detector, fingerprint)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    return weights


def _require_learnable(images: Sequence[TrainingImage], categories: Sequence[Category]) -> None:
    if not any(len(object_sizes(image.boxes)) for image in images):
        raise AlcError(
            f"There is nothing to learn from: none of the {len(images)} training images has a box."
        )
    known = {category.id for category in categories}
    for image in images:
        unknown = set(image.category_ids.tolist()) - known
        if unknown:
            raise BadData(
                image.path,
                f"has a box of category {min(unknown)}, which is not among the categories",
                "Add the category or leave the box out",
            )


def training_fingerprint(
    images: Sequence[TrainingImage],
    categories: Sequence[Category],
    settings: DetectorSettings,
    plan: Plan | None = None,
    variant: Variant | None = None,
) -> str:
    """A digest of all that decides the outcome of a training (image files by name and size)."""
    digest = hashlib.sha256()
    names = [[category.id, category.name] for category in categories]
    sizes = plan.to_json() if plan else None
    digest.update(orjson.dumps([settings.deciding, names, sizes], option=orjson.OPT_SORT_KEYS))
    if variant:
        digest.update(variant.name.encode())
    for image in images:
        # By size, not by content: reading all images would take longer than a short training.
        size = image.path.stat().st_size if image.path.is_file() else -1
        digest.update(f"{image.path.name}\0{size}\0{len(image.boxes)}\0".encode())
        if settings.paste == "on":
            digest.update(bytes([image.is_trusted]))
        digest.update(image.boxes.tobytes())
        digest.update(image.category_ids.tobytes())
    return digest.hexdigest()


def _plan(images: Sequence[TrainingImage], settings: DetectorSettings) -> Plan:
    sizes = [image_size(image.path) for image in images]
    return make_plan(settings, sizes, [image.boxes for image in images])


def _batches(
    images: Sequence[TrainingImage], detector: Detector, cache: ImageCache | None
) -> Batches:
    settings, plan = detector.settings, detector.plan
    make = compact_augmentation if settings.is_small else paper_augmentation
    labels, count = categories_by_label(detector.categories), settings.images_a_batch
    batches = Batches(images, labels, plan, make(plan.window), count, settings.seed, cache)
    if settings.paste == "on":
        trusted = [number for number, image in enumerate(images) if image.is_trusted]
        batches.augment = make(plan.window, Paster.of(batches.sample, trusted))
    return batches


def _start(
    detector: Detector, batches: Batches, precision: Precision, step: str, fingerprint: str
) -> Run:
    settings = detector.settings
    return Run(
        detector=detector,
        batches=batches,
        optimiser=make_optimiser(detector.network, settings),
        scaler=precision.scaler(),
        precision=precision,
        total=settings.total_iterations(len(batches.images)),
        fingerprint=fingerprint,
        step=step,
        batch_size=settings.images_a_batch,
    )


def _iterate(
    run: Run, checkpoint: Path, report: Report, should_stop: ShouldStop, measure: Measure | None
) -> None:
    batches = coming_batches(run)
    try:
        _go_on(run, batches, checkpoint, report, should_stop, measure)
    except Cancelled:
        save_checkpoint(run, checkpoint)
        raise
    finally:
        # Ends the threads that read ahead, whatever ended the training.
        batches.close()


def _go_on(
    run: Run,
    batches: Iterator[Batch],
    checkpoint: Path,
    report: Report,
    should_stop: ShouldStop,
    measure: Measure | None,
) -> None:
    # Time of earlier sessions counts, so that seconds and time left go on where they were.
    started = time.monotonic() - run.seconds
    next_save, next_report = run.seconds + CHECKPOINT_SECONDS, run.seconds
    while run.iteration < run.total or (measure and run.is_measurement_due):
        if should_stop():
            raise Cancelled(run.step)
        measured = _measure_or_advance(run, batches, measure)
        run.seconds = time.monotonic() - started
        if measured or run.seconds >= next_report or run.iteration == run.total:
            report(progress_of(run, measured))
            next_report = run.seconds + REPORT_SECONDS
        if run.seconds >= next_save:
            next_save = run.seconds + _save_and_pause(run, checkpoint)


def _save_and_pause(run: Run, checkpoint: Path) -> float:
    """Save; returns the seconds until it may be done again."""
    before = time.monotonic()
    save_checkpoint(run, checkpoint)
    return max(CHECKPOINT_SECONDS, (time.monotonic() - before) / CHECKPOINT_SHARE)


def _measure_or_advance(run: Run, batches: Iterator[Batch], measure: Measure | None) -> bool:
    """Do what comes next; returns whether that was a measurement."""
    if measure is None or not run.is_measurement_due:
        advance(run, batches)
        return False
    _measure(run, measure)
    return True


def _measure(run: Run, measure: Measure) -> None:
    # In evaluation mode batch statistics stay as they are and nothing is drawn: the weights are
    # the same with a measurement and without.
    network = run.detector.network.eval()
    try:
        ap50 = measure(run.detector)
    finally:
        network.train()
    run.validation.append((run.iteration, ap50))
