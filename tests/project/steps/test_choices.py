from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hand_made import A, B, C, D, make, rows_of, see

from napari_alc.cleaning.selection import STRATEGIES, Candidates, rank
from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.locks import locked
from napari_alc.project.project import Project
from napari_alc.project.settings import change_settings
from napari_alc.project.steps import overrides
from napari_alc.project.steps.overrides import add, cost_of, image_named, ranked, take_out, undo
from napari_alc.project.steps.select import select
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import Override, OverrideKind, Spent

CROWD = {1: [A], 2: [A, B], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, D, 0.8), (3, A, 0.7), (3, D, 0.6), (4, B, 0.3)]
MA = [(2, A, 0.8), (2, C, 0.75), (3, D, 0.95), (4, A, 0.9)]
"""By hand: SCORE(2) = 0.75, SCORE(3) = 0, SCORE(4) = 0.9."""


@pytest.fixture
def project(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, per_iteration=2)
    see(project, 0, MP, MA)
    yield project
    project.close()


def ids(rows):
    return [row.image_id for row in rows]


def test_the_ranking_can_be_seen_before_anything_is_selected(project):
    ranking = ranked(project)
    assert [(r.image_id, r.rank, r.score, r.file_name) for r in ranking.rows] == [
        (4, 1, 0.9, "image4.tif"),
        (2, 2, 0.75, "image2.tif"),
        (3, 3, 0.0, "image3.tif"),
    ]
    first = ranking.rows[0]
    assert (first.red, first.green, first.pink, first.gray, first.offered) == (1, 1, 0, 0, 2)
    assert select(project) == tuple(ids(ranking.chosen(2)))


def test_without_predictions_there_is_no_ranking(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]})
    with pytest.raises(AlcError, match="both detectors have to look"):
        ranked(project)


def test_an_image_taken_out_is_passed_over(project):
    take_out(project, 4, "Ada", "out of focus")
    row = ranked(project).rows[0]
    assert row.override == Override(OverrideKind.EXCLUDE, "Ada", "out of focus")
    assert select(project) == (2, 3)


def test_an_image_added_goes_first_and_takes_a_place(project):
    add(project, 3, "Bob", "a rare case")
    assert select(project) == (3, 4)


def test_more_images_can_be_added_than_an_iteration_has(project):
    for image_id in (2, 3, 4):
        add(project, image_id, "Bob", "all of them")
    assert select(project) == (4, 2, 3)


def test_a_choice_taken_back_leaves_the_image_to_its_rank_and_stays_in_the_history(project):
    take_out(project, 4, "Ada", "out of focus")
    undo(project, 4, "Bob")
    assert select(project) == (4, 2)
    kept = [(row["kind"], row["person"], row["reason"]) for row in rows_of(project, schema.choice)]
    assert kept == [("out", "Ada", "out of focus"), ("undone", "Bob", "")]


def test_the_newest_choice_about_an_image_holds(project):
    take_out(project, 4, "Ada", "out of focus")
    add(project, 4, "Bob", "sharp enough")
    assert ranked(project).rows[0].is_included


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_choice_needs_a_reason(project, reason):
    with pytest.raises(AlcError, match="Say why"):
        take_out(project, 4, "Ada", reason)
    assert rows_of(project, schema.choice) == []


def test_an_image_that_a_pathologist_had_cannot_be_chosen(project):
    with pytest.raises(AlcError, match="not in the ranking"):
        add(project, 1, "Ada", "again")


def test_what_was_not_chosen_cannot_be_taken_back(project):
    with pytest.raises(AlcError, match="Nothing was chosen"):
        undo(project, 4, "Ada")


def test_images_are_found_by_name(project):
    assert image_named(project, "image3.tif") == 3
    with pytest.raises(AlcError, match="no image 'image9"):
        image_named(project, "image9.tif")


def test_the_cost_is_counted_in_the_boxes_that_would_be_offered(project):
    assert [cost_of(project, ranked(project), k).boxes for k in (0, 1, 2, 3)] == [0, 2, 6, 8]
    assert cost_of(project, ranked(project), 9).images == 3
    assert cost_of(project, ranked(project), 1).minutes is None


def test_the_cost_in_minutes_follows_the_pace_so_far(project):
    [task] = queue(project)  # two boxes were decided there: one deleted, one drawn
    spent = Spent(task.id, None, 40.0)
    with project.store.transaction() as unit:
        unit.times.add("Ada", [spent])
    found = cost_of(project, ranked(project), 1)
    assert found.minutes == pytest.approx(found.boxes * 20 / 60)


def test_another_strategy_makes_another_ranking(project):
    ranked(project)
    change_settings(project.folder, method={"strategy": "random"})
    again = Project.open(project.folder)
    rows = ranked(again).rows
    image_ids = np.array([2, 3, 4])
    rng = np.random.default_rng([0, 1])
    values = STRATEGIES["random"].values(Candidates(image_ids, np.zeros(3)), rng)
    assert ids(rows) == rank(image_ids, values, rng).tolist()
    again.close()


def test_choices_stay_when_the_ranking_is_made_anew(project):
    take_out(project, 4, "Ada", "out of focus")
    change_settings(project.folder, method={"iou": 0.6})
    again = Project.open(project.folder)
    assert [row.image_id for row in ranked(again).rows if row.is_excluded] == [4]
    assert sum(row.override is None for row in ranked(again).rows) == 2
    again.close()


def test_who_looks_at_the_ranking_hinders_no_step_and_is_hindered_by_none(project):
    with locked(project.folder, "train"):
        assert ids(ranked(project).rows) == [4, 2, 3]


def test_windows_that_make_the_ranking_at_once_make_one(project):
    others = [Project.open(project.folder) for _ in range(3)]
    together = threading.Barrier(len(others))

    def look(other):
        together.wait()
        return ids(ranked(other).rows)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(look, others)) == [[4, 2, 3]] * len(others)
    assert len(rows_of(project, schema.ranking)) == 3
    for other in others:
        other.close()


def test_a_ranking_whose_predictions_change_meanwhile_is_made_again(project, monkeypatch):
    make_once, made = overrides._make, []

    def make_slowly(*given):
        rows = make_once(*given)
        if not made:
            see(project, 0, MP, [(3, C, 0.99)])
        made.append(rows)
        return rows

    monkeypatch.setattr(overrides, "_make", make_slowly)
    assert ranked(project).rows[0].image_id == 3
    assert len(made) == 2
