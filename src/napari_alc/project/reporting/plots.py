"""Plots of a report, as PNG; colours of Okabe and Ito, and a marker or hatch for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_alc.project.reporting.contact_sheet import as_png
from napari_alc.project.reporting.report_tables import ERRORS, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#e69f00", "#009e73", "#cc79a7"

SERIES = ((BLUE, "o", ""), (ORANGE, "s", "///"), (GREEN, "^", "..."), (PURPLE, "D", "xx"))
"""Colour, marker and hatch of the first, second, … series."""

NOISE = {
    "background": "no object there",
    "location": "wrong place,\nsize or kind",
    "box_in_box": "around several\nobjects",
    "miss": "object missed",
}

SIZE = (7.0, 3.6)
"""Inches."""


def draw_plots(report: Record) -> dict[str, bytes]:
    """The plots for which there is anything to show, by the key of their section."""
    makers: Mapping[str, Callable[[Axes, Record], bool]] = {
        "iterations": _ap50,
        "labels": _noise,
        "tide": _tide,
        "detectors": _detectors,
        "agreement": _agreement,
        "time": _time,
    }
    found = {key: _drawn(make, report) for key, make in makers.items()}
    return {key: png for key, png in found.items() if png}


def _drawn(make: Callable[[Axes, Record], bool], report: Record) -> bytes:
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return as_png(figure) if make(axes, report) else b""


def _ap50(axes: Axes, report: Record) -> bool:
    """AP50 of both models against what was spent, Figure 6 of the paper with the budget."""
    any_model = False
    for (model, name), (colour, marker, _) in zip(
        (("mp", "expert's model (Mp)"), ("ma", "shared model (Ma)")), SERIES, strict=False
    ):
        measured = [r for r in report["iterations"] if r["models"][model]]
        if measured:
            any_model = True
            budget = [record["budget"]["total"] for record in measured]
            values = [record["models"][model]["AP50"] for record in measured]
            axes.plot(budget, values, color=colour, marker=marker, label=name)
    axes.set_xlabel("Budget (% of labelling everything by pathologists)")
    axes.set_ylabel("AP50 (%)")
    axes.grid(alpha=0.3)
    if any_model:
        axes.legend(frameon=False)
    return any_model


def _noise(axes: Axes, report: Record) -> bool:
    labels = {NAMES.get(name, name): noise for name, noise in report["labels"].items()}
    values = {name: [noise[kind] for kind in NOISE] for name, noise in labels.items()}
    axes.set_ylabel("Boxes")
    return _grouped_bars(axes, list(NOISE.values()), values, "{:.0f}")


NAMES = {"crowd": "before (crowd)", "clean": "after (clean labels)"}


def _tide(axes: Axes, report: Record) -> bool:
    """Errors of the models of the last iteration that was measured."""
    measured = [r for r in report["iterations"] if r["models"]["mp"] and r["models"]["ma"]]
    if not measured or "state" not in report:
        return False
    last = measured[-1]
    values = {
        f"{name}, iteration {last['iteration']}": [last["models"][m]["TIDE"][e] for e in ERRORS]
        for m, name in (("mp", "Mp"), ("ma", "Ma"))
    }
    return _error_bars(axes, values)


def _detectors(axes: Axes, report: Record) -> bool:
    values = {
        f"{name}: AP50 {record['AP50']:.1f} %": [record["TIDE"][error] for error in ERRORS]
        for name, record in report["detectors"].items()
    }
    return _error_bars(axes, values)


def _error_bars(axes: Axes, values: Mapping[str, Sequence[float]]) -> bool:
    axes.set_ylabel("AP50 lost (percentage points)")
    axes.set_xlabel("Type of error")
    return _grouped_bars(axes, list(ERRORS), values, "{:.1f}")


def _grouped_bars(
    axes: Axes, names: Sequence[str], values: Mapping[str, Sequence[float]], words: str
) -> bool:
    """Bars side by side under each name, with their numbers."""
    width = 0.8 / max(len(values), 1)
    for number, (label, heights) in enumerate(values.items()):
        colour, _, hatch = SERIES[number % len(SERIES)]
        left = [place + (number - (len(values) - 1) / 2) * width for place in range(len(names))]
        bars = axes.bar(
            left, heights, 0.92 * width, color=colour, hatch=hatch, edgecolor="white", label=label
        )
        axes.bar_label(bars, labels=[words.format(h) for h in heights], fontsize=8, padding=2)
    axes.set_xticks(range(len(names)), names)
    axes.margins(y=0.12)
    if values:
        axes.legend(frameon=False, fontsize=9, labels=[str(label) for label in values])
    return bool(values)


def _agreement(axes: Axes, report: Record) -> bool:
    pairs = report.get("agreement") or []
    if not pairs:
        return False
    for number, key in enumerate(("f1", "kappa")):
        colour, marker, _ = SERIES[number]
        rows = [(i, pair[key]) for i, pair in enumerate(pairs) if pair[key] is not None]
        axes.plot(
            [value for _, value in rows],
            [row for row, _ in rows],
            marker,
            color=colour,
            label="F1 of the boxes" if key == "f1" else "Cohen's kappa",
        )
    names = [f"{pair['first']}, {pair['second']}" for pair in pairs]
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(right=1.02)
    axes.set_xlabel("Agreement (1: full)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False)
    return True


def _time(axes: Axes, report: Record) -> bool:
    time: Mapping[str, Any] = report.get("time") or {}
    if not time:
        return False
    rows = {
        "step 1, whole images": (time["step1_minutes"], BLUE),
        "step 2, red and green": (time["step2_minutes"], BLUE),
        **{name: (spent, ORANGE) for name, spent in time["minutes_by_person"].items()},
    }
    bars = axes.barh(
        range(len(rows)), [v for v, _ in rows.values()], color=[c for _, c in rows.values()]
    )
    axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), list(rows), parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("Time worked (minutes; by step, and by person)")
    return True
