"""Curves of a training: what they show, in which colours, and when matplotlib is loaded."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.settings import get_settings
from qtpy.QtGui import QColor

from napari_alc.plugin.widgets.line_plots import (
    DARK_LINES,
    LIGHT_LINES,
    Curves,
    theme_colours,
    thinned,
)


@pytest.fixture
def curves(qtbot):
    widget = Curves()
    qtbot.addWidget(widget)
    widget.resize(420, widget.height())
    return widget


def drawn(curves):
    """Titles of the plots with the labels and points of their lines."""
    return {
        plot.get_title(): {line.get_label(): list(line.get_xydata()) for line in plot.lines}
        for plot in curves.canvas.figure.axes
    }


def test_both_models_are_drawn_in_a_plot_for_the_loss_and_one_for_ap50(curves):
    curves.set_points("loss Mp", [(1, 2.0), (2, 1.0)])
    curves.set_points("loss Ma", [(1, 3.0)])
    curves.set_points("validation_AP50 Mp", [(2, 40.0)])
    curves.show()
    found = drawn(curves)
    assert list(found) == ["Loss", "AP50 on validation images (%)"]
    assert np.array_equal(found["Loss"]["Mp"], [(1, 2), (2, 1)])
    assert np.array_equal(found["Loss"]["Ma"], [(1, 3)])
    assert np.array_equal(found["AP50 on validation images (%)"]["Mp"], [(2, 40)])


def test_new_points_are_drawn_soon(curves, qtbot):
    curves.show()
    assert drawn(curves) == {}
    curves.set_points("loss Mp", [(1, 2.0)])
    qtbot.waitUntil(lambda: "Loss" in drawn(curves))
    curves.clear()
    assert drawn(curves) == {}


@pytest.mark.parametrize(("theme", "lines"), [("dark", DARK_LINES), ("light", LIGHT_LINES)])
def test_every_line_and_word_is_told_from_the_background(theme, lines):
    get_settings().appearance.theme = theme
    colours = theme_colours()
    assert colours.lines == lines
    for colour in (colours.text, *lines.values()):
        assert contrast(colour, colours.background) > 4.5, colour


def test_the_theme_of_the_window_counts_where_it_is_not_the_one_of_the_settings(make_napari_viewer):
    get_settings().appearance.theme = "dark"
    make_napari_viewer().theme = "light"
    assert theme_colours().lines == LIGHT_LINES


def contrast(one, other):
    """Contrast of two colours as the Web Content Accessibility Guidelines define it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = QColor(colour).getRgbF()[:3]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def test_curves_follow_the_theme_while_they_are_shown(curves, qtbot):
    get_settings().appearance.theme = "dark"
    curves.show()
    dark = curves.canvas.figure.get_facecolor()
    get_settings().appearance.theme = "light"
    curves.setStyleSheet("QWidget { color: black; }")  # what napari does to its window
    qtbot.waitUntil(lambda: curves.canvas.figure.get_facecolor() != dark)


def test_matplotlib_is_not_loaded_before_a_curve_is_shown():
    source = (
        "import sys\n"
        "import napari_alc.plugin.widgets.line_plots, napari_alc.plugin.iterate.job_monitor\n"
        "sys.exit('matplotlib.figure' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 100)), max_size=700))
def test_a_long_curve_keeps_its_range_and_few_points(points):
    found = thinned(points, 100)
    assert len(found) <= 100
    if len(points) <= 100:
        assert found == points
    for axis in (0, 1):
        values = [point[axis] for point in points]
        assert all(min(values) - 1e-6 <= p[axis] <= max(values) + 1e-6 for p in found)
