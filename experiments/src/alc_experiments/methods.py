"""Tables 1 and 2: every method of the paper on the same data, detector and seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from alc_experiments.campaign import Protocol
from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from alc_experiments.measuring import (
    budget_figures,
    detector_figures,
    label_figures,
    named_figures,
    trained_figures,
)
from alc_experiments.step2 import clean_up
from napari_alc.boxes import Integers
from napari_alc.cleaning.budget import Budget
from napari_alc.cleaning.loop import relabelled, remaining
from napari_alc.cleaning.selection import rank
from napari_alc.labels import LabelSet
from napari_alc.simulation.pathologist import edits


def noisy(experiment: Experiment) -> list[Figure]:
    """The detector trained on the crowd's labels."""
    return trained_figures(experiment, "Noisy", experiment.data.crowd, _budget(experiment))


def clean(experiment: Experiment) -> list[Figure]:
    """The detector trained on the clean labels, which cost 100 % without any crowd."""
    boxes = len(experiment.data.truth.labels)
    bought = Budget(crowd=0, clean=boxes, step1_boxes=boxes, step1_edits=boxes)
    return trained_figures(experiment, "Clean", experiment.data.truth, bought)


def oa_mil(experiment: Experiment) -> list[Figure]:
    """OA-MIL (Liu et al. 2022): another way of training; the crowd's labels stay as they are."""
    from alc_experiments.other_methods.oa_mil import SELECTION, OaMil

    model = experiment.train(experiment.data.crowd, "OA-MIL", make_variant=OaMil)
    selection = json.loads((model.folder / SELECTION).read_text(encoding="utf-8"))
    return [
        *named_figures("OA-MIL", selection),
        *detector_figures("OA-MIL", experiment.measure(model)),
        *label_figures("OA-MIL", experiment.data.truth, experiment.data.crowd),
        *budget_figures("OA-MIL", _budget(experiment)),
    ]


def mao(experiment: Experiment) -> list[Figure]:
    """Mao et al. (2021), our reading: the detector moves the crowd's boxes and learns from them."""
    from alc_experiments.other_methods.mao import mao_labels

    return trained_figures(
        experiment, "Mao", mao_labels(experiment, experiment.data.crowd), _budget(experiment)
    )


def ours(title: str, strategy: str, experiment: Experiment) -> list[Figure]:
    """The method of the paper, with its own or another choice of images in step 1."""
    done = clean_up(experiment, Protocol(strategy))
    return [
        *trained_figures(experiment, title, done.step2.labels, done.spent),
        Figure(title, "tau", done.last.tau),
        Figure(title, "clean_images", len(done.last.image_ids)),
    ]


def alc(experiment: Experiment) -> list[Figure]:
    """ALC (Bernhardt et al. 2022): whole images are labelled anew, most suspicious first.

    Certain: the score of a label, and that the model is trained again on the labels as they are
    then. Our reading: its lift to boxes (`other_methods.bernhardt`); there is no
    first draw, since its model learns from the crowd's labels; k images a cycle, until the next
    one would cost more than Ours did (full price).
    """
    limit = clean_up(experiment, Protocol()).spent.total
    chosen = more = _affordable(experiment, (), limit)
    while len(more) == experiment.data.plan.per_iteration:
        more = _affordable(experiment, chosen, limit)
        chosen = (*chosen, *more)
    spent = _budget(experiment, _boxes_in(experiment, chosen))
    crowd, truth = experiment.data.crowd.labels, experiment.data.truth.labels
    changed = edits(crowd.of_images(chosen), truth.of_images(chosen))
    return [
        *trained_figures(
            experiment, "ALC", _relabelled(experiment, chosen), replace(spent, step1_edits=changed)
        ),
        Figure("ALC", "clean_images", len(chosen)),
    ]


def _affordable(experiment: Experiment, chosen: tuple[int, ...], limit: float) -> tuple[int, ...]:
    """The images of ALC's next cycle: up to k, as long as the budget lasts."""
    if len(chosen) == len(experiment.data.truth.images):
        return ()
    more: tuple[int, ...] = ()
    for image_id in _ranked(experiment, chosen)[: experiment.data.plan.per_iteration]:
        if _budget(experiment, _boxes_in(experiment, (*chosen, *more, image_id))).total > limit:
            break
        more = (*more, image_id)
    return more


def _ranked(experiment: Experiment, chosen: tuple[int, ...]) -> list[int]:
    from alc_experiments.other_methods.bernhardt import score_images

    labels = _relabelled(experiment, chosen)
    model = experiment.train(labels, f"ALC with {len(chosen)} images")
    ids: Integers = np.sort(remaining(labels, chosen).image_ids)
    rng = np.random.default_rng([experiment.seed, len(chosen)])
    ordered: list[int] = rank(ids, score_images(experiment, model, labels, ids), rng).tolist()
    return ordered


def _relabelled(experiment: Experiment, chosen: tuple[int, ...]) -> LabelSet:
    """Clean labels of the chosen images and the crowd's of all others."""
    return relabelled(experiment.data.crowd, experiment.data.truth.of_images(chosen))


def _boxes_in(experiment: Experiment, image_ids: tuple[int, ...]) -> int:
    return len(experiment.data.truth.labels.of_images(image_ids))


def _budget(experiment: Experiment, step1: int = 0) -> Budget:
    """The price of the crowd's boxes and of labelling `step1` boxes from nothing."""
    crowd, boxes = len(experiment.data.crowd.labels), len(experiment.data.truth.labels)
    return Budget(crowd=crowd, clean=boxes, step1_boxes=step1, step1_edits=step1)


UNITS: Mapping[str, Callable[[Experiment], list[Figure]]] = {
    "Noisy": noisy,
    "OA-MIL": oa_mil,
    "Mao": mao,
    "ALC": alc,
    "Ours (Random)": partial(ours, "Ours (Random)", "random"),
    "Ours": partial(ours, "Ours", "score"),
    "Clean": clean,
}
"""What there is to compute, by the method's name in the tables."""
