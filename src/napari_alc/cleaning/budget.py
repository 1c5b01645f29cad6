"""What the labels cost, in percent of labelling everything by pathologists."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Costs:
    """Prices: a crowd box, a pathologist box, and how many pathologists read each image."""

    crowd: float = 1.0
    pathologist: float = 10.0
    readers: int = 3

    def __post_init__(self) -> None:
        if self.crowd < 0 or self.pathologist <= 0 or self.readers < 1:
            raise ValueError(
                "costs must be positive (crowd may be 0) and readers 1 or more, "
                f"got {self.crowd}, {self.pathologist} and {self.readers}"
            )

    @property
    def clean(self) -> float:
        """Price of one clean box: every reader labels it."""
        return self.pathologist * self.readers


@dataclass(frozen=True, slots=True)
class Budget:
    """Raw counts of boxes; the properties are percentages of an all-clean data set's price.

    Budget (%) = 100 (crowd price + clean price · U1 + clean price · U2) / (clean price ·
    boxes of the clean data set). The paper gives no formula: U1 and U2 follow our reading.

    Parameters
    ----------
    crowd
        Boxes the crowd drew.
    clean
        Boxes of the clean data set.
    step1_boxes
        U1 at the full price: boxes of the images that pathologists labelled whole.
    step1_edits
        U1 at the edit price: only those added, moved or deleted there.
    step2_boxes
        U2: red and green boxes reviewed in step 2, and boxes added there.
    costs
        What a box costs, in one unit for all.

    Raises
    ------
    ValueError
        When a count is negative or `clean` is 0.
    """

    crowd: int
    clean: int
    step1_boxes: int = 0
    step1_edits: int = 0
    step2_boxes: int = 0
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        counts = [getattr(self, column.name) for column in fields(self)[:5]]
        if min(counts) < 0 or self.clean == 0:
            raise ValueError(f"counts must be 0 or more and clean 1 or more, got {counts}")

    def _percent(self, price: float) -> float:
        return 100 * price / (self.costs.clean * self.clean)

    @property
    def crowd_part(self) -> float:
        """Share of the crowd's boxes."""
        return self._percent(self.costs.crowd * self.crowd)

    @property
    def step1_part(self) -> float:
        """Share of step 1 at the full price."""
        return self._percent(self.costs.clean * self.step1_boxes)

    @property
    def step1_edit_part(self) -> float:
        """Share of step 1 at the edit price."""
        return self._percent(self.costs.clean * self.step1_edits)

    @property
    def step2_part(self) -> float:
        """Share of step 2, the same at both prices."""
        return self._percent(self.costs.clean * self.step2_boxes)

    @property
    def total(self) -> float:
        """All parts at the full price."""
        return self.crowd_part + self.step1_part + self.step2_part

    @property
    def edit_total(self) -> float:
        """All parts at the edit price."""
        return self.crowd_part + self.step1_edit_part + self.step2_part
