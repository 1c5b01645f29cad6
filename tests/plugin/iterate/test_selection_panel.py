"""The ranking before a selection, by mouse and keys."""

from __future__ import annotations

import pytest
from hand_made import A, B, C, D, make, see
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.plugin.iterate.selection_panel import RANKING, SelectionPanel
from napari_alc.project.settings import read_settings
from napari_alc.project.steps import overrides
from napari_alc.project.steps.overrides import NOT_YET
from napari_alc.project.steps.select import select
from napari_alc.project.storage.records import OverrideKind

LEFT = Qt.MouseButton.LeftButton
NUMBER, PICTURE, NAME, SCORE, RED, GREEN, PINK, GRAY = range(8)


@pytest.fixture
def project(tmp_path):
    """Images 2 to 5 remain; Ma is surest of a box of its own in 4, less in 3 and in 5."""
    crowd = {1: [A], 3: [A, B], 4: [A, B, C], 5: [A]}
    project = make(tmp_path, crowd, images=5, clean={1: [A]}, per_iteration=2)
    ma = [(4, D, 0.9), (3, D, 0.6), (5, B, 0.4)]
    see(project, 0, mp=[(2, A, 0.9)], ma=ma, tau=0.3)
    yield project
    project.close()


@pytest.fixture
def panel(on_screen):
    panel = SelectionPanel()
    return on_screen(panel, panel.query)


@pytest.fixture
def filled(panel, project, qtbot):
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    return panel


def cells(panel, column):
    model = panel.ranking.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def chosen_in(panel):
    return [cell.partition("\n")[2] for cell in cells(panel, NUMBER)]


def pick(panel, qtbot, name):
    place = [cell.split("\n")[0] for cell in cells(panel, NAME)].index(name)
    table = panel.ranking.table
    index = table.model().index(place, NAME)
    table.scrollTo(index)
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualRect(index).center())


def give_reason(panel, qtbot, button, reason):
    qtbot.mouseClick(button, LEFT)
    QTest.keyClicks(panel.reason.line, reason)
    with qtbot.waitSignal(panel.query.settled):
        QTest.keyClick(panel.reason.line, Qt.Key.Key_Return)


def test_the_ranking_is_made_beside_the_window_and_shown(panel, project, qtbot):
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
        assert panel.note.text() == RANKING
        assert panel.note.isVisible()
    assert not panel.note.isVisible()
    assert cells(panel, NAME) == ["image4.tif", "image3.tif", "image5.tif", "image2.tif"]
    assert cells(panel, NUMBER) == ["1\nnext", "2\nnext", "3", "4"]
    assert cells(panel, SCORE) == ["0.90", "0.60", "0.40", "0.00"]
    assert cells(panel, GREEN) == ["3", "2", "1", "0"]
    assert cells(panel, RED) == ["1", "1", "1", "0"]
    assert cells(panel, PINK) == ["0", "0", "0", "1"]
    assert panel.strategy.text().startswith("Most inconsistent first: takes the images")
    assert panel.cost.text() == "About 7 boxes; how long a box takes is not measured yet."


def test_thumbnails_come_into_the_rows_in_sight(filled, qtbot):
    model = filled.ranking.table.model()

    def shown():
        return model.index(0, PICTURE).data(Qt.ItemDataRole.DecorationRole)

    qtbot.waitUntil(lambda: shown() is not None)
    assert shown().width() > 0


def test_an_image_whose_file_is_gone_says_so(panel, project, qtbot):
    (project.images_folder / "image4.tif").unlink()
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    index = panel.ranking.table.model().index(0, PICTURE)
    qtbot.waitUntil(lambda: "cannot be shown" in index.data(Qt.ItemDataRole.ToolTipRole))


