"""What an audit and a forecast say, as rows of figures in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from napari_alc.plugin import tooltips
from napari_alc.plugin.figure_grid import Figures
from napari_alc.plugin.overview import UNKNOWN
from napari_alc.project.audit import Audit, Share
from napari_alc.project.forecast import Forecast, Way

NOISE_HEADINGS = ("Of the crowd's labels", "found", "in all, 95 % sure")

CORRECTED_HEADINGS = ("After the correction", "left", "in all, 95 % sure")

NOISE_NAMES = {
    "background": "Boxes without an object",
    "miss": "Objects without a box",
    "location": "Misplaced boxes",
    "box_in_box": "Boxes around several objects",
}
"""The kinds of noise, in the order of the page's other table of noise."""

NO_AUDIT = (
    "No audit yet. Images drawn by chance tell how noisy the labels are that nobody has looked at."
)

ABOUT = (
    "This is about the crowd's labels of the images that nobody has looked at, and about what the "
    "correction would make of them if it came now. The more images are drawn, the narrower it gets."
)

NO_FORECAST = "The forecast comes with the next ranking: train and predict first."


def audit_sentence(found: Audit | None) -> str:
    """How far the newest audit has come."""
    if found is None:
        return NO_AUDIT
    images = f"{found.images:,} {'image' if found.images == 1 else 'images'} finished"
    verb = "waits" if found.waiting == 1 else "wait"
    waiting = f", {found.waiting:,} {verb} in Review" if found.waiting else ""
    about = f" {ABOUT}" if found.noise else " The result appears with the first finished image."
    return f"Audit after iteration {found.iteration}: {images}{waiting}.{about}"


def noise_figures(found: Audit | None) -> list[Figures]:
    """A row a kind of noise of the crowd's labels."""
    return [] if found is None else _figures(found.noise, tooltips.AUDITED_NOISE)


def corrected_figures(found: Audit | None) -> list[Figures]:
    """A row a kind of noise that the automatic correction would leave."""
    return [] if found is None else _figures(found.corrected, tooltips.CORRECTED_NOISE)


def _figures(noise: Mapping[str, Share], about: Mapping[str, str]) -> list[Figures]:
    return [
        Figures((name, *_share_words(noise[kind])), about[kind])
        for kind, name in NOISE_NAMES.items()
        if kind in noise
    ]


def _share_words(share: Share) -> tuple[str, str]:
    if not share.of:
        return "nothing to judge", UNKNOWN
    between = f"{_percent(share.low)} to {_percent(share.high)} %"
    return f"{share.count:,} of {share.of:,}", between


def _percent(share: float) -> str:
    """Two digits are as much as a sample of this size can tell."""
    percent = 100 * share
    return f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"


def so_far(found: Forecast) -> str:
    """What was spent until now."""
    minutes = f", {_count(found.minutes_now)} min of work" if found.minutes_now else ""
    share = f"{found.budget_now:.1f} % of what labelling every image would cost"
    budget = f"Spent so far: {share}{minutes}."
    return budget if found.to_the_end is not None else f"{budget} {NO_FORECAST}"


def forecast_figures(found: Forecast) -> tuple[tuple[str, ...], list[Figures]]:
    """Headings, and a row a figure; one column where both ways are the same."""
    planned, now = found.to_the_end, found.stop_now
    if planned is None or now is None:
        return (), []
    same = planned == now
    ways = (now,) if same else (planned, now)
    headings = ("Still to come", *(("to the end",) if same else ("all iterations", "stop now")))
    columns = [_way_words(way) for way in ways]
    rows = [
        Figures((name, *(column[place] for column in columns)), tooltip)
        for place, (name, tooltip) in enumerate(tooltips.FORECAST_ROWS.items())
    ]
    return headings, rows


def _way_words(way: Way) -> tuple[str, ...]:
    minutes = UNKNOWN if way.minutes is None else _count(way.minutes)
    return f"{way.images:,}", f"{way.boxes:,}", minutes, f"{way.budget:.1f} %"


def _count(minutes: float) -> str:
    return f"{max(1, round(minutes)):,}" if minutes > 0 else "0"
