"""The figures of the page Iterate."""

import pytest
from sqlalchemy import update

from napari_alc.plugin.iterate import history_tables
from napari_alc.project.project import Project
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps import audit
from napari_alc.project.steps.select import select
from napari_alc.project.storage import schema
from tiny_projects import draw


@pytest.fixture
def project(predicted):
    project = Project.open(predicted)
    yield project
    project.close()


def measured(project, **metrics):
    with project.store.begin() as connection:
        connection.execute(update(schema.run).values(metrics=metrics))


def test_an_iteration_is_told_in_a_row(project):
    measured(project, validation_AP50=61.26, seconds=62.4)
    assert history_tables.iteration_rows(project) == [
        (0, 3, "8 / 8", "0.50", "61.3 / 61.3", "62 s / 62 s")
    ]


def test_what_was_not_measured_is_a_dash(project):
    assert history_tables.iteration_rows(project)[0][4:] == ("– / –", "– / –")


def test_images_of_an_audit_count_once_an_iteration_learns_from_them(project, tmp_path):
    audit.draw(project, 1, "Ada")
    review_everything(project, draw(tmp_path / "truth").labels)
    assert [row[:2] for row in history_tables.iteration_rows(project)] == [(0, 3)]
    assert [row[0] for row in history_tables.noise_rows(project)] == [0]
    select(project)
    assert [row[:2] for row in history_tables.iteration_rows(project)] == [(0, 3), (1, 6)]
    assert [row[0] for row in history_tables.noise_rows(project)] == [0, 1]


def test_the_noise_found_is_told_by_kind(project):
    assert history_tables.noise_rows(project) == [(0, 8, 0, 0, 0, 0)]