def test_an_image_is_taken_out_with_a_reason_that_its_row_tells(filled, project, qtbot):
    assert not filled.take_out.isEnabled()
    pick(filled, qtbot, "image4.tif")
    qtbot.mouseClick(filled.take_out, LEFT)
    assert filled.reason.question.text() == "Take out image4.tif?"
    assert filled.focusWidget() is filled.reason.line
    assert not filled.reason.confirm.isEnabled()
    QTest.keyClick(filled.reason.line, Qt.Key.Key_Return)
    assert filled.reason.isVisible()
    QTest.keyClicks(filled.reason.line, "out of focus")
    with qtbot.waitSignals([filled.changed, filled.query.settled]):
        qtbot.mouseClick(filled.reason.confirm, LEFT)
    assert not filled.reason.isVisible()
    (chosen,) = overrides.overrides_of(project, 0).values()
    assert (chosen.kind, chosen.reason) == (OverrideKind.EXCLUDE, "out of focus")
    assert cells(filled, NAME)[0] == "image4.tif\nout of focus"
    words = filled.ranking.table.model().index(0, NUMBER).data(Qt.ItemDataRole.ToolTipRole)
    assert words == f"taken out by {chosen.person}: out of focus"
    assert chosen_in(filled) == ["out", "next", "next", ""]
    assert filled.ranking.picked_row.file_name == "image4.tif"
    assert not filled.take_out.isEnabled()
    assert filled.leave.isEnabled()


def test_an_image_is_added_whatever_its_rank_and_left_to_it_again(filled, project, qtbot):
    pick(filled, qtbot, "image2.tif")
    assert not filled.leave.isEnabled()
    give_reason(filled, qtbot, filled.add, "a rare lesion")
    assert chosen_in(filled) == ["next", "", "", "added"]
    assert overrides.overrides_of(project, 0)[2].kind == OverrideKind.INCLUDE
    with qtbot.waitSignal(filled.query.settled):
        qtbot.mouseClick(filled.leave, LEFT)
    assert chosen_in(filled) == ["next", "next", "", ""]
    assert overrides.overrides_of(project, 0) == {}


def test_escape_and_another_image_take_the_question_back(filled, project, qtbot):
    for button in (filled.take_out, filled.add):
        pick(filled, qtbot, "image3.tif")
        qtbot.mouseClick(button, LEFT)
        QTest.keyClicks(filled.reason.line, "why not")
        QTest.keyClick(filled.reason.line, Qt.Key.Key_Escape)
        assert not filled.reason.isVisible()
        qtbot.mouseClick(button, LEFT)
        assert filled.reason.line.text() == ""
        pick(filled, qtbot, "image5.tif")
        assert not filled.reason.isVisible()
    assert overrides.overrides_of(project, 0) == {}


def test_the_number_of_images_is_stored_and_its_cost_told(filled, project, qtbot):
    filled.k.setFocus()
    filled.k.selectAll()
    QTest.keyClicks(filled.k, "3")
    with qtbot.waitSignal(filled.query.settled):
        QTest.keyClick(filled.k, Qt.Key.Key_Return)
    assert read_settings(project.folder).method.per_iteration == 3
    assert chosen_in(filled) == ["next", "next", "next", ""]
    assert filled.cost.text().startswith("About 9 boxes")
    assert int(filled.histogram.bars.chosen.sum()) == 3
    filled.k.selectAll()
    QTest.keyClicks(filled.k, "5")
    with qtbot.waitSignal(filled.query.settled):
        QTest.keyClick(filled.k, Qt.Key.Key_Return)
    assert filled.cost.text().startswith("Only 4 are left: about 10 boxes")


def test_more_images_than_the_project_has_are_not_taken(filled, project):
    before = read_settings(project.folder).method.per_iteration
    filled.k.setFocus()
    filled.k.selectAll()
    QTest.keyClicks(filled.k, "1000")
    QTest.keyClick(filled.k, Qt.Key.Key_Return)
    assert f"It stays {before}." in filled.limited_k.problem.text()
    assert filled.limited_k.problem.isVisible()
    assert filled.k.value() == read_settings(project.folder).method.per_iteration == before


def test_more_than_k_added_by_hand_is_told(filled, qtbot):
    for name in ("image2.tif", "image3.tif", "image5.tif"):
        pick(filled, qtbot, name)
        give_reason(filled, qtbot, filled.add, "wanted")
    assert filled.cost.text().startswith("3 were added by hand: about 6 boxes")


