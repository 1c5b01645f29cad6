from __future__ import annotations

import pytest
from hand_made import A, B, C, D, label_set, make, see

from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import Step, status
from napari_alc.project.steps.audit import draw
from napari_alc.project.steps.forecast import (
    STOPPING_IS_DEARER,
    Forecast,
    Scenario,
    budget,
    forecast,
    go_on,
    recommendation,
    stop_here,
    surprise,
)
from napari_alc.project.steps.select import select
from napari_alc.project.storage.records import Spent

CROWD = {1: [A, B], 2: [A, B], 3: [A], 4: [C], 5: [D]}
MP = [(2, A, 0.9), (2, D, 0.8), (3, A, 0.7), (3, D, 0.6), (5, D, 0.9)]
MA = [(2, A, 0.8), (2, C, 0.75), (3, D, 0.95), (4, A, 0.9), (5, D, 0.9)]


@pytest.fixture
def project(tmp_path):
    """The first of five images is reviewed and holds two objects; one image an iteration."""
    project = make(tmp_path, CROWD, images=5, clean={1: [A, B]}, per_iteration=1, iterations=2)
    see(project, 0, MP, MA)
    yield project
    project.close()


def next_iteration(project, mp, ma, before=None, after=None):
    """Select, review and see again; AP50 of Mp before and after where given."""
    select(project)
    review_everything(project, label_set({1: [A, B], 2: [A, B], 3: [A], 4: [C], 5: [D]}, 5).labels)
    see(project, 1, mp, ma)
    with project.store.transaction() as unit:
        for iteration, value in ((0, before), (1, after)):
            if value is not None:
                unit.runs.set_metrics(iteration, "mp", {"validation_AP50": value})


def test_the_budget_is_foretold_for_both_ways(project):
    # two objects an image, so ten in all: 7 crowd boxes at a thirtieth, 2 boxes reviewed
    found = forecast(project)
    assert found.budget_now == pytest.approx(100 * (7 / 30 + 2) / 10)
    # red and green: two in image 2, two in image 4
    assert found.stop_now.boxes == 4
    assert found.stop_now.budget == pytest.approx(found.budget_now + 100 * 4 / 10)
    # images 4 and 2 come first and are reviewed whole: all red and green boxes are in them
    assert found.to_the_end.images == 2
    assert found.to_the_end.boxes == 6
    assert found.to_the_end.budget == pytest.approx(found.budget_now + 100 * 4 / 10)


def test_before_there_is_a_ranking_nothing_is_foretold(tmp_path):
    project = make(tmp_path, CROWD, images=5, clean={1: [A, B]})
    found = forecast(project)
    assert found.to_the_end is found.stop_now is None
    assert found.budget_now > 0
    project.close()


def test_minutes_are_foretold_once_time_was_measured(project):
    assert forecast(project).stop_now.minutes is None
    [task] = queue(project)
    spent = Spent(task.id, None, 60.0)
    with project.store.transaction() as unit:
        unit.times.add("Ada", [spent])
    found = forecast(project)
    decided = 4  # two crowd boxes deleted, two drawn
    assert found.minutes_now == 1
    assert found.stop_now.minutes == pytest.approx(4 / decided)


def test_it_is_too_early_for_advice_before_two_iterations_can_be_compared(project):
    assert recommendation(project).startswith("It is too early to tell")


def test_stopping_is_advised_once_nothing_changes_any_more(project):
    # image 4 is reviewed, and nobody sees the crowd's box in image 5 any more
    mp, ma = ([row for row in seen if row[0] in (2, 3)] for seen in (MP, MA))
    next_iteration(project, mp, ma, before=80.0, after=80.2)
    told = recommendation(project)
    assert "The expert's model (Mp) gained 0.2 AP50" in told
    assert "as many red and green boxes an image as before" in told
    assert told.endswith("You can stop: another iteration would hardly change anything.")


def test_going_on_is_advised_where_the_models_suddenly_differ_more(project):
    mp, ma = ([row for row in seen if row[0] in (2, 3)] for seen in (MP, MA))
    doubted = [(image_id, (80, 80, 95, 95), 0.9) for image_id in (2, 3, 5)]
    next_iteration(project, mp, [*ma, *doubted], before=80.0, after=80.2)
    told = recommendation(project)
    assert " % more red and green boxes" in told
    assert told.endswith("Another iteration is worth its price.")


