"""Methods that find label errors, on the same boxes and the same out-of-sample predictions.

All are judged on X without X^g, the images that a campaign leaves to be cleaned. Ours, ObjectLab
and mistakenness are given P of the last round (ours A too); nobody's models have seen these
images. The last two are also given a detector that learned from the crowd's labels of other
images ("crossval"), which is how they are used where nobody has labelled anything cleanly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from alc_experiments.campaign import Protocol, found, last_round
from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from alc_experiments.peers import mistakenness, objectlab, ours
from alc_experiments.peers.judging import Noise, judge, noise_of
from alc_experiments.peers.suspicion import Suspicions
from napari_alc.cleaning.loop import remaining
from napari_alc.errors import AlcError
from napari_alc.labels import Detections, LabelSet

FOLDS = 2
"""Parts of X; the images of each are judged by a detector trained on the others."""

SECONDS = "seconds per 1,000 images"


@dataclass(frozen=True, eq=False)
class Case:
    """The boxes that all methods are judged on.

    Parameters
    ----------
    crowd, truth
        Labels of the same images.
    noise
        What was done to them.
    """

    crowd: LabelSet
    truth: LabelSet
    noise: Noise


@dataclass(frozen=True, eq=False)
class Method:
    """A method with what it is given.

    Parameters
    ----------
    title
        In the table.
    predictions
        That it may propose as missed objects.
    suspect
        Ranks the boxes.
    timed
        What is timed: the method's one call for all images.
    """

    title: str
    predictions: Detections
    suspect: Callable[[], Suspicions]
    timed: Callable[[], object]


def compute(experiment: Experiment) -> list[Figure]:
    """Figures of every method, as `judging.judge` names them, and its seconds.

    The seconds are those of ranking alone, on this machine and among whatever else it does;
    ObjectLab's are those of its ranking of images, the one call that computes all its scores.
    ``"Chance"`` suspects all boxes alike and proposes every box of P.

    Raises
    ------
    AlcError
        When cleanlab is not installed, the campaign leaves no box to judge, or the data carry no
        log of their noise.
    """
    done = last_round(experiment, Protocol())
    mp, ma = found(experiment, done)
    case = case_of(experiment, done.image_ids)
    crossed = cross_validated(experiment).of_images(case.crowd.image_ids.tolist())
    given = (case.crowd.labels, mp, ma, Protocol().at(done.tau))
    rankings: Mapping[str, Callable[[], Suspicions]] = {
        "Ours": partial(ours.suspicions, *given),
        "Ours, gray ranked": partial(ours.suspicions_of_gray, *given),
        "Distance to Mp": partial(ours.distance, case.crowd.labels, mp),
    }
    return [
        *(
            figure
            for title, rank in rankings.items()
            for figure in _figures(case, Method(title, mp, rank, rank))
        ),
        *_peers(case, mp, ""),
        *_peers(case, crossed, " (crossval)"),
        *_judged(
            case, "Chance", mp, Suspicions(np.zeros(len(case.crowd.labels)), np.zeros(len(mp)))
        ),
    ]


def case_of(experiment: Experiment, image_ids: tuple[int, ...]) -> Case:
    """The boxes of X without the images `image_ids`."""
    crowd = remaining(experiment.data.crowd, image_ids)
    truth = remaining(experiment.data.truth, image_ids)
    if not len(crowd.labels):
        raise AlcError(
            "The campaign leaves no box of the crowd to be judged; let it review fewer images."
        )
    return Case(crowd, truth, noise_of(crowd.labels, truth.labels, experiment.data.noise))


def cross_validated(experiment: Experiment) -> Detections:
    """What detectors see in X that learned from the crowd's labels of the other folds."""
    ids = np.sort(experiment.data.crowd.image_ids)
    drawn = np.random.default_rng([experiment.seed, FOLDS]).permutation(ids)
    parts = [Detections.empty()]
    for number, fold in enumerate(np.array_split(drawn, FOLDS), start=1):
        images = tuple(fold.tolist())
        others = remaining(experiment.data.crowd, images)
        model = experiment.train(others, f"Cross-validation {number} of {FOLDS}")
        of_fold = experiment.data.crowd.of_images(images).images
        parts.append(experiment.predict(model, of_fold, f"{experiment.data.name}-fold{number}"))
    return parts[0].joined(*parts[1:])


def _peers(case: Case, predictions: Detections, variant: str) -> list[Figure]:
    data = objectlab.given(case.crowd, predictions)
    mistaken = partial(mistakenness.suspicions, case.crowd.labels, predictions)
    methods = (
        Method(
            f"ObjectLab{variant}",
            predictions,
            partial(objectlab.suspicions, case.crowd, predictions),
            partial(objectlab.image_quality, data),
        ),
        Method(f"Mistakenness{variant}", predictions, mistaken, mistaken),
    )
    return [figure for each in methods for figure in _figures(case, each)]


def _figures(case: Case, method: Method) -> list[Figure]:
    suspicions = method.suspect()
    start = time.perf_counter()
    method.timed()
    seconds = (time.perf_counter() - start) / len(case.crowd.images) * 1000
    return [
        *_judged(case, method.title, method.predictions, suspicions),
        Figure(method.title, SECONDS, seconds),
    ]


def _judged(
    case: Case, title: str, predictions: Detections, suspicions: Suspicions
) -> list[Figure]:
    values = judge(suspicions, case.noise, case.truth.labels, predictions)
    return [Figure(title, metric, value) for metric, value in values.items()]
