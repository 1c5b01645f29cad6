"""The panel beside the canvas in windows and on screens of every size, and in both themes."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QPalette, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSlider, QApplication, QDockWidget, QStyle, QStyleOptionComboBox
from review_driver import Driver, make_project, shared_viewer
from test_review_palettes import contrast

from napari_alc.labels import Category
from napari_alc.plugin.review.panel import responsive
from napari_alc.plugin.review.panel.responsive import NAPARI_DOCKS, fit_on_screen
from napari_alc.plugin.widget import LEAST_WIDTH, dock

KEY = Qt.Key
DEPOSIT = Category(1, "electron dense deposit")
LONG = Category(2, "immune complex below the epithelium, with a name that fits nowhere")
MESSAGE = (
    "image3.tif is open elsewhere (Bob, in another window on this computer); "
    "here is the next image."
)
SMALL = ((960, 540), (853, 480))
"""Windows in logical pixels: of 1920 × 1080 at 200 %, of 1280 × 720 at 150 %."""


@pytest.fixture(scope="module")
def program(qapp, tmp_path_factory):  # noqa: ARG001
    """A viewer with the whole dock widget, shared by the tests of the module."""
    with shared_viewer(tmp_path_factory.mktemp("settings")) as viewer:
        yield viewer, dock(viewer)


@pytest.fixture
def at(program, tmp_path, qtbot):
    viewer, widget = program
    project = make_project(tmp_path, images=10, size=256)
    widget.tabs.setTabEnabled(2, True)
    widget.tabs.setCurrentWidget(widget.review_page)
    driver = Driver(viewer, project, qtbot, page=widget.review_page)
    driver.page.panel.category.set_categories((DEPOSIT, LONG))
    bar = driver.page.panel._scroll.verticalScrollBar()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    theme = viewer.theme
    yield driver
    viewer.theme = theme
    driver.close()
    project.close()


def resize(at, width, height):
    """Give the window a size, with napari's own docks out of the way where they are higher."""
    window = at.viewer.window._qt_window
    for name in NAPARI_DOCKS:
        window.findChild(QDockWidget, name).setVisible(height >= 720)
    window.resize(width, height)
    at.qtbot.waitUntil(lambda: window.height() == height)
    settle(at)


def settle(at):
    at.settle()
    QTest.qWait(50)  # Qt lays out, then the panel scrolls


def is_whole(widget):
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


def go_to_longest_reason(at):
    panel = at.page.panel

    def length(box):
        at.selection.look_at_box(box.id)
        return len(panel.why.text())

    at.selection.look_at_box(max(at.document.open_boxes, key=length).id)
    settle(at)