def test_going_on_is_advised_while_the_detector_gains(project):
    next_iteration(project, MP, MA, before=70.0, after=78.5)
    told = recommendation(project)
    assert "The expert's model (Mp) gained 8.5 AP50" in told
    assert told.endswith("Another iteration is worth its price.")


def test_a_detector_that_has_become_worse_is_a_reason_to_look_not_to_stop(project):
    mp, ma = ([row for row in seen if row[0] in (2, 3)] for seen in (MP, MA))
    next_iteration(project, mp, ma, before=80.0, after=74.4)
    told = recommendation(project)
    assert "The expert's model (Mp) lost 5.6 AP50" in told
    assert "Before you go on or stop, find out why" in told
    assert "You can stop" not in told


def test_going_on_is_advised_while_the_labels_grow_clear(project):
    agreed = [(2, A, 0.9), (2, B, 0.9), (3, A, 0.9), (5, D, 0.9)]
    next_iteration(project, agreed, agreed)
    told = recommendation(project)
    assert "100 % fewer red and green boxes" in told
    assert "AP50" not in told
    assert told.endswith("Another iteration is worth its price.")


def test_whoever_stops_is_named_and_the_correction_comes_next(project):
    stop_here(project, "Ada")
    found = status(project)
    assert found.next_step is Step.CORRECT
    assert found.stopped_by == "Ada"
    assert found.sentence.startswith("Ada stopped after iteration 0 of 2")
    assert recommendation(project) == "Ada has stopped the iterations after iteration 0."
    assert forecast(project).to_the_end == forecast(project).stop_now


def test_stopping_can_be_taken_back(project):
    stop_here(project, "Ada")
    go_on(project, "Bob")
    assert status(project).next_step is Step.SELECT
    assert status(project).stopped_by == ""
    stop_here(project, "Cy")
    assert status(project).stopped_by == "Cy"


def test_what_was_not_stopped_cannot_go_on(project):
    with pytest.raises(AlcError, match="were not stopped"):
        go_on(project, "Ada")


def test_in_the_middle_of_an_iteration_nothing_is_stopped(project):
    select(project)
    with pytest.raises(AlcError, match="nothing to stop now"):
        stop_here(project, "Ada")


def test_a_stop_that_is_dearer_than_going_on_is_explained(tmp_path):
    """Image 1 tells of one object an image; Ma sees four boxes of its own in each of the others."""
    base = tmp_path / "poor"
    base.mkdir()
    poor = make(base, {i: [A] for i in range(1, 5)}, clean={1: [A]}, iterations=3)
    far = [(10, 80, 20, 90), (40, 80, 50, 90), (80, 80, 90, 90), (80, 10, 90, 20)]
    see(poor, 0, [], [(i, box, 0.9) for i in (2, 3, 4) for box in far])
    found = forecast(poor)
    assert found.stop_now.budget > found.to_the_end.budget
    assert surprise(found) == STOPPING_IS_DEARER
    poor.close()


def test_a_stop_that_is_cheaper_needs_no_words():
    cheap, dear = Scenario(1, 1, 10.0, None), Scenario(2, 9, 40.0, None)
    assert surprise(Forecast(5.0, 0.0, dear, cheap)) == ""
    assert surprise(Forecast(5.0, 0.0, dear, dear)) == ""
    assert surprise(Forecast(5.0, 0.0, None, None)) == ""


def test_images_of_an_audit_tell_how_many_objects_an_image_holds(tmp_path):
    """Each image holds two objects, whichever way it came to the pathologist."""
    base = tmp_path / "audited"
    base.mkdir()
    boxes = {i: [A, B] for i in range(1, 7)}
    project = make(base, boxes, images=6, clean={1: [A, B]}, iterations=3)
    seen = [(i, box, 0.9) for i in range(2, 7) for box in (A, B)]
    see(project, 0, seen, seen)
    draw(project, 3, "Ada")
    review_everything(project, label_set(boxes, 6).labels)
    found = forecast(project)
    crowd = budget(project, 12).crowd_part
    assert found.budget_now == pytest.approx(100 * 4 / 6 + crowd)
    assert found.to_the_end.budget == pytest.approx(100 + crowd)
    project.close()
