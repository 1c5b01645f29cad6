"""Step 2 of the method (method.md, 6 to 9) without a store, and what a campaign costs.

What becomes of the boxes is settled by `napari_alc.cleaning.loop`, as in a project, so that the
same detections give the same clean labels and the same budget; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from alc_experiments.campaign import CampaignRound, Protocol, found, rounds
from alc_experiments.dataset import Dataset
from alc_experiments.experiment import Experiment
from napari_alc.cleaning.budget import Budget
from napari_alc.cleaning.loop import Settlement, offered_rows, remaining, settle
from napari_alc.cleaning.regions import Region, Thresholds, sort_labels
from napari_alc.labels import Detections, Labels, LabelSet
from napari_alc.simulation.pathologist import ReviewedBoxes, edits, review_boxes


@dataclass(frozen=True, eq=False)
class Step2:
    """Clean labels of all images, and what became of the boxes of X without X^i.

    Parameters
    ----------
    labels
        Clean labels of X.
    step1_boxes
        U1 at the full price: boxes of the images X^i.
    settlement
        What became of the other images' boxes before the review.
    added
        Boxes that the person drew beside those that replaced a red or green one.
    reviewed
        Whether there was a person.
    """

    labels: LabelSet
    step1_boxes: int
    settlement: Settlement
    added: int
    reviewed: bool

    @property
    def red(self) -> int:
        """Red boxes left for a person."""
        return self._left(Region.RED)

    @property
    def green(self) -> int:
        """Green boxes left for a person after the box-in-box module."""
        return self._left(Region.GREEN)

    @property
    def step2_boxes(self) -> int:
        """U2: the red and green boxes that a person reviewed, and those added there."""
        return self.red + self.green + self.added if self.reviewed else 0

    def _left(self, region: Region) -> int:
        settled = self.settlement
        return int((settled.rows.region[settled.outcome.review] == region).sum())


@dataclass(frozen=True, eq=False)
class CleanedUp:
    """A campaign with its end: the last round, the clean labels, and what they cost."""

    last: CampaignRound
    step2: Step2
    spent: Budget


def clean_up(
    experiment: Experiment,
    protocol: Protocol,
    passed: Sequence[CampaignRound] | None = None,
    *,
    reviewed: bool = True,
    box_in_box: bool = True,
) -> CleanedUp:
    """Run a whole campaign: step 1, then step 2 with a simulated pathologist.

    Parameters
    ----------
    experiment, protocol
        Where and how the campaign is run.
    passed
        The rounds of step 1, from iteration 0 on, where they are at hand; step 2 follows the
        last of them.
    reviewed, box_in_box
        See `review_rest`.
    """
    passed = tuple(rounds(experiment, protocol)) if passed is None else passed
    last = passed[-1]
    step2 = review_rest(
        experiment.data,
        last.image_ids,
        *found(experiment, last),
        protocol.at(last.tau),
        reviewed=reviewed,
        box_in_box=box_in_box,
    )
    spent = Budget(
        crowd=len(experiment.data.crowd.labels),
        clean=len(experiment.data.truth.labels),
        step1_boxes=step2.step1_boxes,
        step1_edits=step1_edits(experiment, protocol, passed),
        step2_boxes=step2.step2_boxes,
    )
    return CleanedUp(last, step2, spent)


def review_rest(
    data: Dataset,
    image_ids: Sequence[int],
    mp: Detections,
    ma: Detections,
    thresholds: Thresholds,
    *,
    reviewed: bool = True,
    box_in_box: bool = True,
) -> Step2:
    """Step 2: sort, correct and review the boxes of X without X^i.

    Parameters
    ----------
    data
        Whose crowd labels are cleaned, and whose truth the simulated pathologist knows.
    image_ids
        X^i, whose labels are the truth.
    mp, ma
        What the models see in the other images, from their floor upwards.
    thresholds
        Their score threshold is tau.
    reviewed
        Whether a person decides on red and green boxes; without, they are dropped.
    box_in_box
        Whether the box-in-box module drops green boxes, instead of leaving them to a person.
    """
    crowd = remaining(data.crowd, image_ids).labels
    rows = sort_labels(crowd, mp, ma, thresholds)
    settled = settle(rows, thresholds.gray_without_mp, box_in_box=box_in_box)
    step1 = data.truth.labels.of_images(image_ids)
    review = ReviewedBoxes((), Labels.empty())
    if reviewed:
        review = review_boxes(settled.review, settled.automatic, data.truth.labels)
    together = step1.joined(settled.automatic, review.labels)
    renumbered = replace(together, ids=np.arange(1, len(together) + 1))
    labels = data.truth.with_labels(renumbered)
    return Step2(labels, len(step1), settled, len(review.drawn), reviewed)


def step1_edits(experiment: Experiment, protocol: Protocol, passed: Sequence[CampaignRound]) -> int:
    """U1 at the edit price: what the pathologists changed in the images of some rounds.

    The first images come with the crowd's boxes, later ones with what the crowd and the models
    of the round before saw, each object once, as a project offers them.

    Parameters
    ----------
    passed
        Rounds from iteration 0 on, without a gap.
    """
    first = passed[0].image_ids
    truth, crowd = experiment.data.truth.labels, experiment.data.crowd.labels
    total = edits(crowd.of_images(first), truth.of_images(first))
    for before, after in pairwise(passed):
        chosen = after.image_ids[len(before.image_ids) :]
        total += edits(_offered(experiment, protocol, before, chosen), truth.of_images(chosen))
    return total


def _offered(
    experiment: Experiment, protocol: Protocol, done: CampaignRound, image_ids: Sequence[int]
) -> Labels:
    mp, ma = (seen.of_images(image_ids) for seen in found(experiment, done))
    crowd = experiment.data.crowd.labels.of_images(image_ids)
    rows = sort_labels(crowd, mp, ma, protocol.at(done.tau))
    return rows.labels(offered_rows(rows))
