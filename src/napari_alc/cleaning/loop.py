"""The loop of the method (method.md, "The two steps") as functions on label sets.

A project keeps its label sets in a store and goes through the loop in days; an experiment keeps
them in memory and goes through it at once. Both make the same choices, with the same random
numbers, because they make them here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.consensus import consensus
from napari_alc.cleaning.correction import Correction, correct
from napari_alc.cleaning.regions import GrayWithoutMp, Region, SortedLabels, Source
from napari_alc.cleaning.selection import Candidates, Strategy, rank, scores
from napari_alc.labels import Labels, LabelSet


def random_numbers(seed: int, iteration: int, *stream: int) -> np.random.Generator:
    """What chance decides about the images of X^iteration.

    Parameters
    ----------
    seed
        Of the project, or of the experiment.
    iteration
        i of the X^i that is drawn or completed: 0 for the first draw, i + 1 where the models of
        iteration i choose.
    stream
        Sets further draws in the same iteration apart.
    """
    return np.random.default_rng([seed, iteration, *stream])


def first_draw(image_ids: Iterable[int], count: int, seed: int) -> tuple[int, ...]:
    """X^0: `count` of the images, drawn at random whatever order they come in (before step 1)."""
    drawn = random_numbers(seed, 0).choice(sorted(image_ids), size=count, replace=False)
    return tuple(drawn.tolist())


def remaining(labels: LabelSet, image_ids: Iterable[int]) -> LabelSet:
    """X without X^i: the part of `labels` in other images than `image_ids`."""
    seen = set(image_ids)
    return labels.of_images(image.id for image in labels.images if image.id not in seen)


def agreed_labels(clean: LabelSet, crowd: LabelSet, delta: float) -> LabelSet:
    """D_a, from which Ma learns: the boxes of D_p that the crowd saw too (step 1, Eq. 1).

    Images whose consensus set is empty are left out (a reading).

    Parameters
    ----------
    clean
        D_p: what the pathologists labelled in X^i.
    crowd
        The crowd's labels of these images at least.
    delta
        See `napari_alc.cleaning.consensus.consensus`.
    """
    drawn = crowd.labels.of_images(clean.image_ids.tolist())
    agreed = consensus(clean.labels, drawn, delta)
    return clean.with_labels(agreed).of_images(set(agreed.image_ids.tolist()))


def relabelled(labels: LabelSet, clean: LabelSet) -> LabelSet:
    """`labels` with those of `clean` in its images, also where it found none; ids may repeat."""
    rest = remaining(labels, clean.image_ids.tolist()).labels
    return labels.with_labels(clean.labels.joined(rest))


def rank_images(strategy: Strategy, candidates: Candidates, seed: int, iteration: int) -> Integers:
    """X without X^i in the order in which it goes to the pathologists (step 5).

    Parameters
    ----------
    strategy
        Gives each image its value; SCORE (Eq. 2) in the method of the paper.
    candidates
        X without X^i.
    seed
        Of the project, or of the experiment.
    iteration
        i of the models that looked at the images.

    Returns
    -------
    Integers
        Their ids, shape (M,); the first k of them make X^i to X^{i+1}. Ties are in the order of
        a seeded shuffle (a reading).
    """
    # One generator for both, in this order: what a strategy draws is not drawn again for ties.
    rng = random_numbers(seed, iteration + 1)
    return rank(candidates.image_ids, strategy.values(candidates, rng), rng)


def offered_rows(sorted_labels: SortedLabels) -> Integers:
    """Boxes that the review of a whole image offers: Mp's of a group, else Ma's, or one alone.

    So each object that somebody saw comes once (a reading; the paper does not say what the
    pathologists find in the images of X^{i+1}).

    Returns
    -------
    Integers
        Ascending row numbers.
    """
    rows = sorted_labels
    from_mp = rows.source == Source.MP
    groups_with_mp = np.isin(rows.group, rows.group[from_mp])
    stand_in = (rows.source == Source.MA) & ~groups_with_mp
    alone = (rows.region == Region.RED) | (rows.region == Region.GREEN)
    return np.flatnonzero(from_mp | stand_in | alone)


@dataclass(frozen=True, eq=False)
class Settlement:
    """What step 2 does with every box of X without X^g before people decide on any.

    Parameters
    ----------
    rows
        The boxes with their regions.
    outcome
        The fate of each.
    """

    rows: SortedLabels
    outcome: Correction

    @property
    def automatic(self) -> Labels:
        """Boxes that are clean labels now (step 6)."""
        return self.rows.labels(self.outcome.automatic)

    @property
    def review(self) -> Labels:
        """Red and green boxes, on which people decide (step 8)."""
        return self.rows.labels(self.outcome.review)

    @property
    def removed(self) -> Labels:
        """Green boxes that the box-in-box module dropped (step 7, Eq. 3)."""
        return self.rows.labels(self.outcome.removed)

    def waiting(self) -> tuple[Integers, Floats]:
        """Images with boxes for people, most inconsistent first, and their SCORE (Eq. 2)."""
        ids = np.unique(self.rows.image_ids[self.outcome.review])
        order = rank(ids, scores(self.rows, ids))
        return order, scores(self.rows, order)


def settle(
    rows: SortedLabels, gray_without_mp: GrayWithoutMp = "ma", *, box_in_box: bool = True
) -> Settlement:
    """Step 2 up to the review (steps 6 to 8).

    Parameters
    ----------
    rows
        X without X^g, sorted with the models of iteration g.
    gray_without_mp
        See `napari_alc.cleaning.correction.correct`.
    box_in_box
        Whether the box-in-box module drops green boxes, instead of leaving them to people.
    """
    if not box_in_box:
        rows = replace(rows, box_in_box=np.zeros_like(rows.box_in_box))
    return Settlement(rows, correct(rows, gray_without_mp))
