"""Foldable sections of the page Iterate."""

import pytest
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin.iterate.sections import PanelSection
from tiny_projects import make_project

LEFT = Qt.MouseButton.LeftButton


class Panel(QWidget):
    changed = Signal()

    def __init__(self):
        super().__init__()
        self.asked = []
        self.problem = ""

    def set_project(self, project):
        self.asked.append(project)
        self.refresh_or_refuse()

    def refresh(self):
        self.asked.append("refresh")
        self.refresh_or_refuse()

    def refresh_or_refuse(self):
        if self.problem:
            raise AlcError(self.problem)


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path)
    yield project
    project.close()


@pytest.fixture
def section(qtbot):
    section = PanelSection("Images", Panel())
    qtbot.addWidget(section)
    section.show()
    return section


def click(section, qtbot):
    qtbot.mouseClick(section.collapsible.heading, LEFT)


def test_a_closed_section_asks_nothing_of_the_project(section, project):
    section.set_project(project)
    section.refresh()
    assert section.panel.asked == []
    assert not section.panel.isVisible()


def test_a_section_is_filled_when_it_is_opened_and_kept_while_nothing_changes(
    section, project, qtbot
):
    section.set_project(project)
    click(section, qtbot)
    assert section.panel.isVisible()
    click(section, qtbot)
    click(section, qtbot)
    assert section.panel.asked == [project]


def test_what_changed_while_it_was_closed_is_shown_when_it_is_opened(section, project, qtbot):
    section.set_project(project)
    click(section, qtbot)
    click(section, qtbot)
    section.refresh()
    assert section.panel.asked == [project]
    click(section, qtbot)
    assert section.panel.asked == [project, "refresh"]


def test_the_panel_lets_go_of_a_project_that_is_closed(section, project, qtbot):
    section.set_project(project)
    click(section, qtbot)
    section.set_project(None)
    assert section.panel.asked == [project, None]
    click(section, qtbot)
    click(section, qtbot)
    assert section.panel.asked == [project, None]


def test_what_cannot_be_shown_is_told_and_tried_again(section, project, qtbot):
    section.panel.problem = "The disk is full."
    section.set_project(project)
    click(section, qtbot)
    assert section.error.text() == "The disk is full."
    section.panel.problem = ""
    qtbot.mouseClick(section.again, LEFT)
    assert section.error.isHidden()
    assert section.again.isHidden()
    assert section.panel.asked == [project, "refresh"]
