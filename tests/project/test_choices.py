from __future__ import annotations

import pytest
from hand_made import A, B, C, D, make, rows_of, see

from napari_alc.errors import AlcError
from napari_alc.project import ranking, schema
from napari_alc.project.choices import (
    Cost,
    add,
    choices,
    cost,
    image_named,
    ranked,
    take_out,
    undo,
)
from napari_alc.project.review import finish, open_document
from napari_alc.project.sorting import select
from napari_alc.project.status import Step, status
from napari_alc.project.store import now
from napari_alc.project.tasks import queue

CROWD = {1: [A], 2: [A, B], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, D, 0.8), (3, A, 0.7), (3, D, 0.6), (4, B, 0.3)]
MA = [(2, A, 0.8), (2, C, 0.75), (3, D, 0.95), (4, A, 0.9)]
ADA = "Ada"


@pytest.fixture
def project(tmp_path):
    """Ready to select two images; the ranking by hand is 4, 2, 3."""
    project = make(tmp_path, CROWD, clean={1: [A]}, per_iteration=2)
    see(project, 0, MP, MA)
    return project


def ids(rows):
    return [row.image_id for row in rows]


def test_the_ranking_is_there_before_anything_is_selected(project):
    found = ranked(project)
    told = [(r.rank, r.file_name, r.score, r.red, r.green, r.pink, r.gray) for r in found.rows]
    assert told == [
        (1, "image4.tif", 0.9, 1, 1, 0, 0),
        (2, "image2.tif", 0.75, 1, 1, 1, 3),
        (3, "image3.tif", 0.0, 0, 0, 0, 4),
    ]
    assert (ids(found.chosen(2)), found.iteration) == ([4, 2], 0)
    assert len(queue(project)) == 1
    assert {row["image_id"] for row in rows_of(project, schema.ranking)} == {2, 3, 4}


def test_a_kept_ranking_is_not_made_again(project, monkeypatch):
    first = ranked(project)
    monkeypatch.setattr(ranking, "_find", lambda *_: pytest.fail("sorted again"))
    assert ranked(project).rows == first.rows


def test_new_predictions_make_a_new_ranking(project):
    ranked(project)
    with project.store.begin() as connection:
        connection.execute(schema.run.update().values(threshold=0.99))
    assert {row.red for row in ranked(project).rows} == {0}


def test_boxes_sorted_in_parts_rank_as_all_at_once(project, monkeypatch):
    whole = ranked(project).rows
    with project.store.begin() as connection:
        connection.execute(schema.meta.delete().where(schema.meta.c.key == ranking.MADE_OF))
    monkeypatch.setattr(ranking, "IMAGES_AT_ONCE", 1)
    assert ranked(project).rows == whole


def test_an_image_taken_out_makes_room_for_the_next(project):
    take_out(project, 4, ADA, "out of focus")
    found = ranked(project)
    assert ids(found.chosen(2)) == [2, 3]
    first = found.rows[0]
    assert (first.choice, first.person, first.reason) == ("out", ADA, "out of focus")
    assert select(project) == (2, 3)


def test_an_image_added_comes_first_and_takes_a_place(project):
    add(project, 3, ADA, "a rare lesion")
    assert ids(ranked(project).chosen(1)) == [3]
    assert select(project) == (3, 4)
    assert [t.image_id for t in queue(project) if not t.is_done] == [3, 4]


def test_a_choice_that_is_taken_back_stays_in_the_store(project):
    take_out(project, 4, ADA, "out of focus")
    undo(project, 4, "Bob")
    assert ids(ranked(project).chosen(2)) == [4, 2]
    assert [(row["kind"], row["person"]) for row in rows_of(project, schema.choice)] == [
        ("out", ADA),
        ("undone", "Bob"),
    ]
    with pytest.raises(AlcError, match="Nothing was chosen by hand"):
        undo(project, 4, ADA)


@pytest.mark.parametrize("choose", [take_out, add])
def test_nobody_chooses_without_a_reason(project, choose):
    with pytest.raises(AlcError, match="Say why"):
        choose(project, 4, ADA, "  ")
    assert not choices(project, 0)


@pytest.mark.parametrize("image_id", [1, 77])
def test_only_images_of_the_ranking_can_be_chosen(project, image_id):
    with pytest.raises(AlcError, match="not in the ranking"):
        add(project, image_id, ADA, "please")


def test_the_next_iteration_is_not_bound_by_choices_of_this_one(project):
    take_out(project, 4, ADA, "out of focus")
    select(project)
    assert choices(project, 1) == {}
    assert choices(project, 0).keys() == {4}


def test_nothing_can_be_chosen_once_the_selection_is_made(project):
    select(project)
    with pytest.raises(AlcError, match="look at the remaining images first"):
        take_out(project, 3, ADA, "too late")


def test_nothing_is_selected_where_everything_was_taken_out(project):
    for image_id in (2, 3, 4):
        take_out(project, image_id, ADA, "test")
    with pytest.raises(AlcError, match="No image is left to be selected"):
        select(project)
    assert status(project).next_step is Step.SELECT


def test_k_can_be_another_this_time(project):
    assert select(project, 1) == (4,)


def test_the_boxes_of_the_cost_are_those_that_the_review_shows(project):
    found = [cost(project, k).boxes for k in (0, 1, 2, 3, 9)]
    assert found == [0, 2, 6, 8, 8]
    select(project, 3)
    shown = [
        len(open_document(project, task, ADA).open_boxes)
        for task in queue(project)
        if not task.is_done
    ]
    assert sum(shown) == 8


def test_the_minutes_follow_the_time_that_boxes_took_here(tmp_path):
    boxes = [(10.0 * i, 10, 10.0 * i + 8, 30) for i in range(6)]
    project = make(tmp_path, dict.fromkeys(range(1, 5), boxes))
    assert "not measured yet" in Cost(1, 3, None).words
    task = queue(project)[0]
    document = open_document(project, task, ADA)
    document.keep([box.id for box in document.open_boxes])
    finish(project, task, ADA)
    see(project, 0, [], [])
    row = {"task_id": task.id, "person": ADA, "seconds": 180.0, "at": now()}
    with project.store.begin() as connection:
        connection.execute(schema.spent.insert(), [row])
    assert cost(project, 1).minutes == pytest.approx(3)
    assert cost(project, 1).words == "about 6 boxes, about 3 minutes"


def test_images_are_found_by_their_name(project):
    assert image_named(project, "image3.tif") == 3
    with pytest.raises(AlcError, match=r"no image 'image33\.tif'"):
        image_named(project, "image33.tif")
