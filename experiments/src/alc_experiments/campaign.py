"""Step 1 of the method (method.md, 1 to 5) without a store: what a comparison varies.

Choices are those of `napari_alc.cleaning.loop`, as in a project, so that the same settings choose
the same images; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from alc_experiments.experiment import Experiment, TrainedModel
from napari_alc.cleaning.loop import agreed_labels, first_draw, rank_images, remaining
from napari_alc.cleaning.regions import Thresholds, sort_labels
from napari_alc.cleaning.selection import STRATEGIES, Candidates, scores
from napari_alc.errors import AlcError
from napari_alc.labels import Detections, LabelSet

if TYPE_CHECKING:
    from napari_alc.detection.training.run import Variant


@dataclass(frozen=True)
class Protocol:
    """How a campaign is run.

    Parameters
    ----------
    strategy
        Name of a selection strategy.
    with_ma
        Whether there is an Ma; without, A is empty (Table 4).
    thresholds
        Of the LSM; its score threshold is replaced by tau of each round.
    """

    strategy: str = "score"
    with_ma: bool = True
    thresholds: Thresholds = field(default_factory=Thresholds)

    def at(self, tau: float) -> Thresholds:
        """The thresholds of a round with this tau."""
        return replace(self.thresholds, score=tau)


@dataclass(frozen=True)
class CampaignRound:
    """An iteration i: the images X^i, the models that learned from them, and their tau."""

    iteration: int
    image_ids: tuple[int, ...]
    mp: TrainedModel
    ma: TrainedModel | None
    tau: float


def rounds(experiment: Experiment, protocol: Protocol) -> Iterator[CampaignRound]:
    """The iterations 0 to g of a campaign."""
    chosen = initial_draw(experiment)
    plan = experiment.data.plan
    for iteration in range(plan.iterations + 1):
        done = _learn(experiment, protocol, iteration, chosen)
        yield done
        if iteration < plan.iterations:
            chosen = (*chosen, *next_images(experiment, protocol, done))


def last_round(experiment: Experiment, protocol: Protocol) -> CampaignRound:
    """Iteration g of a campaign."""
    *_, last = rounds(experiment, protocol)
    return last


def initial_draw(experiment: Experiment) -> tuple[int, ...]:
    """X^0: drawn at random, as a new project draws it."""
    return first_draw(
        experiment.data.truth.image_ids.tolist(), experiment.data.plan.initial, experiment.seed
    )


def found(experiment: Experiment, done: CampaignRound) -> tuple[Detections, Detections]:
    """P and A: what the models of a round see in X without X^i, from their floor upwards."""
    rest = remaining(experiment.data.truth, done.image_ids).image_ids
    mp = experiment.predict_all(done.mp).of_images(rest)
    ma = experiment.predict_all(done.ma).of_images(rest) if done.ma else Detections.empty()
    return mp, ma


def _learn(
    experiment: Experiment, protocol: Protocol, iteration: int, chosen: tuple[int, ...]
) -> CampaignRound:
    """Step 2: Mp learns from D_p, Ma from the consensus; both have the plan of D_p."""
    from napari_alc.detection.plan import plan_for

    clean = experiment.data.truth.of_images(chosen)
    plan = plan_for(clean, experiment.settings)
    maker = _variant_maker(protocol.strategy)
    mp = experiment.train(clean, f"Mp {iteration}", plan=plan, make_variant=maker)
    ma = None
    if protocol.with_ma:
        ma = experiment.train(
            _labels_for_ma(experiment, protocol, clean), f"Ma {iteration}", plan=plan
        )
    return CampaignRound(iteration, chosen, mp, ma, experiment.tau(mp))


def _labels_for_ma(experiment: Experiment, protocol: Protocol, clean: LabelSet) -> LabelSet:
    agreed = agreed_labels(clean, experiment.data.crowd, protocol.thresholds.delta)
    if not agreed.images:
        raise AlcError(
            f"No box of the crowd agrees with the clean ones in the {len(clean.images)} images "
            "drawn first, so there is nothing for Ma to learn from; draw more."
        )
    return agreed


def next_images(experiment: Experiment, protocol: Protocol, done: CampaignRound) -> tuple[int, ...]:
    """Steps 4 and 5: the k images that the strategy puts first."""
    crowd = remaining(experiment.data.crowd, done.image_ids)
    rows = sort_labels(crowd.labels, *found(experiment, done), protocol.at(done.tau))
    ids, strategy = np.sort(crowd.image_ids), STRATEGIES[protocol.strategy]
    needs_model = strategy.needs_model
    measured = (
        experiment.measure_images(strategy.name, done.mp, done.image_ids) if needs_model else None
    )
    candidates = Candidates(ids, scores(rows, ids), measured)
    ranked = rank_images(strategy, candidates, experiment.seed, done.iteration)
    return tuple(ranked[: experiment.data.plan.per_iteration].tolist())


def _variant_maker(strategy: str) -> Callable[[], Variant | None] | None:
    """How Mp is trained where its strategy asks for more than a plain training."""
    if not STRATEGIES[strategy].needs_model:
        return None
    from napari_alc.detection.acquisition.strategies import training_variant

    return partial(training_variant, strategy)