def turn_wheel(widget, notches):
    """Turn the wheel over a widget; as in Qt, parents have what it does not take."""
    place = QPointF(widget.rect().center())
    everywhere = QPointF(widget.mapToGlobal(place.toPoint()))
    step, nothing = QPoint(0, 120 * notches), Qt.MouseButton.NoButton
    while widget is not None:
        event = QWheelEvent(
            QPointF(widget.mapFromGlobal(everywhere.toPoint())),
            everywhere,
            QPoint(),
            step,
            nothing,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
        if event.isAccepted():
            return
        widget = widget.parentWidget()


def parts(panel):
    """Everything that a person reads or presses, from top to bottom."""
    image = (panel.progress, panel.queue, panel.task, panel.sentence, panel.filter)
    box = (panel.title, panel.why, panel.suggestions)
    return [part for part in (*image, *box, *panel.buttons.values()) if not part.isHidden()]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_messages_are_legible_in_every_theme(at, theme):
    resize(at, 1280, 720)
    at.viewer.theme = theme
    at.page.panel.show_message(MESSAGE)
    settle(at)
    label = at.page.panel.message
    ground = label.grab().toImage().pixelColor(1, 1).name()
    text = label.palette().color(QPalette.ColorRole.WindowText).name()
    assert contrast(text, ground) >= 4.5
    shown = {label.grab().toImage().pixelColor(x, y).name() for x in range(200) for y in range(15)}
    assert text in shown


def room_of_category(category):
    option = QStyleOptionComboBox()
    category.initStyleOption(option)
    control = QStyle.ComplexControl.CC_ComboBox
    field = QStyle.SubControl.SC_ComboBoxEditField
    return category.style().subControlRect(control, option, field, category).width()


@pytest.mark.parametrize("height", [900, 720, 540])
def test_the_name_of_the_usual_category_is_whole_at_the_least_width(at, height):
    window = at.viewer.window._qt_window
    resize(at, 1280, height)
    docked = at.page.window().findChild(QDockWidget, "Active Label Cleaning (napari-alc)")
    window.resizeDocks([docked], [LEAST_WIDTH], Qt.Orientation.Horizontal)
    settle(at)
    category = at.page.panel.category
    assert docked.width() == LEAST_WIDTH
    assert DEPOSIT.name in category.currentText()
    width = category.fontMetrics().horizontalAdvance(category.currentText())
    assert width <= room_of_category(category)
    assert category.shown_text == category.currentText()


def test_a_name_that_cannot_fit_ends_in_dots_and_is_told_whole(at):
    resize(at, 1280, 720)
    at.key(KEY.Key_M)
    category = at.page.panel.category
    assert LONG.name in category.currentText()
    assert category.shown_text.endswith("…")
    width = category.fontMetrics().horizontalAdvance(category.shown_text)
    assert width <= room_of_category(category)
    assert LONG.name in category.toolTip()


def test_everything_is_in_sight_in_a_window_of_720_pixels(at):
    resize(at, 1280, 720)
    go_to_longest_reason(at)
    panel = at.page.panel
    assert panel.why.height() > 2 * panel.why.fontMetrics().height()
    panel.show_message(MESSAGE)
    settle(at)
    for part in (*parts(panel), panel.filter.score, panel.message, panel.category):
        assert is_whole(part), part


def test_large_numbers_of_boxes_stay_legible_at_the_least_width(at):
    resize(at, 1280, 540)
    panel = at.page.panel
    panel.filter.show_counts([name for name in panel.filter.chips for _ in range(188)], True)
    settle(at)
    assert panel._scroll.widget().width() == panel._scroll.viewport().width()
    for chip in panel.filter.chips.values():
        assert chip.sizeHint().width() <= chip.width()


@pytest.mark.parametrize("size", SMALL)
def test_small_windows_keep_their_size_whatever_the_panel_shows(at, size):
    resize(at, *size)
    go_to_longest_reason(at)
    window, panel = at.viewer.window._qt_window, at.page.panel
    at.key(KEY.Key_N)
    at.key(KEY.Key_F9)
    panel.show_message(MESSAGE)
    settle(at)
    assert (window.width(), window.height()) == size
    assert window.minimumSizeHint().height() <= size[1]
    assert is_whole(panel.buttons["done"])
    bottom = panel.buttons["done"].mapTo(window, panel.buttons["done"].rect().bottomLeft())
    assert bottom.y() < size[1]


@pytest.mark.parametrize("size", SMALL)
def test_question_and_pause_are_seen_in_small_windows(at, size):
    resize(at, *size)
    panel = at.page.panel
    for _ in range(60):
        turn_wheel(panel.sentence, 1)
    settle(at)
    assert is_whole(panel.progress)
    at.key(KEY.Key_N)
    settle(at)
    for button in (panel.ask_bar.keep_all, panel.ask_bar.delete_all, panel.ask_bar.go_back):
        assert is_whole(button)
    at.key(KEY.Key_F9)
    settle(at)
    assert is_whole(panel.pause_bar.go_on)


@pytest.mark.parametrize("size", SMALL)
def test_everything_can_be_reached_by_scrolling_in_small_windows(at, size):
    resize(at, *size)
    go_to_longest_reason(at)
    panel = at.page.panel
    assert is_whole(panel.title)
    seen = set()
    for _ in range(60):
        seen |= {part for part in parts(panel) if is_whole(part)}
        turn_wheel(panel.sentence, 1)
    assert seen == set(parts(panel))


def test_the_wheel_scrolls_past_category_and_confidence_and_changes_neither(at):
    resize(at, 960, 540)
    panel, stored = at.page.panel, at.stored()
    bar = panel._scroll.verticalScrollBar()
    for field in (panel.category, panel.filter.score):
        before = bar.value()
        turn_wheel(field, 1)
        settle(at)
        assert bar.value() < before
    assert panel.category.currentData() == DEPOSIT.id
    assert panel.filter.score.value() == 0
    assert at.stored() == stored


def test_what_somebody_has_scrolled_to_stays_there(at):
    resize(at, 960, 540)
    panel = at.page.panel
    bar = panel._scroll.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    for _ in range(60):
        turn_wheel(panel.sentence, 1)
    go_to_longest_reason(at)
    assert bar.value() == 0


def test_on_a_screen_that_is_too_low_naparis_docks_lie_behind_each_other(at, monkeypatch):
    window = at.viewer.window._qt_window
    resize(at, 1280, 720)
    controls, layers = (window.findChild(QDockWidget, name) for name in NAPARI_DOCKS)
    fit_on_screen(window)
    assert not window.tabifiedDockWidgets(controls)
    monkeypatch.setattr(responsive, "room_on_screen", lambda _window: 480)
    window.resize(853, 700)
    at.qtbot.waitUntil(lambda: window.height() <= 480)
    settle(at)
    assert window.tabifiedDockWidgets(controls) == [layers]
    assert is_whole(at.page.panel.buttons["done"])
    window.splitDockWidget(controls, layers, Qt.Orientation.Vertical)
