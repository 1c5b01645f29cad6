"""Recommendation, forecast, audit and stopping, by mouse and keys."""

from __future__ import annotations

import pytest
from hand_made import A, B, C, D, label_set, make, see
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.plugin import preferences
from napari_alc.plugin.iterate import stopping_panel
from napari_alc.plugin.iterate.stopping_panel import (
    DRAWING,
    LOOKING,
    NO_AUDIT,
    NO_FORECAST,
    AuditPanel,
)
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.locks import locked
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps.audit import Audit, Share, result
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.forecast import Forecast, Scenario, forecast, recommendation
from napari_alc.project.steps.select import select

LEFT = Qt.MouseButton.LeftButton
CROWD = {1: [A], 2: [A, B], 3: [A], 4: [C], 5: [], 6: [A]}
TRUTH = {1: [A], 2: [A, D], 3: [A], 4: [C], 5: [B], 6: [A]}
MP = [(i, box, 0.9) for i, boxes in TRUTH.items() if i > 1 for box in boxes]


def texts(grid):
    """What a grid of figures shows, row by row, the headings first."""
    rows = {}
    for at in range(grid.layout().count()):
        row = grid.layout().getItemPosition(at)[0]
        rows.setdefault(row, []).append(grid.layout().itemAt(at).widget().text())
    return [tuple(rows[row]) for row in sorted(rows)]


@pytest.fixture
def project(tmp_path):
    """One image is reviewed; five are left, two of them with wrong labels."""
    project = make(tmp_path, CROWD, images=6, clean={1: [A]}, per_iteration=2, iterations=2)
    see(project, 0, MP, MP)
    yield project
    project.close()


@pytest.fixture
def panel(on_screen):
    panel = AuditPanel()
    return on_screen(panel, panel.query, panel.drawer)


@pytest.fixture
def filled(panel, project, qtbot):
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    return panel


def again(panel, qtbot):
    with qtbot.waitSignal(panel.query.settled):
        panel.refresh()


def settle(project):
    review_everything(project, label_set(TRUTH, 6).labels)


def send(panel, qtbot, images):
    panel.m.setFocus()
    panel.m.selectAll()
    QTest.keyClicks(panel.m, str(images))
    with qtbot.waitSignals([panel.changed, panel.query.settled]):
        qtbot.mouseClick(panel.send, LEFT)
        assert panel.note.text() == DRAWING
        assert not panel.send.isEnabled()


def test_what_lies_ahead_is_worked_out_beside_the_window(panel, project, qtbot):
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
        assert panel.note.text() == LOOKING
        assert not panel.shown.isVisible()
    assert not panel.note.isVisible()
    assert panel.advice.text() == recommendation(project)
    told = forecast(project)
    assert texts(panel.ahead) == [
        ("Still to come", "all iterations", "stop now"),
        ("Images for pathologists", f"{told.to_the_end.images}", f"{told.stop_now.images}"),
        ("Boxes to look at", f"{told.to_the_end.boxes}", f"{told.stop_now.boxes}"),
        ("Minutes of work", "–", "–"),
        ("Budget at the end", f"{told.to_the_end.budget:.1f} %", f"{told.stop_now.budget:.1f} %"),
    ]
    assert panel.so_far.text() == (
        f"Spent so far: {told.budget_now:.1f} % of what labelling every image would cost."
    )
    assert panel.found_words.text() == NO_AUDIT
    assert not panel.noise.isVisible()


def test_random_images_go_to_the_pathologist_and_tell_the_noise_that_is_left(
    filled, project, qtbot
):
    send(filled, qtbot, 5)
    assert [task.audit for task in queue(project) if not task.is_done] == [True] * 5
    assert filled.found_words.text().startswith(
        "Audit after iteration 0: 0 images finished, 5 wait in Review."
    )
    assert not filled.noise.isVisible()
    assert not filled.send.isEnabled()
    assert not filled.stop.isEnabled()
    settle(project)
    again(filled, qtbot)
    shares = result(project).noise
    assert texts(filled.noise)[0][1:] == ("found", "in all, 95 % sure")
    rows = {name: found for name, found, _ in texts(filled.noise)[1:]}
    assert rows == {
        "Boxes without an object": f"{shares['background'].count} of 5",
        "Objects without a box": "2 of 6",
        "Misplaced boxes": "0 of 5",
        "Boxes around several objects": "0 of 5",
    }
    assert shares["background"].count == 1
    left = result(project).corrected
    assert texts(filled.corrected)[0] == ("After the correction", "left", "in all, 95 % sure")
    assert texts(filled.corrected)[1][1] == f"0 of {left['background'].of}"
    assert texts(filled.corrected)[2][1] == "0 of 6"
    assert filled.corrected.isVisible()
    assert "crowd's labels of the images that nobody has looked at" in filled.found_words.text()


def test_a_person_stops_and_goes_on_after_all(filled, project, qtbot):
    preferences.set_person("Ada")
    assert filled.stop.isEnabled()
    assert not filled.go_on.isVisible()
    with qtbot.waitSignals([filled.changed, filled.query.settled]):
        qtbot.mouseClick(filled.stop, LEFT)
    assert status(project).next_step is Step.CORRECT
    assert filled.advice.text() == "Ada has stopped the iterations after iteration 0."
    assert texts(filled.ahead)[0] == ("Still to come", "to the end")
    assert not filled.stop.isVisible()
    with qtbot.waitSignals([filled.changed, filled.query.settled]):
        qtbot.mouseClick(filled.go_on, LEFT)
    assert status(project).next_step is Step.SELECT
    assert filled.stop.isVisible()
    assert not filled.go_on.isVisible()


