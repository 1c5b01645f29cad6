"""Figure 6: how good Mp and Ma become when the images are chosen by each strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from alc_experiments.campaign import Protocol, rounds
from alc_experiments.experiment import Experiment
from alc_experiments.figures import Figure

TITLES: Mapping[str, str] = {
    "random": "Random",
    "vaal": "VAAL",
    "llal": "LLAL",
    "lc": "LC",
    "ls-c": "LS+C",
    "lt-c": "LT/C",
    "cald": "CALD",
    "score": "Ours",
}
"""The paper's names of the strategies, in its order."""


def curves(strategy: str, experiment: Experiment) -> list[Figure]:
    """AP50 of both models on the test images after each iteration of a campaign.

    Parameters
    ----------
    strategy
        Its name in `napari_alc.cleaning.selection.STRATEGIES`.
    experiment
        Its first draw X^0 and k are the same for all strategies.

    Returns
    -------
    list of Figure
        Metrics ``"AP50 Mp"`` and ``"AP50 Ma"`` (percent), with the number of images of X^i.
    """
    title, figures = TITLES[strategy], []
    for done in rounds(experiment, Protocol(strategy)):
        for name, model in (("Mp", done.mp), ("Ma", done.ma)):
            if model is not None:
                ap50 = experiment.measure(model)["AP50"]
                figures.append(Figure(title, f"AP50 {name}", ap50, len(done.image_ids)))
    return figures


UNITS: Mapping[str, Callable[[Experiment], list[Figure]]] = {
    title: partial(curves, strategy) for strategy, title in TITLES.items()
}
"""What there is to compute, by the method's name in the figure."""
