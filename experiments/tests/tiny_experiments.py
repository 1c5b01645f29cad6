"""An experiment small enough for real trainings in tests: bright squares on 96×96 images."""

from __future__ import annotations

from pathlib import Path

from alc_experiments.dataset import Dataset, DatasetPlan
from alc_experiments.experiment import Experiment
from napari_alc.simulation.crowd import NoiseRates, add_noise
from tiny_projects import draw

RATES = NoiseRates(background=0.2, miss=0.2, location=0.2, box_in_box=0.0)
CAMPAIGN = DatasetPlan(initial=3, per_iteration=2, iterations=1)


def make_data(folder: Path, images: int = 8) -> Dataset:
    """Squares, what a crowd makes of them, and two test images."""
    everything = draw(folder / "images", images + 2)
    truth = everything.of_images(range(1, images + 1))
    noisy = add_noise(truth, RATES, 0)
    return Dataset(
        name="squares",
        folder=folder / "images",
        truth=truth,
        crowd=noisy.label_set,
        validation=None,
        test=everything.of_images([images + 1, images + 2]),
        plan=CAMPAIGN,
        detector={"threads": 1, "iterations": 4},
        noise=noisy.log,
    )


def make_experiment(folder: Path, seed: int = 0) -> Experiment:
    """An experiment on squares, all in `folder`."""
    return Experiment(make_data(folder), seed, folder / "store", "cpu")
