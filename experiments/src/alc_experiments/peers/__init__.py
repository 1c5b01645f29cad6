"""Peers: other methods that find label errors, judged against ours on the same boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure
from alc_experiments.peers.comparison import compute

UNITS: Mapping[str, Callable[[Experiment], list[Figure]]] = {"Peers": compute}
"""What there is to compute: all methods in one unit, so that their times come from one run."""
