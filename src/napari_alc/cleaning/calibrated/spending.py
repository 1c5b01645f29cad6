"""What a campaign costs, in three prices: always all three."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from napari_alc.cleaning.budget import Costs

DRAW_SECONDS, SWITCH_SECONDS = 6.0, 2.0
"""Of a person: to draw a box, and to go to another image."""

KEEP_SECONDS, FIX_SECONDS = 1.5, 5.0
"""To keep or drop a box, and to put its corners right."""


@dataclass(frozen=True)
class Spending:
    """What persons have done.

    Parameters
    ----------
    kept_or_dropped, fixed, drawn
        Boxes.
    edited
        Of these, boxes that were changed: dropped, fixed and drawn.
    looked_at
        Boxes that count at the full price: all boxes of whole images, one a question, and those
        drawn besides.
    images
        That were gone to, each time one.
    """

    kept_or_dropped: int = 0
    fixed: int = 0
    drawn: int = 0
    edited: int = 0
    looked_at: int = 0
    images: int = 0

    def __add__(self, other: Self) -> Spending:
        return Spending(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )

    @property
    def seconds(self) -> float:
        """Modelled time at work."""
        return (
            KEEP_SECONDS * self.kept_or_dropped
            + FIX_SECONDS * self.fixed
            + DRAW_SECONDS * self.drawn
            + SWITCH_SECONDS * self.images
        )


@dataclass(frozen=True)
class Prices:
    """Three prices in percent of labelling everything by hand, the crowd's boxes included.

    Parameters
    ----------
    full
        Every box looked at counts as one drawn by all readers (the paper's price).
    edit
        Only boxes that were changed do.
    time
        Modelled seconds, beside drawing every box and going to every image.
    """

    full: float
    edit: float
    time: float


def prices(spent: Spending, crowd: int, clean: int, images: int, costs: Costs) -> Prices:
    """The three prices of a campaign.

    Parameters
    ----------
    spent
        By persons, in both steps.
    crowd, clean, images
        Boxes that the crowd drew, and boxes and images of the clean data set.
    costs
        What a box costs.

    Raises
    ------
    ValueError
        When the clean data set has no box.
    """
    if clean < 1:
        raise ValueError("a price needs a clean data set with at least one box")
    by_crowd = 100 * costs.crowd * crowd / (costs.clean * clean)
    by_hand = DRAW_SECONDS * clean + SWITCH_SECONDS * images
    return Prices(
        full=by_crowd + 100 * spent.looked_at / clean,
        edit=by_crowd + 100 * spent.edited / clean,
        time=by_crowd + 100 * spent.seconds / by_hand,
    )
