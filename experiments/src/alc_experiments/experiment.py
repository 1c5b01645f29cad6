"""The experiment of a comparison: trains, predicts and measures, each thing once.

Results lie in a folder under what they were made of: a training's name is the digest of its
labels, images, settings, seed, device and of the code that trains. Two processes may share the
folder; who comes second waits and takes what the first has made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from alc_experiments.code_version import code_version, module_version
from alc_experiments.dataset import Dataset
from napari_alc.boxes import Floats
from napari_alc.detection.run_files import WEIGHTS_FILE, detections_folder
from napari_alc.detection.settings import DetectorSettings
from napari_alc.evaluation.threshold import FALLBACK_TAU, best_threshold
from napari_alc.files import write_text
from napari_alc.labels import Detections, ImageRecord, LabelSet
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.reporting.report_tables import detector_record
from napari_alc.project.storage.prediction_files import predict_pieces

if TYPE_CHECKING:
    from napari_alc.detection.plan import Plan
    from napari_alc.detection.training.run import Variant

MODELS, CACHE = "models", "cache"


@dataclass(frozen=True)
class TrainedModel:
    """A trained detector: the folder of its weights and of what it has predicted."""

    folder: Path

    @property
    def weights(self) -> Path:
        """File of the weights."""
        return self.folder / WEIGHTS_FILE


@dataclass(frozen=True)
class Experiment:
    """Data, detector and the folder of results for one seed.

    Parameters
    ----------
    data
        With the noise of this seed.
    seed
        Of the draws and trainings.
    store
        Folder of results; shared by all seeds and data.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    detector
        Settings of the detector that win over those of the data.
    report, should_stop
        See `napari_alc.progress`.
    """

    data: Dataset
    seed: int
    store: Path
    device: str = "auto"
    detector: tuple[tuple[str, object], ...] = ()
    report: Report = silent
    should_stop: ShouldStop = never

    @cached_property
    def settings(self) -> DetectorSettings:
        """Of every training."""
        values = {"seed": self.seed, **self.data.detector, **dict(self.detector)}
        return DetectorSettings.parse(values)

    def train(
        self,
        labels: LabelSet,
        step: str,
        *,
        plan: Plan | None = None,
        make_variant: Callable[[], Variant | None] | None = None,
    ) -> TrainedModel:
        """A detector trained on `labels`, whose images are images of the data.

        Parameters
        ----------
        labels
            Images without a label are negative examples.
        step
            Name in progress reports.
        plan
            Sizes of the network; None chooses them from `labels`.
        make_variant
            Makes the way of training; without it, or where it makes none, plainly.
        """
        from napari_alc.detection.data.cache import ImageCache
        from napari_alc.detection.data.samples import training_images
        from napari_alc.detection.devices import choose_device
        from napari_alc.detection.training.training import train, training_fingerprint

        variant = make_variant() if make_variant else None
        images = training_images(labels, self._paths(labels.images))
        made_of = training_fingerprint(images, labels.categories, self.settings, plan, variant)
        # The variant's own code counts too, wherever it lies.
        of_variant = module_version(type(variant).__module__) if variant else ""
        kind = choose_device(self.device).type
        on = [] if kind == "cpu" else [kind]
        model = TrainedModel(
            self.store / MODELS / digest(made_of, of_variant, detector_version(), *on)
        )
        cache = ImageCache(self.store / CACHE / self.data.name)
        with self._alone(model.folder):
            train(
                images,
                labels.categories,
                self.settings,
                model.folder,
                self.report,
                self.should_stop,
                self.device,
                step,
                plan=plan,
                cache=cache,
                variant=variant,
            )
        return model

    def predict(self, model: TrainedModel, images: Iterable[ImageRecord], name: str) -> Detections:
        """What `model` sees, from the detector's floor upwards; kept under `name`."""
        of = tuple(images)
        pairs = list(zip([image.id for image in of], self._paths(of), strict=True))
        folder = detections_folder(model.folder, name)
        with self._alone(model.folder):
            return predict_pieces(
                model.weights,
                pairs,
                folder,
                self.report,
                self.should_stop,
                self.device,
                cache_folder=self.store / CACHE / self.data.name,
            )

    def predict_all(self, model: TrainedModel) -> Detections:
        """What `model` sees in X."""
        return self.predict(model, self.data.truth.images, f"{self.data.name}-x")

    def tau(self, model: TrainedModel) -> float:
        """F1-optimal score threshold of `model` on the validation images; 0.5 without any."""
        truth = self.data.validation
        if truth is None:
            return FALLBACK_TAU
        found = self.predict(model, truth.images, f"{self.data.name}-validation")
        return best_threshold(truth, found)

    def measure(self, model: TrainedModel) -> dict[str, float]:
        """AP50 and TIDE's errors of `model` on the test images, in percent."""
        found = self.predict(model, self.data.test.images, f"{self.data.name}-test")
        code = code_version("napari_alc.evaluation", "napari_alc.project.reporting.report_tables")
        path = model.folder / f"{self.data.name}-measured-{code}.json"
        with self._alone(model.folder):
            if not path.exists():
                record = detector_record(self.data.test, found)
                flat = {"AP50": record["AP50"], **record["TIDE"]}
                write_text(path, json.dumps(flat) + "\n")
            return {name: float(value) for name, value in _read(path).items()}

    def measure_images(self, strategy: str, model: TrainedModel, chosen: Iterable[int]) -> Floats:
        """What a strategy asks `model` beyond its detections, a value an image of X without X^i.

        Parameters
        ----------
        strategy
            One that `needs_model`.
        model
            Mp.
        chosen
            Ids of X^i, which Mp has learned from.

        Returns
        -------
        Floats
            Shape (M,), by ascending image id.
        """
        from napari_alc.detection.acquisition.strategies import Pool, measure

        seen = set(chosen)
        images = sorted(self.data.truth.images, key=lambda image: image.id)
        pairs = [(image.id, self.data.path_of(image)) for image in images]
        pool = Pool(
            model.weights,
            unlabelled=[pair for pair in pairs if pair[0] not in seen],
            labelled=[pair for pair in pairs if pair[0] in seen],
            seed=self.seed,
            cache_folder=self.store / CACHE / self.data.name,
        )
        code = code_version("napari_alc.detection.acquisition", "napari_alc.cleaning.uncertainty")
        made_by = digest(detector_version(), code, str(sorted(seen)))
        path = model.folder / f"{strategy}-{made_by}.json"
        with self._alone(model.folder):
            if not path.exists():
                values = measure(strategy, pool, self.report, self.should_stop, self.device)
                write_text(path, json.dumps(values.tolist()) + "\n")
            return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=np.float64)

    def with_reports(self, report: Report, should_stop: ShouldStop) -> Experiment:
        """The same experiment, telling others of its progress."""
        return replace(self, report=report, should_stop=should_stop)

    def _paths(self, images: tuple[ImageRecord, ...]) -> tuple[Path, ...]:
        return tuple(self.data.path_of(image) for image in images)

    def _alone(self, folder: Path) -> FileLock:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(folder.with_suffix(".lock"))


@cache
def detector_version() -> str:
    """A digest of the code and libraries that train a detector and predict with it."""
    return digest(
        code_version(
            "napari_alc.boxes",
            "napari_alc.formats.images",
            "napari_alc.detection.settings",
            "napari_alc.detection.plan",
            "napari_alc.detection.devices",
            "napari_alc.detection.precision",
            "napari_alc.detection.models",
            "napari_alc.detection.data",
            "napari_alc.detection.training",
            "napari_alc.detection.inference",
        )
    )


def digest(*parts: str) -> str:
    """A short name for what something was made of."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