def test_a_search_finds_names_and_choices(filled, qtbot):
    QTest.keyClicks(filled.ranking.search, "E5")
    assert cells(filled, NAME) == ["image5.tif"]
    filled.ranking.search.clear()
    QTest.keyClicks(filled.ranking.search, "next")
    assert cells(filled, NAME) == ["image4.tif", "image3.tif"]
    pick(filled, qtbot, "image3.tif")
    assert filled.ranking.picked_row.image_id == 3


def test_the_histogram_tells_of_the_bar_under_the_mouse(filled):
    bars = filled.histogram
    assert int(bars.bars.everything.sum()) == 4
    highest = bars.bars.highest
    right = bars.rect().center()
    right.setX(bars.width() - 2)
    assert bars.words_at(right).endswith(f"to {highest:.2f}: 1 image, 1 of them next")
    right.setX(1)
    assert "1 image, 0 of them next" in bars.words_at(right)
    picture = bars.grab().toImage()
    colours = {
        picture.pixelColor(x, y).name()
        for x in range(picture.width() - 15, picture.width())
        for y in range(25, 70)
    }
    assert len(colours) > 1


def test_before_there_is_a_ranking_the_panel_says_what_is_missing(panel, tmp_path, qtbot):
    project = make(tmp_path / "early", {1: [A]}, clean={1: [A]})
    with qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    assert panel.note.text() == NOT_YET
    assert not panel.error.isVisible()
    assert not panel.again.isVisible()
    assert not panel.shown.isVisible()
    panel.set_project(None)
    project.close()


def test_what_hinders_the_ranking_is_told_and_it_is_made_at_a_click(
    panel, project, qtbot, locked_ranking
):
    with locked_ranking(), qtbot.waitSignal(panel.query.settled):
        panel.set_project(project)
    assert "database is locked" in panel.error.text()
    assert panel.error.isVisible()
    assert not panel.shown.isVisible()
    with qtbot.waitSignal(panel.query.settled):
        qtbot.mouseClick(panel.again, LEFT)
    assert not panel.again.isVisible()
    assert not panel.error.isVisible()
    assert panel.shown.isVisible()


def test_a_choice_that_comes_too_late_is_refused_in_words(filled, project, qtbot):
    pick(filled, qtbot, "image3.tif")
    select(project)
    qtbot.mouseClick(filled.take_out, LEFT)
    QTest.keyClicks(filled.reason.line, "blurred")
    QTest.keyClick(filled.reason.line, Qt.Key.Key_Return)
    assert filled.error.text() == NOT_YET
    assert filled.error.isVisible()


def test_nothing_is_chosen_while_a_step_runs_and_what_it_did_is_shown_after(filled, project, qtbot):
    pick(filled, qtbot, "image3.tif")
    filled.set_locked(True)
    assert not any(b.isEnabled() for b in (filled.take_out, filled.add, filled.leave, filled.k))
    select(project)
    filled.refresh()
    assert not filled.query.is_asking
    with qtbot.waitSignal(filled.query.settled):
        filled.set_locked(False)
    assert filled.note.text() == NOT_YET
    assert not filled.shown.isVisible()


def test_the_answer_of_a_project_that_was_closed_meanwhile_is_not_shown(panel, project, qtbot):
    with qtbot.assertNotEmitted(panel.query.answered):
        panel.set_project(project)
        panel.set_project(None)
        qtbot.waitUntil(lambda: not panel.query.is_running)
    assert not panel.shown.isVisible()
    assert panel.note.text() == ""


def test_what_is_chosen_by_hand_has_room(filled, qtbot):
    pick(filled, qtbot, "image2.tif")
    give_reason(filled, qtbot, filled.add, "wanted")
    table = filled.ranking.table
    index = table.model().index(3, NUMBER)
    assert index.data().endswith("added")
    assert table.columnWidth(NUMBER) >= table.sizeHintForIndex(index).width()


def test_a_question_that_is_locked_out_is_asked_again_afterwards(panel, project, qtbot):
    panel.set_project(project)
    panel.set_locked(True)
    assert not panel.query.is_asking
    qtbot.waitUntil(lambda: not panel.query.is_running)
    assert not panel.shown.isVisible()
    with qtbot.waitSignal(panel.query.settled):
        panel.set_locked(False)
    assert panel.shown.isVisible()
