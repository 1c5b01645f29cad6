"""What the paper reports, to stand beside what is measured here.

Certain: every figure below is printed in Tan, Liu, Zhang et al., "Active Label Cleaning for
Reliable Detection of Electron Dense Deposits in Transmission Electron Microscopy Images", 2026,
save the two shares that are functions here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WORK = "Tan, Liu, Zhang et al. 2026"

METHODS = ("Noisy", "OA-MIL", "Mao", "ALC", "Ours (Random)", "Ours", "Clean")
"""Rows of Tables 1 and 2, in the paper's order."""

GAMMAS = ("off", "0.7", "0.8", "0.9")
"""Rows of Table 3: the box-in-box module switched off, and its threshold gamma."""

TIME, CLEANING, CLEANED = "time_percent", "AP50 cleaning model", "AP50 after cleaning"


@dataclass(frozen=True)
class Printed:
    """A table of the paper.

    Parameters
    ----------
    source
        Where it is printed.
    rows
        Value by method and metric; AP50, errors, budget and time in percent.
    share_labelled
        Share of the images that pathologists label whole in step 1, percent; None where the
        table is not about that.
    """

    source: str
    rows: Mapping[str, Mapping[str, float]]
    share_labelled: float | None = None

    def value(self, method: str, metric: str) -> float | None:
        """The figure of a method; None where none is printed."""
        return self.rows.get(method, {}).get(metric)

    def share_of_clean(self, method: str) -> float | None:
        """AP50 in percent of that of Clean, computed from the two printed figures."""
        own, best = self.value(method, "AP50"), self.value("Clean", "AP50")
        return None if own is None or best is None else 100 * own / best


def _printed(
    number: int, head: Sequence[str], rows: Mapping[str, Sequence[float]], share: float | None
) -> Printed:
    named = {method: dict(zip(head, values, strict=True)) for method, values in rows.items()}
    return Printed(f"{WORK}, Table {number}", named, share)


_ERRORS_AND_BUDGET = ("AP50", "Bkg", "Miss", "Loc", "budget")

TABLE1 = _printed(
    1,
    _ERRORS_AND_BUDGET,
    {
        "Noisy": (48.35, 5.34, 15.94, 17.05, 3.52),
        "OA-MIL": (49.90, 3.99, 14.77, 20.90, 3.52),
        "Mao": (56.23, 4.92, 16.34, 13.63, 3.52),
        "ALC": (63.67, 4.32, 11.77, 12.65, 26.71),
        "Ours (Random)": (64.07, 4.33, 12.06, 11.70, 31.68),
        "Ours": (67.18, 3.87, 10.70, 11.30, 26.70),
        "Clean": (70.13, 2.83, 10.94, 11.07, 100.0),
    },
    26.77,
)
"""Electron dense deposits, a private data set."""

TABLE2 = _printed(
    2,
    _ERRORS_AND_BUDGET,
    {
        "Noisy": (83.82, 10.15, 0.77, 2.42, 3.43),
        "OA-MIL": (84.56, 5.25, 0.79, 4.67, 3.43),
        "Mao": (84.01, 8.53, 0.83, 2.64, 3.43),
        "ALC": (87.07, 7.37, 0.63, 1.07, 29.87),
        "Ours (Random)": (86.44, 7.61, 0.59, 1.09, 30.26),
        "Ours": (88.63, 7.26, 0.57, 0.69, 29.91),
        "Clean": (90.47, 6.68, 0.32, 0.69, 100.0),
    },
    100 * 55 / 205,
)
"""BCCD with injected noise."""

TABLE3 = _printed(
    3,
    ("AP50", TIME),
    {"off": (67.17, 100.0), "0.7": (67.18, 90.37), "0.8": (67.18, 90.96), "0.9": (67.17, 92.77)},
    None,
)
"""The box-in-box module, on electron dense deposits."""

TABLE4 = _printed(4, (CLEANING, CLEANED), {"Ma off": (63.33, 63.30), "Ma on": (65.50, 67.18)}, None)
"""The model Ma, on electron dense deposits."""

FIGURE6_SOURCE = f"{WORK}, Figure 6"

FIGURE6_STRATEGIES = ("Random", "VAAL", "LLAL", "LC", "LS+C", "LT/C", "CALD", "Ours")
"""Lines of the figure, in the paper's order."""

FIGURE6_GAINS = {"AP50 Mp": 6.80, "AP50 Ma": 6.70}
"""By how many points Ours lies above Random at 200 images of electron dense deposits."""