def test_once_the_labels_are_corrected_nothing_can_be_stopped_or_drawn(filled, project, qtbot):
    with qtbot.waitSignal(filled.query.settled):
        qtbot.mouseClick(filled.stop, LEFT)
    correct_remaining(project)
    again(filled, qtbot)
    assert not filled.go_on.isVisible()
    assert not filled.stop.isEnabled()
    assert not filled.send.isEnabled()
    assert filled.so_far.text().startswith("Spent so far")
    assert not filled.ahead.isVisible()


def test_a_stop_that_comes_too_late_is_refused_in_words(filled, project, qtbot):
    select(project)
    qtbot.mouseClick(filled.stop, LEFT)
    assert filled.error.text().startswith("There is nothing to stop now: 2 images wait")


def test_images_that_cannot_be_drawn_are_refused_in_words(filled, project, qtbot):
    with locked(project.folder, "train"), qtbot.waitSignal(filled.drawer.settled):
        qtbot.mouseClick(filled.send, LEFT)
    assert "another step is under way ('train'" in filled.error.text()
    assert filled.send.isEnabled()
    assert filled.note.text() == ""


def test_nothing_is_started_beside_a_running_step_and_what_it_did_is_shown_after(
    filled, project, qtbot
):
    filled.set_locked(True)
    assert not any(widget.isEnabled() for widget in (filled.stop, filled.send, filled.m))
    select(project)
    filled.refresh()
    assert not filled.query.is_asking
    with qtbot.waitSignal(filled.query.settled):
        filled.set_locked(False)
    assert NO_FORECAST in filled.so_far.text()
    assert not filled.stop.isEnabled()


def test_a_reading_that_failed_is_tried_again_at_a_click(panel, project, qtbot, locked_ranking):
    with locked_ranking(), qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    assert "database is locked" in panel.error.text()
    with qtbot.waitSignal(panel.query.settled):
        qtbot.mouseClick(panel.again, LEFT)
        assert not panel.error.isVisible()
        assert panel.note.text() == LOOKING
    assert panel.shown.isVisible()
    assert not panel.again.isVisible()


def test_the_answer_of_a_project_that_was_closed_meanwhile_is_not_shown(panel, project, qtbot):
    with qtbot.assertNotEmitted(panel.query.answered):
        panel.set_project(project)
        panel.set_project(None)
        qtbot.waitUntil(lambda: not panel.query.is_running)
    assert not panel.shown.isVisible()
    assert panel.note.text() == ""


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (Share(0, 0, 0.0, 1.0), ("nothing to judge", "–")),
        (Share(3, 57, 0.018, 0.1442), ("3 of 57", "1.8 to 14 %")),
        (Share(0, 1200, 0.0, 0.0032), ("0 of 1,200", "0.0 to 0.3 %")),
        (Share(9, 10, 0.0996, 1.0), ("9 of 10", "10 to 100 %")),
    ],
)
def test_a_share_is_told_with_no_more_digits_than_it_deserves(share, words):
    noise = dict.fromkeys(stopping_panel.NOISE_NAMES, share)
    rows = stopping_panel.noise_figures(Audit(0, 1, 0, noise))
    assert [row.cells[1:] for row in rows] == [words] * 4


def test_times_and_budgets_are_told_in_whole_minutes_and_percent():
    way = Scenario(images=1200, boxes=3400, budget=31.04, minutes=1234.6)
    told = Forecast(12.34, 0.3, way, Scenario(0, 0, 12.3, 0.0))
    headings, rows = stopping_panel.forecast_figures(told)
    assert headings == ("Still to come", "all iterations", "stop now")
    assert [row.cells[1:] for row in rows] == [
        ("1,200", "0"),
        ("3,400", "0"),
        ("1,235", "0"),
        ("31.0 %", "12.3 %"),
    ]
    assert stopping_panel.so_far(told) == (
        "Spent so far: 12.3 % of what labelling every image would cost, 1 min of work."
    )


def test_on_the_page_the_section_stays_open_under_the_hand_that_stops(docked, predicted, qtbot):
    _, widget = docked()
    assert widget.open_project(predicted)
    page = widget.iterate_page
    section = page.sections.sections["audit"]
    assert section.collapsible.is_open
    qtbot.waitUntil(lambda: section.panel.stop.isEnabled())
    with qtbot.waitSignal(section.panel.query.settled):
        qtbot.mouseClick(section.panel.stop, LEFT)
    assert page.next_button.text() == "Correct automatically"
    assert section.collapsible.is_open
    assert not page.sections.sections["selection"].collapsible.is_open
    assert page.sections.sections["results"].collapsible.is_open
    with qtbot.waitSignal(section.panel.query.settled):
        qtbot.mouseClick(section.panel.go_on, LEFT)
    assert page.next_button.text() == "Select next images"
    assert page.sections.sections["selection"].collapsible.is_open


def test_on_the_page_an_audit_leads_to_review(docked, predicted, qtbot):
    _, widget = docked()
    assert widget.open_project(predicted)
    panel = widget.iterate_page.sections.sections["audit"].panel
    qtbot.waitUntil(lambda: panel.send.isEnabled())
    panel.m.setValue(2)
    with qtbot.waitSignals([panel.changed, panel.query.settled]):
        qtbot.mouseClick(panel.send, LEFT)
    assert widget.next_button.text().startswith("Review images")
    assert "2 images wait" in widget.sentence.text()
    assert panel.isVisibleTo(widget.iterate_page)
