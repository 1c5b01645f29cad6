"""Curves of a training: the loss and the AP50 on the validation images, of both models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari import current_viewer
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt.utils import qthrottled

HEIGHT = 170
"""Pixels; two small plots side by side."""

DRAW_MILLISECONDS = 1000
"""Least time between two drawings: one takes a few hundredths of a second of the window's time."""

MOST_POINTS = 300
"""Points of a drawn curve; more are averaged, which smooths the loss as well."""

TITLES: Mapping[str, str] = {"loss": "Loss", "validation_AP50": "AP50 on validation images (%)"}
"""The plots, by what they show."""

STYLES: Mapping[str, str] = {"Mp": "-", "Ma": "--"}
"""Line style of each model: told apart without colours too."""

DARK_LINES: Mapping[str, str] = {"Mp": "#ffb86b", "Ma": "#8ff5ff"}
LIGHT_LINES: Mapping[str, str] = {"Mp": "#9a4408", "Ma": "#0e6f80"}

POINT_SIZE = 8
"""Of text in the plots, in points."""


@dataclass(frozen=True)
class Colours:
    """The colours of a plot in a theme, as ``#rrggbb``; the lines are those of the models."""

    background: str
    text: str
    lines: Mapping[str, str]


class Curves(QWidget):
    """Draws curves that grow; matplotlib is imported when they are first shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.canvas: Any = None
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def set_points(self, name: str, points: Sequence[tuple[int, float]]) -> None:
        """Show a curve of iterations and values, such as ``"loss Mp"``."""
        self.points[name] = list(points)
        self._draw_soon()

    @qthrottled(timeout=DRAW_MILLISECONDS, leading=False)
    def _draw_soon(self) -> None:
        self.draw()

    def clear(self) -> None:
        """Show no curve any more."""
        self.points = {}
        self.draw()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Make the plots when they are first seen."""
        super().showEvent(event)
        if self.canvas is None:
            self.canvas = _new_canvas()
            self.layout().addWidget(self.canvas)
        self.draw()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Follow napari's theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.draw()

    def draw(self) -> None:
        """Draw what is known now; nothing while nobody sees it."""
        if self.canvas is None or not self.isVisible():
            return
        colours = theme_colours()
        figure = self.canvas.figure
        figure.clear()
        figure.set_facecolor(colours.background)
        shown = [kind for kind in TITLES if any(n.startswith(f"{kind} ") for n in self.points)]
        for place, kind in enumerate(shown, start=1):
            self._draw_plot(figure.add_subplot(1, len(shown), place), kind, colours)
        self.canvas.draw_idle()

    def _draw_plot(self, plot: Any, kind: str, colours: Colours) -> None:
        for name, points in sorted(self.points.items(), reverse=True):
            of, _, model = name.rpartition(" ")
            if of == kind and points:
                x, y = zip(*thinned(points), strict=True)
                marker = "o" if len(x) < 2 else ""
                style, colour = STYLES.get(model, ":"), colours.lines.get(model, colours.text)
                plot.plot(x, y, style, marker=marker, color=colour, label=model, linewidth=1.5)
        plot.set_title(TITLES[kind], fontsize=POINT_SIZE, color=colours.text)
        plot.legend(fontsize=POINT_SIZE, labelcolor=colours.text, frameon=False)
        plot.set_facecolor(colours.background)
        plot.tick_params(labelsize=POINT_SIZE - 1, colors=colours.text)
        plot.xaxis.get_major_locator().set_params(integer=True, nbins=4)
        for side, spine in plot.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(colours.text)


def _new_canvas() -> Any:
    from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
    from matplotlib.figure import Figure

    make: Any = FigureCanvasQTAgg  # without types
    return make(Figure(layout="constrained"))


def theme_colours() -> Colours:
    """The colours of plots in napari's present theme."""
    viewer = current_viewer()  # Its theme can be changed for itself, without the settings.
    theme = get_theme(get_settings().appearance.theme if viewer is None else viewer.theme)
    background, text = QColor(theme.background.as_hex()), QColor(theme.text.as_hex())
    is_dark = background.lightness() < text.lightness()
    lines = DARK_LINES if is_dark else LIGHT_LINES
    return Colours(background.name(), text.name(), lines)


def thinned(
    points: Sequence[tuple[int, float]], most: int = MOST_POINTS
) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of equally many neighbours; the last may be of fewer."""
    size = -(-len(points) // most)
    groups = (points[at : at + size] for at in range(0, len(points), size or 1))
    return [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]
