"""Tables 3 and 4, step 2 without a person, and the readings: one thing is changed at a time.

All rows of a seed share data, noise, draws and detector. What a change does not touch is not
computed again: the experiment keeps each training under what it was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from alc_experiments.campaign import Protocol, rounds
from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from alc_experiments.measuring import budget_figures, label_figures, named_figures, trained_figures
from alc_experiments.step2 import CleanedUp, Step2, clean_up
from napari_alc.boxes import Mask
from napari_alc.cleaning.matching import matching_pairs
from napari_alc.cleaning.regions import Thresholds
from napari_alc.labels import box_sets

OFF = "off"
GAMMAS = (0.7, 0.8, 0.9)
"""Those of the paper's Table 3."""

ROUNDS = (1, 2, 3)
"""After so many rounds, and after all of them, step 2 may come without or with a person."""

LOST_IOU = 0.5
"""An object counts as lost when no label of its category overlaps it more."""

DEFAULT = "default"

READINGS: Mapping[str, Thresholds] = {
    DEFAULT: Thresholds(),
    "one-to-one matching": Thresholds(matching="one-to-one"),
    "literal argmax": Thresholds(green_argmax="literal"),
    "green score from kept boxes": Thresholds(green_score_from_all=False),
    "crowd box of gray without Mp": Thresholds(gray_without_mp="crowd"),
}
"""The readings of the LSM and of the correction (method.md, "Readings"), one at a time."""


def table3(experiment: Experiment) -> list[Figure]:
    """Table 3: the box-in-box module off, and with gamma 0.7, 0.8 and 0.9, on one campaign.

    ``time_percent`` is modelled: red and green boxes left for review in percent of those left
    without the module, since the seconds that a box takes cancel out. There are no sittings
    here; `napari-alc report` measures the time of real ones. ``removed`` boxes were dropped by
    the module, of which ``wrongly_removed`` ones had marked an object (IoU > 0.5) that no clean
    label marks now.
    """
    passed = tuple(rounds(experiment, Protocol()))
    without = clean_up(experiment, Protocol(), passed, box_in_box=False)
    done = {OFF: without}
    for gamma in GAMMAS:
        done[f"{gamma:g}"] = clean_up(
            experiment, Protocol(thresholds=Thresholds(gamma=gamma)), passed
        )
    figures = []
    for method, cleaned in done.items():
        figures += _figures(experiment, method, cleaned)
        figures += named_figures(
            method,
            {
                "time_percent": _time_percent(cleaned.step2, without.step2),
                "removed": len(cleaned.step2.settlement.removed),
                "wrongly_removed": int(wrongly_removed(cleaned.step2, experiment).sum()),
            },
        )
    return figures


def wrongly_removed(done: Step2, experiment: Experiment) -> Mask:
    """Which of the dropped boxes marked an object that is lost by it, shape (N,)."""
    truth = experiment.data.truth.labels
    dropped, objects, labels = box_sets(done.settlement.removed, truth, done.labels.labels)
    lost = np.ones(len(truth), dtype=np.bool_)
    lost[matching_pairs(objects, labels, LOST_IOU).first] = False
    wrong = np.zeros(len(dropped), dtype=np.bool_)
    wrong[matching_pairs(dropped, objects.take(lost), LOST_IOU).first] = True
    return wrong


def table4(experiment: Experiment) -> list[Figure]:
    """Table 4: without and with Ma, AP50 of the cleaning model Mp^g and after cleaning.

    Certain: both are measured on the test images. Our reading: without Ma the set A is empty in
    step 1 as in step 2, so that there are no red boxes.
    """
    figures = []
    for method, with_ma in (("Ma off", False), ("Ma on", True)):
        cleaned = clean_up(experiment, Protocol(with_ma=with_ma))
        labels = cleaned.step2.labels
        ap50 = {
            "AP50 cleaning model": experiment.measure(cleaned.last.mp)["AP50"],
            "AP50 after cleaning": experiment.measure(experiment.train(labels, method))["AP50"],
        }
        figures += named_figures(method, ap50)
        figures += label_figures(method, experiment.data.truth, labels)
        figures += budget_figures(method, cleaned.spent)
    return figures


def automatic(experiment: Experiment) -> list[Figure]:
    """Step 2 without a person against step 2 with review, after 1, 2, 3 and all rounds.

    Not in the paper. Without a person, red and green boxes are dropped. Iteration i ends
    round i + 1.
    """
    protocol = Protocol()
    passed = tuple(rounds(experiment, protocol))
    figures = []
    for count in sorted({*ROUNDS, len(passed)}):
        for name, reviewed in (("automatic", False), ("reviewed", True)):
            if count <= len(passed):
                cleaned = clean_up(experiment, protocol, passed[:count], reviewed=reviewed)
                figures += _figures(experiment, f"{name}, {_in_words(count)}", cleaned)
    return figures


def readings(experiment: Experiment) -> list[Figure]:
    """Whole campaigns under other readings of the method, one changed at a time.

    Besides the readings of the LSM: tau fixed at 0.5 instead of found on validation images, and
    half and twice the iterations of every training where the detector's settings fix their
    number.
    """
    figures = []
    for method, thresholds in READINGS.items():
        figures += _figures(
            experiment, method, clean_up(experiment, Protocol(thresholds=thresholds))
        )
    for method, other in _other_experiments(experiment).items():
        figures += _figures(other, method, clean_up(other, Protocol()))
    return figures


def _other_experiments(experiment: Experiment) -> dict[str, Experiment]:
    """The experiment with tau fixed, and with shorter and longer trainings."""
    others = {"tau 0.5": replace(experiment, data=replace(experiment.data, validation=None))}
    usual = _fixed_iterations(experiment)
    if usual is not None:
        for method, iterations in (
            ("half the iterations", usual // 2),
            ("twice the iterations", 2 * usual),
        ):
            detector = (*experiment.detector, ("iterations", max(iterations, 1)))
            others[method] = replace(experiment, detector=detector)
    return others


def _fixed_iterations(experiment: Experiment) -> int | None:
    """Iterations of every training; None where they follow from the number of images."""
    settings = experiment.settings
    if settings.iterations is not None or settings.epochs is not None:
        return settings.iterations
    return settings.schedule.iterations


def _figures(experiment: Experiment, method: str, cleaned: CleanedUp) -> list[Figure]:
    return [
        *trained_figures(experiment, method, cleaned.step2.labels, cleaned.spent),
        Figure(method, "tau", cleaned.last.tau),
    ]


def _time_percent(done: Step2, without: Step2) -> float:
    usual = without.red + without.green
    return 100 * (done.red + done.green) / usual if usual else 100.0


def _in_words(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


UNITS: Mapping[str, Callable[[Experiment], list[Figure]]] = {
    "table3": table3,
    "table4": table4,
    "automatic": automatic,
    "readings": readings,
}
"""What there is to compute; each gives several rows."""
