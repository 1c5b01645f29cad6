"""Figure 6 as a plot: AP50 of Mp and Ma by the number of clean images, a line a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alc_experiments.pages.curve_tables import MODELS, OURS
from alc_experiments.pages.paper import FIGURE6_STRATEGIES
from alc_experiments.pages.spread import Results, Spread, spread_of
from alc_experiments.pages.table_parts import ordered
from napari_alc.project.reporting.contact_sheet import as_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (8.4, 4.6)
"""Inches."""

STYLES = (
    ("#000000", "x"),
    ("#cc79a7", "v"),
    ("#56b4e9", "^"),
    ("#e69f00", "s"),
    ("#009e73", "D"),
    ("#a6761d", "P"),
    ("#0072b2", "<"),
    ("#d55e00", "o"),
)
"""Colour and marker of each strategy, in the paper's order. The colours are those of Okabe and Ito
but for a brown instead of their yellow, which is too pale for a thin line."""

OTHERS = ("#777777", "*")
"""Of a strategy that the paper does not have."""


def draw_figure6(results: Results) -> bytes:
    """Two panels, Mp and Ma, with bands of ± one sample standard deviation over the seeds.

    Returns
    -------
    bytes
        A PNG file; the same results give the same bytes with the same version of matplotlib.
    """
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(1, len(MODELS), sharey=True)
    for axes, metric in zip(panels, MODELS, strict=True):
        _panel(axes, results, metric)
    panels[0].set_ylabel("AP50 on the test images (%)")
    _legend(figure, panels, len(results.seeds))
    return as_png(figure)


def _panel(axes: Axes, results: Results, metric: str) -> None:
    for number, strategy in enumerate(ordered(results, FIGURE6_STRATEGIES)):
        _line(axes, results, metric, strategy, number)
    axes.set_title(MODELS[metric], fontsize="medium")
    axes.set_xlabel("Images that a pathologist has labelled")
    axes.set_xticks(results.images)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)


def _line(axes: Axes, results: Results, metric: str, strategy: str, number: int) -> None:
    """The line of a strategy and its band; Ours lies on top, thicker."""
    points = _points(results, metric, strategy)
    if not points:
        return
    colour, marker = STYLES[number] if number < len(STYLES) else OTHERS
    ours = strategy == OURS
    counts, means = list(points), [spread.mean for spread in points.values()]
    order = 4 if ours else 3
    axes.plot(
        counts,
        means,
        color=colour,
        marker=marker,
        markersize=6 if ours else 5,
        linewidth=2.8 if ours else 1.3,
        label=_name(results, metric, strategy),
        zorder=order,
    )
    spread = [point.deviation or 0.0 for point in points.values()]
    low, high = ([m + sign * d for m, d in zip(means, spread, strict=True)] for sign in (-1, 1))
    axes.fill_between(counts, low, high, color=colour, alpha=0.2 if ours else 0.07, linewidth=0)


def _name(results: Results, metric: str, strategy: str) -> str:
    """Of a line; where some seeds are not measured yet, with their number."""
    measured = {seed for c in results.images for seed in results.values(strategy, metric, c)}
    missing = len(results.seeds) - len(measured)
    return f"{strategy} ({len(measured)} of {len(results.seeds)} seeds)" if missing else strategy


def _points(results: Results, metric: str, strategy: str) -> dict[int, Spread]:
    """What was measured, by the number of images."""
    found = {c: spread_of(results.values(strategy, metric, c)) for c in results.images}
    return {count: spread for count, spread in found.items() if spread}


def _legend(figure: Figure, panels: Sequence[Axes], seeds: int) -> None:
    """Below both panels, where it covers no line."""
    lines = (axes.get_legend_handles_labels() for axes in panels)
    entries = {
        name: handle
        for handles, names in lines
        for handle, name in zip(handles, names, strict=True)
    }
    title = f"Mean of {seeds} seeds; bands: ± one sample standard deviation"
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        title=title if seeds > 1 else "One seed",
    )
